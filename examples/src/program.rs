//! Programs that tests and benchmarks start, watch and end.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::http;

/// Returns the path of an installed program. Says so and returns `None` where it is missing, but
/// fails with `CI=true`.
pub fn peer(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|p| p.is_file());
    if found.is_none() {
        let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!in_ci, "{name} is not installed, and CI=true asks for it");
        eprintln!("skipped: {name} is not installed");
    }
    found
}

/// Calls `probe` until it returns something, for at most `bound`.
pub fn wait_for<T>(what: &str, bound: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(start.elapsed() < bound, "waited {bound:?} in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Returns a loopback port that nobody listens on now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    listener.local_addr().expect("a bound listener has an address").port()
}

const UNPOISONED: &str = "no thread panics with the log in hand";

/// A running program, which ends with this value.
#[derive(Debug)]
pub struct Program {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

impl Program {
    /// Starts `command` and gathers what it logs.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("start {command:?}: {error}"));
        let stderr = child.stderr.take().expect("it is piped");
        let log = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                sink.lock().expect(UNPOISONED).push(line);
            }
        });
        Self { child, log }
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the last lines of the log, for messages of failed tests.
    pub fn log_tail(&self) -> String {
        let log = self.log.lock().expect(UNPOISONED);
        log[log.len().saturating_sub(20)..].join("\n")
    }

    /// Returns how many lines of the log have a text in them.
    pub fn count_in_log(&self, text: &str) -> usize {
        self.log.lock().expect(UNPOISONED).iter().filter(|line| line.contains(text)).count()
    }

    fn find_in_log<T>(&self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.log.lock().expect(UNPOISONED).iter().find_map(|line| find(line))
    }

    /// Ends the program with SIGTERM and waits for it.
    ///
    /// # Panics
    ///
    /// Where it does not end in order.
    pub fn terminate(&mut self) {
        let pid = self.pid().to_string();
        let status = Command::new("kill").arg(pid).status().expect("kill runs");
        assert!(status.success(), "kill: {status}");
        let status = self.child.wait().expect("a child can be waited for");
        assert!(status.success(), "the program ended with {status}");
    }

    /// Ends the program with SIGKILL and waits for it.
    pub fn kill(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill();
        self.child.wait().expect("a child can be waited for");
    }
}

/// What the process costs, by `/proc`.
impl Program {
    /// Returns the CPU time so far, user and system, in seconds.
    ///
    /// # Errors
    ///
    /// Where the process has ended.
    pub fn cpu_seconds(&self) -> io::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid()))?;
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let mut fields = after_name.split_whitespace().skip(USER_TIME_FIELD);
        let mut ticks = || fields.next().and_then(|field| field.parse::<f64>().ok());
        let sum = ticks().zip(ticks()).map(|(user, system)| user + system);
        Ok(sum.ok_or(io::ErrorKind::InvalidData)? / TICKS_A_SECOND)
    }

    /// Returns the resident memory in bytes.
    ///
    /// # Errors
    ///
    /// As [`Program::cpu_seconds`].
    pub fn resident_bytes(&self) -> io::Result<f64> {
        self.status_bytes("VmRSS:")
    }

    /// Returns the most resident memory in bytes, since the start or the last
    /// [`Program::reset_peak`].
    ///
    /// # Errors
    ///
    /// As [`Program::cpu_seconds`].
    pub fn peak_bytes(&self) -> io::Result<f64> {
        self.status_bytes("VmHWM:")
    }

    /// Lets the peak start again from what is resident now.
    ///
    /// # Errors
    ///
    /// As [`Program::cpu_seconds`].
    pub fn reset_peak(&self) -> io::Result<()> {
        fs::write(format!("/proc/{}/clear_refs", self.pid()), "5")
    }

    fn status_bytes(&self, key: &str) -> io::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        let kib = line.split_whitespace().next().and_then(|number| number.parse::<f64>().ok());
        Ok(kib.ok_or(io::ErrorKind::InvalidData)? * 1024.0)
    }
}

/// The place of the user time in `/proc/PID/stat`, behind the program's name; the system time
/// follows it.
const USER_TIME_FIELD: usize = 11;

/// The kernel counts CPU time in these.
const TICKS_A_SECOND: f64 = 100.0;

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("last lines of process {}:\n{}", self.pid(), self.log_tail());
        }
    }
}

/// Our example server on a port of its choice.
#[derive(Debug)]
pub struct Server {
    /// Its process.
    pub program: Program,
    /// Where it listens, without a slash at the end.
    pub url: String,
}

impl Server {
    /// Starts the server on `folder`, which gets the configuration and the data, and waits until it
    /// is ready.
    pub fn start(folder: &Path, config: &str) -> Self {
        Self::start_with(folder, config, &[])
    }

    /// As [`Server::start`], with more flags.
    pub fn start_with(folder: &Path, config: &str, flags: &[&str]) -> Self {
        let server = Self::launch(folder, config, flags);
        wait_until_ready(&server.url);
        server
    }

    /// As [`Server::start_with`], and waits only until it listens.
    pub fn launch(folder: &Path, config: &str, flags: &[&str]) -> Self {
        let config_file = folder.join("prometheus.yml");
        fs::write(&config_file, config).expect("write the configuration");
        let mut command = Command::new(example("server"));
        command
            .arg(format!("--config.file={}", config_file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .arg("--web.enable-remote-write-receiver")
            .args(flags);
        let program = Program::start(&mut command);
        let url = wait_for("the server's address", Duration::from_secs(20), || {
            program.find_in_log(|line| {
                let address =
                    line.split("address=").nth(1).filter(|_| line.contains("Listening"))?;
                let address = address.split_whitespace().next()?.trim_matches('"');
                Some(format!("http://{address}"))
            })
        });
        Self { program, url }
    }
}

/// Starts the real Prometheus on `folder` and waits until it is ready. Returns it with its URL.
pub fn start_prometheus(path: &Path, folder: &Path, config: &str) -> (Program, String) {
    let config_file = folder.join("prometheus.yml");
    fs::write(&config_file, config).expect("write the configuration");
    let port = free_port();
    let program = Program::start(
        Command::new(path)
            .arg(format!("--config.file={}", config_file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--web.enable-remote-write-receiver"),
    );
    let url = format!("http://127.0.0.1:{port}");
    wait_until_ready(&url);
    (program, url)
}

fn wait_until_ready(url: &str) {
    wait_for("readiness", Duration::from_secs(30), || {
        http::get(&format!("{url}/-/ready")).filter(|(status, _)| *status == 200)
    });
}

/// Returns the path of one of this package's examples, which were built before.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().nth(2).expect("tests lie in target/PROFILE/deps");
    let path = profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} is missing: build the examples first", path.display());
    path
}
