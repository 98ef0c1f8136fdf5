use std::path::PathBuf;

use narthex_host::{Files, RealFiles};
use narthex_model::histogram::{
    Buckets, CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Histogram, ResetHint, Span,
};
use narthex_model::{Labels, Metadata, MetricType};
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::reader::{Next, SegmentReader};
use super::{
    Decoder, MmapMarker, Record, RefExemplar, RefHistogram, RefMetadata, RefSample, RefSeries,
    SAMPLES_V2, Tombstone, encode_exemplars, encode_histograms, encode_markers, encode_metadata,
    encode_samples, encode_samples_with_starts, encode_series, encode_tombstones,
};

/// What a record says, by itself.
#[derive(Debug)]
enum Content {
    Series(Vec<RefSeries>),
    Samples(Vec<RefSample>),
    Histograms(Vec<RefHistogram<Histogram>>),
    FloatHistograms(Vec<RefHistogram<FloatHistogram>>),
    Exemplars(Vec<RefExemplar>),
    Tombstones(Vec<Tombstone>),
    Metadata(Vec<RefMetadata>),
    Markers(Vec<MmapMarker>),
    Unknown,
}

fn decode(record: &[u8]) -> Option<Content> {
    Some(match Decoder::default().decode(record)? {
        Record::Series(items) => Content::Series(items.to_vec()),
        Record::Samples(items) => Content::Samples(items.to_vec()),
        Record::Histograms(items) => Content::Histograms(items.to_vec()),
        Record::FloatHistograms(items) => Content::FloatHistograms(items.to_vec()),
        Record::Exemplars(items) => Content::Exemplars(items.to_vec()),
        Record::Tombstones(items) => Content::Tombstones(items.to_vec()),
        Record::Metadata(items) => Content::Metadata(items.to_vec()),
        Record::MmapMarkers(items) => Content::Markers(items.to_vec()),
        Record::Unknown => Content::Unknown,
    })
}

/// Encodes records of the same content.
fn encode(content: &Content, with_starts: bool) -> Vec<Vec<u8>> {
    let (mut out, mut records) = (Vec::new(), Vec::new());
    match content {
        Content::Series(items) => {
            encode_series(items.iter().map(|item| (item.reference, &item.labels)), &mut out);
        }
        Content::Samples(items) if with_starts => {
            encode_samples_with_starts(items.iter().copied(), &mut out);
        }
        Content::Samples(items) => encode_samples(items.iter().copied(), &mut out),
        Content::Histograms(items) => {
            encode_histograms(items.iter().map(RefHistogram::as_ref), with_starts, &mut records);
            return records;
        }
        Content::FloatHistograms(items) => {
            encode_histograms(items.iter().map(RefHistogram::as_ref), with_starts, &mut records);
            return records;
        }
        Content::Exemplars(items) => encode_exemplars(items, &mut out),
        Content::Tombstones(items) => encode_tombstones(items.iter().copied(), &mut out),
        Content::Metadata(items) => {
            encode_metadata(items.iter().map(|item| (item.reference, &item.metadata)), &mut out);
        }
        Content::Markers(items) => encode_markers(items.iter().copied(), &mut out),
        Content::Unknown => {}
    }
    records.push(out);
    records
}

/// The bytes decode to the content, and the content encodes to the bytes.
fn check(bytes: &[u8], content: &Content, with_starts: bool) {
    let found = decode(bytes).expect("a record that makes sense");
    assert_eq!(format!("{found:?}"), format!("{content:?}"));
    assert_eq!(encode(content, with_starts), [bytes]);
    for size in 1..bytes.len() {
        // A record that ends early is no record, unless it ends with an item.
        let _ = decode(&bytes[..size]);
    }
}

fn labels() -> Labels {
    Labels::from_pairs([("a", "b"), ("__name__", "up")])
}

const LABELS: &[u8] = b"\x02\x08__name__\x02up\x01a\x01b";

#[test]
fn bytes_of_series() {
    let record = [b"\x01\0\0\0\0\0\0\x01\x02", LABELS].concat();
    check(&record, &Content::Series(vec![RefSeries { reference: 258, labels: labels() }]), false);
}

