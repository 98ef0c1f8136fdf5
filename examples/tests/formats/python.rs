//! The Python package `prometheus-client`: its parsers of both text formats, and what it writes.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use narthex_exposition::{
    ClassicBucket, ContentType, Entry, EscapingScheme, Family, HistogramPoint, Metric,
    OpenMetricsReader, PageFormat, PageReader, Point, Quantile, ReadOptions, ScrapeProtocol,
    StrictReader, SummaryPoint, write_page,
};
use narthex_model::{Exemplar, Labels, LabelsBuilder, MetricType};
use serde_json::Value;

const FORMATS: [(PageFormat, &str); 2] =
    [(PageFormat::Text, "text"), (PageFormat::OpenMetrics, "openmetrics")];

#[test]
fn python_reads_what_we_write() {
    let Some(python) = Python::find() else { return };
    for (protocol, name) in [
        (ScrapeProtocol::PrometheusText0_0_4, "text"),
        (ScrapeProtocol::PrometheusText1_0_0, "text"),
        (ScrapeProtocol::OpenMetricsText0_0_1, "openmetrics"),
        (ScrapeProtocol::OpenMetricsText1_0_0, "openmetrics"),
    ] {
        for escaping in [EscapingScheme::AllowUtf8, EscapingScheme::Values] {
            let page = write_page(&families(), ContentType { protocol, escaping });
            python.check(&page, protocol.format(), name);
        }
    }
}

#[test]
fn we_read_what_python_writes() {
    let Some(python) = Python::find() else { return };
    for (format, name) in FORMATS {
        let page = python.run(include_str!("write.py"), name, b"");
        python.check(page.as_bytes(), format, name);
        if format == PageFormat::OpenMetrics {
            let strict = StrictReader::new(page.as_bytes());
            assert_eq!(strict.filter_map(Result::err).next(), None, "{page}");
        }
    }
}

/// A Python that has the package.
struct Python(PathBuf);

