//! What others do must not make the server's own metrics grow.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use narthex_examples::{Server, http};

use crate::count;

/// Requests of any kind, and targets that come and go, leave no series of the server behind.
#[test]
fn own_series_do_not_grow() {
    const SERIES_MAX: usize = 2_000;
    let requests = count("NARTHEX_ODD_REQUESTS", 500);
    let targets = count("NARTHEX_CHURNED_TARGETS", 1_000);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("prometheus.yml");
    let flags = ["--web.enable-lifecycle"];
    let server = Server::start_with(folder.path(), "global: {scrape_interval: 1m}\n", &flags);
    let before = series(&server.url);
    for request in 0..requests {
        let mut client = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
        let head = format!(
            "M{request} /p{request}/{} HTTP/1.1\r\nHost: h{request}\r\nUser-Agent: a{request}\r\n\
             Connection: close\r\n\r\n",
            request * 7
        );
        client.write_all(head.as_bytes()).unwrap();
        client.read_to_end(&mut Vec::new()).unwrap();
        let _ = http::get(&format!("{}/q{request}?x={request}", server.url));
    }
    const ROUNDS: u32 = 20;
    for round in 0..ROUNDS {
        let addresses = (0..targets / ROUNDS).map(|n| format!("'t{round}-{n}.invalid:1'"));
        let addresses = addresses.collect::<Vec<_>>().join(",");
        let text = format!(
            "scrape_configs: [{{job_name: j{round}, scrape_interval: 10m, static_configs: \
             [{{targets: [{addresses}]}}]}}]\n"
        );
        fs::write(&config, text).unwrap();
        assert_eq!(http::post(&format!("{}/-/reload", server.url), b"").unwrap().0, 200);
    }
    let after = series(&server.url);
    println!(
        "{requests} odd requests, {targets} targets: {before} own series before, {after} after"
    );
    assert!(after <= SERIES_MAX && after <= before + 100, "{before} before, {after} after");
}

fn series(url: &str) -> usize {
    let (status, page) = http::get(&format!("{url}/metrics")).unwrap();
    assert_eq!(status, 200);
    page.lines().filter(|line| !line.starts_with('#')).count()
}