fn sample(reference: u64, timestamp_ms: i64, value: f64) -> RefSample {
    RefSample { reference, timestamp_ms, start_timestamp_ms: 0, value }
}

#[test]
fn bytes_of_samples() {
    let head = b"\x02\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\x03\xe8";
    let body = b"\0\0\x3f\xf0\0\0\0\0\0\0\x01\x04\xc0\0\0\0\0\0\0\0";
    let samples = vec![sample(2, 1_000, 1.0), sample(1, 1_002, -2.0)];
    check(&[&head[..], body].concat(), &Content::Samples(samples), false);
    check(b"\x02", &Content::Samples(Vec::new()), false);
}

#[test]
fn bytes_of_samples_with_start_times() {
    // Start times are explicit, the same again, none, and explicit once more.
    let head = b"\x0b\x04\xd0\x0f\x02\x3f\xf0\0\0\0\0\0\0";
    let same = b"\x02\x04\x01\x40\0\0\0\0\0\0\0";
    let none = b"\x01\x06\x00\x40\x08\0\0\0\0\0\0";
    let explicit = b"\x00\x08\x02\x06\x40\x10\0\0\0\0\0\0";
    let with_start = |reference, timestamp_ms, start_timestamp_ms, value| RefSample {
        start_timestamp_ms,
        ..sample(reference, timestamp_ms, value)
    };
    let samples = vec![
        with_start(2, 1_000, 1, 1.0),
        with_start(3, 1_002, 1, 2.0),
        with_start(2, 1_003, 0, 3.0),
        with_start(2, 1_004, 4, 4.0),
    ];
    let record = [&head[..], same, none, explicit].concat();
    check(&record, &Content::Samples(samples), true);
    check(b"\x0b", &Content::Samples(Vec::new()), true);
}

#[test]
fn bytes_of_tombstones() {
    let record = b"\x03\0\0\0\0\0\0\0\x05\x03\x04\0\0\0\0\0\0\0\x06\x00\x80\x01";
    let tombstone = |reference, min_ms, max_ms| Tombstone { reference, min_ms, max_ms };
    check(record, &Content::Tombstones(vec![tombstone(5, -2, 2), tombstone(6, 0, 64)]), false);
}

#[test]
fn bytes_of_exemplars() {
    let head = b"\x04\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\x03\xe8";
    let first = [b"\0\0\x3f\xf0\0\0\0\0\0\0", LABELS].concat();
    let second = b"\x02\x01\x3f\xf0\0\0\0\0\0\0\0";
    let exemplar = |reference, timestamp_ms, labels| RefExemplar {
        reference,
        timestamp_ms,
        value: 1.0,
        labels,
    };
    let items = vec![exemplar(2, 1_000, labels()), exemplar(3, 999, Labels::empty())];
    check(&[&head[..], &first, second].concat(), &Content::Exemplars(items), false);
    check(b"\x04", &Content::Exemplars(Vec::new()), false);
}

#[test]
fn bytes_of_markers() {
    let record = b"\x05\0\0\0\0\0\0\0\x02\0\0\0\x01\0\0\0\x08";
    let marker = MmapMarker { reference: 2, chunk_reference: 1 << 32 | 8 };
    check(record, &Content::Markers(vec![marker]), false);
}

#[test]
fn bytes_of_metadata() {
    let metadata =
        Metadata { metric_type: MetricType::Gauge, help: "Up.".into(), unit: "s".into() };
    let record = b"\x06\xac\x02\x02\x02\x04UNIT\x01s\x04HELP\x03Up.";
    let item = RefMetadata { reference: 300, metadata };
    check(record, &Content::Metadata(vec![item]), false);
    let later = b"\x06\xac\x02\x02\x03\x03NEW\x01x\x04UNIT\x01s\x04HELP\x03Up.";
    assert!(matches!(decode(later), Some(Content::Metadata(items)) if items.len() == 1));
}

