use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use narthex_host::Simulation;
use narthex_model::Matcher;
use narthex_server::{ActiveQueries, ServerOptions, ServerState, router};
use narthex_storage::{
    Appendable, Appender, MemoryStore, Querier, QueryContext, Queryable, SelectHints, Selection,
    StorageError, TimeRange,
};
use tower::ServiceExt as _;

use crate::client::Client;

/// A store that finds nothing before its queries are told to stop.
#[derive(Default)]
pub(crate) struct Endless {
    inner: MemoryStore,
    pub(crate) started: Arc<AtomicBool>,
    pub(crate) stopped: Arc<AtomicBool>,
}

impl Appendable for Endless {
    fn appender(&self) -> Box<dyn Appender + '_> {
        self.inner.appender()
    }
}

impl Queryable for Endless {
    fn querier(&self, _: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        Ok(Box::new(EndlessQuerier(self)))
    }
}

struct EndlessQuerier<'a>(&'a Endless);

impl EndlessQuerier<'_> {
    fn wait(&self, ctx: &QueryContext) -> StorageError {
        self.0.started.store(true, Ordering::Release);
        loop {
            if let Err(error) = ctx.check() {
                self.0.stopped.store(true, Ordering::Release);
                return error;
            }
            std::thread::yield_now();
        }
    }
}

impl Querier for EndlessQuerier<'_> {
    fn select(
        &self,
        ctx: &QueryContext,
        _: &[Matcher],
        _: &SelectHints,
    ) -> Result<Box<dyn Selection + '_>, StorageError> {
        Err(self.wait(ctx))
    }

    fn label_names(
        &self,
        ctx: &QueryContext,
        _: &[Matcher],
        _: Option<usize>,
    ) -> Result<Vec<Box<str>>, StorageError> {
        Err(self.wait(ctx))
    }

    fn label_values(
        &self,
        _: &QueryContext,
        _: &str,
        _: &[Matcher],
        _: Option<usize>,
    ) -> Result<Vec<Box<str>>, StorageError> {
        panic!("this index is broken")
    }
}

#[test]
fn a_query_ends_when_its_time_is_over() {
    let client = Client::over(Endless::default());
    let reply = client.get("/api/v1/query?query=up&timeout=10ms");
    assert_eq!(reply.status, 503);
    assert_eq!(reply.json()["error"], "query timed out in expression evaluation");
    let reply = client.get("/api/v1/query_range?query=up&start=0&end=1&step=1&timeout=0.01");
    assert_eq!((reply.status.as_u16(), &reply.json()["errorType"]), (503, &"timeout".into()));
}

#[test]
fn the_server_limits_what_a_request_may_ask_for() {
    let mut options = ServerOptions::default();
    options.query_timeout = Duration::from_millis(10);
    let client = Client::new(ServerState::new(Arc::new(Endless::default()), options));
    for path in ["/api/v1/query?query=up&timeout=1h", "/api/v1/labels"] {
        let reply = client.get(path);
        assert_eq!((reply.status.as_u16(), &reply.json()["errorType"]), (503, &"timeout".into()));
    }
}

#[test]
fn a_query_ends_when_its_client_goes_away() {
    let store = Endless::default();
    let (started, stopped) = (Arc::clone(&store.started), Arc::clone(&store.stopped));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut options = ServerOptions::default();
    options.query_concurrency_max = 1;
    let app = router(Arc::new(ServerState::new(Arc::new(store), options)));
    let ask = |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        app.clone().oneshot(request)
    };
    runtime.block_on(async {
        let answer = ask("/api/v1/query?query=up");
        let started = async {
            while !started.load(Ordering::Acquire) {
                tokio::task::yield_now().await;
            }
        };
        // The connection's task drops the request when the connection closes.
        tokio::select! {
            _ = answer => panic!("the query has no end"),
            () = started => {}
        }
        // The place of the query is free again only once it has stopped.
        let next = ask("/api/v1/query?query=1&timeout=20").await.unwrap();
        assert_eq!(next.status(), 200);
    });
    assert!(stopped.load(Ordering::Acquire));
}

