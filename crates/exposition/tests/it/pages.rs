//! Families, written in every format and read back.

use std::collections::BTreeMap;

use narthex_exposition::{
    ClassicBucket, ContentType, Entry, EscapingScheme, Family, HistogramPoint, Metric,
    NativeHistogram, PageReader, Point, Quantile, ReadOptions, SampleEntry, ScrapeProtocol,
    SummaryPoint, Value, read_families, write_page,
};
use narthex_model::histogram::{Buckets, FloatHistogram, Histogram};
use narthex_model::{Exemplar, Labels, LabelsBuilder, MetricType};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

/// What a page says, in an order of its own: series with value, times and exemplars.
type Read = BTreeMap<String, String>;

fn read(page: &[u8], protocol: ScrapeProtocol) -> Read {
    let options = ReadOptions {
        native_histograms: true,
        keep_classic_histograms: true,
        start_timestamps: true,
        ..ReadOptions::default()
    };
    let mut reader = PageReader::new(page, protocol.format(), options);
    let mut read = Read::new();
    while let Some(entry) = reader.next_entry() {
        match entry {
            Ok(Entry::Sample(sample)) => {
                let text = describe(&sample);
                let mut labels = LabelsBuilder::default();
                sample.labels(&mut labels).expect("names are unique");
                let is_native = sample.value.as_float().is_none();
                let series =
                    format!("{}{}", labels.build(), if is_native { " native" } else { "" });
                assert_eq!(read.insert(series, text), None, "{}", String::from_utf8_lossy(page));
            }
            Ok(_) => {}
            Err(error) => panic!("{error}:\n{}", String::from_utf8_lossy(page)),
        }
    }
    read
}

fn describe(sample: &SampleEntry<'_>) -> String {
    let exemplars = sample.exemplars().map(|exemplar| {
        let mut labels = LabelsBuilder::default();
        exemplar.labels(&mut labels);
        format!(" {}={}@{:?}", labels.build(), exemplar.value, exemplar.timestamp_ms)
    });
    let value = match sample.value {
        Value::Float(value) => value.to_string(),
        Value::Histogram(histogram) => format!("{histogram:?}"),
        Value::FloatHistogram(histogram) => format!("{histogram:?}"),
    };
    let (timestamp_ms, start_ms) = (sample.timestamp_ms, sample.start_timestamp_ms);
    format!("{value}@{timestamp_ms:?} since {start_ms}{}", exemplars.collect::<String>())
}

fn write(families: &[Family], protocol: ScrapeProtocol, escaping: EscapingScheme) -> Vec<u8> {
    write_page(families, ContentType { protocol, escaping })
}

fn exemplar(id: &str, timestamp_ms: Option<i64>) -> Exemplar {
    Exemplar {
        labels: Labels::from_pairs([("trace_id", id)]),
        value: 0.5,
        timestamp_ms: timestamp_ms.unwrap_or_default(),
        has_own_timestamp: timestamp_ms.is_some(),
    }
}

/// One family of each kind.
fn families() -> Vec<Family> {
    let mut counter = Family::new("a.b_total", MetricType::Counter, "one\ntwo \\ \"three\"");
    counter.metrics.push(Metric {
        timestamp_ms: Some(1_700_000_000_123),
        start_timestamp_ms: 1_600_000_000_500,
        ..Metric::new(
            &[("x.y", "1\n\\\"")],
            Point::Number { value: 3.0, exemplar: Some(exemplar("7f", Some(1_700_000_000_000))) },
        )
    });
    let mut gauge = Family::new("room_celsius", MetricType::Gauge, "");
    gauge.unit = "celsius".into();
    gauge.number(&[("z", "é")], -1.5).number(&[], f64::INFINITY);
    let mut histogram = Family::new("h_seconds", MetricType::Histogram, "");
    let small = ClassicBucket {
        upper_bound: 0.5,
        cumulative_count: 2.0,
        exemplar: Some(exemplar("8", None)),
    };
    let native = Histogram {
        count: 3,
        sum: 4.5,
        schema: 3,
        zero_threshold: 0.001,
        positive: Buckets::from_iter([(1, 2), (4, -1)]),
        ..Histogram::default()
    };
    let point = HistogramPoint {
        count: 3.0,
        sum: 4.5,
        buckets: vec![small],
        native: Some(NativeHistogram::Integer(native)),
        exemplars: vec![exemplar("9", Some(5))],
    };
    histogram.metrics.push(Metric::new(&[("x", "1")], Point::Histogram(point)));
    let mut summary = Family::new("s", MetricType::Summary, "");
    let median = Quantile { quantile: 0.5, value: 0.25 };
    let point = SummaryPoint { count: 3.0, sum: 4.5, quantiles: vec![median] };
    summary.metrics.push(Metric::new(&[], Point::Summary(point)));
    let mut info = Family::new("build_info", MetricType::Info, "");
    info.number(&[("version", "1.0")], 1.0);
    vec![counter, gauge, histogram, info, summary]
}

