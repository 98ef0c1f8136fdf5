use narthex_model::histogram::{Buckets, ResetHint, Span};
use narthex_model::{STALE_NAN, is_stale_nan};

use super::field::{Change, Difference, Field};
use super::kind::{ChunkHistogram, Kind, Number, Numbers, Parts};
use super::layout::{Layout, Spans, push_layout, read_layout};
use crate::bits::{BitReader, BitSink};
use crate::error::Fault;

/// The sample of a chunk that was written or read last, and what else is needed to write or read the
/// next one.
#[derive(Clone, Debug)]
pub(super) struct State<H: Kind> {
    pub(super) layout: Layout,
    pub(super) timestamp: Change,
    pub(super) count: H::Field,
    pub(super) zero_count: H::Field,
    pub(super) sum: Difference,
    pub(super) positive: Buckets<H::Field>,
    pub(super) negative: Buckets<H::Field>,
}

impl<H: ChunkHistogram> State<H> {
    /// Reads what comes before the samples, and the first of them.
    pub(super) fn read_first(reader: &mut BitReader<'_>) -> Result<Self, Fault> {
        let (layout, spans) = read_layout(reader)?;
        let timestamp = Change::read_first(reader);
        let count = H::Field::read_first_total(reader);
        let zero_count = H::Field::read_first_total(reader);
        let sum = Difference::read_first(reader);
        let positive = read_buckets(reader, spans.positive)?;
        let negative = read_buckets(reader, spans.negative)?;
        if reader.is_overrun() {
            return Err(Fault::Truncated);
        }
        Ok(Self { layout, timestamp, count, zero_count, sum, positive, negative })
    }

    /// Reads the next sample.
    pub(super) fn read_next(&mut self, reader: &mut BitReader<'_>) -> Result<(), Fault> {
        let before_ms = self.timestamp.value;
        let read = self.read_fields(reader);
        // Before all else: behind the end the numbers mean nothing.
        if reader.is_overrun() {
            return Err(Fault::Truncated);
        }
        read?;
        if self.timestamp.value <= before_ms { Err(Fault::NotRising) } else { Ok(()) }
    }

    fn read_fields(&mut self, reader: &mut BitReader<'_>) -> Result<(), Fault> {
        self.timestamp.read_next(reader)?;
        self.count.read_next(reader)?;
        self.zero_count.read_next(reader)?;
        self.sum.read_next(reader)?;
        if self.is_stale() {
            return Ok(());
        }
        let buckets = self.positive.counts.iter_mut().chain(&mut self.negative.counts);
        for bucket in buckets {
            bucket.read_next(reader)?;
        }
        Ok(())
    }

    /// Writes what comes before the samples, and the first of them.
    pub(super) fn write_first(out: &mut impl BitSink, timestamp_ms: i64, histogram: &H) -> Self {
        let parts = histogram.parts();
        let layout = histogram.layout();
        let spans = Spans { positive: &*parts.positive.spans, negative: &*parts.negative.spans };
        push_layout(out, &layout, spans);
        Self {
            layout,
            timestamp: Change::write_first(out, timestamp_ms),
            count: H::Field::write_first_total(out, parts.count),
            zero_count: H::Field::write_first_total(out, parts.zero_count),
            sum: Difference::write_first(out, parts.sum),
            positive: write_buckets(out, parts.positive),
            negative: write_buckets(out, parts.negative),
        }
    }

    /// Writes the next sample, which has the buckets of the state.
    pub(super) fn write_next(
        &mut self,
        out: &mut impl BitSink,
        timestamp_ms: i64,
        sample: &Parts<'_, Number<H>>,
    ) {
        self.timestamp.write_next(out, timestamp_ms);
        self.count.write_next(out, sample.count);
        self.zero_count.write_next(out, sample.zero_count);
        self.sum.write_next(out, sample.sum);
        let sides = [(&mut self.positive, sample.positive), (&mut self.negative, sample.negative)];
        for (fields, numbers) in sides {
            debug_assert_eq!(fields.counts.len(), numbers.counts.len());
            for (field, number) in fields.counts.iter_mut().zip(&numbers.counts) {
                field.write_next(out, *number);
            }
        }
    }

    /// Writes a staleness marker, which has no buckets.
    pub(super) fn write_stale(&mut self, out: &mut impl BitSink, timestamp_ms: i64) {
        self.timestamp.write_next(out, timestamp_ms);
        self.count.write_stale(out);
        self.zero_count.write_stale(out);
        self.sum.write_next(out, STALE_NAN);
    }

    /// Returns whether the sample is a staleness marker.
    pub(super) fn is_stale(&self) -> bool {
        is_stale_nan(self.sum.number())
    }

    /// Returns the sample. What a chunk has of a staleness marker but its sum says nothing.
    pub(super) fn to_histogram(&self, hint: ResetHint) -> H {
        if self.is_stale() {
            return stale();
        }
        let numbers = Numbers {
            count: self.count.number(),
            zero_count: self.zero_count.number(),
            sum: self.sum.number(),
            positive: to_numbers(&self.positive),
            negative: to_numbers(&self.negative),
        };
        H::from_parts(&self.layout, hint, numbers)
    }

    /// Returns how many spans a sample has.
    pub(super) fn span_count(&self) -> usize {
        self.positive.spans.len() + self.negative.spans.len()
    }
}

/// Returns the staleness marker.
pub(super) fn stale<H: Kind>() -> H {
    let numbers = Numbers {
        count: Number::<H>::default(),
        zero_count: Number::<H>::default(),
        sum: STALE_NAN,
        positive: Buckets::default(),
        negative: Buckets::default(),
    };
    H::from_parts(&Layout::default(), ResetHint::Unknown, numbers)
}

fn read_buckets<F: Field>(
    reader: &mut BitReader<'_>,
    spans: Vec<Span>,
) -> Result<Buckets<F>, Fault> {
    let count: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
    // A bucket takes a bit at the least.
    if usize::try_from(count).map_or(true, |count| count > reader.bits_left()) {
        return Err(Fault::Truncated);
    }
    let counts = (0..count).map(|_| F::read_first(reader)).collect();
    Ok(Buckets { spans, counts })
}

fn write_buckets<F: Field>(out: &mut impl BitSink, buckets: &Buckets<F::Number>) -> Buckets<F> {
    let counts = buckets.counts.iter().map(|number| F::write_first(out, *number)).collect();
    Buckets { spans: buckets.spans.clone(), counts }
}

fn to_numbers<F: Field>(buckets: &Buckets<F>) -> Buckets<F::Number> {
    let counts = buckets.counts.iter().map(|field| field.number()).collect();
    Buckets { spans: buckets.spans.clone(), counts }
}
