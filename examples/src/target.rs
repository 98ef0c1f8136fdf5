//! Scrape targets that live in this process.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

/// An answer as a function of how often there was one before.
type Answers = dyn Fn(u64) -> Answer + Send + Sync;

/// What a target answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: &'static str,
    /// The header `Content-Encoding`, for a body that is encoded so already.
    pub content_encoding: Option<&'static str>,
    /// The page.
    pub body: Vec<u8>,
}

impl Answer {
    /// Returns a page in the text format.
    #[must_use]
    pub fn text(page: impl Into<Vec<u8>>) -> Self {
        let content_type = "text/plain; version=0.0.4";
        Self { status: 200, content_type, content_encoding: None, body: page.into() }
    }
}

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
        Self::start_with(move |scrapes| Answer::text(page(scrapes)))
    }

    /// As [`Target::start`], with answers of any kind.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn start_with(answers: impl Fn(u64) -> Answer + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&arrivals);
        let answers: Arc<Answers> = Arc::new(answers);
        let scrapes = Arc::new(AtomicU64::new(0));
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (sink, answers) = (Arc::clone(&sink), Arc::clone(&answers));
                let scrapes = Arc::clone(&scrapes);
                thread::spawn(move || serve(&connection, &sink, &scrapes, &*answers));
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
fn serve(
    connection: &TcpStream,
    arrivals: &Mutex<Vec<Instant>>,
    scrapes: &AtomicU64,
    answers: &Answers,
) {
    let mut lines = BufReader::new(connection).lines();
    while let Some(Ok(line)) = lines.next() {
        if !line.is_empty() {
            continue;
        }
        arrivals.lock().expect("no thread panics with it").push(Instant::now());
        let Answer { status, content_type, content_encoding, body } =
            answers(scrapes.fetch_add(1, Ordering::Relaxed));
        let mut head = format!("HTTP/1.1 {status} Status\r\nContent-Type: {content_type}\r\n");
        if let Some(encoding) = content_encoding {
            head += &format!("Content-Encoding: {encoding}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", body.len());
        let mut answer = head.into_bytes();
        answer.extend_from_slice(&body);
        let mut writer = connection;
        if writer.write_all(&answer).is_err() {
            return;
        }
    }
}
