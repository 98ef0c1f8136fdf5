//! The series that answers were recorded over.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use narthex_model::histogram::{Buckets, FloatHistogram, Histogram, ResetHint, Span};
use narthex_model::{Labels, STALE_NAN, Sample, float};
use narthex_remote::{HistogramSample, HistogramValue, RequestBuilder};
use serde_json::Value;

use crate::client::Client;

/// A series and its samples, oldest first.
pub(crate) struct RecordedSeries {
    pub(crate) labels: Labels,
    samples: Vec<RecordedSample>,
}

enum RecordedSample {
    Float(Sample),
    Histogram(HistogramSample),
}

impl RecordedSeries {
    /// Reads `{"labels": {…}, "samples": [[t_ms, "value" or {…}], …]}`.
    pub(crate) fn parse(line: &Value) -> Self {
        let pairs = line["labels"].as_object().unwrap();
        let labels = pairs.iter().map(|(name, value)| (name, value.as_str().unwrap()));
        Self {
            labels: Labels::from_pairs(labels),
            samples: line["samples"]
                .as_array()
                .unwrap()
                .iter()
                .map(RecordedSample::parse)
                .collect(),
        }
    }
}

impl RecordedSample {
    fn parse(pair: &Value) -> Self {
        let (timestamp_ms, value) = (pair[0].as_i64().unwrap(), &pair[1]);
        if value.is_string() {
            return Self::Float(Sample { timestamp_ms, value: number(value) });
        }
        let floats = histogram(value);
        let value = match &value["kind"] {
            kind if kind == "float" => HistogramValue::Float(floats),
            _ => HistogramValue::Integer(integers(floats)),
        };
        Self::Histogram(HistogramSample { timestamp_ms, value })
    }

    fn timestamp_ms(&self) -> i64 {
        match self {
            Self::Float(sample) => sample.timestamp_ms,
            Self::Histogram(sample) => sample.timestamp_ms,
        }
    }
}

/// Sends every series as it was sent to the reference: ten minutes of all of them in a request, and
/// one by one what a series has of floats, and of histograms.
pub(crate) fn write(client: &Client, series: &[RecordedSeries]) {
    let mut slices = BTreeMap::<i64, RequestBuilder>::new();
    for RecordedSeries { labels, samples } in series {
        let slice_of = |sample: &RecordedSample| sample.timestamp_ms().div_euclid(SLICE_MS);
        for slice in samples.chunk_by(|left, right| slice_of(left) == slice_of(right)) {
            let request = slices.entry(slice_of(&slice[0])).or_default();
            let is_float = |sample: &RecordedSample| matches!(sample, RecordedSample::Float(_));
            for alike in slice.chunk_by(|left, right| is_float(left) == is_float(right)) {
                push(request, labels, alike);
            }
        }
    }
    for slice in slices.into_values() {
        let request = Request::post("/api/v1/write")
            .header("content-type", "application/x-protobuf")
            .header("content-encoding", "snappy");
        let reply = client.send(request.body(Body::from(slice.compress())).unwrap());
        assert_eq!((reply.status.as_u16(), reply.text()), (204, ""));
    }
}

/// Adds samples of one kind.
fn push(request: &mut RequestBuilder, labels: &Labels, samples: &[RecordedSample]) {
    let (mut floats, mut histograms) = (Vec::new(), Vec::new());
    for sample in samples {
        match sample {
            RecordedSample::Float(sample) => floats.push(*sample),
            RecordedSample::Histogram(sample) => histograms.push(sample.clone()),
        }
    }
    if histograms.is_empty() {
        request.push_series(labels, &floats);
    } else {
        request.push_histograms(labels, &histograms);
    }
}

fn histogram(value: &Value) -> FloatHistogram {
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

fn integers(floats: FloatHistogram) -> Histogram {
    let FloatHistogram { reset_hint, schema, zero_threshold, sum, .. } = floats;
    Histogram {
        reset_hint,
        schema,
        zero_threshold,
        zero_count: whole(floats.zero_count),
        count: whole(floats.count),
        sum,
        positive: differences(floats.positive),
        negative: differences(floats.negative),
        custom_bounds: floats.custom_bounds,
    }
}

fn buckets(spans: &Value, counts: &Value) -> Buckets<f64> {
    let span = |span: &Value| Span {
        offset: i32::try_from(span[0].as_i64().unwrap()).unwrap(),
        length: u32::try_from(span[1].as_i64().unwrap()).unwrap(),
    };
    let spans = spans.as_array().map_or(Vec::new(), |spans| spans.iter().map(span).collect());
    Buckets { spans, counts: numbers(counts) }
}

/// Returns the difference of each count to the one before.
fn differences(buckets: Buckets<f64>) -> Buckets<i64> {
    let mut before = 0;
    let difference = |count: f64| {
        let count = whole(count).cast_signed();
        count - std::mem::replace(&mut before, count)
    };
    Buckets { counts: buckets.counts.into_iter().map(difference).collect(), spans: buckets.spans }
}

fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().map_or(Vec::new(), |values| values.iter().map(number).collect())
}

fn number(value: &Value) -> f64 {
    match value.as_str().unwrap() {
        "stale" => STALE_NAN,
        text => float::parse(text).unwrap(),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are small")]
fn whole(count: f64) -> u64 {
    count as u64
}

const SLICE_MS: i64 = 10 * 60 * 1_000;
