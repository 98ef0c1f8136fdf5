use narthex_model::{Labels, Metadata, MetricType, STALE_NAN, Sample};
use narthex_remote::{
    Post, ReceiveLimits, Received, RequestBuilder, WriteError, WriteRequest, receive,
};
use narthex_storage::{
    AppendError, Appendable, Appender, Columns, Committed, MemoryStore, QueryContext, Queryable,
    SampleValue, SelectHints, SeriesKey, SeriesRef, TimeRange,
};

/// The receiver's time in all tests.
const NOW_MS: i64 = 1_700_000_000_000;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied())
}

fn samples(pairs: &[(i64, f64)]) -> Vec<Sample> {
    pairs.iter().map(|&(timestamp_ms, value)| Sample { timestamp_ms, value }).collect()
}

fn send(store: &MemoryStore, request: &RequestBuilder) -> Result<Received, WriteError> {
    receive(store, Post::new(&request.compress()), &ReceiveLimits::default(), NOW_MS)
}

/// Sends a message that the builder would not write.
fn send_message(store: &MemoryStore, message: &[u8]) -> Result<Received, WriteError> {
    let body = snap_block(message);
    receive(store, Post::new(&body), &ReceiveLimits::default(), NOW_MS)
}

/// Returns `message` as a snappy block of literals.
fn snap_block(message: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    let mut size = message.len();
    while size >= 0x80 {
        block.push(u8::try_from(size & 0x7f).unwrap() | 0x80);
        size >>= 7;
    }
    block.push(u8::try_from(size).unwrap());
    for part in message.chunks(60) {
        block.push(u8::try_from(part.len() - 1).unwrap() << 2);
        block.extend_from_slice(part);
    }
    block
}

/// Returns the stored samples as `series: time=value …`, with values as bits.
fn dump(store: &MemoryStore) -> Vec<(String, Vec<(i64, u64)>)> {
    let ctx = QueryContext::default();
    let querier = store.querier(TimeRange::ALL).unwrap();
    let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
    let mut columns = Columns::default();
    let mut series = Vec::new();
    for index in 0..selection.len() {
        selection.read(&ctx, index, &mut columns).unwrap();
        let samples = columns.iter().map(|s| (s.timestamp_ms, s.value.to_bits())).collect();
        series.push((selection.series_labels(index).as_series().to_string(), samples));
    }
    series
}

#[test]
fn a_request_is_stored_bit_for_bit() {
    let store = MemoryStore::default();
    let values = [0.0, -0.0, 1.5, f64::INFINITY, f64::NAN, STALE_NAN, f64::MIN_POSITIVE];
    let sent = values.iter().zip(1..).map(|(&value, t)| (t * 1_000, value)).collect::<Vec<_>>();
    let request = RequestBuilder::default()
        .series(&labels(&[("__name__", "a"), ("job", "x")]), &samples(&sent))
        .series(&labels(&[("__name__", "b.c")]), &samples(&[(-5, 1.0)]))
        .metadata("a", &Metadata { metric_type: MetricType::Gauge, ..Metadata::default() });
    assert_eq!(send(&store, &request).unwrap().samples, 8);

    let bits = sent.iter().map(|&(t, value)| (t, value.to_bits())).collect();
    assert_eq!(
        dump(&store),
        [
            ("a{job=\"x\"}".to_owned(), bits),
            ("{\"b.c\"}".to_owned(), vec![(-5, 1.0_f64.to_bits())]),
        ]
    );
}

#[test]
fn metadata_is_read() {
    let written = Metadata {
        metric_type: MetricType::StateSet,
        help: "what it means".into(),
        unit: "seconds".into(),
    };
    let message = RequestBuilder::default().metadata("family", &written).into_message();
    let read = WriteRequest::new(&message).metadata().next().unwrap().unwrap();
    assert_eq!(read.metric_type, MetricType::StateSet);
    assert_eq!(read.family_name, b"family");
    assert_eq!((read.help, read.unit), (&b"what it means"[..], &b"seconds"[..]));
}

#[test]
fn a_refused_sample_costs_no_other() {
    let series = labels(&[("__name__", "a")]);
    let other = labels(&[("__name__", "b")]);
    let hour_ahead = NOW_MS + 3_600_000;
    for (sent, first) in [
        ([(1_000, 1.0), (3_000, 2.0)], "out of order sample"),
        ([(2_000, 9.0), (3_000, 2.0)], "duplicate sample for timestamp"),
        ([(hour_ahead, 1.0), (3_000, 2.0)], "out of bounds: timestamp is too far in the future"),
    ] {
        let store = MemoryStore::default();
        send(&store, &RequestBuilder::default().series(&series, &samples(&[(2_000, 1.0)])))
            .unwrap();
        let request = RequestBuilder::default()
            .series(&series, &samples(&sent))
            .series(&other, &samples(&[(1_000, 5.0)]));
        let error = send(&store, &request).unwrap_err();
        assert_eq!(error.status(), 400);
        assert_eq!(
            error.to_string(),
            format!("{first}: series {{__name__=\"a\"}} (1 of 3 samples rejected)")
        );
        let stored = dump(&store);
        assert_eq!(stored[0].1.iter().map(|(t, _)| *t).collect::<Vec<_>>(), [2_000, 3_000]);
        assert_eq!(stored[1].1.len(), 1, "the series after the refused sample");
    }
}

