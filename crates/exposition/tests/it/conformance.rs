//! Bodies that Prometheus 3.14 scraped, and what it stored, said or refused.
//!
//! `NARTHEX_CONFORMANCE` names the folder of recorded answers; without it these tests skip.

use std::collections::BTreeMap;
use std::path::PathBuf;

use narthex_exposition::{Entry, OpenMetricsReader, ParseError, ParseErrorKind, TextReader};
use narthex_model::{LabelsBuilder, METRIC_NAME_LABEL};
use serde_json::Value;

/// The time for which the recorded bodies were written.
const SCRAPE_TIME_MS: i64 = 1_700_000_000_000;
/// The labels that the recording scraper adds to every series.
const TARGET_LABELS: [&str; 3] = ["case", "instance", "job"];
/// The recorded cases that serve a plain body as text.
const TEXT_CASES: [&str; 6] =
    ["text/", "text1/", "broken-text", "cut-text", "random-text", "om-as-text"];
/// Those that serve one as OpenMetrics.
const OPENMETRICS_CASES: [&str; 7] =
    ["om/", "om0/", "broken-om", "cut-om", "random-om", "openmetrics-tests", "text-as-om"];

type SeriesLabels = BTreeMap<String, String>;

/// What a page holds, in the terms of the recording.
#[derive(Debug, Default)]
struct Page {
    /// The first value of each series at each time; a time is a distance from the scrape.
    samples: BTreeMap<(SeriesLabels, Option<i64>), f64>,
    /// Type and help by metric.
    metadata: BTreeMap<String, (String, String)>,
    error: String,
}

#[test]
fn scrapes_agree_with_the_reference() {
    let Some(folder) = conformance_folder() else { return };
    let lines = std::fs::read_to_string(folder.join("vectors/scrape/exposition.jsonl"))
        .expect("the recorded scrapes are readable");
    let (mut text_count, mut openmetrics_count) = (0, 0);
    for line in lines.lines() {
        let case: Value = serde_json::from_str(line).expect("a recorded scrape is JSON");
        let name = case["name"].as_str().unwrap_or_default();
        let step = &case["steps"][0];
        let plain = step["headers"].is_null() && step["status"].is_null() && step["raw"].is_null();
        // How labels of the target and of the page clash is the scraper's business.
        let clashes = ["text/clash", "om/clash", "openmetrics-tests/untyped"];
        let clashes = clashes.iter().any(|prefix| name.starts_with(prefix));
        let body = decode_base64(step["body"].as_str().unwrap_or_default());
        if case["group"] != "default" || !plain || clashes {
            continue;
        }
        if TEXT_CASES.iter().any(|prefix| name.starts_with(prefix)) {
            check(name, &read(TextReader::new(&body)), &case["after"][0]);
            text_count += 1;
        // The scraper takes an empty page of any format.
        } else if OPENMETRICS_CASES.iter().any(|prefix| name.starts_with(prefix))
            && !body.is_empty()
        {
            check(name, &read(OpenMetricsReader::new(&body)), &case["after"][0]);
            openmetrics_count += 1;
        }
    }
    assert!(text_count > 500, "only {text_count} recorded scrapes of text");
    assert!(openmetrics_count > 600, "only {openmetrics_count} recorded scrapes of OpenMetrics");
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
fn conformance_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("NARTHEX_CONFORMANCE").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: NARTHEX_CONFORMANCE does not name the recorded answers");
    }
    folder
}

fn read<'a>(entries: impl Iterator<Item = Result<Entry<'a>, ParseError>>) -> Page {
    let mut page = Page::default();
    let mut labels = LabelsBuilder::default();
    for entry in entries {
        match entry {
            Ok(Entry::Help { name, text }) => {
                page.metadata.entry(name.into()).or_default().1 = text.unescape().into_owned();
            }
            Ok(Entry::Type { name, metric_type }) => {
                page.metadata.entry(name.into()).or_default().0 = metric_type.to_string();
            }
            Ok(Entry::Unit { name, .. }) => {
                page.metadata.entry(name.into()).or_default();
            }
            Ok(Entry::Sample(sample)) => {
                if let Err(error) = sample.labels(&mut labels) {
                    page.error = error.to_string();
                    break;
                }
                if labels.get(METRIC_NAME_LABEL).is_none() {
                    page.error = "missing metric name (__name__ label)".into();
                    break;
                }
                let series = labels.iter().map(|(name, value)| (name.into(), value.into()));
                let offset_ms = sample.timestamp_ms.map(|ms| ms.wrapping_sub(SCRAPE_TIME_MS));
                page.samples.entry((series.collect(), offset_ms)).or_insert(sample.value);
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
        check_metadata(case, page, &after["metadata"]);
    }
}

fn check_samples(case: &str, page: &Page, stored: &Value) {
    let mut expected = BTreeMap::new();
    for series in stored.as_array().into_iter().flatten() {
        let labels = series["labels"].as_object().into_iter().flatten();
        let labels: SeriesLabels = labels
            .filter(|(name, _)| !TARGET_LABELS.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().into()))
            .collect();
        for sample in series["samples"].as_array().into_iter().flatten() {
            let value = sample[2].as_str().unwrap_or_default().to_owned();
            expected.insert((labels.clone(), sample[1].as_i64()), value);
        }
    }
    for (key, value) in &expected {
        let ours = page.samples.get(key).unwrap_or_else(|| panic!("{case}: {key:?} is missing"));
        let recorded = recorded_value(value);
        // The recording lost the sign of zeros.
        let same = ours.to_bits() == recorded.to_bits() || (*ours == 0.0 && recorded == 0.0);
        assert!(same, "{case}: {key:?} is {ours}, not {recorded}");
    }
    // The store refuses some times that a page may name, and the scraper a series that came before.
    for (series, offset_ms) in page.samples.keys() {
        let stored = expected.keys().any(|(stored, _)| stored == series);
        assert!(stored || offset_ms.is_some(), "{case}: {series:?} was not stored");
    }
}

fn check_metadata(case: &str, page: &Page, listed: &Value) {
    for metadata in listed.as_array().into_iter().flatten() {
        let text = |key: &str| metadata[key].as_str().unwrap_or_default();
        let ours = page.metadata.get(text("metric"));
        let (metric_type, help) = ours.unwrap_or_else(|| panic!("{case}: {metadata}"));
        let metric_type = if metric_type.is_empty() { "unknown" } else { metric_type };
        assert_eq!((metric_type, help.as_str()), (text("type"), text("help")), "{case}");
    }
    let listed_count = listed.as_array().map_or(0, Vec::len);
    assert_eq!(page.metadata.len(), listed_count, "{case}");
}

fn recorded_value(text: &str) -> f64 {
    match text {
        "NaN" => narthex_model::NORMAL_NAN,
        number => number.parse().expect("a recorded value is a number"),
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
