//! Bodies that Prometheus 3.14 scraped, and what it stored, said or refused.
//!
//! `NARTHEX_CONFORMANCE` names the folder of recorded answers; without it these tests skip.

use std::collections::BTreeMap;
use std::path::PathBuf;

use narthex_exposition::{
    Entry, PageFormat, PageReader, ParseErrorKind, ReadOptions, SampleEntry, Value as Read,
};
use narthex_model::histogram::{Buckets, ResetHint};
use narthex_model::{LabelsBuilder, METRIC_NAME_LABEL, NORMAL_NAN, is_stale_nan};
use serde_json::Value;

/// The time for which the recorded bodies were written.
const SCRAPE_TIME_MS: i64 = 1_700_000_000_000;
/// The labels that the recording scraper adds to every series.
const TARGET_LABELS: [&str; 3] = ["case", "instance", "job"];
/// The recorded cases that serve a plain body, by format.
const CASES: [(PageFormat, &[&str]); 3] = [
    (
        PageFormat::Text,
        &["text/", "text1/", "broken-text", "cut-text", "random-text", "om-as-text"],
    ),
    (
        PageFormat::OpenMetrics,
        &["om/", "om0/", "broken-om", "cut-om", "random-om", "openmetrics-tests", "text-as-om"],
    ),
    (PageFormat::Protobuf, &["pb/", "random-pb"]),
];

type SeriesLabels = BTreeMap<String, String>;

/// What a page holds, in the terms of the recording.
#[derive(Debug, Default)]
struct Page {
    /// The first value of each series at each time; a time is a distance from the scrape.
    samples: BTreeMap<(SeriesLabels, Option<i64>), String>,
    exemplars: BTreeMap<(SeriesLabels, SeriesLabels), String>,
    /// Type, help and unit by metric.
    metadata: BTreeMap<String, [String; 3]>,
    error: String,
}

#[test]
fn scrapes_agree_with_the_reference() {
    let Some(folder) = conformance_folder() else { return };
    let lines = std::fs::read_to_string(folder.join("vectors/scrape/exposition.jsonl"))
        .expect("the recorded scrapes are readable");
    let mut counts = BTreeMap::new();
    for line in lines.lines() {
        let case: Value = serde_json::from_str(line).expect("a recorded scrape is JSON");
        let name = case["name"].as_str().unwrap_or_default();
        let group = case["group"].as_str().unwrap_or_default();
        let Some(options) = options(group) else { continue };
        let step = &case["steps"][0];
        let plain = step["headers"].is_null() && step["status"].is_null() && step["raw"].is_null();
        // How labels of the target and of the page clash is the scraper's business.
        let clashes = ["text/clash", "om/clash", "pb/clash", "openmetrics-tests/untyped"];
        let clashes = clashes.iter().any(|prefix| name.starts_with(prefix));
        let body = decode_base64(step["body"].as_str().unwrap_or_default());
        let of_format = |(_, prefixes): &&(PageFormat, &[&str])| {
            prefixes.iter().any(|prefix| name.starts_with(prefix))
        };
        // The scraper takes an empty page of any format.
        if let Some((format, _)) = CASES.iter().find(of_format)
            && plain
            && !clashes
            && !body.is_empty()
        {
            let page = read(PageReader::new(&body, *format, options));
            check(&format!("{group} {name}"), &page, &case["after"][0]);
            *counts.entry(format!("{format:?} {group}")).or_insert(0) += 1;
        }
    }
    let count = |key: &str| counts.get(key).copied().unwrap_or_default();
    assert!(count("Text default") > 500 && count("OpenMetrics default") > 600, "{counts:?}");
    assert!(count("Protobuf default") > 150 && count("Protobuf native") > 50, "{counts:?}");
    assert!(count("Text nhcb") > 10 && count("OpenMetrics nhcb") > 10, "{counts:?}");
}

