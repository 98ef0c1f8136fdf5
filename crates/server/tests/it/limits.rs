use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use narthex_model::Matcher;
use narthex_server::{ServerOptions, ServerState, router};
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
