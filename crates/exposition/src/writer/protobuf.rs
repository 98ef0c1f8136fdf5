//! Families as delimited protobuf messages.

use narthex_model::histogram::{Buckets, Span};
use narthex_model::{Exemplar, MetricType};

use super::family::{Family, HistogramPoint, Metric, NativeHistogram, Point, SummaryPoint};
use crate::escaping::EscapingScheme;

/// Appends a family behind its length.
pub(super) fn write(page: &mut Vec<u8>, family: &Family, escaping: EscapingScheme) {
    sized(page, |out| {
        text(out, 1, &escaping.escape(&family.name));
        text(out, 2, &family.help);
        number(out, 3, type_number(family.metric_type));
        for metric in &family.metrics {
            message(out, 4, |out| write_metric(out, family.metric_type, metric, escaping));
        }
        text(out, 5, &family.unit);
    });
}

fn type_number(metric_type: MetricType) -> u64 {
    match metric_type {
        MetricType::Counter => 0,
        MetricType::Gauge | MetricType::Info | MetricType::StateSet => 1,
        MetricType::Summary => 2,
        MetricType::Unknown => 3,
        MetricType::Histogram => 4,
        MetricType::GaugeHistogram => 5,
    }
}

fn write_metric(
    out: &mut Vec<u8>,
    metric_type: MetricType,
    metric: &Metric,
    escaping: EscapingScheme,
) {
    for (name, value) in &metric.labels {
        write_label(out, &escaping.escape(name), value);
    }
    let start_ms = metric.start_timestamp_ms;
    match &metric.point {
        Point::Number { value, exemplar } => match metric_type {
            MetricType::Counter => message(out, 3, |out| {
                float(out, 1, *value);
                exemplar.iter().for_each(|exemplar| write_exemplar(out, 2, exemplar));
                write_start(out, 3, start_ms);
            }),
            MetricType::Unknown => message(out, 5, |out| float(out, 1, *value)),
            _ => message(out, 2, |out| float(out, 1, *value)),
        },
        Point::Histogram(histogram) => {
            message(out, 7, |out| write_histogram(out, histogram, start_ms));
        }
        Point::Summary(summary) => message(out, 4, |out| write_summary(out, summary, start_ms)),
    }
    if let Some(timestamp_ms) = metric.timestamp_ms {
        number(out, 6, timestamp_ms.cast_unsigned());
    }
}

fn write_summary(out: &mut Vec<u8>, summary: &SummaryPoint, start_ms: i64) {
    count(out, (1, None), summary.count);
    float(out, 2, summary.sum);
    for quantile in &summary.quantiles {
        message(out, 3, |out| {
            float(out, 1, quantile.quantile);
            float(out, 2, quantile.value);
        });
    }
    write_start(out, 4, start_ms);
}

fn write_histogram(out: &mut Vec<u8>, histogram: &HistogramPoint, start_ms: i64) {
    count(out, (1, Some(4)), histogram.count);
    float(out, 2, histogram.sum);
    for bucket in &histogram.buckets {
        message(out, 3, |out| {
            count(out, (1, Some(4)), bucket.cumulative_count);
            float(out, 2, bucket.upper_bound);
            bucket.exemplar.iter().for_each(|exemplar| write_exemplar(out, 3, exemplar));
        });
    }
    match &histogram.native {
        Some(NativeHistogram::Integer(native)) if !native.has_custom_buckets() => {
            number(out, 5, zigzag(native.schema.into()));
            float(out, 6, native.zero_threshold);
            number(out, 7, native.zero_count);
            write_spans(out, 9, &native.negative);
            for delta in &native.negative.counts {
                number(out, 10, zigzag(*delta));
            }
            write_spans(out, 12, &native.positive);
            for delta in &native.positive.counts {
                number(out, 13, zigzag(*delta));
            }
            let used = !native.negative.spans.is_empty() || !native.positive.spans.is_empty();
            write_mark(out, used || native.zero_threshold > 0.0 || native.zero_count > 0);
        }
        Some(NativeHistogram::Float(native)) if !native.has_custom_buckets() => {
            number(out, 5, zigzag(native.schema.into()));
            float(out, 6, native.zero_threshold);
            float(out, 8, native.zero_count);
            write_spans(out, 9, &native.negative);
            native.negative.counts.iter().for_each(|count| float(out, 11, *count));
            write_spans(out, 12, &native.positive);
            native.positive.counts.iter().for_each(|count| float(out, 14, *count));
            let used = !native.negative.spans.is_empty() || !native.positive.spans.is_empty();
            write_mark(out, used || native.zero_threshold > 0.0);
        }
        _ => {}
    }
    write_start(out, 15, start_ms);
    histogram.exemplars.iter().for_each(|exemplar| write_exemplar(out, 16, exemplar));
}

