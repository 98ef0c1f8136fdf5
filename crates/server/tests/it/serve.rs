use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use narthex_server::{ServeLimits, ServerOptions, ServerState, Store, WebGuard, router, serve};
use narthex_storage::MemoryStore;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::limits::Endless;

/// Serves on a free port while `test` runs, and waits until the server has ended.
fn serving(limits: ServeLimits, test: impl FnOnce(SocketAddr)) {
    serving_store(Arc::new(MemoryStore::default()), limits, test);
}

fn serving_store(store: Arc<dyn Store>, limits: ServeLimits, test: impl FnOnce(SocketAddr)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let state = ServerState::new(store, ServerOptions::default());
    let app = router(Arc::new(state));
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let everybody = Arc::new(WebGuard::default());
    let server = runtime.spawn(serve(vec![listener], app, everybody, limits, async move {
        let _ = stopped.await;
    }));
    test(address);
    stop.send(()).unwrap();
    runtime.block_on(server).unwrap().unwrap();
}

fn wait_for(happened: &AtomicBool, otherwise: &str) {
    let start = Instant::now();
    while !happened.load(Ordering::Acquire) {
        assert!(start.elapsed() < Duration::from_secs(20), "{otherwise}");
        std::thread::yield_now();
    }
}

/// Sends `request` and returns everything until the server closes the connection.
fn talk(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is an end, too.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn requests_are_answered_over_a_socket() {
    serving(ServeLimits::default(), |address| {
        let request = "GET /-/healthy HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let answer = talk(address, request);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nPrometheus Server is Healthy.\n"), "{answer}");
    });
}

#[test]
fn long_heads_are_refused() {
    serving(ServeLimits::default(), |address| {
        let long = "x".repeat(200 << 10);
        let request = format!("GET /-/healthy HTTP/1.1\r\nhost: x\r\nlong: {long}\r\n\r\n");
        let answer = talk(address, &request);
        assert!(!answer.contains("200 OK"), "{answer}");
    });
}

#[test]
fn a_client_that_sends_nothing_is_dropped() {
    let mut limits = ServeLimits::default();
    limits.head_timeout = Duration::from_millis(100);
    serving(limits, |address| {
        let answer = talk(address, "GET /-/healthy HTTP/1.1\r\nhost:");
        assert!(!answer.contains("200 OK"), "{answer}");
    });
}

#[test]
fn connections_above_the_limit_wait_for_their_turn() {
    let mut limits = ServeLimits::default();
    limits.connections_max = 1;
    limits.head_timeout = Duration::from_millis(300);
    serving(limits, |address| {
        let idle = TcpStream::connect(address).unwrap();
        let request = "GET /-/healthy HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        // The idle connection is dropped after the head timeout, and this one gets its place.
        assert!(talk(address, request).contains("200 OK"));
        drop(idle);
    });
}

#[test]
fn a_query_ends_when_its_connection_does() {
    let store = Endless::default();
    let (started, stopped) = (Arc::clone(&store.started), Arc::clone(&store.stopped));
    serving_store(Arc::new(store), ServeLimits::default(), |address| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /api/v1/query?query=up HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        wait_for(&started, "the query does not start");
        drop(stream);
        wait_for(&stopped, "the query goes on");
    });
}
