//! The message `io.prometheus.client.Metric` and what it consists of.

use std::ops::Range;

use narthex_model::histogram::Span;

use super::label::LabelPair;
use super::wire::{Field, Message, Read, WireProblem};
use crate::exemplar::ExemplarEntry;

/// The most buckets, spans, quantiles, labels or exemplars, of each, that one metric may have. A byte
/// of a page can stand for sixteen in memory, so this bounds what a page takes.
pub const METRIC_PARTS_MAX: usize = 1 << 20;

/// A metric that was read. Its lists keep their memory from one metric to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Metric<'a> {
    /// Where the messages of the labels are.
    pub(super) labels: Vec<Range<usize>>,
    /// 0 where there is none.
    pub(super) timestamp_ms: i64,
    pub(super) gauge: f64,
    pub(super) untyped: f64,
    pub(super) counter: Counter<'a>,
    pub(super) summary: Summary,
    pub(super) histogram: HistogramMessage<'a>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Counter<'a> {
    pub(super) value: f64,
    pub(super) exemplar: Option<ExemplarEntry<'a>>,
    pub(super) start_timestamp_ms: i64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Summary {
    pub(super) count: u64,
    pub(super) sum: f64,
    pub(super) quantiles: Vec<Quantile>,
    pub(super) start_timestamp_ms: i64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Quantile {
    pub(super) quantile: f64,
    pub(super) value: f64,
}

/// A histogram, classic or native or both.
#[derive(Clone, Debug, Default)]
pub(super) struct HistogramMessage<'a> {
    pub(super) count: u64,
    pub(super) count_float: f64,
    pub(super) sum: f64,
    pub(super) buckets: Vec<ClassicBucket<'a>>,
    pub(super) start_timestamp_ms: i64,
    pub(super) schema: i32,
    pub(super) zero_threshold: f64,
    pub(super) zero_count: u64,
    pub(super) zero_count_float: f64,
    pub(super) negative: Side,
    pub(super) positive: Side,
    pub(super) exemplars: Vec<ExemplarEntry<'a>>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ClassicBucket<'a> {
    pub(super) cumulative_count: u64,
    pub(super) cumulative_count_float: f64,
    pub(super) upper_bound: f64,
    pub(super) exemplar: Option<ExemplarEntry<'a>>,
}

/// The native buckets on one side of zero.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    pub(super) spans: Vec<Span>,
    pub(super) deltas: Vec<i64>,
    pub(super) counts: Vec<f64>,
}

impl<'a> Metric<'a> {
    /// Replaces the metric by the one in `range` of `page`.
    pub(super) fn read(&mut self, page: &'a [u8], range: Range<usize>) -> Read<()> {
        self.clear();
        let mut message = Message::new(page, range, "Metric");
        while let Some(field) = message.next_field()? {
            match field.number {
                1 => {
                    let label = message.range(field, "Label")?;
                    push(&mut self.labels, label, &message, field)?;
                }
                2 => read_value(message.message(field, "Gauge", "Gauge")?, &mut self.gauge)?,
                3 => self.counter.read(message.message(field, "Counter", "Counter")?)?,
                4 => self.summary.read(message.message(field, "Summary", "Summary")?)?,
                5 => read_value(message.message(field, "Untyped", "Untyped")?, &mut self.untyped)?,
                6 => self.timestamp_ms = message.number(field, "TimestampMs")?.cast_signed(),
                7 => self.histogram.read(message.message(field, "Histogram", "Histogram")?)?,
                _ => message.skip(field)?,
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.labels.clear();
        self.timestamp_ms = 0;
        self.gauge = 0.0;
        self.untyped = 0.0;
        self.counter = Counter::default();
        let quantiles = std::mem::take(&mut self.summary.quantiles);
        self.summary = Summary { quantiles, ..Summary::default() };
        self.summary.quantiles.clear();
        self.histogram.clear();
    }
}

impl<'a> Counter<'a> {
    fn read(&mut self, mut message: Message<'a>) -> Read<()> {
        while let Some(field) = message.next_field()? {
            match field.number {
                1 => self.value = message.float(field, "Value")?,
                2 => self.exemplar = read_exemplar(&mut message, field, "Exemplar")?,
                3 => self.start_timestamp_ms = read_timestamp(&mut message, field, START)?,
                _ => message.skip(field)?,
            }
        }
        Ok(())
    }
}

impl Summary {
    fn read(&mut self, mut message: Message<'_>) -> Read<()> {
        while let Some(field) = message.next_field()? {
            match field.number {
                1 => self.count = message.number(field, "SampleCount")?,
                2 => self.sum = message.float(field, "SampleSum")?,
                3 => {
                    let quantile = Quantile::read(message.message(field, "Quantile", "Quantile")?)?;
                    push(&mut self.quantiles, quantile, &message, field)?;
                }
                4 => self.start_timestamp_ms = read_timestamp(&mut message, field, START)?,
                _ => message.skip(field)?,
            }
        }
        Ok(())
    }
}

impl Quantile {
    fn read(mut message: Message<'_>) -> Read<Self> {
        let mut read = Self::default();
        while let Some(field) = message.next_field()? {
            match field.number {
                1 => read.quantile = message.float(field, "Quantile")?,
                2 => read.value = message.float(field, "Value")?,
                _ => message.skip(field)?,
            }
        }
        Ok(read)
    }
}

impl<'a> HistogramMessage<'a> {
    fn read(&mut self, mut message: Message<'a>) -> Read<()> {
        while let Some(field) = message.next_field()? {
            match field.number {
                1 => self.count = message.number(field, "SampleCount")?,
                2 => self.sum = message.float(field, "SampleSum")?,
                3 => {
                    let bucket = ClassicBucket::read(message.message(field, "Bucket", "Bucket")?)?;
                    push(&mut self.buckets, bucket, &message, field)?;
                }
                4 => self.count_float = message.float(field, "SampleCountFloat")?,
                5 => self.schema = cut(zigzag(message.number(field, "Schema")?)),
                6 => self.zero_threshold = message.float(field, "ZeroThreshold")?,
                7 => self.zero_count = message.number(field, "ZeroCount")?,
                8 => self.zero_count_float = message.float(field, "ZeroCountFloat")?,
                9 => self.negative.read_span(&mut message, field, "NegativeSpan")?,
                10 => self.negative.read_deltas(&mut message, field, "NegativeDelta")?,
                11 => self.negative.read_counts(&mut message, field, "NegativeCount")?,
                12 => self.positive.read_span(&mut message, field, "PositiveSpan")?,
                13 => self.positive.read_deltas(&mut message, field, "PositiveDelta")?,
                14 => self.positive.read_counts(&mut message, field, "PositiveCount")?,
                15 => self.start_timestamp_ms = read_timestamp(&mut message, field, START)?,
                16 => {
                    if let Some(exemplar) = read_exemplar(&mut message, field, "Exemplars")? {
                        push(&mut self.exemplars, exemplar, &message, field)?;
                    }
                }
                _ => message.skip(field)?,
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.buckets.clear();
        self.exemplars.clear();
        for side in [&mut self.negative, &mut self.positive] {
            side.spans.clear();
            side.deltas.clear();
            side.counts.clear();
        }
        *self = Self {
            buckets: std::mem::take(&mut self.buckets),
            exemplars: std::mem::take(&mut self.exemplars),
            negative: std::mem::take(&mut self.negative),
            positive: std::mem::take(&mut self.positive),
            ..Self::default()
        };
    }
}

impl<'a> ClassicBucket<'a> {
    fn read(mut message: Message<'a>) -> Read<Self> {
        let mut read = Self::default();
        while let Some(field) = message.next_field()? {
            match field.number {
                1 => read.cumulative_count = message.number(field, "CumulativeCount")?,
                2 => read.upper_bound = message.float(field, "UpperBound")?,
                3 => read.exemplar = read_exemplar(&mut message, field, "Exemplar")?,
                4 => read.cumulative_count_float = message.float(field, "CumulativeCountFloat")?,
                _ => message.skip(field)?,
            }
        }
        Ok(read)
    }
}

impl Side {
    fn read_span(
        &mut self,
        message: &mut Message<'_>,
        field: Field,
        name: &'static str,
    ) -> Read<()> {
        let mut span = Span::default();
        let mut inner = message.message(field, name, "BucketSpan")?;
        while let Some(field) = inner.next_field()? {
            match field.number {
                1 => span.offset = cut(zigzag(inner.number(field, "Offset")?)),
                #[expect(clippy::cast_possible_truncation, reason = "32 bits in the format")]
                2 => span.length = inner.number(field, "Length")? as u32,
                _ => inner.skip(field)?,
            }
        }
        push(&mut self.spans, span, message, field)
    }

    fn read_deltas(
        &mut self,
        message: &mut Message<'_>,
        field: Field,
        name: &'static str,
    ) -> Read<()> {
        let full = message.error_at(field, WireProblem::TooManyParts);
        message.numbers(field, name, |delta| {
            if self.deltas.len() == METRIC_PARTS_MAX {
                return Err(full);
            }
            self.deltas.push(zigzag(delta));
            Ok(())
        })
    }

    fn read_counts(
        &mut self,
        message: &mut Message<'_>,
        field: Field,
        name: &'static str,
    ) -> Read<()> {
        let full = message.error_at(field, WireProblem::TooManyParts);
        message.floats(field, name, |count| {
            if self.counts.len() == METRIC_PARTS_MAX {
                return Err(full);
            }
            self.counts.push(count);
            Ok(())
        })
    }
}

/// Reads `Gauge` or `Untyped`, which have nothing but a value.
fn read_value(mut message: Message<'_>, value: &mut f64) -> Read<()> {
    while let Some(field) = message.next_field()? {
        match field.number {
            1 => *value = message.float(field, "Value")?,
            _ => message.skip(field)?,
        }
    }
    Ok(())
}

/// Reads an exemplar. `None` where its labels are not UTF-8: nobody could be shown them.
fn read_exemplar<'a>(
    message: &mut Message<'a>,
    field: Field,
    name: &'static str,
) -> Read<Option<ExemplarEntry<'a>>> {
    let mut inner = message.message(field, name, "Exemplar")?;
    let bytes = inner.rest();
    let (mut value, mut timestamp_ms, mut is_utf8) = (0.0, None, true);
    while let Some(field) = inner.next_field()? {
        match field.number {
            1 => is_utf8 &= LabelPair::read(inner.message(field, "Label", "LabelPair")?)?.is_utf8(),
            2 => value = inner.float(field, "Value")?,
            3 => timestamp_ms = Some(read_timestamp(&mut inner, field, "Timestamp")?),
            _ => inner.skip(field)?,
        }
    }
    Ok(is_utf8.then(|| ExemplarEntry::from_message(value, timestamp_ms, bytes)))
}

/// Reads a time, in milliseconds since the Unix epoch.
fn read_timestamp(message: &mut Message<'_>, field: Field, name: &'static str) -> Read<i64> {
    let mut inner = message.message(field, name, "Timestamp")?;
    let (mut seconds, mut nanos) = (0_i64, 0_i32);
    while let Some(field) = inner.next_field()? {
        match field.number {
            1 => seconds = inner.number(field, "Seconds")?.cast_signed(),
            2 => nanos = cut(inner.number(field, "Nanos")?.cast_signed()),
            _ => inner.skip(field)?,
        }
    }
    Ok(seconds.wrapping_mul(1_000).wrapping_add(i64::from(nanos / 1_000_000)))
}

fn push<T>(list: &mut Vec<T>, item: T, message: &Message<'_>, field: Field) -> Read<()> {
    if list.len() == METRIC_PARTS_MAX {
        return Err(message.error_at(field, WireProblem::TooManyParts));
    }
    list.push(item);
    Ok(())
}

/// Returns the signed number that the format writes as `number`: 0, -1, 1, -2, …
fn zigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[expect(clippy::cast_possible_truncation, reason = "32 bits in the format")]
fn cut(number: i64) -> i32 {
    number as i32
}

/// What errors call the field with the time since which a value counts.
const START: &str = "StartTimestamp";
