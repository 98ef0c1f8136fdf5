//! Native histograms on the wire.

use narthex_model::histogram::{Buckets, FloatHistogram, Histogram, ResetHint, Span};

use crate::wire::{
    DecodeError, Fields, put_double_field, put_doubles_field, put_message_field, put_sint_field,
    put_sints_field, put_varint_field,
};

/// A native histogram at one time.
#[derive(Clone, Debug)]
pub struct HistogramSample {
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// The histogram. Nothing says that its parts fit together.
    pub value: HistogramValue,
}

/// A native histogram with either kind of counts.
#[derive(Clone, Debug)]
pub enum HistogramValue {
    /// With integers for counts.
    Integer(Histogram),
    /// With floats for counts.
    Float(FloatHistogram),
}

/// The fields of both kinds, as they come.
#[derive(Default)]
struct Raw {
    timestamp_ms: i64,
    is_float: bool,
    integer: Histogram,
    float: FloatHistogram,
    negative_spans: Vec<Span>,
    positive_spans: Vec<Span>,
    custom_bounds: Vec<f64>,
}

impl HistogramSample {
    /// Reads a `prometheus.Histogram`.
    pub(crate) fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let mut raw = Raw::default();
        for field in Fields::new(message) {
            let (number, value) = field?;
            match number {
                1 => {
                    raw.integer.count = value.int64("CountInt")?.cast_unsigned();
                    raw.is_float = false;
                }
                2 => {
                    raw.float.count = value.double("CountFloat")?;
                    raw.is_float = true;
                }
                3 => raw.integer.sum = value.double("Sum")?,
                4 => raw.integer.schema = value.sint32("Schema")?,
                5 => raw.integer.zero_threshold = value.double("ZeroThreshold")?,
                6 => raw.integer.zero_count = value.int64("ZeroCountInt")?.cast_unsigned(),
                7 => raw.float.zero_count = value.double("ZeroCountFloat")?,
                8 => push_span(value.bytes("NegativeSpans")?, &mut raw.negative_spans)?,
                9 => value.sints("NegativeDeltas", &mut raw.integer.negative.counts)?,
                10 => value.doubles("NegativeCounts", &mut raw.float.negative.counts)?,
                11 => push_span(value.bytes("PositiveSpans")?, &mut raw.positive_spans)?,
                12 => value.sints("PositiveDeltas", &mut raw.integer.positive.counts)?,
                13 => value.doubles("PositiveCounts", &mut raw.float.positive.counts)?,
                14 => raw.integer.reset_hint = reset_hint(value.int64("ResetHint")?),
                15 => raw.timestamp_ms = value.int64("Timestamp")?,
                16 => value.doubles("CustomValues", &mut raw.custom_bounds)?,
                _ => {}
            }
        }
        Ok(raw.finish())
    }
}

impl Raw {
    fn finish(self) -> HistogramSample {
        let Self { timestamp_ms, is_float, mut integer, mut float, .. } = self;
        let (positive_spans, negative_spans) = (self.positive_spans, self.negative_spans);
        let custom_bounds = self.custom_bounds.into();
        let value = if is_float {
            float.reset_hint = integer.reset_hint;
            float.schema = integer.schema;
            float.zero_threshold = integer.zero_threshold;
            float.sum = integer.sum;
            float.positive.spans = positive_spans;
            float.negative.spans = negative_spans;
            float.custom_bounds = custom_bounds;
            HistogramValue::Float(float)
        } else {
            integer.positive.spans = positive_spans;
            integer.negative.spans = negative_spans;
            integer.custom_bounds = custom_bounds;
            HistogramValue::Integer(integer)
        };
        HistogramSample { timestamp_ms, value }
    }
}

fn push_span(message: &[u8], spans: &mut Vec<Span>) -> Result<(), DecodeError> {
    let mut span = Span { offset: 0, length: 0 };
    for field in Fields::new(message) {
        match field? {
            (1, value) => span.offset = value.sint32("Offset")?,
            (2, value) => {
                let length = value.int64("Length")?;
                span.length = u32::try_from(length).map_err(|_| DecodeError::Overflow)?;
            }
            _ => {}
        }
    }
    spans.push(span);
    Ok(())
}

fn reset_hint(number: i64) -> ResetHint {
    match number {
        1 => ResetHint::Reset,
        2 => ResetHint::NotReset,
        3 => ResetHint::Gauge,
        _ => ResetHint::Unknown,
    }
}