#[test]
fn a_query_stands_in_the_file_while_it_runs() {
    let store = Endless::default();
    let started = Arc::clone(&store.started);
    let host = Simulation::new(1).host();
    let open = || ActiveQueries::open(&host, Path::new(""), 20).unwrap();
    let state = Arc::new(ServerState::new(Arc::new(store), ServerOptions::default()));
    state.track_queries(open());
    let app = router(state);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let request = Request::get("/api/v1/query?query=up%2Bup").body(Body::empty()).unwrap();
    runtime.block_on(async {
        let started = async {
            while !started.load(Ordering::Acquire) {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = app.clone().oneshot(request) => panic!("the query has no end"),
            () = started => {
                assert!(open().unfinished().unwrap().contains("{\"query\":\"up+up\""));
            }
        }
        let request = Request::get("/api/v1/query?query=1").body(Body::empty()).unwrap();
        assert_eq!(app.clone().oneshot(request).await.unwrap().status(), 200);
    });
    drop(runtime);
    assert_eq!(open().unfinished(), None);
}

#[test]
fn a_panic_is_an_error_of_its_own_request() {
    let client = Client::over(Endless::default());
    let reply = client.get("/api/v1/label/job/values");
    assert_eq!(reply.status, 500);
    assert_eq!(reply.json()["error"], "unexpected error: the query panicked");
    assert_eq!(client.get("/-/healthy").status, 200);
}

#[test]
fn a_query_may_hold_so_many_samples() {
    let mut options = ServerOptions::default();
    options.query_samples_max = 2;
    let store = crate::client::small_store();
    let client = Client::new(ServerState::new(Arc::new(store), options));
    let reply = client.get("/api/v1/query_range?query=up&start=60&end=180&step=60");
    assert_eq!((reply.status.as_u16(), &reply.json()["errorType"]), (422, &"execution".into()));
    assert_eq!(
        reply.json()["error"],
        "query processing would load too many samples into memory in query execution"
    );
}

/// Returns a server over a store of one series with `samples` samples, a second apart.
fn state_of(samples: i64, options: ServerOptions) -> ServerState {
    let samples: Vec<(i64, f64)> = (0..samples).map(|n| (n * 1000, n as f64)).collect();
    let store = crate::client::store(&[(&[("__name__", "m")], &samples)]);
    ServerState::new(Arc::new(store), options)
}

#[test]
fn a_query_may_hold_so_many_bytes() {
    let mut options = ServerOptions::default();
    options.query_bytes_max = 10_000;
    let client = Client::new(state_of(1000, options));
    let reply = client.get("/api/v1/query_range?query=m&start=0&end=999&step=1");
    assert_eq!((reply.status.as_u16(), &reply.json()["errorType"]), (422, &"execution".into()));
    let text = "query would hold more than its budget of 10000 bytes";
    assert_eq!(reply.json()["error"], text);
    assert_eq!(client.get("/api/v1/query?query=m&time=0").status, 200);
}

/// An answer of 10,000 samples takes 80 kB and more until it is read to its end.
#[test]
fn an_answer_counts_until_it_is_sent() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut options = ServerOptions::default();
    options.queries_bytes_max = 400_000;
    let app = router(Arc::new(state_of(10_000, options)));
    let ask = || {
        let path = "/api/v1/query_range?query=m&start=0&end=9999&step=1";
        app.clone().oneshot(Request::get(path).body(Body::empty()).unwrap())
    };
    runtime.block_on(async {
        let mut unread = Vec::new();
        let refused = loop {
            assert!(unread.len() < 10);
            let answer = ask().await.unwrap();
            if answer.status() != 200 {
                break answer;
            }
            unread.push(answer);
        };
        assert!(!unread.is_empty());
        let body = refused.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let text = "queries would together hold more than their budget of 400000 bytes";
        assert_eq!(body["error"], text);
        // Whether it was read or its client went away.
        let read = unread.pop().unwrap().into_body().collect().await.unwrap().to_bytes();
        assert!(read.ends_with(b"}"));
        assert_eq!(ask().await.unwrap().status(), 200);
        unread.clear();
        assert_eq!(ask().await.unwrap().status(), 200);
    });
}

#[test]
fn a_query_waits_for_its_turn_until_its_time_is_over() {
    let store = Endless::default();
    let started = Arc::clone(&store.started);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut options = ServerOptions::default();
    options.query_concurrency_max = 1;
    let app = router(Arc::new(ServerState::new(Arc::new(store), options)));
    let ask = |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        app.clone().oneshot(request)
    };
    runtime.block_on(async {
        let first = runtime.spawn(ask("/api/v1/query?query=up&timeout=20"));
        while !started.load(Ordering::Acquire) {
            tokio::task::yield_now().await;
        }
        let waiting = ask("/api/v1/query?query=1&timeout=50ms").await.unwrap();
        assert_eq!(waiting.status(), 503);
        let body = waiting.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["errorType"], "timeout");
        assert_eq!(body["error"], "query timed out in query queue");
        first.abort();
    });
}

/// The time of a query runs while its text is read: the longest ones that are taken, and longer ones.
#[test]
fn the_longest_text_is_read_in_time() {
    let client = Client::over(MemoryStore::default());
    let query = vec!["1"; 60_000].join("%2B");
    let started = std::time::Instant::now();
    let reply = client.post_form("/api/v1/query", &format!("query={query}&timeout=1ms"));
    assert_eq!((reply.status.as_u16(), &reply.json()["errorType"]), (503, &"timeout".into()));
    // Far above what it takes, for tests run beside each other; far below what it would take if
    // time grew with the square of the length.
    let taken = started.elapsed();
    assert!(taken < Duration::from_secs(4), "{taken:?}");
    let query = vec!["1"; 100_000].join("%2B");
    let reply = client.post_form("/api/v1/query", &format!("query={query}"));
    assert_eq!((reply.status.as_u16(), &reply.json()["errorType"]), (400, &"bad_data".into()));
}
