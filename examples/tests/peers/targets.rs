//! Small targets on loopback whose counters count their scrapes.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Starts a target that lives as long as the test process. Returns its address.
pub(crate) fn start(series: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("a bound listener has an address");
    let scrapes = Arc::new(AtomicU64::new(0));
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let scrapes = Arc::clone(&scrapes);
            thread::spawn(move || serve(&connection, series, &scrapes));
        }
    });
    address
}

/// Answers every request of a connection with the same page but for its values. A broken
/// connection ends it: the client was killed, or is done.
fn serve(connection: &TcpStream, series: usize, scrapes: &AtomicU64) {
    let mut lines = BufReader::new(connection).lines();
    while let Some(Ok(line)) = lines.next() {
        if !line.is_empty() {
            continue;
        }
        let count = scrapes.fetch_add(1, Ordering::Relaxed);
        let mut body = String::from("# TYPE scrapes_total counter\n");
        for index in 0..series {
            body += &format!("scrapes_total{{index=\"{index}\"}} {}\n", count + index as u64);
        }
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut writer = connection;
        if writer.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}