fn write_spans<N>(out: &mut Vec<u8>, field: u32, buckets: &Buckets<N>) {
    buckets.spans.iter().for_each(|span| write_span(out, field, *span));
}

fn write_span(out: &mut Vec<u8>, field: u32, span: Span) {
    message(out, field, |out| {
        number(out, 1, zigzag(span.offset.into()));
        number(out, 2, span.length.into());
    });
}

/// Marks a histogram as native that nothing else shows to be.
fn write_mark(out: &mut Vec<u8>, is_shown: bool) {
    if !is_shown {
        write_span(out, 12, Span::default());
    }
}

fn write_label(out: &mut Vec<u8>, name: &str, value: &str) {
    message(out, 1, |out| {
        text(out, 1, name);
        text(out, 2, value);
    });
}

fn write_exemplar(out: &mut Vec<u8>, field: u32, exemplar: &Exemplar) {
    message(out, field, |out| {
        exemplar.labels.iter().for_each(|(name, value)| write_label(out, name, value));
        float(out, 2, exemplar.value);
        if exemplar.has_own_timestamp {
            write_timestamp(out, 3, exemplar.timestamp_ms);
        }
    });
}

fn write_start(out: &mut Vec<u8>, field: u32, start_ms: i64) {
    if start_ms != 0 {
        write_timestamp(out, field, start_ms);
    }
}

fn write_timestamp(out: &mut Vec<u8>, field: u32, timestamp_ms: i64) {
    message(out, field, |out| {
        number(out, 1, timestamp_ms.div_euclid(1_000).cast_unsigned());
        number(out, 2, timestamp_ms.rem_euclid(1_000).cast_unsigned() * 1_000_000);
    });
}

/// Appends a count: an integer if it is one, or else in the field for floats if there is one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are not negative, and a format of integers rounds them"
)]
fn count(out: &mut Vec<u8>, (integer, floating): (u32, Option<u32>), count: f64) {
    match floating {
        Some(field) if count.fract() != 0.0 => float(out, field, count),
        _ => number(out, integer, count as u64),
    }
}

// The encoding. An empty text is left out, as it means that by being absent.

fn message(out: &mut Vec<u8>, field: u32, write: impl FnOnce(&mut Vec<u8>)) {
    varint(out, u64::from(field << 3 | 2));
    sized(out, write);
}

/// Appends what `write` does behind its length.
fn sized(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    write(out);
    let mut size = Vec::new();
    varint(&mut size, (out.len() - start) as u64);
    out.splice(start..start, size);
}

fn text(out: &mut Vec<u8>, field: u32, text: &str) {
    if !text.is_empty() {
        message(out, field, |out| out.extend_from_slice(text.as_bytes()));
    }
}

fn number(out: &mut Vec<u8>, field: u32, number: u64) {
    varint(out, u64::from(field << 3));
    varint(out, number);
}

fn float(out: &mut Vec<u8>, field: u32, value: f64) {
    varint(out, u64::from(field << 3 | 1));
    out.extend_from_slice(&value.to_le_bytes());
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}
