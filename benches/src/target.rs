//! Scrape targets that live in the benchmark's process.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use crate::Result;

/// A page as a function of how often it was asked for.
type Page = dyn Fn(u64) -> String + Send + Sync;

/// A target that serves one page, and notes when it was asked.
#[derive(Debug)]
pub struct Target {
    /// Host and port.
    pub address: String,
    arrivals: Arc<Mutex<Vec<Instant>>>,
}

impl Target {
    /// Starts a target on a loopback port of its own. Each connection counts its own scrapes.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn start(page: impl Fn(u64) -> String + Send + Sync + 'static) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&arrivals);
        let page: Arc<Page> = Arc::new(page);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (sink, page) = (Arc::clone(&sink), Arc::clone(&page));
                thread::spawn(move || serve(&connection, &sink, &*page));
            }
        });
        Ok(Self { address, arrivals })
    }

    /// Returns when requests arrived since the last call.
    ///
    /// # Panics
    ///
    /// Not in practice: no thread panics while it holds the list.
    #[must_use]
    pub fn take_arrivals(&self) -> Vec<Instant> {
        std::mem::take(&mut *self.arrivals.lock().expect("no thread panics with it"))
    }
}

/// Answers the requests of one connection until it ends.
fn serve(connection: &TcpStream, arrivals: &Mutex<Vec<Instant>>, page: &Page) {
    let mut lines = BufReader::new(connection).lines();
    let mut scrapes = 0_u64;
    while let Some(Ok(line)) = lines.next() {
        if !line.is_empty() {
            continue;
        }
        arrivals.lock().expect("no thread panics with it").push(Instant::now());
        scrapes += 1;
        let body = page(scrapes);
        let mut answer = String::with_capacity(body.len() + 64);
        let _ = write!(answer, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        answer += &body;
        let mut writer = connection;
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Returns a configuration that scrapes all `targets`.
#[must_use]
pub fn scrape_config(targets: &[Target], interval: &str) -> String {
    let addresses: Vec<String> = targets.iter().map(|t| format!("'{}'", t.address)).collect();
    format!(
        "global: {{scrape_interval: {interval}, scrape_timeout: {interval}}}\n\
         scrape_configs: [{{job_name: race, static_configs: [{{targets: [{}]}}]}}]\n",
        addresses.join(", ")
    )
}
