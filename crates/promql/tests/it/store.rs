use std::sync::Arc;

use narthex_model::histogram::{Buckets, FloatHistogram, Histogram, ResetHint, Span};
use narthex_model::{Labels, STALE_NAN, float};
use narthex_storage::{Appendable, MemoryStore, SampleValue, SeriesKey};
use serde_json::Value as Json;

/// The value of a recorded sample.
enum Point {
    Float(f64),
    Integers(Histogram),
    Floats(FloatHistogram),
}

/// Adds samples of one series to `store`.
pub(crate) fn append(store: &MemoryStore, labels: &Labels, samples: &[(i64, f64)]) {
    let mut appender = store.appender();
    for &(timestamp_ms, value) in samples {
        appender
            .append(SeriesKey::Labels(labels), timestamp_ms, SampleValue::Float(value))
            .unwrap();
    }
    appender.commit().unwrap();
}

/// Returns the store that the lines `{"labels": {…}, "samples": [[t_ms, "value"], …]}` describe.
///
/// The recordings were made of series that were sent in slices of ten minutes, so that those which
/// begin later are younger. The order of a store's series decides between equal values.
pub(crate) fn load(lines: &str) -> MemoryStore {
    let mut series: Vec<(Labels, Vec<(i64, Point)>)> = lines.lines().map(parse_series).collect();
    let times = || series.iter().flat_map(|(_, samples)| samples.iter().map(|sample| sample.0));
    let first_ms = times().min().unwrap_or_default();
    series.sort_by_key(|(_, samples)| (samples[0].0 - first_ms) / SLICE_MS);
    let store = MemoryStore::default();
    let mut appender = store.appender();
    for (labels, samples) in series {
        for (timestamp_ms, point) in &samples {
            let value = match point {
                Point::Float(value) => SampleValue::Float(*value),
                Point::Integers(histogram) => SampleValue::Histogram(histogram),
                Point::Floats(histogram) => SampleValue::FloatHistogram(histogram),
            };
            appender.append(SeriesKey::Labels(&labels), *timestamp_ms, value).unwrap();
        }
    }
    appender.commit().unwrap();
    drop(appender);
    store
}

fn parse_series(line: &str) -> (Labels, Vec<(i64, Point)>) {
    let line: Json = serde_json::from_str(line).unwrap();
    let labels = line["labels"].as_object().unwrap();
    let labels = labels.iter().map(|(name, value)| (name, value.as_str().unwrap()));
    let samples = line["samples"].as_array().unwrap().iter();
    let samples = samples.map(|sample| (sample[0].as_i64().unwrap(), point(&sample[1])));
    (Labels::from_pairs(labels), samples.collect())
}

fn point(value: &Json) -> Point {
    if value.is_string() {
        return Point::Float(number(value));
    }
    let floats = histogram(value);
    if value["kind"] == "float" {
        return Point::Floats(floats);
    }
    let FloatHistogram { reset_hint, schema, zero_threshold, sum, .. } = floats;
    Point::Integers(Histogram {
        reset_hint,
        schema,
        zero_threshold,
        zero_count: whole(floats.zero_count),
        count: whole(floats.count),
        sum,
        positive: differences(&floats.positive),
        negative: differences(&floats.negative),
        custom_bounds: floats.custom_bounds,
    })
}

fn histogram(value: &Json) -> FloatHistogram {
    FloatHistogram {
        reset_hint: match value["hint"].as_str().unwrap() {
            "reset" => ResetHint::Reset,
            "not_reset" => ResetHint::NotReset,
            "gauge" => ResetHint::Gauge,
            _ => ResetHint::Unknown,
        },
        schema: i32::try_from(value["schema"].as_i64().unwrap()).unwrap(),
        zero_threshold: number(&value["zero_threshold"]),
        zero_count: number(&value["zero_count"]),
        count: number(&value["count"]),
        sum: number(&value["sum"]),
        positive: buckets(&value["positive_spans"], &value["positive_counts"]),
        negative: buckets(&value["negative_spans"], &value["negative_counts"]),
        custom_bounds: Arc::from(numbers(&value["custom_values"])),
    }
}

fn buckets(spans: &Json, counts: &Json) -> Buckets<f64> {
    let span = |span: &Json| Span {
        offset: i32::try_from(span[0].as_i64().unwrap()).unwrap(),
        length: u32::try_from(span[1].as_i64().unwrap()).unwrap(),
    };
    let spans = spans.as_array().map_or(Vec::new(), |spans| spans.iter().map(span).collect());
    Buckets { spans, counts: numbers(counts) }
}

fn differences(buckets: &Buckets<f64>) -> Buckets<i64> {
    let mut before = 0;
    let difference = |count: &f64| {
        let count = whole(*count).cast_signed();
        let difference = count - before;
        before = count;
        difference
    };
    Buckets {
        spans: buckets.spans.clone(),
        counts: buckets.counts.iter().map(difference).collect(),
    }
}

fn numbers(values: &Json) -> Vec<f64> {
    values.as_array().map_or(Vec::new(), |values| values.iter().map(number).collect())
}

fn number(value: &Json) -> f64 {
    match value.as_str().unwrap() {
        "stale" => STALE_NAN,
        text => float::parse(text).unwrap_or_else(|| panic!("{text:?} is no number")),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are small")]
fn whole(count: f64) -> u64 {
    count as u64
}

const SLICE_MS: i64 = 10 * 60 * 1000;
