//! The servers that race: ours and its peers.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use narthex_examples::{Program, free_port, http};

use crate::Result;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The example server of this project, built with `--release`.
    Narthex,
    /// The Prometheus that is installed.
    Prometheus,
    /// The VictoriaMetrics that is installed, as a single node.
    VictoriaMetrics,
    /// Its agent, which scrapes and keeps nothing: the flag `-remoteWrite.url` says who does.
    VmAgent,
}

impl Kind {
    /// Those that answer queries, ours first.
    pub const ALL: [Self; 3] = [Self::Narthex, Self::Prometheus, Self::VictoriaMetrics];

    /// Returns what tables call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Narthex => "narthex",
            Self::Prometheus => "Prometheus",
            Self::VictoriaMetrics => "VictoriaMetrics",
            Self::VmAgent => "vmagent",
        }
    }

    /// Returns the first line of what the program says of its version.
    ///
    /// # Errors
    ///
    /// Where it is not there.
    pub fn version(self) -> Result<String> {
        let (program, arguments) = match self {
            // Debian's build does not know its own version.
            Self::VictoriaMetrics | Self::VmAgent => {
                ("dpkg-query".into(), ["--show", "victoria-metrics"].as_slice())
            }
            _ => (self.program()?, ["--version"].as_slice()),
        };
        let output = Command::new(program).args(arguments).output()?;
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }

    /// Benchmarks lie in `target/release/deps`, examples in `target/release/examples`.
    fn program(self) -> Result<PathBuf> {
        match self {
            Self::Narthex => {
                let own = std::env::current_exe()?;
                let release = own.ancestors().nth(2).ok_or("no folder above")?;
                let program = release.join("examples").join("server");
                let reason = "the server is missing: cargo build --release --example server";
                program.is_file().then_some(program).ok_or_else(|| reason.into())
            }
            Self::Prometheus => Ok("prometheus".into()),
            Self::VictoriaMetrics => Ok("victoria-metrics".into()),
            Self::VmAgent => Ok("vmagent".into()),
        }
    }
}

/// A running server.
#[derive(Debug)]
pub struct Engine {
    /// Which one.
    pub kind: Kind,
    /// Its process.
    pub process: Program,
    /// Where it listens, without a slash at the end.
    pub url: String,
    /// How long it took from its start to its first answer that it is ready.
    pub time_to_ready: Duration,
}

impl Engine {
    /// Starts a server on the data in `folder/data` and the configuration in
    /// `folder/prometheus.yml`, and waits until it is ready, for ten minutes at most.
    ///
    /// # Errors
    ///
    /// Where the program is missing, or does not get ready.
    pub fn start(kind: Kind, folder: &Path) -> Result<Self> {
        Self::start_with(kind, folder, &[])
    }

    /// As [`Engine::start`], with more flags.
    ///
    /// # Errors
    ///
    /// As [`Engine::start`].
    pub fn start_with(kind: Kind, folder: &Path, flags: &[&str]) -> Result<Self> {
        let port = free_port();
        let mut command = Command::new(kind.program()?);
        command.args(arguments(kind, folder, port)).args(flags);
        let started = Instant::now();
        let process = Program::start(&mut command);
        let url = format!("http://127.0.0.1:{port}");
        let health = match kind {
            Kind::VictoriaMetrics | Kind::VmAgent => format!("{url}/health"),
            _ => format!("{url}/-/ready"),
        };
        while http::get(&health).is_none_or(|(status, _)| status != 200) {
            // One that has ended has no memory.
            if started.elapsed() > READY_TIME_MAX || process.resident_bytes().is_err() {
                let log = process.log_tail();
                return Err(format!("{} does not get ready:\n{log}", kind.name()).into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(Self { kind, process, url, time_to_ready: started.elapsed() })
    }

    /// Asks for a range of a query, in seconds since the Unix epoch, and returns the answer's JSON.
    ///
    /// # Errors
    ///
    /// Where it is no success.
    pub fn query_range(
        &self,
        query: &str,
        (start_s, end_s): (i64, i64),
        step_s: i64,
    ) -> Result<String> {
        let (start, end, step) = (start_s.to_string(), end_s.to_string(), step_s.to_string());
        let form = [
            ("query", query),
            ("start", &start),
            ("end", &end),
            ("step", &step),
            // VictoriaMetrics would answer from its cache of results; the others ignore this.
            ("nocache", "1"),
        ];
        succeed(http::post_form(&format!("{}/api/v1/query_range", self.url), &form))
    }

    /// Posts a body to a path.
    ///
    /// # Errors
    ///
    /// Where it is no success.
    pub fn post(&self, path: &str, body: &[u8]) -> Result<String> {
        succeed(http::post(&format!("{}{path}", self.url), body))
    }

    /// Posts a remote write request.
    ///
    /// # Errors
    ///
    /// Where it is no success.
    pub fn remote_write(&self, request: &[u8]) -> Result<()> {
        let answer = http::remote_write(&self.url, request);
        succeed(answer.map(|answer| (answer.status, answer.body))).map(drop)
    }
}

fn succeed(answer: Option<(u16, String)>) -> Result<String> {
    match answer {
        Some((200..300, body)) => Ok(body),
        Some((status, body)) => Err(format!("HTTP {status}: {body}").into()),
        None => Err("no answer".into()),
    }
}

fn arguments(kind: Kind, folder: &Path, port: u16) -> Vec<OsString> {
    let data = folder.join("data");
    let config = folder.join("prometheus.yml");
    let options = match kind {
        Kind::Narthex | Kind::Prometheus => vec![
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", data.display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
            String::from("--web.enable-remote-write-receiver"),
            // The samples of some races are years old.
            String::from("--storage.tsdb.retention.time=100y"),
        ],
        Kind::VictoriaMetrics => vec![
            format!("-promscrape.config={}", config.display()),
            format!("-storageDataPath={}", data.display()),
            format!("-httpListenAddr=127.0.0.1:{port}"),
            String::from("-retentionPeriod=100y"),
            String::from("-search.latencyOffset=0s"),
            String::from("-search.maxUniqueTimeseries=2000000"),
        ],
        Kind::VmAgent => vec![
            format!("-promscrape.config={}", config.display()),
            format!("-remoteWrite.tmpDataPath={}", data.display()),
            format!("-httpListenAddr=127.0.0.1:{port}"),
        ],
    };
    options.into_iter().map(OsString::from).collect()
}

const READY_TIME_MAX: Duration = Duration::from_mins(10);
