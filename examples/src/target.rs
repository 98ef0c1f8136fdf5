//! Scrape targets that live in this process.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

/// A page as a function of how often it was asked for before.
type Page = dyn Fn(u64) -> String + Send + Sync;

/// A target that serves one page, and notes when it was asked.
#[derive(Debug)]
pub struct Target {
    /// Host and port.
    pub address: String,
    arrivals: Arc<Mutex<Vec<Instant>>>,
}

impl Target {
    /// Starts a target on a loopback port of its own, for as long as this process lives.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn start(page: impl Fn(u64) -> String + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&arrivals);
        let page: Arc<Page> = Arc::new(page);
        let scrapes = Arc::new(AtomicU64::new(0));
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (sink, page) = (Arc::clone(&sink), Arc::clone(&page));
                let scrapes = Arc::clone(&scrapes);
                thread::spawn(move || serve(&connection, &sink, &scrapes, &*page));
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

/// Answers the requests of one connection until it breaks: the client was killed, or is done.
fn serve(connection: &TcpStream, arrivals: &Mutex<Vec<Instant>>, scrapes: &AtomicU64, page: &Page) {
    let mut lines = BufReader::new(connection).lines();
    while let Some(Ok(line)) = lines.next() {
        if !line.is_empty() {
            continue;
        }
        arrivals.lock().expect("no thread panics with it").push(Instant::now());
        let body = page(scrapes.fetch_add(1, Ordering::Relaxed));
        let mut answer = String::with_capacity(body.len() + 128);
        answer += "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n";
        let _ = write!(answer, "Content-Length: {}\r\n\r\n", body.len());
        answer += &body;
        let mut writer = connection;
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
