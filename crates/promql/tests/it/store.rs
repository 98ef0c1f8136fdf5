use narthex_model::{Labels, STALE_NAN, float};
use narthex_storage::{Appendable, MemoryStore, SampleValue, SeriesKey};
use serde_json::Value as Json;

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
    let mut series: Vec<(Labels, Vec<(i64, f64)>)> = lines.lines().map(parse_series).collect();
    let times = || series.iter().flat_map(|(_, samples)| samples.iter().map(|sample| sample.0));
    let first_ms = times().min().unwrap_or_default();
    series.sort_by_key(|(_, samples)| (samples[0].0 - first_ms) / SLICE_MS);
    let store = MemoryStore::default();
    for (labels, samples) in series {
        append(&store, &labels, &samples);
    }
    store
}

fn parse_series(line: &str) -> (Labels, Vec<(i64, f64)>) {
    let line: Json = serde_json::from_str(line).unwrap();
    let labels = line["labels"].as_object().unwrap();
    let labels = labels.iter().map(|(name, value)| (name, value.as_str().unwrap()));
    let samples = line["samples"].as_array().unwrap().iter().map(sample).collect();
    (Labels::from_pairs(labels), samples)
}

fn sample(sample: &Json) -> (i64, f64) {
    let value = match sample[1].as_str().unwrap() {
        "stale" => STALE_NAN,
        text => float::parse(text).unwrap_or_else(|| panic!("{text:?} is no number")),
    };
    (sample[0].as_i64().unwrap(), value)
}

const SLICE_MS: i64 = 10 * 60 * 1000;