fn histogram(schema: i32) -> Histogram {
    Histogram {
        reset_hint: ResetHint::NotReset,
        schema,
        zero_threshold: 0.5,
        zero_count: 1,
        count: 6,
        sum: 2.0,
        positive: Buckets { spans: vec![Span { offset: -1, length: 2 }], counts: vec![2, -1] },
        negative: Buckets { spans: vec![Span { offset: 3, length: 1 }], counts: vec![2] },
        custom_bounds: [].into(),
    }
}

fn custom_histogram() -> Histogram {
    Histogram {
        negative: Buckets::default(),
        custom_bounds: [1.0, 2.0].into(),
        ..histogram(CUSTOM_BUCKETS_SCHEMA)
    }
}

/// Hint, schema, zero bucket, count, sum; spans of both sides; buckets of both sides.
const HISTOGRAM: &[u8] =
    b"\x02\x02\x3f\xe0\0\0\0\0\0\0\x01\x06\x40\0\0\0\0\0\0\0\x01\x01\x02\x01\x06\x01\x02\x04\x01\x01\x04";
/// The same with no negative side, and the bounds at the end.
const CUSTOM_HISTOGRAM: &[u8] = b"\x02\x69\x3f\xe0\0\0\0\0\0\0\x01\x06\x40\0\0\0\0\0\0\0\x01\x01\x02\0\x02\x04\x01\0\x02\x3f\xf0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0";
/// Counts are floats.
const FLOAT_HISTOGRAM: &[u8] = b"\x02\x02\x3f\xe0\0\0\0\0\0\0\x3f\xf0\0\0\0\0\0\0\x40\x18\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\x01\x01\x02\x01\x06\x01\x02\x40\0\0\0\0\0\0\0\x3f\xf0\0\0\0\0\0\0\x01\x40\0\0\0\0\0\0\0";

fn at<H>(reference: u64, timestamp_ms: i64, histogram: H) -> RefHistogram<H> {
    RefHistogram { reference, timestamp_ms, start_timestamp_ms: 0, histogram }
}

#[test]
fn bytes_of_histograms() {
    let head = |kind| [&[kind][..], b"\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\x03\xe8"].concat();
    let items = vec![at(2, 1_000, histogram(1)), at(3, 999, histogram(1))];
    let record = [&head(7), &b"\0\0"[..], HISTOGRAM, b"\x02\x01", HISTOGRAM].concat();
    check(&record, &Content::Histograms(items), false);

    let record = [&head(9), &b"\0\0"[..], CUSTOM_HISTOGRAM].concat();
    check(&record, &Content::Histograms(vec![at(2, 1_000, custom_histogram())]), false);

    let record = [&head(8), &b"\0\0"[..], FLOAT_HISTOGRAM].concat();
    let float = at(2, 1_000, histogram(1).to_float());
    check(&record, &Content::FloatHistograms(vec![float]), false);

    let with_start = RefHistogram { start_timestamp_ms: 1, ..at(2, 1_000, histogram(1)) };
    let items = vec![with_start, at(3, 1_002, custom_histogram())];
    let first = [b"\x0c\x04\xd0\x0f\x02", HISTOGRAM].concat();
    let record = [&first, &b"\x02\x04\0"[..], CUSTOM_HISTOGRAM].concat();
    check(&record, &Content::Histograms(items), true);
    let first = [b"\x0d\x04\xd0\x0f\x00", FLOAT_HISTOGRAM].concat();
    let items = vec![at(2, 1_000, histogram(1).to_float())];
    check(&first, &Content::FloatHistograms(items), true);
}

#[test]
fn custom_buckets_have_records_of_their_own() {
    let items = vec![at(2, 1_000, custom_histogram()), at(3, 999, histogram(1))];
    let records = encode(&Content::Histograms(items), false);
    assert_eq!(records.iter().map(|record| record[0]).collect::<Vec<_>>(), [7, 9]);
    assert!(encode(&Content::Histograms(Vec::new()), false).is_empty());
}