#[test]
fn text() {
    let page = write(&families(), ScrapeProtocol::PrometheusText0_0_4, EscapingScheme::Values);
    assert_eq!(
        String::from_utf8(page).expect("text is UTF-8"),
        r#"# HELP U__a_2e_b__total one\ntwo \\ "three"
# TYPE U__a_2e_b__total counter
U__a_2e_b__total{U__x_2e_y="1\n\\\""} 3 1700000000123
# TYPE room_celsius gauge
room_celsius{z="é"} -1.5
room_celsius +Inf
# TYPE h_seconds histogram
h_seconds_bucket{x="1",le="0.5"} 2
h_seconds_bucket{x="1",le="+Inf"} 3
h_seconds_sum{x="1"} 4.5
h_seconds_count{x="1"} 3
# TYPE build_info gauge
build_info{version="1.0"} 1
# TYPE s summary
s{quantile="0.5"} 0.25
s_sum 4.5
s_count 3
"#
    );
}

#[test]
fn openmetrics() {
    let page = write(&families(), ScrapeProtocol::OpenMetricsText1_0_0, EscapingScheme::AllowUtf8);
    assert_eq!(
        String::from_utf8(page).expect("text is UTF-8"),
        r##"# HELP "a.b" one\ntwo \\ \"three\"
# TYPE "a.b" counter
{"a.b_total","x.y"="1\n\\\""} 3.0 1700000000.123 # {trace_id="7f"} 0.5 1700000000
{"a.b_created","x.y"="1\n\\\""} 1600000000.5 1700000000.123
# TYPE room_celsius gauge
# UNIT room_celsius celsius
room_celsius{z="é"} -1.5
room_celsius +Inf
# TYPE h_seconds histogram
h_seconds_bucket{x="1",le="0.5"} 2 # {trace_id="8"} 0.5
h_seconds_bucket{x="1",le="+Inf"} 3
h_seconds_sum{x="1"} 4.5
h_seconds_count{x="1"} 3
# TYPE build info
build_info{version="1.0"} 1.0
# TYPE s summary
s{quantile="0.5"} 0.25
s_sum 4.5
s_count 3
# EOF
"##
    );
}

#[test]
fn all_formats_say_the_same() {
    let native = |series: &str| series.ends_with("native");
    let text = read(
        &write(&families(), ScrapeProtocol::PrometheusText1_0_0, EscapingScheme::AllowUtf8),
        ScrapeProtocol::PrometheusText1_0_0,
    );
    for protocol in ScrapeProtocol::ALL {
        let page = write(&families(), protocol, EscapingScheme::AllowUtf8);
        let mut read = read(&page, protocol);
        let natives = read.extract_if(.., |series, _| native(series)).collect::<Read>();
        assert_eq!(natives.len(), usize::from(protocol == ScrapeProtocol::PrometheusProto));
        assert!(read.keys().eq(text.keys()), "{protocol}: {read:?}");
        let counter = &read[r#"{__name__="a.b_total", "x.y"="1\n\\\""}"#];
        let expected = match protocol.is_prometheus_text() {
            true => "3@Some(1700000000123) since 0",
            false => {
                "3@Some(1700000000123) since 1600000000500 \
                 {trace_id=\"7f\"}=0.5@Some(1700000000000)"
            }
        };
        assert_eq!(counter, expected, "{protocol}");
    }
}

#[test]
fn native_histograms_read_back() {
    let float = FloatHistogram {
        count: 4.5,
        sum: 4.5,
        schema: -1,
        zero_count: 1.5,
        negative: Buckets::from_iter([(-1, 2.5), (0, 0.5)]),
        ..FloatHistogram::default()
    };
    // Nothing but a span without buckets shows that this one is native.
    let empty = Histogram { schema: 4, ..Histogram::default() };
    let mut family = Family::new("h", MetricType::GaugeHistogram, "");
    for (x, native, count, sum) in [
        ("1", NativeHistogram::Float(float.clone()), 4.5, 4.5),
        ("2", NativeHistogram::Integer(empty.clone()), 0.0, 0.0),
    ] {
        let native = Some(native);
        let point = HistogramPoint { count, sum, native, ..HistogramPoint::default() };
        family.metrics.push(Metric::new(&[("x", x)], Point::Histogram(point)));
    }
    let page = write(&[family], ScrapeProtocol::PrometheusProto, EscapingScheme::default());
    let options = ReadOptions { native_histograms: true, ..ReadOptions::default() };
    let format = ScrapeProtocol::PrometheusProto.format();
    let mut reader = PageReader::new(&page, format, options);
    let mut found = 0;
    while let Some(entry) = reader.next_entry() {
        if let Entry::Sample(sample) = entry.expect("the page is good") {
            match sample.value {
                Value::FloatHistogram(histogram) => assert_eq!(*histogram, float),
                Value::Histogram(histogram) => assert_eq!(*histogram, empty),
                Value::Float(_) => panic!("{} is no histogram", sample.series),
            }
            found += 1;
        }
    }
    assert_eq!(found, 2);
}

/// Families that were read are written as they were before.
#[test]
fn families_read_back() {
    let escaping = EscapingScheme::AllowUtf8;
    for protocol in ScrapeProtocol::ALL {
        let mut page = write(&families(), protocol, escaping);
        if protocol == ScrapeProtocol::PrometheusProto {
            // A reader adds the infinite bucket that goes without saying.
            let read = read_families(&page, protocol.format()).expect("the page is good");
            page = write(&read, protocol, escaping);
        }
        let read = read_families(&page, protocol.format()).expect("the page is good");
        let again = write(&read, protocol, escaping);
        assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&page), "{protocol}");
    }
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_][a-z0-9_]{0,8}", r#"[a-z_:.\\"\n{}=,# é🌍0-9]{1,8}"#]
        .prop_filter("reserved", |name| {
            !name.starts_with("__") && name != "le" && name != "quantile"
        })
}