/// Writes a `prometheus.Histogram`.
pub(crate) fn put_histogram(out: &mut Vec<u8>, sample: &HistogramSample) {
    match &sample.value {
        HistogramValue::Integer(histogram) => {
            // Which of the counts is there tells the kinds apart, so zero is not left out.
            put_set_varint_field(out, 1, histogram.count);
            put_double_field(out, 3, histogram.sum);
            put_sint_field(out, 4, histogram.schema.into());
            put_double_field(out, 5, histogram.zero_threshold);
            put_set_varint_field(out, 6, histogram.zero_count);
            put_spans(out, 8, &histogram.negative);
            put_sints_field(out, 9, &histogram.negative.counts);
            put_spans(out, 11, &histogram.positive);
            put_sints_field(out, 12, &histogram.positive.counts);
            put_varint_field(out, 14, hint_number(histogram.reset_hint));
            put_varint_field(out, 15, sample.timestamp_ms.cast_unsigned());
            put_doubles_field(out, 16, &histogram.custom_bounds);
        }
        HistogramValue::Float(histogram) => {
            put_set_double_field(out, 2, histogram.count);
            put_double_field(out, 3, histogram.sum);
            put_sint_field(out, 4, histogram.schema.into());
            put_double_field(out, 5, histogram.zero_threshold);
            put_set_double_field(out, 7, histogram.zero_count);
            put_spans(out, 8, &histogram.negative);
            put_doubles_field(out, 10, &histogram.negative.counts);
            put_spans(out, 11, &histogram.positive);
            put_doubles_field(out, 13, &histogram.positive.counts);
            put_varint_field(out, 14, hint_number(histogram.reset_hint));
            put_varint_field(out, 15, sample.timestamp_ms.cast_unsigned());
            put_doubles_field(out, 16, &histogram.custom_bounds);
        }
    }
}

fn put_spans<N>(out: &mut Vec<u8>, number: u8, buckets: &Buckets<N>) {
    let mut message = Vec::new();
    for span in &buckets.spans {
        message.clear();
        put_sint_field(&mut message, 1, span.offset.into());
        put_varint_field(&mut message, 2, span.length.into());
        put_message_field(out, number, &message);
    }
}

fn put_set_varint_field(out: &mut Vec<u8>, number: u8, value: u64) {
    if value == 0 {
        out.extend([number << 3, 0]);
    }
    put_varint_field(out, number, value);
}

fn put_set_double_field(out: &mut Vec<u8>, number: u8, value: f64) {
    if value.to_bits() == 0 {
        out.push(number << 3 | 1);
        out.extend([0; 8]);
    }
    put_double_field(out, number, value);
}

fn hint_number(hint: ResetHint) -> u64 {
    match hint {
        ResetHint::Unknown => 0,
        ResetHint::Reset => 1,
        ResetHint::NotReset => 2,
        ResetHint::Gauge => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans() -> Vec<Span> {
        vec![Span { offset: -3, length: 2 }, Span { offset: 4, length: 1 }]
    }

    fn reread(sample: &HistogramSample) -> String {
        let mut message = Vec::new();
        put_histogram(&mut message, sample);
        format!("{:?}", HistogramSample::decode(&message).unwrap())
    }

    #[test]
    fn both_kinds_are_read_as_they_were_written() {
        let mut integer = Histogram { schema: -2, sum: -1.5, count: 7, ..Histogram::default() };
        integer.positive = Buckets { spans: spans(), counts: vec![i64::MAX, -3, 0] };
        integer.negative = Buckets { spans: spans(), counts: vec![i64::MIN, 300, -1] };
        integer.reset_hint = ResetHint::Gauge;
        let mut float = FloatHistogram { schema: -53, sum: 0.1, ..FloatHistogram::default() };
        float.positive = Buckets { spans: spans(), counts: vec![0.0, f64::INFINITY, -0.0] };
        float.custom_bounds = [0.5, 1.0].into();
        float.reset_hint = ResetHint::Reset;
        for value in [
            HistogramValue::Integer(integer),
            HistogramValue::Float(float),
            HistogramValue::Integer(Histogram::default()),
            HistogramValue::Float(FloatHistogram::default()),
        ] {
            let sample = HistogramSample { timestamp_ms: -1, value };
            assert_eq!(reread(&sample), format!("{sample:?}"));
        }
    }

    #[test]
    fn broken_fields_are_errors() {
        for (message, expected) in [
            (&[0x6a, 3, 1, 2, 3][..], DecodeError::Truncated),
            (&[0x4a, 1, 0x80], DecodeError::Truncated),
            (&[0x1d, 0, 0, 0, 0], DecodeError::WrongWireType { field: "Sum" }),
            (&[0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 1], DecodeError::Overflow),
        ] {
            assert_eq!(HistogramSample::decode(message).unwrap_err(), expected, "{message:?}");
        }
        let mut many = Vec::new();
        put_sints_field(&mut many, 12, &vec![0; (1 << 16) + 1]);
        let expected = DecodeError::TooManyItems { field: "PositiveDeltas" };
        assert_eq!(HistogramSample::decode(&many).unwrap_err(), expected);
    }
}