#[test]
fn histograms_of_other_schemas() {
    let decoded = |schema| {
        let items = vec![at(1, 5, histogram(schema)), at(2, 5, histogram(0))];
        match decode(&encode(&Content::Histograms(items), false)[0]) {
            Some(Content::Histograms(items)) => {
                items.iter().map(|item| (item.reference, item.histogram.schema)).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(decoded(8), [(1, 8), (2, 0)]);
    assert_eq!(decoded(52), [(1, 8), (2, 0)]);
    assert_eq!(decoded(53), [(2, 0)]);
    assert_eq!(decoded(-10), [(2, 0)]);
}

#[test]
fn records_that_make_no_sense() {
    let many_spans = [&HISTOGRAM[..20], b"\xff\xff\xff\xff\x0f"].concat();
    let head = b"\x07\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\x03\xe8\0\0";
    let cases: [&[u8]; 8] = [
        b"",
        b"\x01\0",
        b"\x02\0\0\0",
        b"\x01\0\0\0\0\0\0\0\x01\x01\x01a\x05b",
        b"\x01\0\0\0\0\0\0\0\x01\x01\x01\xff\x01b",
        b"\x05\0\0\0\0\0\0\0\x01\0",
        b"\x0b\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
        &[&head[..], &many_spans].concat(),
    ];
    for record in cases {
        assert!(decode(record).is_none(), "{record:x?}");
    }
    assert!(matches!(decode(b"\x0e\0\0"), Some(Content::Unknown)));
    assert!(matches!(decode(b"\0"), Some(Content::Unknown)));
}

/// Every record of the logs that Prometheus 3.14 wrote encodes to the bytes that it came from.
#[test]
fn records_of_the_reference() {
    let Some(conformance) = std::env::var_os("NARTHEX_CONFORMANCE").map(PathBuf::from) else {
        println!("skipped: NARTHEX_CONFORMANCE does not name the folder of conformance data");
        return;
    };
    let mut kinds = [0_u32; 16];
    for log in
        ["default/data/wal", "default/data/wbl", "experimental/data/wal", "experimental/data/wbl"]
    {
        let path = conformance.join("datadirs").join(log).join("00000000");
        let mut reader = SegmentReader::new(RealFiles.open_read(&path).unwrap());
        loop {
            let record = match reader.next().unwrap() {
                Next::Record { bytes, .. } => bytes,
                Next::Damage(damage) => panic!("{log}: {damage:?}"),
                Next::End => break,
            };
            kinds[usize::from(record[0])] += 1;
            let content = decode(record).expect("a record of the reference");
            let with_starts = record[0] >= SAMPLES_V2;
            let encoded = encode(&content, with_starts);
            assert!(encoded == [record], "{log}: {content:?}");
        }
    }
    println!("records by kind: {kinds:?}");
    let found = (0..kinds.len()).filter(|kind| kinds[*kind] > 0).collect::<Vec<_>>();
    assert_eq!(found, [1, 2, 3, 5, 7, 11, 12]);
}

fn any_buckets<N: std::fmt::Debug>(
    count: impl Strategy<Value = N>,
) -> impl Strategy<Value = Buckets<N>> {
    let spans = vec((any::<i32>(), any::<u32>()), 0..4);
    let spans = spans.prop_map(|spans| {
        spans.into_iter().map(|(offset, length)| Span { offset, length }).collect()
    });
    (spans, vec(count, 0..6)).prop_map(|(spans, counts)| Buckets { spans, counts })
}

fn any_schema() -> impl Strategy<Value = i32> {
    prop_oneof![-4..=8, Just(CUSTOM_BUCKETS_SCHEMA)]
}

fn any_hint() -> impl Strategy<Value = ResetHint> {
    let hints = [ResetHint::Unknown, ResetHint::Reset, ResetHint::NotReset, ResetHint::Gauge];
    prop::sample::select(hints.to_vec())
}

prop_compose! {
    fn any_histogram()(
        reset_hint in any_hint(),
        schema in any_schema(),
        (zero_count, count) in any::<(u64, u64)>(),
        (zero_threshold, sum) in any::<(f64, f64)>(),
        positive in any_buckets(any::<i64>()),
        negative in any_buckets(any::<i64>()),
        bounds in vec(any::<f64>(), 0..4),
    ) -> Histogram {
        let custom_bounds = if schema == CUSTOM_BUCKETS_SCHEMA { bounds.into() } else { [].into() };
        Histogram {
            reset_hint, schema, zero_threshold, zero_count, count, sum, positive, negative,
            custom_bounds,
        }
    }
}

prop_compose! {
    fn any_float_histogram()(
        like in any_histogram(),
        (zero_count, count) in any::<(f64, f64)>(),
        positive in any_buckets(any::<f64>()),
        negative in any_buckets(any::<f64>()),
    ) -> FloatHistogram {
        FloatHistogram { zero_count, count, positive, negative, ..like.to_float() }
    }
}

fn any_items<H: std::fmt::Debug>(
    histogram: impl Strategy<Value = H>,
) -> impl Strategy<Value = Vec<RefHistogram<H>>> {
    let item = (any::<(u64, i64, i64)>(), histogram).prop_map(|(place, histogram)| RefHistogram {
        reference: place.0,
        timestamp_ms: place.1,
        start_timestamp_ms: place.2,
        histogram,
    });
    vec(item, 1..8)
}

/// Decodes what `content` is encoded to, and compares it by text: bits of NaN have their own tests.
fn round_trip(content: &Content) {
    let [record] = &encode(content, true)[..] else { panic!("not one record") };
    let found = decode(record).expect("what was encoded");
    assert_eq!(format!("{found:?}"), format!("{content:?}"));
}

proptest! {
    #[test]
    fn any_record_decodes_or_fails(kind in 0_u8..16, body in vec(any::<u8>(), 0..200)) {
        let _ = decode(&[vec![kind], body].concat());
    }

    #[test]
    fn bent_histograms_decode_or_fail(
        items in any_items(any_histogram()), place in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        for with_starts in [false, true] {
            for mut record in encode(&Content::Histograms(items.clone()), with_starts) {
                let place = place.index(record.len());
                record[place] = byte;
                let _ = decode(&record);
            }
        }
    }

    #[test]
    fn samples_survive(
        samples in vec(any::<(u64, i64, i64, u64)>(), 0..50),
        shift in 0_u32..64,
        with_starts in any::<bool>(),
    ) {
        let items = samples.iter().map(|&(reference, timestamp_ms, start_ms, bits)| RefSample {
            reference: reference >> shift,
            timestamp_ms: timestamp_ms >> shift,
            start_timestamp_ms: if with_starts { start_ms } else { 0 },
            value: f64::from_bits(bits),
        });
        let expected = items.collect::<Vec<_>>();
        let record = encode(&Content::Samples(expected.clone()), with_starts).concat();
        let Some(Content::Samples(found)) = decode(&record) else {
            panic!("not a record of samples");
        };
        let parts = |item: &RefSample| {
            (item.reference, item.timestamp_ms, item.start_timestamp_ms, item.value.to_bits())
        };
        prop_assert!(found.iter().map(parts).eq(expected.iter().map(parts)));
    }

    #[test]
    fn histograms_survive(items in any_items(any_histogram())) {
        round_trip(&Content::Histograms(items));
    }

    #[test]
    fn float_histograms_survive(items in any_items(any_float_histogram())) {
        round_trip(&Content::FloatHistograms(items));
    }

    #[test]
    fn exemplars_survive(items in vec(any::<(u64, i64, f64)>(), 1..8), value in "[a-z]{1,9}") {
        let labels = Labels::from_pairs([("trace_id", value)]);
        let item = |(reference, timestamp_ms, value)| RefExemplar {
            reference, timestamp_ms, value, labels: labels.clone(),
        };
        round_trip(&Content::Exemplars(items.into_iter().map(item).collect()));
    }

    #[test]
    fn tombstones_survive(items in vec(any::<(u64, i64, i64)>(), 0..8)) {
        let item = |(reference, min_ms, max_ms)| Tombstone { reference, min_ms, max_ms };
        round_trip(&Content::Tombstones(items.into_iter().map(item).collect()));
    }
}