/// A `TimeSeries` field with these encoded labels and one sample at 1 ms.
fn series_field(labels: &[(&[u8], &[u8])], tail: &[u8]) -> Vec<u8> {
    let text = |number: u8, bytes: &[u8]| {
        let mut field = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        field.extend_from_slice(bytes);
        field
    };
    let mut series = Vec::new();
    for (name, value) in labels {
        series.extend(text(1, &[text(1, name), text(2, value)].concat()));
    }
    series.extend(text(2, &[0x10, 1]));
    series.extend_from_slice(tail);
    text(1, &series)
}

#[test]
fn labels_are_validated() {
    let name = (&b"__name__"[..], &b"a"[..]);
    for (field, error) in [
        (series_field(&[(b"job", b"x")], &[]), "series without a metric name"),
        (series_field(&[(b"__name__", b"")], &[]), "series without a metric name"),
        (series_field(&[name, (b"x", b"\xff")], &[]), "invalid label name or value"),
        (series_field(&[name, (b"\xff", b"x")], &[]), "invalid label name or value"),
        (series_field(&[name, (b"", b"x")], &[]), "invalid label name or value"),
        (series_field(&[name, (b"j", b"1"), (b"j", b"1")], &[]), "duplicate label name \"j\""),
    ] {
        let store = MemoryStore::default();
        let good = series_field(&[(b"__name__", b"good")], &[]);
        let error_text = send_message(&store, &[field, good].concat()).unwrap_err().to_string();
        assert!(error_text.starts_with(error), "{error_text}");
        let stored = dump(&store);
        assert!(stored.iter().any(|(series, _)| series == "good"), "{error_text}: {stored:?}");
    }
}

#[test]
fn labels_per_series_are_limited() {
    let mut limits = ReceiveLimits::default();
    limits.labels_per_series_max = 2;
    for (pairs, accepted) in [
        (&[("__name__", "a"), ("b", "1")][..], true),
        (&[("__name__", "a"), ("b", "1"), ("c", "2")][..], false),
    ] {
        let request = RequestBuilder::default().series(&labels(pairs), &samples(&[(1, 1.0)]));
        let answer =
            receive(&MemoryStore::default(), Post::new(&request.compress()), &limits, NOW_MS);
        assert_eq!(answer.is_ok(), accepted, "{pairs:?}");
    }
}

#[test]
fn a_broken_message_leaves_nothing() {
    let good = series_field(&[(b"__name__", b"good")], &[]);
    for (tail, error) in [
        (&[0x0a, 5, 1][..], "proto: message ends inside a field"),
        (&[0x0a, 2, 0x08, 1], "proto: wrong wireType for field Labels"),
        (&[0x0b], "proto: illegal wireType 3"),
        (&[0x08, 1], "proto: wrong wireType for field Timeseries"),
        (&[0x1a, 1, 0x12], "proto: message ends inside a field"),
    ] {
        let store = MemoryStore::default();
        let answer = send_message(&store, &[&good[..], tail].concat()).unwrap_err();
        assert_eq!((answer.status(), &*answer.to_string()), (400, error));
        assert_eq!(dump(&store), []);
    }
}

#[test]
fn headers_are_looked_at_around_the_body() {
    for (content_encoding, content_type, body, status) in [
        ("gzip", "application/x-protobuf", &b"garbage"[..], 415),
        ("snappy", "text/plain", b"garbage", 400),
        ("snappy", "text/plain", &[0], 415),
        ("snappy", "application/x-protobuf", &[0], 204),
        ("", "", &[0], 204),
    ] {
        let post = Post { content_encoding, content_type, body };
        let answer = receive(&MemoryStore::default(), post, &ReceiveLimits::default(), NOW_MS);
        let answered = answer.map_or_else(|error| error.status(), |_| 204);
        assert_eq!(answered, status, "{post:?}");
    }
}

#[test]
fn a_body_that_is_too_large_is_status_413() {
    let mut limits = ReceiveLimits::default();
    limits.decoded_size_max = 10;
    let request =
        RequestBuilder::default().series(&labels(&[("__name__", "a")]), &samples(&[(1, 1.0)]));
    let error = receive(&MemoryStore::default(), Post::new(&request.compress()), &limits, NOW_MS)
        .unwrap_err();
    assert_eq!(error.status(), 413);
}

/// A store whose disk is full: it takes samples and cannot commit.
struct FullStore;

struct FullAppender;

impl Appendable for FullStore {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(FullAppender)
    }
}

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
        Err(AppendError::Store("no space left on device".into()))
    }

    fn rollback(&mut self) {}
}

#[test]
fn a_store_that_fails_is_status_503() {
    let request =
        RequestBuilder::default().series(&labels(&[("__name__", "a")]), &samples(&[(1, 1.0)]));
    let error =
        receive(&FullStore, Post::new(&request.compress()), &ReceiveLimits::default(), NOW_MS)
            .unwrap_err();
    assert_eq!(error.status(), 503);
}
