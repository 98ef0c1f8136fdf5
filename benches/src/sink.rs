//! A server that takes whatever is posted and keeps none of it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// A remote write receiver without a store, for agents that only pass on what they scrape.
#[derive(Debug)]
pub struct Sink {
    /// Where to post to.
    pub url: String,
}

impl Sink {
    /// Starts the receiver on a loopback port of its own, for as long as this process lives.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/api/v1/write", listener.local_addr()?);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                // A connection that breaks was of no more use.
                thread::spawn(move || drop(swallow(&connection)));
            }
        });
        Ok(Self { url })
    }
}

fn swallow(mut connection: &TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(connection);
    let (mut line, mut body_size) = (String::new(), 0);
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let header = line.trim_end().to_ascii_lowercase();
        if let Some(size) = header.strip_prefix("content-length:") {
            body_size = size.trim().parse().unwrap_or(0);
        } else if header.is_empty() {
            io::copy(&mut (&mut reader).take(body_size), &mut io::sink())?;
            connection.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
            body_size = 0;
        }
    }
}
