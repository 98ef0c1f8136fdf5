//! Values of samples, compared by their bits.

use std::collections::BTreeMap;

use narthex_model::histogram::{Buckets, FloatHistogram, Histogram, ResetHint};
use narthex_model::{NORMAL_NAN, STALE_NAN, is_stale_nan};
use narthex_storage::SampleValue;
use serde_json::Value;

/// The value of a sample. All floats are kept as their bits, so that equal is equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    Float(u64),
    Histogram(Box<Native>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Native {
    is_float: bool,
    reset_hint: String,
    schema: i64,
    zero_threshold: u64,
    zero_count: u64,
    count: u64,
    sum: u64,
    positive: Side,
    negative: Side,
    custom_values: Vec<u64>,
}

/// Counts by bucket, those of empty ones aside: a store adds such where it needs them.
type Side = BTreeMap<i64, u64>;

impl Sample {
    pub(super) fn new(value: SampleValue<'_>) -> Self {
        match value {
            SampleValue::Float(value) => Self::Float(plain_bits(value)),
            // The recordings tell no end from another.
            SampleValue::Histogram(Histogram { sum, .. })
            | SampleValue::FloatHistogram(FloatHistogram { sum, .. })
                if is_stale_nan(*sum) =>
            {
                Self::Float(sum.to_bits())
            }
            SampleValue::Histogram(histogram) => Self::Histogram(Box::new(Native::int(histogram))),
            SampleValue::FloatHistogram(histogram) => {
                Self::Histogram(Box::new(Native::float(histogram)))
            }
        }
    }

    /// Reads the value of a recorded sample.
    pub(super) fn recorded(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Float(bits(text)),
            native => Self::Histogram(Box::new(Native::recorded(native))),
        }
    }

    pub(super) fn set_reset_hint(&mut self, hint: ResetHint) {
        if let Self::Histogram(native) = self {
            native.reset_hint = word(hint).to_owned();
        }
    }
}

impl Native {
    fn int(histogram: &Histogram) -> Self {
        Self {
            is_float: false,
            reset_hint: word(histogram.reset_hint).to_owned(),
            schema: histogram.schema.into(),
            zero_threshold: histogram.zero_threshold.to_bits(),
            zero_count: histogram.zero_count,
            count: histogram.count,
            sum: histogram.sum.to_bits(),
            positive: side(differences(&histogram.positive)),
            negative: side(differences(&histogram.negative)),
            custom_values: histogram.custom_bounds.iter().copied().map(plain_bits).collect(),
        }
    }

    fn float(histogram: &FloatHistogram) -> Self {
        Self {
            is_float: true,
            reset_hint: word(histogram.reset_hint).to_owned(),
            schema: histogram.schema.into(),
            zero_threshold: histogram.zero_threshold.to_bits(),
            zero_count: histogram.zero_count.to_bits(),
            count: histogram.count.to_bits(),
            sum: histogram.sum.to_bits(),
            positive: side(counts(&histogram.positive)),
            negative: side(counts(&histogram.negative)),
            custom_values: histogram.custom_bounds.iter().copied().map(plain_bits).collect(),
        }
    }

    fn recorded(native: &Value) -> Self {
        let is_float = native["kind"] == "float";
        let float = |name: &str| native[name].as_str().map_or(0, bits);
        let count = |name: &str| match native[name].as_str() {
            Some(text) if !is_float => text.parse().unwrap(),
            Some(text) => bits(text),
            None => 0,
        };
        Self {
            is_float,
            reset_hint: native["reset_hint"].as_str().unwrap().to_owned(),
            schema: native["schema"].as_i64().unwrap_or(0),
            zero_threshold: float("zero_threshold"),
            zero_count: count("zero_count"),
            count: count("count"),
            sum: float("sum"),
            positive: recorded_side(native, "positive"),
            negative: recorded_side(native, "negative"),
            custom_values: list(&native["custom_values"]).map(number).collect(),
        }
    }
}

fn differences(buckets: &Buckets<i64>) -> impl Iterator<Item = (i64, u64)> {
    let mut count = 0;
    buckets.iter().map(move |(index, difference)| {
        count += difference;
        (i64::from(index), count.cast_unsigned())
    })
}

fn counts(buckets: &Buckets<f64>) -> impl Iterator<Item = (i64, u64)> {
    buckets.iter().map(|(index, count)| (i64::from(index), count.to_bits()))
}

fn side(counts: impl Iterator<Item = (i64, u64)>) -> Side {
    counts.filter(|(_, count)| *count != 0).collect()
}

fn recorded_side(native: &Value, name: &str) -> Side {
    let (mut index, mut buckets) = (0, Vec::new());
    for span in list(&native[format!("{name}_spans")]) {
        index += span[0].as_i64().unwrap();
        for _ in 0..span[1].as_u64().unwrap() {
            buckets.push(index);
            index += 1;
        }
    }
    let mut count = 0;
    let deltas = list(&native[format!("{name}_deltas")]).map(|delta| {
        count += delta.as_i64().unwrap();
        count.cast_unsigned()
    });
    let counts = list(&native[format!("{name}_counts")]).map(number);
    side(buckets.into_iter().zip(deltas.chain(counts)))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn number(value: &Value) -> u64 {
    bits(value.as_str().unwrap())
}

/// Returns the bits of a recorded float.
pub(super) fn bits(text: &str) -> u64 {
    match text.strip_prefix("NaN") {
        Some("") => NORMAL_NAN.to_bits(),
        Some(bits) => u64::from_str_radix(bits.trim(), 16).unwrap(),
        None if text == "stale" => STALE_NAN.to_bits(),
        None => plain_bits(text.parse().unwrap()),
    }
}

/// Returns the bits of a float but for the sign of zero, which the recordings do not have.
fn plain_bits(value: f64) -> u64 {
    if value == 0.0 { 0 } else { value.to_bits() }
}

fn word(hint: ResetHint) -> &'static str {
    match hint {
        ResetHint::Unknown => "unknown",
        ResetHint::Reset => "reset",
        ResetHint::NotReset => "not_reset",
        ResetHint::Gauge => "gauge",
    }
}