/// Returns the options of a group whose jobs differ from the default in them alone.
fn options(group: &str) -> Option<ReadOptions> {
    let (mut native, mut convert, mut keep) = (false, false, false);
    match group {
        "default" => {}
        "native" => native = true,
        "nhcb" => convert = true,
        "native_classic" => (native, keep) = (true, true),
        "native_nhcb" => (native, convert) = (true, true),
        "nhcb_classic" => (convert, keep) = (true, true),
        "native_nhcb_classic" => (native, convert, keep) = (true, true, true),
        _ => return None,
    }
    Some(ReadOptions {
        native_histograms: native,
        convert_classic_histograms: convert,
        keep_classic_histograms: keep,
        ..ReadOptions::default()
    })
}

#[test]
fn real_pages_read_to_their_end() {
    let Some(folder) = conformance_folder() else { return };
    let folder = folder.join("prometheus/model/textparse/testdata");
    for (file, sample_count) in
        [("alltypes.237mfs.prom.txt", 1_200), ("alltypes.237mfs.nometa.prom.txt", 1_200)]
    {
        let page = std::fs::read(folder.join(file)).expect("the page is readable");
        let samples = crate::samples(&page);
        assert!(samples.len() > sample_count, "{file} has {} samples", samples.len());
        for sample in &samples {
            assert!(!crate::labels(sample).metric_name().is_empty(), "{file}: {}", sample.series);
        }
    }
}

#[expect(clippy::print_stderr, reason = "a test that skips says so")]
pub(crate) fn conformance_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("NARTHEX_CONFORMANCE").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: NARTHEX_CONFORMANCE does not name the recorded answers");
    }
    folder
}

fn read(mut reader: PageReader<'_>) -> Page {
    let mut page = Page::default();
    while let Some(entry) = reader.next_entry() {
        match entry {
            Ok(Entry::Help { name, text }) => {
                page.metadata.entry(name.into()).or_default()[1] = text.unescape().into_owned();
            }
            Ok(Entry::Type { name, metric_type }) => {
                page.metadata.entry(name.into()).or_default()[0] = metric_type.to_string();
            }
            Ok(Entry::Unit { name, unit }) => {
                page.metadata.entry(name.into()).or_default()[2] = unit.to_owned();
            }
            Ok(Entry::Sample(sample)) => {
                if let Err(error) = page.add(&sample) {
                    page.error = error;
                    break;
                }
            }
            Ok(_) => {}
            Err(error) => {
                let later = matches!(*error.kind, ParseErrorKind::InvalidName { .. });
                let message = error.kind.to_string();
                // The reference checks names later and quotes the label set instead.
                page.error = if later { INVALID_NAME.into() } else { message };
            }
        }
    }
    page
}

impl Page {
    fn add(&mut self, sample: &SampleEntry<'_>) -> Result<(), String> {
        let mut labels = LabelsBuilder::default();
        sample.labels(&mut labels).map_err(|error| error.to_string())?;
        if labels.get(METRIC_NAME_LABEL).is_none() {
            return Err("missing metric name (__name__ label)".into());
        }
        match sample.value {
            Read::Float(_) => {}
            Read::Histogram(histogram) => {
                histogram.validate().map_err(|error| error.to_string())?
            }
            Read::FloatHistogram(histogram) => {
                histogram.validate().map_err(|error| error.to_string())?;
            }
        }
        let series = to_map(&labels);
        let offset_ms = sample.timestamp_ms.map(|ms| ms.wrapping_sub(SCRAPE_TIME_MS));
        for exemplar in sample.exemplars() {
            exemplar.labels(&mut labels);
            let value = format_float(exemplar.value);
            self.exemplars.insert((series.clone(), to_map(&labels)), value);
        }
        self.samples.entry((series, offset_ms)).or_insert_with(|| format_value(sample.value));
        Ok(())
    }
}

