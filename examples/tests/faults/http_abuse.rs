//! Clients that mean harm to the server's own port, beside one that does not.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use narthex_examples::{Server, Target, http, wait_for};

use crate::count;

const MIB: f64 = 1024.0 * 1024.0;
const CONFIG: &str = "global: {scrape_interval: 1s}\n";

/// A client that sends its headers byte by byte holds a connection no longer than the timeout, and those
/// who fill all connections keep others out no longer than that.
#[test]
fn slow_and_silent_clients_are_sent_away() {
    const TIMEOUT: Duration = Duration::from_secs(2);
    let clients = count("NARTHEX_IDLE_CLIENTS", 600);
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), CONFIG, &["--web.read-timeout=2s"]);
    let alone = worst_answer(&server.url, 50);

    let mut slow = connect(&server.url);
    let began = Instant::now();
    let gone = loop {
        if slow.write_all(b"G").is_err() || is_closed(&mut slow) {
            break began.elapsed();
        }
        assert!(began.elapsed() < 5 * TIMEOUT, "the slow client is still there");
    };
    let began = Instant::now();
    let silent: Vec<TcpStream> = (0..clients).map(|_| connect(&server.url)).collect();
    assert_eq!(http::get(&format!("{}/-/healthy", server.url)).unwrap().0, 200);
    let waited = began.elapsed();
    drop(silent);
    let beside = worst_answer(&server.url, 50);
    println!(
        "a slow client is gone after {gone:.1?}; {clients} silent ones come, and an answer is there \
         after {waited:.1?}; else {alone:.1?} at worst, and {beside:.1?} behind them"
    );
    assert!(gone <= 2 * TIMEOUT && waited <= 3 * TIMEOUT, "{gone:?} {waited:?}");
}

/// Headers of a megabyte, and garbage. (Streams of HTTP/2 that are given up as soon as they are there
/// need TLS: the tests of `narthex-http` have them.)
#[test]
fn odd_requests_cost_little() {
    let folder = tempfile::tempdir().unwrap();
    let good = Target::start(|scrapes| format!("good {scrapes}\n")).unwrap();
    let job = format!(
        "scrape_configs: [{{job_name: g, static_configs: [{{targets: ['{}']}}]}}]\n",
        good.address
    );
    let server = Server::start(folder.path(), &(CONFIG.to_owned() + &job));
    assert_eq!(http::get(&format!("{}/-/healthy", server.url)).unwrap().0, 200);
    let before = server.program.resident_bytes().unwrap();
    let cpu_before_s = server.program.cpu_seconds().unwrap();

    let mut large = connect(&server.url);
    // The server may end the connection before all is sent.
    let _ = large.write_all(b"GET / HTTP/1.1\r\nX: ");
    let _ = large.write_all(&vec![b'x'; 1 << 20]);
    let answer = answer(&mut large);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    for garbage in
        [&b"\0\x01\x02\r\n\r\n"[..], b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", &[0xff; 4_096]]
    {
        let mut client = connect(&server.url);
        let _ = client.write_all(garbage);
        let _ = client.write_all(b"\r\n\r\n");
        let answer = self::answer(&mut client);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{garbage:?}: {answer}");
    }
    let worst = worst_answer(&server.url, 50);
    let growth = (server.program.peak_bytes().unwrap() - before) / MIB;
    let cpu_s = server.program.cpu_seconds().unwrap() - cpu_before_s;
    println!(
        "odd requests: {growth:.1} MiB more at most, {cpu_s:.2} s, an answer afterwards takes {worst:.1?} \
         at worst"
    );
    assert!(growth < 32.0, "{growth} MiB");
    wait_for("a scrape", Duration::from_secs(30), || {
        (!good.take_arrivals().is_empty()).then_some(())
    });
}

fn connect(url: &str) -> TcpStream {
    let stream = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    stream
}

/// Returns whether the server ended the connection, after a while.
fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 64]) {
        Ok(size) => size == 0,
        Err(error) => !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
    }
}

/// Returns what the server says before it is silent, or nothing where it ended the connection.
fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut part = [0; 4_096];
    while let Ok(size @ 1..) = stream.read(&mut part) {
        text.extend_from_slice(&part[..size]);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Returns the longest time that an answer takes.
fn worst_answer(url: &str, requests: usize) -> Duration {
    let answers = (0..requests).map(|_| {
        let began = Instant::now();
        assert_eq!(http::get(&format!("{url}/-/healthy")).unwrap().0, 200);
        began.elapsed()
    });
    answers.max().unwrap()
}
