use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use narthex_model::histogram::{Buckets, Histogram, Span};
use narthex_model::{Labels, Metadata};
use narthex_remote::{HistogramSample, HistogramValue, RequestBuilder};
use narthex_server::{ServerOptions, ServerState, Status};
use narthex_storage::{
    AppendError, Appendable, Appender, Committed, MemoryStore, Querier, Queryable, SampleValue,
    SeriesKey, SeriesRef, StorageError, TimeRange,
};
use narthex_tsdb::Db;
use serde_json::json;

use crate::client::{Client, Reply, samples, small_store};

fn post(client: &Client, body: Vec<u8>) -> Reply {
    let request = Request::post("/api/v1/write")
        .header("content-type", "application/x-protobuf")
        .header("content-encoding", "snappy")
        .body(Body::from(body));
    client.send(request.unwrap())
}

#[test]
fn what_is_written_is_found() {
    let client = Client::over(MemoryStore::default());
    let series = Labels::from_pairs([("__name__", "temperature"), ("room", "b\u{fc}ro")]);
    let request = RequestBuilder::default().series(&series, &samples(&[(1_000, 1.5)]));
    let reply = post(&client, request.compress());
    assert_eq!((reply.status.as_u16(), reply.text()), (204, ""));
    let found = client.get("/api/v1/series?match[]=temperature").json();
    assert_eq!(found["data"], json!([{"__name__": "temperature", "room": "b\u{fc}ro"}]));
    let page = client.get("/metrics").text().to_owned();
    assert!(page.contains("narthex_remote_write_samples_total 1\n"), "{page}");
}

#[test]
fn refusals_say_why() {
    let client = Client::over(small_store());
    let up = Labels::from_pairs([("__name__", "up"), ("job", "node"), ("instance", "a:1")]);
    let old = RequestBuilder::default().series(&up, &samples(&[(1_000, 1.0), (240_000, 2.0)]));
    let reply = post(&client, old.compress());
    let expected = "out of order sample: series \
                    {__name__=\"up\", instance=\"a:1\", job=\"node\"} (1 of 2 samples rejected)\n";
    assert_eq!((reply.status.as_u16(), reply.text()), (400, expected));

    let reply = post(&client, b"garbage".to_vec());
    assert_eq!((reply.status.as_u16(), reply.text()), (400, "s2: corrupt input\n"));

    let request = Request::post("/api/v1/write").header("content-encoding", "gzip");
    let reply = client.send(request.body(Body::from("x")).unwrap());
    assert_eq!(reply.status, 415);

    let page = client.get("/metrics").text().to_owned();
    assert!(page.contains("narthex_remote_write_rejected_samples_total 1\n"), "{page}");
}

#[test]
fn histograms_are_kept() {
    let series = Labels::from_pairs([("__name__", "latency")]);
    let mut histogram = Histogram { sum: 0.5, count: 3, ..Histogram::default() };
    let span = Span { offset: 0, length: 1 };
    histogram.positive = Buckets { spans: vec![span], counts: vec![2] };
    histogram.negative = Buckets { spans: vec![span], counts: vec![1] };
    let value = HistogramValue::Integer(histogram);
    let mut request = RequestBuilder::default();
    request.push_histograms(&series, &[HistogramSample { timestamp_ms: 1_000, value }]);

    let data = tempfile::tempdir().unwrap();
    let db = Db::open(data.path(), narthex_tsdb::Options::default()).unwrap();
    for client in [Client::over(MemoryStore::default()), Client::over(db)] {
        let reply = post(&client, request.compress());
        assert_eq!((reply.status.as_u16(), reply.text()), (204, ""));
        let sample = json!([1, {"count": "3", "sum": "0.5", "buckets": [
            [1, "-1", "-0.5", "1"], [0, "0.5", "1", "2"],
        ]}]);
        let result = |path| client.get(path).json()["data"]["result"][0].take();
        let metric = json!({"__name__": "latency"});
        let found = result("/api/v1/query?query=latency&time=1");
        assert_eq!(found, json!({"metric": metric, "histogram": sample}));
        let found = result("/api/v1/query?query=latency[1m]&time=1");
        assert_eq!(found, json!({"metric": metric, "histograms": [sample]}));
    }
}

#[test]
fn too_large_is_status_413() {
    let client = Client::over(MemoryStore::default());
    // The body is small, and what it holds would not be.
    let bomb = snap::raw::Encoder::new().compress_vec(&vec![0; (32 << 20) + 1]).unwrap();
    assert_eq!(post(&client, bomb).status, 413);
    assert_eq!(post(&client, vec![0; (32 << 20) + 1]).status, 413);
}

#[test]
fn the_receiver_is_off_by_default() {
    let state = ServerState::new(Arc::new(MemoryStore::default()), ServerOptions::default());
    let reply = post(&Client::new(state), Vec::new());
    assert_eq!(reply.status, 404);
    assert!(reply.text().contains("--web.enable-remote-write-receiver"), "{}", reply.text());
}

/// A store whose disk is full.
struct Full(MemoryStore);

impl Queryable for Full {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        self.0.querier(range)
    }
}

impl Appendable for Full {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(FullAppender)
    }
}

struct FullAppender;

impl Appender for FullAppender {
    fn append(
        &mut self,
        _: SeriesKey<'_>,
        _: i64,
        _: SampleValue<'_>,
    ) -> Result<SeriesRef, AppendError> {
        Ok(SeriesRef(1))
    }

    fn set_metadata(&mut self, _: SeriesRef, _: &Metadata) -> Result<(), AppendError> {
        Ok(())
    }

    fn commit(&mut self) -> Result<Committed, AppendError> {
        Err(AppendError::Store(std::io::Error::from(std::io::ErrorKind::StorageFull).into()))
    }

    fn rollback(&mut self) {}
}

impl Status for Full {
    fn append_failure(&self) -> Option<Box<str>> {
        Some("no space left on device".into())
    }
}

#[test]
fn a_full_disk_asks_senders_to_come_back_and_says_so() {
    let mut options = ServerOptions::default();
    options.remote_write_receiver = true;
    let state = ServerState::new(Arc::new(Full(small_store())), options)
        .with_status(Arc::new(Full(MemoryStore::default())));
    let client = Client::new(state);
    let up = Labels::from_pairs([("__name__", "up")]);
    let request = RequestBuilder::default().series(&up, &samples(&[(1_000, 1.0)]));
    let reply = post(&client, request.compress());
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "5"));
    let ready = client.get("/-/ready");
    let reason = "Samples cannot be stored: no space left on device\n";
    assert_eq!((ready.status.as_u16(), ready.text()), (503, reason));
    assert_eq!(client.get("/-/healthy").status, 200);
    assert_eq!(client.get("/api/v1/query?query=up&time=300").status, 200);
}