fn to_map(labels: &LabelsBuilder) -> SeriesLabels {
    labels.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

/// How the reference begins its error for a name that is no name.
const INVALID_NAME: &str = "invalid metric name or label names: ";

fn check(case: &str, page: &Page, after: &Value) {
    let error = after["error"].as_str().unwrap_or_default();
    if error.starts_with(INVALID_NAME) && page.error.is_empty() {
        // An empty label name: for the scraper to refuse.
        assert!(page.samples.keys().any(|(series, _)| series.contains_key("")), "{case}");
        return;
    }
    if page.error == INVALID_NAME {
        assert!(error.starts_with(INVALID_NAME), "{case}: {error}");
        return;
    }
    assert_eq!(page.error, error, "{case}");
    if error.is_empty() {
        check_samples(case, page, &after["series"]);
        check_exemplars(case, page, &after["exemplars"]);
        check_metadata(case, page, &after["metadata"]);
    }
}

fn check_samples(case: &str, page: &Page, stored: &Value) {
    let mut expected = BTreeMap::new();
    for series in stored.as_array().into_iter().flatten() {
        let labels = recorded_labels(&series["labels"]);
        for sample in series["samples"].as_array().into_iter().flatten() {
            expected.insert((labels.clone(), sample[1].as_i64()), recorded_value(&sample[2]));
        }
    }
    for (key, value) in &expected {
        let ours = page.samples.get(key).unwrap_or_else(|| panic!("{case}: {key:?} is missing"));
        assert_eq!(ours, value, "{case}: {key:?}");
    }
    // The store refuses some times that a page may name, and the scraper a series that came before.
    for (series, offset_ms) in page.samples.keys() {
        let stored = expected.keys().any(|(stored, _)| stored == series);
        assert!(stored || offset_ms.is_some(), "{case}: {series:?} was not stored");
    }
}

/// Every exemplar that was stored must be on the page. The store leaves out some.
fn check_exemplars(case: &str, page: &Page, stored: &Value) {
    for series in stored.as_array().into_iter().flatten() {
        let labels = recorded_labels(&series["series"]);
        for exemplar in series["exemplars"].as_array().into_iter().flatten() {
            let own = exemplar["labels"].as_object().into_iter().flatten();
            let own: SeriesLabels = own
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().into()))
                .collect();
            // An exemplar that nobody can be shown is left out.
            if own.values().any(|value| value.contains("\\x") && case.contains("bad_utf8")) {
                continue;
            }
            let ours = page.exemplars.get(&(labels.clone(), own.clone()));
            let value = exemplar["value"].as_str();
            let value = value.map(recorded_float);
            assert_eq!(ours, value.as_ref(), "{case}: {labels:?} {own:?}");
        }
    }
}

fn check_metadata(case: &str, page: &Page, listed: &Value) {
    for metadata in listed.as_array().into_iter().flatten() {
        let text = |key: &str| metadata[key].as_str().unwrap_or_default();
        let ours = page.metadata.get(text("metric"));
        let [metric_type, help, _] = ours.unwrap_or_else(|| panic!("{case}: {metadata}"));
        let metric_type = if metric_type.is_empty() { "unknown" } else { metric_type };
        assert_eq!((metric_type, help.as_str()), (text("type"), text("help")), "{case}");
    }
    let listed_count = listed.as_array().map_or(0, Vec::len);
    assert_eq!(page.metadata.len(), listed_count, "{case}");
}

fn recorded_labels(labels: &Value) -> SeriesLabels {
    let labels = labels.as_object().into_iter().flatten();
    labels
        .filter(|(name, _)| !TARGET_LABELS.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().into()))
        .collect()
}

/// Returns a recorded value as [`format_value`] writes it.
fn recorded_value(value: &Value) -> String {
    let Value::Object(histogram) = value else {
        return recorded_float(value.as_str().unwrap_or_default());
    };
    let text = |key: &str| histogram.get(key).and_then(Value::as_str).unwrap_or("0");
    let is_float = text("kind") == "float";
    let list = |key: &str| histogram.get(key).and_then(Value::as_array).into_iter().flatten();
    let mut out = format!(
        "{} schema={} zero={}:{} count={} sum={} hint={} bounds=",
        text("kind"),
        histogram.get("schema").and_then(Value::as_i64).unwrap_or_default(),
        recorded_float(text("zero_threshold")),
        recorded_float(text("zero_count")),
        recorded_float(text("count")),
        recorded_float(text("sum")),
        text("reset_hint"),
    );
    for bound in list("custom_values") {
        out += &format!("{},", recorded_float(bound.as_str().unwrap_or_default()));
    }
    for side in ["positive", "negative"] {
        out += &format!(" {side}=");
        for span in list(&format!("{side}_spans")) {
            out += &format!("{}:{},", span[0], span[1]);
        }
        let counts = if is_float { "counts" } else { "deltas" };
        for count in list(&format!("{side}_{counts}")) {
            let text = count.as_str().map_or_else(|| count.to_string(), recorded_float);
            out += &format!(" {text}");
        }
    }
    out
}