fn numbers() -> impl Strategy<Value = Family> {
    let labels = btree_map(name(), "[a-z\\\\\"\n é]{1,8}", 0..4);
    let value = prop_oneof![any::<f64>().prop_filter("NaN", |value| !value.is_nan()), Just(1.0)];
    // OpenMetrics has seconds, which readers cut after the milliseconds: quarters are exact.
    let timestamp_ms = (1..16_000_000_000_i64).prop_map(|quarters| 250 * quarters);
    let metric = (labels, value, prop::option::of(timestamp_ms));
    (name(), "[a-z\\\\\"\n é]{0,8}", vec(metric, 0..4), any::<bool>()).prop_map(
        |(name, help, metrics, is_counter)| {
            let metric_type = if is_counter { MetricType::Counter } else { MetricType::Gauge };
            let mut family = Family::new(&name, metric_type, &help);
            for (index, (labels, value, timestamp_ms)) in metrics.into_iter().enumerate() {
                let mut labels: Vec<_> = labels.into_iter().collect();
                // No two metrics of a family have the same labels.
                labels.push(("__index".into(), index.to_string()));
                let point = Point::Number { value, exemplar: None };
                let metric = Metric::new(&[], point);
                family.metrics.push(Metric { labels, timestamp_ms, ..metric });
            }
            family
        },
    )
}

proptest! {
    /// Every format gives back what was written, names and all.
    #[test]
    fn pages_read_back(family in numbers()) {
        let mut expected = Read::new();
        for metric in &family.metrics {
            let name = ("__name__".to_owned(), family.name.clone());
            let labels: Labels = metric.labels.iter().cloned().chain([name]).collect();
            let Point::Number { value, .. } = metric.point else { unreachable!("all are numbers") };
            let value = format!("{}@{:?} since 0", value + 0.0, metric.timestamp_ms);
            expected.insert(labels.to_string(), value);
        }
        for protocol in ScrapeProtocol::ALL {
            let page = write(std::slice::from_ref(&family), protocol, EscapingScheme::AllowUtf8);
            let read = read(&page, protocol);
            let normal = |value: &String| value.replacen("-0@", "0@", 1);
            let read: Read = read.iter().map(|(series, value)| (series.clone(), normal(value))).collect();
            prop_assert_eq!(&read, &expected, "{}", protocol);
        }
    }

    /// Escaped names are of the legacy charset, and two schemes can be undone.
    #[test]
    fn names_escape(name in name()) {
        for scheme in [EscapingScheme::Underscores, EscapingScheme::Dots, EscapingScheme::Values] {
            let escaped = scheme.escape(&name);
            prop_assert!(narthex_model::is_legacy_metric_name(&escaped), "{}: {}", scheme, escaped);
        }
        let escaped = EscapingScheme::Values.escape(&name);
        // A legacy name passes, even one that looks escaped.
        if escaped != name || !name.starts_with("U__") {
            prop_assert_eq!(EscapingScheme::Values.unescape(&escaped), name.as_str());
        }
        if name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'.')) {
            let dots = EscapingScheme::Dots;
            let escaped = dots.escape(&name);
            prop_assert_eq!(dots.unescape(&escaped), name.as_str());
        }
    }

    /// A page with escaped names holds as many samples, unless two names become one.
    #[test]
    fn escaped_pages_read(family in numbers()) {
        for scheme in [EscapingScheme::Underscores, EscapingScheme::Dots, EscapingScheme::Values] {
            for protocol in ScrapeProtocol::ALL {
                let page = write(std::slice::from_ref(&family), protocol, scheme);
                let options = ReadOptions::default();
                let mut reader = PageReader::new(&page, protocol.format(), options);
                let mut sample_count = 0;
                while let Some(entry) = reader.next_entry() {
                    let entry = entry.map_err(|error| TestCaseError::fail(error.to_string()))?;
                    sample_count += usize::from(matches!(entry, Entry::Sample(_)));
                }
                prop_assert_eq!(sample_count, family.metrics.len());
            }
        }
    }
}
