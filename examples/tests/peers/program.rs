//! Programs that the tests start and end.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::http;

/// Returns the path of an installed program. Says so and returns `None` where it is missing, but
/// fails with `CI=true`.
pub(crate) fn peer(name: &str) -> Option<PathBuf> {
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
pub(crate) fn wait_for<T>(what: &str, bound: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(start.elapsed() < bound, "waited {bound:?} in vain for {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Returns a loopback port that nobody listens on now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    listener.local_addr().expect("a bound listener has an address").port()
}

const UNPOISONED: &str = "no thread panics with the log in hand";

/// A running program, which ends with this value.
pub(crate) struct Program {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

impl Program {
    /// Starts `command` and gathers what it logs.
    pub(crate) fn start(command: &mut Command) -> Self {
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
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the last lines of the log, for messages of failed tests.
    pub(crate) fn log_tail(&self) -> String {
        let log = self.log.lock().expect(UNPOISONED);
        log[log.len().saturating_sub(20)..].join("\n")
    }

    fn find_in_log<T>(&self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.log.lock().expect(UNPOISONED).iter().find_map(|line| find(line))
    }

    /// Ends the program with SIGKILL and waits for it.
    pub(crate) fn kill(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill();
        self.child.wait().expect("a child can be waited for");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("last lines of process {}:\n{}", self.pid(), self.log_tail());
        }
    }
}

/// Our example server on a port of its choice.
pub(crate) struct Server {
    pub(crate) program: Program,
    pub(crate) url: String,
}

impl Server {
    /// Starts the server on `folder`, which gets the configuration and the data, and waits until it
    /// is ready.
    pub(crate) fn start(folder: &Path, config: &str) -> Self {
        let config_file = folder.join("prometheus.yml");
        fs::write(&config_file, config).expect("write the configuration");
        let mut command = Command::new(example("server"));
        command
            .arg(format!("--config.file={}", config_file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .arg("--web.enable-remote-write-receiver");
        let program = Program::start(&mut command);
        let url = wait_for("the server's address", Duration::from_secs(20), || {
            program.find_in_log(|line| {
                let address =
                    line.split("address=").nth(1).filter(|_| line.contains("Listening"))?;
                let address = address.split_whitespace().next()?.trim_matches('"');
                Some(format!("http://{address}"))
            })
        });
        wait_until_ready(&url);
        Self { program, url }
    }
}

/// Starts the real Prometheus on `folder` and waits until it is ready. Returns it with its URL.
pub(crate) fn start_prometheus(path: &Path, folder: &Path, config: &str) -> (Program, String) {
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

/// Returns the path of one of this package's examples, which were built with the tests.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().nth(2).expect("tests lie in target/PROFILE/deps");
    let path = profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} is missing: build the examples first", path.display());
    path
}