fn recorded_float(text: &str) -> String {
    match text {
        "stale" => text.into(),
        text if text.starts_with("NaN") => text.into(),
        number => format_float(number.parse().expect("a recorded value is a number")),
    }
}

fn format_value(value: Read<'_>) -> String {
    match value {
        Read::Float(value) => format_float(value),
        Read::Histogram(histogram) if is_stale_nan(histogram.sum) => "stale".into(),
        Read::FloatHistogram(histogram) if is_stale_nan(histogram.sum) => "stale".into(),
        Read::Histogram(histogram) => {
            format!(
                "int schema={} zero={}:{} count={} sum={} hint={} bounds={} positive={} \
                 negative={}",
                histogram.schema,
                format_float(histogram.zero_threshold),
                histogram.zero_count,
                histogram.count,
                format_float(histogram.sum),
                format_hint(histogram.reset_hint),
                format_bounds(&histogram.custom_bounds),
                format_side(&histogram.positive, i64::to_string),
                format_side(&histogram.negative, i64::to_string),
            )
        }
        Read::FloatHistogram(histogram) => {
            format!(
                "float schema={} zero={}:{} count={} sum={} hint={} bounds={} positive={} \
                 negative={}",
                histogram.schema,
                format_float(histogram.zero_threshold),
                format_float(histogram.zero_count),
                format_float(histogram.count),
                format_float(histogram.sum),
                format_hint(histogram.reset_hint),
                format_bounds(&histogram.custom_bounds),
                format_side(&histogram.positive, |count| format_float(*count)),
                format_side(&histogram.negative, |count| format_float(*count)),
            )
        }
    }
}

fn format_side<N>(buckets: &Buckets<N>, format_count: impl Fn(&N) -> String) -> String {
    let spans = buckets.spans.iter().map(|span| format!("{}:{},", span.offset, span.length));
    let counts = buckets.counts.iter().map(|count| format!(" {}", format_count(count)));
    spans.chain(counts).collect()
}

fn format_bounds(bounds: &[f64]) -> String {
    bounds.iter().map(|bound| format!("{},", format_float(*bound))).collect()
}

fn format_hint(hint: ResetHint) -> &'static str {
    match hint {
        ResetHint::Unknown => "unknown",
        ResetHint::Reset => "reset",
        ResetHint::NotReset => "not_reset",
        ResetHint::Gauge => "gauge",
    }
}

fn format_float(value: f64) -> String {
    if is_stale_nan(value) {
        "stale".into()
    } else if value.to_bits() == NORMAL_NAN.to_bits() {
        "NaN".into()
    } else if value.is_nan() {
        format!("NaN {:016x}", value.to_bits())
    } else {
        // The recording lost the sign of zeros.
        (value + 0.0).to_string()
    }
}

fn decode_base64(text: &str) -> Vec<u8> {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    // The digits so far that make no whole byte yet.
    let (mut bits, mut bit_count) = (0_usize, 0);
    for char in text.bytes().filter(|char| *char != b'=') {
        let digit = digits.iter().position(|digit| *digit == char).expect("bodies are base64");
        bits = bits << 6 | digit;
        bit_count += 6;
        if bit_count >= 8 {
            bit_count -= 8;
            bytes.push(u8::try_from(bits >> bit_count).expect("14 bits at most, less 6"));
            bits &= (1 << bit_count) - 1;
        }
    }
    bytes
}
