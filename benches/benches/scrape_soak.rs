//! Ten thousand series scraped every second by the example server, seen from outside.
//!
//! ```text
//! cargo build --release --example server && cargo bench --bench scrape_soak
//! ```
//!
//! The targets live in this process and note when each request arrives. A scrape's lateness is its
//! arrival less its slot, where the slots of a target lie one interval apart and the earliest arrival
//! is taken to be on time. CPU and memory are those of the server process, from `/proc`.

#![expect(clippy::print_stdout, reason = "a benchmark reports there")]

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const TARGETS: usize = 10;
const SERIES_A_TARGET: usize = 1_000;
const INTERVAL: Duration = Duration::from_secs(1);
const WARM_UP: Duration = Duration::from_secs(5);
const DURATION: Duration = Duration::from_secs(60);
/// The kernel counts CPU time in these.
const TICKS_A_SECOND: f64 = 100.0;

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test --benches` asks whether a benchmark starts at all.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let targets = (0..TARGETS).map(|_| Target::start()).collect::<Result<Vec<_>, _>>()?;
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), &targets)?;
    thread::sleep(WARM_UP);
    for target in &targets {
        target.forget_arrivals();
    }
    let (start, cpu_before_s) = (Instant::now(), server.cpu_seconds()?);
    thread::sleep(DURATION);
    let cpu_s = server.cpu_seconds()? - cpu_before_s;
    let seconds = start.elapsed().as_secs_f64();
    let mut lateness_ms: Vec<f64> = targets.iter().flat_map(Target::lateness_ms).collect();
    lateness_ms.sort_by(f64::total_cmp);

    let scrapes = lateness_ms.len();
    let samples = (scrapes * SERIES_A_TARGET) as f64;
    let series = (TARGETS * SERIES_A_TARGET) as f64;
    let resident_kib = server.status_kib("VmRSS:")?;
    println!("{TARGETS} targets x {SERIES_A_TARGET} series every {INTERVAL:?}, {seconds:.1} s");
    println!("scrapes            {scrapes} of {:.0}", seconds * TARGETS as f64);
    println!("late, median       {:.2} ms", lateness_ms[scrapes / 2]);
    println!("late, 99 %         {:.2} ms", lateness_ms[scrapes * 99 / 100]);
    println!("late, worst        {:.2} ms", lateness_ms[scrapes - 1]);
    println!("CPU                {cpu_s:.2} s, {:.0} ns a sample", cpu_s * 1e9 / samples);
    println!(
        "resident memory    {:.1} MiB, {:.0} B a series",
        resident_kib / 1024.0,
        resident_kib * 1024.0 / series
    );
    println!("peak               {:.1} MiB", server.status_kib("VmHWM:")? / 1024.0);
    Ok(())
}

/// A target of [`SERIES_A_TARGET`] series that count its scrapes.
struct Target {
    address: String,
    arrivals: Arc<Mutex<Vec<Instant>>>,
}

impl Target {
    fn start() -> Result<Self, Box<dyn Error>> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&arrivals);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                serve(&connection, &sink);
            }
        });
        Ok(Self { address, arrivals })
    }

    fn forget_arrivals(&self) {
        self.arrivals.lock().expect("no thread panics with it").clear();
    }

    /// Returns how late each request came against slots one interval apart.
    fn lateness_ms(&self) -> Vec<f64> {
        let arrivals = self.arrivals.lock().expect("no thread panics with it");
        let Some(first) = arrivals.first() else { return Vec::new() };
        let interval_ms = INTERVAL.as_secs_f64() * 1e3;
        let since_first = |arrival: &Instant| arrival.duration_since(*first).as_secs_f64() * 1e3;
        // The slot is the nearest one, so a missed scrape shows as missing and not as late for ever.
        let offsets: Vec<f64> = arrivals
            .iter()
            .map(since_first)
            .map(|at_ms| at_ms - (at_ms / interval_ms).round() * interval_ms)
            .collect();
        let on_time = offsets.iter().copied().fold(f64::INFINITY, f64::min);
        offsets.iter().map(|offset| offset - on_time).collect()
    }
}

/// Answers the requests of one connection until it ends.
fn serve(connection: &TcpStream, arrivals: &Mutex<Vec<Instant>>) {
    let mut lines = BufReader::new(connection).lines();
    let mut scrapes = 0_u64;
    while let Some(Ok(line)) = lines.next() {
        if !line.is_empty() {
            continue;
        }
        arrivals.lock().expect("no thread panics with it").push(Instant::now());
        scrapes += 1;
        let body = page(scrapes);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        let mut writer = connection;
        if writer.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

fn page(scrapes: u64) -> String {
    let mut page = String::from("# TYPE http_requests_total counter\n");
    for index in 0..SERIES_A_TARGET {
        let (handler, code) = (index / 4, ["200", "302", "404", "500"][index % 4]);
        let value = scrapes * 7 + index as u64;
        page += &format!(
            "http_requests_total{{code=\"{code}\",handler=\"/api/v1/resource/{handler}\",method=\"get\"}} {value}\n"
        );
    }
    page
}

struct Server(Child);

impl Server {
    fn start(folder: &Path, targets: &[Target]) -> Result<Self, Box<dyn Error>> {
        let addresses: Vec<String> = targets.iter().map(|t| format!("'{}'", t.address)).collect();
        let config_file = folder.join("prometheus.yml");
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
             scrape_configs: [{{job_name: soak, static_configs: [{{targets: [{}]}}]}}]\n",
            addresses.join(", ")
        );
        fs::write(&config_file, config)?;
        let program = server_program()?;
        let child = Command::new(&program)
            .arg(format!("--config.file={}", config_file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }

    /// Returns the CPU time of the process so far, user and system.
    fn cpu_seconds(&self) -> Result<f64, Box<dyn Error>> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let after_name = stat.rsplit_once(')').ok_or("no name in stat")?.1;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(ticks / TICKS_A_SECOND)
    }

    /// Returns one of the sizes in the process' status, in KiB.
    fn status_kib(&self, key: &str) -> Result<f64, Box<dyn Error>> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find(|line| line.starts_with(key)).ok_or("no such key")?;
        Ok(line.split_whitespace().nth(1).ok_or("no size")?.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Benchmarks lie in `target/release/deps`, examples in `target/release/examples`.
fn server_program() -> Result<PathBuf, Box<dyn Error>> {
    let own = std::env::current_exe()?;
    let release = own.ancestors().nth(2).ok_or("no folder above")?;
    let program = release.join("examples").join("server");
    if program.is_file() {
        return Ok(program);
    }
    Err("the server is missing: run `cargo build --release --example server` first".into())
}
