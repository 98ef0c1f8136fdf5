//! A client without a network.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use narthex_model::{Labels, Sample};
use narthex_server::{ServerOptions, ServerState, Store, router};
use narthex_storage::{Appendable, MemoryStore, SampleValue, SeriesKey};
use tower::ServiceExt as _;

/// Sends requests to a router, each to its end.
pub(crate) struct Client {
    app: Router,
    runtime: tokio::runtime::Runtime,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(state: ServerState) -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        Self { app: router(Arc::new(state)), runtime }
    }

    /// Returns a client of a server over `store` with all switches on.
    pub(crate) fn over(store: impl Store + 'static) -> Self {
        let mut options = ServerOptions::default();
        options.remote_write_receiver = true;
        options.lifecycle = true;
        Self::new(ServerState::new(Arc::new(store), options))
    }

    pub(crate) fn send(&self, request: Request<Body>) -> Reply {
        self.runtime.block_on(async {
            let response: Response<Body> = self.app.clone().oneshot(request).await.unwrap();
            let (head, body) = response.into_parts();
            let body = body.collect().await.unwrap().to_bytes().to_vec();
            Reply { status: head.status, headers: head.headers, body }
        })
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path).body(Body::empty()).unwrap())
    }

    pub(crate) fn method(&self, method: &str, path: &str) -> Reply {
        self.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap())
    }

    pub(crate) fn post_form(&self, path: &str, form: &str) -> Reply {
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()));
        self.send(request.unwrap())
    }
}

impl Reply {
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }
}

/// Labels, and samples as `(milliseconds, value)`.
pub(crate) type Series<'a> = (&'a [(&'a str, &'a str)], &'a [(i64, f64)]);

/// Returns a store with these series.
pub(crate) fn store(series: &[Series<'_>]) -> MemoryStore {
    let store = MemoryStore::default();
    let mut appender = store.appender();
    for (labels, samples) in series {
        let labels = Labels::from_pairs(labels.iter().copied());
        for &(timestamp_ms, value) in *samples {
            let key = SeriesKey::Labels(&labels);
            appender.append(key, timestamp_ms, SampleValue::Float(value)).unwrap();
        }
    }
    appender.commit().unwrap();
    drop(appender);
    store
}

pub(crate) fn samples(pairs: &[(i64, f64)]) -> Vec<Sample> {
    pairs.iter().map(|&(timestamp_ms, value)| Sample { timestamp_ms, value }).collect()
}

/// Returns the store that most tests share: three series of two jobs, a sample every minute.
pub(crate) fn small_store() -> MemoryStore {
    let minutes = |value: f64| [(60_000, value), (120_000, value + 1.0), (180_000, value + 2.0)];
    store(&[
        (&[("__name__", "up"), ("job", "node"), ("instance", "a:1")], &minutes(1.0)),
        (&[("__name__", "up"), ("job", "node"), ("instance", "b:1")], &minutes(11.0)),
        (&[("__name__", "load"), ("job", "web"), ("path", "/\"x\"")], &minutes(21.0)[..2]),
    ])
}
