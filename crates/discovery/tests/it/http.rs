use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use narthex_config::Config;
use narthex_discovery::{HttpLookup, Job, Manager, Options};
use narthex_http::{Client, ClientOptions, HttpClientConfig};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use crate::support::until;

/// A server that answers each request with what it was last told, and keeps the last request.
#[derive(Default)]
struct Server {
    answer: Mutex<String>,
    request: Mutex<String>,
}

impl Server {
    fn tell(&self, status: &str, content_type: &str, body: &str) {
        let size = body.len();
        *self.answer.lock() = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {size}\r\n\
             Connection: close\r\n\r\n{body}"
        );
    }

    async fn serve(self: Arc<Self>, listener: TcpListener) {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.is_ok() {}
            *self.request.lock() = String::from_utf8(request).expect("a request of text");
            let answer = self.answer.lock().clone();
            // The client may be gone by now.
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    }
}

async fn start() -> (Arc<Server>, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = Arc::<Server>::default();
    tokio::spawn(Arc::clone(&server).serve(listener));
    (server, address)
}

#[tokio::test]
async fn a_server_says_who_the_targets_are() {
    let (server, address) = start().await;
    let two = r#"[{"targets": ["a:1"], "labels": {"x": "y"}}, {"targets": ["b:1"]}]"#;
    server.tell("200 OK", "application/json", two);
    let manager = Manager::new(Handle::current(), Options::default());
    let client = Client::new(&HttpClientConfig::default(), ClientOptions::default()).unwrap();
    let url = format!("http://{address}/targets");
    manager.add("j", "http", HttpLookup::new(&url, Duration::from_millis(50), client));
    let sets = manager.subscribe();
    until(&sets, "j", "a:1 b:1").await;
    let group = Arc::clone(&sets.borrow()["j"][0]);
    assert_eq!(group.source, format!("{url}:0"));
    assert_eq!((group.labels.value("x"), group.labels.value("__meta_url")), ("y", &*url));
    let request = server.request.lock().to_ascii_lowercase();
    assert!(request.contains("\r\nx-prometheus-refresh-interval-seconds: 0.05\r\n"), "{request}");
    assert!(request.contains("\r\naccept: application/json\r\n"), "{request}");

    // Without a list the last one stays.
    let failures = || manager.stats().refreshes[&("http".into(), "j".into())].failures;
    for (status, content_type, body) in [
        ("500 Broken", "application/json", "[]"),
        ("200 OK", "text/html", "[]"),
        ("200 OK", "application/json", "[null]"),
        ("200 OK", "application/json", "["),
    ] {
        let before = failures();
        server.tell(status, content_type, body);
        // One look may still be under way with the answer before.
        while failures() < before + 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        until(&sets, "j", "a:1 b:1").await;
    }
    server.tell("200 OK", "application/json; charset=utf-8", r#"[{"targets": ["a:1"]}]"#);
    until(&sets, "j", "a:1").await;
}

#[tokio::test]
async fn the_configuration_says_whom_to_ask_and_how() {
    let (server, address) = start().await;
    server.tell("200 OK", "application/json", r#"[{"targets": ["a:1"]}]"#);
    let text = format!(
        "scrape_configs: [{{job_name: j, http_sd_configs: [{{url: 'http://{address}/', \
         refresh_interval: 50ms, basic_auth: {{username: u, password: p}}}}]}}]"
    );
    let config = Config::load(&text, "test.yml", |_| None).unwrap();
    let manager = Manager::new(Handle::current(), Options::default());
    let sets = manager.subscribe();
    manager.apply(Job::of_config(&config)).unwrap();
    until(&sets, "j", "a:1").await;
    let request = server.request.lock().to_ascii_lowercase();
    assert!(request.contains("\r\nauthorization: basic dtpw\r\n"), "{request}");

    assert_eq!(manager.stats().http_failures, 0);
    server.tell("404 Not Found", "application/json", "");
    while manager.stats().http_failures == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
