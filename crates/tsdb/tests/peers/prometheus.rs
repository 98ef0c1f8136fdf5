//! A real Prometheus as a child process.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Samples by labels: times in milliseconds, and values by bits with all NaNs alike.
pub(crate) type Series = BTreeMap<BTreeMap<String, String>, Vec<(i64, u64)>>;

pub(crate) fn comparable(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

/// Returns whether the peer is there; says so where it is not, and fails under CI.
pub(crate) fn is_installed() -> bool {
    let is_there = Command::new("prometheus").arg("--version").output().is_ok();
    if !is_there {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "prometheus is not installed");
        println!("skipped: the prometheus binary is not installed");
    }
    is_there
}

pub(crate) struct Prometheus {
    child: Child,
    address: String,
}

impl Prometheus {
    /// Starts on the data directory and waits until it answers. `ADDRESS` in `config` stands for its
    /// own address.
    pub(crate) fn start(data: &Path, config: &str) -> Self {
        Self::start_with(data, config, &[])
    }

    /// As [`Prometheus::start`], with more arguments.
    pub(crate) fn start_with(data: &Path, config: &str, arguments: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let config_path = data.join("peer.yml");
        std::fs::write(&config_path, config.replace("ADDRESS", &address)).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config_path.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address={address}"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let peer = Self { child, address };
        peer.wait_until("ready", || peer.get("/-/ready").is_some());
        peer
    }

    /// Asks again and again, for 60 seconds at most.
    pub(crate) fn wait_until(&self, what: &str, mut is_met: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !is_met() {
            assert!(Instant::now() < deadline, "waited in vain: {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns the raw samples of a range selector.
    pub(crate) fn query_range_vector(&self, selector: &str) -> Series {
        let body = self.get(&format!("/api/v1/query?query={}", escape(selector))).unwrap();
        let answer = serde_json::from_str::<Value>(&body).unwrap();
        assert_eq!(answer["status"], "success", "{answer}");
        let results = answer["data"]["result"].as_array().unwrap();
        let series = results.iter().map(|result| {
            let labels = result["metric"].as_object().unwrap().iter();
            let labels = labels.map(|(name, value)| (name.clone(), text(value)));
            let samples = result["values"].as_array().unwrap().iter().map(sample);
            (labels.collect(), samples.collect())
        });
        series.collect()
    }

    /// Stops it in order.
    pub(crate) fn terminate(mut self) {
        let status = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
        assert!(self.child.wait().unwrap().success(), "prometheus did not stop in order");
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Returns the body of an answer with status 200. The old version of HTTP spares chunks.
    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.contains(" 200 ").then(|| body.to_owned())
    }
}

/// A test that failed must not leave the process behind.
impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sample(pair: &Value) -> (i64, u64) {
    let seconds = pair[0].as_f64().unwrap();
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of our days fit")]
    let timestamp_ms = (seconds * 1_000.0).round() as i64;
    (timestamp_ms, comparable(text(&pair[1]).parse().unwrap()))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn escape(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