impl Python {
    #[expect(clippy::print_stderr, reason = "a test that skips says so")]
    fn find() -> Option<Self> {
        let program = std::env::var_os("NARTHEX_PYTHON").unwrap_or_else(|| "python3".into());
        let has_package = Command::new(&program)
            .args(["-c", "import prometheus_client"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if has_package {
            return Some(Self(program.into()));
        }
        assert!(std::env::var_os("CI").is_none(), "no Python with prometheus-client");
        eprintln!("skipped: {program:?} has no package prometheus-client");
        None
    }

    /// Runs a script and returns what it prints.
    fn run(&self, script: &str, argument: &str, input: &[u8]) -> String {
        let mut child = Command::new(&self.0)
            .args(["-c", script, argument])
            .env("PYTHONIOENCODING", "utf-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // What does not read its input need not take it.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}\n{}", String::from_utf8_lossy(input));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Checks that we and the package read the same samples of a page.
    fn check(&self, page: &[u8], format: PageFormat, name: &str) {
        let lines = self.run(include_str!("read.py"), name, page);
        let mut theirs: Vec<Sample> = lines
            .lines()
            .map(|line| Sample::from_python(&serde_json::from_str(line).unwrap()))
            .collect();
        let mut ours = read(page, format);
        theirs.sort_by_key(Sample::key);
        ours.sort_by_key(Sample::key);
        assert!(ours.len() > 10);
        assert_eq!(ours, theirs, "{}", String::from_utf8_lossy(page));
    }
}

/// What both say of a sample. Floats are texts, so that a NaN equals itself.
#[derive(Debug, PartialEq)]
struct Sample {
    labels: BTreeMap<String, String>,
    value: String,
    timestamp_ms: Option<i64>,
    exemplar: Option<(BTreeMap<String, String>, String)>,
}

impl Sample {
    fn key(&self) -> (BTreeMap<String, String>, Option<i64>) {
        (self.labels.clone(), self.timestamp_ms)
    }

    fn from_python(line: &Value) -> Self {
        let exemplar = line["exemplar"]
            .as_array()
            .map(|exemplar| (python_labels(&exemplar[0]), float(exemplar[1].as_str().unwrap())));
        #[expect(clippy::cast_possible_truncation, reason = "times of this age")]
        let to_ms = |seconds: f64| (seconds * 1_000.0).round() as i64;
        Self {
            labels: python_labels(&line["labels"]),
            value: float(line["value"].as_str().unwrap()),
            timestamp_ms: line["timestamp"].as_f64().map(to_ms),
            exemplar,
        }
    }
}

fn python_labels(labels: &Value) -> BTreeMap<String, String> {
    let labels = labels.as_object().unwrap().iter();
    labels.map(|(name, value)| (name.clone(), canonical(name, value.as_str().unwrap()))).collect()
}

fn read(page: &[u8], format: PageFormat) -> Vec<Sample> {
    let mut reader = PageReader::new(page, format, ReadOptions::default());
    let mut labels = LabelsBuilder::default();
    let to_map = |labels: &LabelsBuilder| {
        let labels = labels.iter();
        labels.map(|(name, value)| (name.to_owned(), canonical(name, value))).collect()
    };
    let mut samples = Vec::new();
    while let Some(entry) = reader.next_entry() {
        let entry = entry.unwrap_or_else(|error| panic!("{error}"));
        if let Entry::Sample(sample) = entry {
            sample.labels(&mut labels).unwrap();
            let map = to_map(&labels);
            let exemplar = sample.exemplars().next().map(|exemplar| {
                exemplar.labels(&mut labels);
                (to_map(&labels), exemplar.value.to_string())
            });
            samples.push(Sample {
                labels: map,
                value: sample.value.as_float().unwrap().to_string(),
                timestamp_ms: sample.timestamp_ms,
                exemplar,
            });
        }
    }
    samples
}

/// Returns a float as Rust writes it.
fn float(text: &str) -> String {
    text.parse::<f64>().unwrap().to_string()
}

/// Returns the value of a label; a bound, however it is written.
fn canonical(name: &str, value: &str) -> String {
    if matches!(name, "le" | "quantile") { float(value) } else { value.to_owned() }
}

/// A family of each kind.
fn families() -> Vec<Family> {
    let exemplar = Exemplar {
        labels: Labels::from_pairs([("trace_id", "7f")]),
        value: 0.5,
        timestamp_ms: 1_700_000_000_250,
        has_own_timestamp: true,
    };
    let mut counter = Family::new("requests.seen_total", MetricType::Counter, "a\nb \\ \"c\"");
    counter.metrics.push(Metric {
        timestamp_ms: Some(1_700_000_000_500),
        start_timestamp_ms: 1_600_000_000_250,
        ..Metric::new(
            &[("label.é", "1\n\\\"")],
            Point::Number { value: 3.0, exemplar: Some(exemplar.clone()) },
        )
    });
    let mut gauge = Family::new("room_celsius", MetricType::Gauge, "");
    gauge.unit = "celsius".into();
    gauge.number(&[("z", "é")], -1.5).number(&[("z", "b")], f64::INFINITY).number(&[], f64::NAN);
    let mut untyped = Family::new("big", MetricType::Unknown, "");
    untyped.number(&[], 1.234e300);
    let mut histogram = Family::new("h_seconds", MetricType::Histogram, "Help.");
    let buckets = [(0.5, 2.0), (1.0, 2.0)].map(|(upper_bound, cumulative_count)| ClassicBucket {
        upper_bound,
        cumulative_count,
        exemplar: Some(exemplar.clone()),
    });
    let point =
        HistogramPoint { count: 3.0, sum: 4.5, buckets: buckets.into(), ..Default::default() };
    histogram.metrics.push(Metric::new(&[("x", "1")], Point::Histogram(point)));
    let mut summary = Family::new("s", MetricType::Summary, "");
    let median = Quantile { quantile: 0.5, value: 0.25 };
    let point = SummaryPoint { count: 3.0, sum: 4.5, quantiles: vec![median] };
    summary.metrics.push(Metric::new(&[], Point::Summary(point)));
    let mut info = Family::new("build_info", MetricType::Info, "");
    info.number(&[("version", "1.0")], 1.0);
    vec![counter, gauge, untyped, histogram, summary, info]
}

/// What we write keeps to the specification, too.
#[test]
fn our_openmetrics_is_strict() {
    let protocol = ScrapeProtocol::OpenMetricsText1_0_0;
    let content_type = ContentType { protocol, escaping: EscapingScheme::Values };
    let page = write_page(&families(), content_type);
    let strict = StrictReader::new(&page).map(Result::unwrap).count();
    assert_eq!(strict, OpenMetricsReader::new(&page).count());
}
