use std::fmt;
use std::sync::Arc;

use narthex_model::histogram::{Buckets, FloatHistogram, Histogram, ResetHint};
use narthex_model::is_stale_nan;

use super::field::{Change, Difference, Field};
use super::layout::Layout;
use crate::Encoding;

/// A kind of histogram that chunks hold: [`Histogram`] or [`FloatHistogram`].
#[expect(private_bounds, reason = "there are no other kinds")]
pub trait ChunkHistogram: Kind {
    /// The encoding without start timestamps.
    const ENCODING: Encoding;
    /// The encoding with start timestamps.
    const ENCODING_ST: Encoding;
}

impl ChunkHistogram for Histogram {
    const ENCODING: Encoding = Encoding::Histogram;
    const ENCODING_ST: Encoding = Encoding::HistogramSt;
}

impl ChunkHistogram for FloatHistogram {
    const ENCODING: Encoding = Encoding::FloatHistogram;
    const ENCODING_ST: Encoding = Encoding::FloatHistogramSt;
}

/// The numbers of a histogram.
pub(crate) type Number<H> = <<H as Kind>::Field as Field>::Number;

/// The parts of a histogram, and what its numbers mean.
pub(crate) trait Kind: Clone + fmt::Debug + 'static {
    type Field: Field;

    /// What the header of a chunk says whose first sample, of a counter, could not go to a chunk of
    /// gauges.
    const HEADER_AFTER_GAUGES: ResetHint;
    /// What it says where the chunk before was cut for its size or its time, and the sample could
    /// not have gone there for its layout.
    const HEADER_AFTER_OTHER_LAYOUT: ResetHint;

    fn parts(&self) -> Parts<'_, Number<Self>>;
    fn from_parts(layout: &Layout, hint: ResetHint, numbers: Numbers<Number<Self>>) -> Self;
    /// Returns the positive and the negative buckets.
    fn buckets_mut(&mut self) -> (&mut Buckets<Number<Self>>, &mut Buckets<Number<Self>>);
    fn reduce_resolution(&mut self, schema: i32);

    /// Returns whether a number of observations is smaller than it was.
    fn fell(before: Number<Self>, now: Number<Self>) -> bool;
    /// Returns the observations of a bucket, where `before` are those of the bucket before.
    fn to_count(before: Number<Self>, number: Number<Self>) -> Number<Self>;
    /// Undoes [`Kind::to_count`].
    fn to_number(before: Number<Self>, count: Number<Self>) -> Number<Self>;
    /// Returns the histogram with floats for counts.
    fn into_float(self) -> FloatHistogram;

    /// Returns what all histograms of a chunk share.
    fn layout(&self) -> Layout {
        let Parts { schema, zero_threshold, custom_bounds, .. } = self.parts();
        Layout { schema, zero_threshold, custom_bounds: Arc::clone(custom_bounds) }
    }

    /// Returns whether the histogram is a staleness marker.
    fn is_stale(&self) -> bool {
        is_stale_nan(self.parts().sum)
    }

    /// Returns the observations of each bucket.
    fn counts(
        buckets: impl Iterator<Item = (i32, Number<Self>)>,
    ) -> impl Iterator<Item = (i32, Number<Self>)> {
        buckets.scan(Number::<Self>::default(), |before, (index, number)| {
            *before = Self::to_count(*before, number);
            Some((index, *before))
        })
    }
}

/// What a chunk writes of each histogram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'a, N> {
    pub(super) reset_hint: ResetHint,
    pub(super) schema: i32,
    pub(super) zero_threshold: f64,
    pub(super) custom_bounds: &'a Arc<[f64]>,
    pub(super) count: N,
    pub(super) zero_count: N,
    pub(super) sum: f64,
    pub(super) positive: &'a Buckets<N>,
    pub(super) negative: &'a Buckets<N>,
}

/// What a chunk has of each histogram.
#[derive(Clone, Debug)]
pub(crate) struct Numbers<N> {
    pub(super) count: N,
    pub(super) zero_count: N,
    pub(super) sum: f64,
    pub(super) positive: Buckets<N>,
    pub(super) negative: Buckets<N>,
}

impl Kind for Histogram {
    type Field = Change;

    const HEADER_AFTER_GAUGES: ResetHint = ResetHint::NotReset;
    const HEADER_AFTER_OTHER_LAYOUT: ResetHint = ResetHint::Unknown;

    fn parts(&self) -> Parts<'_, i64> {
        Parts {
            reset_hint: self.reset_hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            custom_bounds: &self.custom_bounds,
            count: self.count.cast_signed(),
            zero_count: self.zero_count.cast_signed(),
            sum: self.sum,
            positive: &self.positive,
            negative: &self.negative,
        }
    }

    fn from_parts(layout: &Layout, reset_hint: ResetHint, numbers: Numbers<i64>) -> Self {
        Self {
            reset_hint,
            schema: layout.schema,
            zero_threshold: layout.zero_threshold,
            zero_count: numbers.zero_count.cast_unsigned(),
            count: numbers.count.cast_unsigned(),
            sum: numbers.sum,
            positive: numbers.positive,
            negative: numbers.negative,
            custom_bounds: layout.custom_bounds.clone(),
        }
    }

    fn buckets_mut(&mut self) -> (&mut Buckets<i64>, &mut Buckets<i64>) {
        (&mut self.positive, &mut self.negative)
    }

    fn reduce_resolution(&mut self, schema: i32) {
        self.reduce_resolution(schema);
    }

    fn fell(before: i64, now: i64) -> bool {
        now.cast_unsigned() < before.cast_unsigned()
    }

    fn to_count(before: i64, number: i64) -> i64 {
        before.wrapping_add(number)
    }

    fn to_number(before: i64, count: i64) -> i64 {
        count.wrapping_sub(before)
    }

    fn into_float(self) -> FloatHistogram {
        self.to_float()
    }
}

impl Kind for FloatHistogram {
    type Field = Difference;

    const HEADER_AFTER_GAUGES: ResetHint = ResetHint::Unknown;
    const HEADER_AFTER_OTHER_LAYOUT: ResetHint = ResetHint::NotReset;

    fn parts(&self) -> Parts<'_, f64> {
        Parts {
            reset_hint: self.reset_hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            custom_bounds: &self.custom_bounds,
            count: self.count,
            zero_count: self.zero_count,
            sum: self.sum,
            positive: &self.positive,
            negative: &self.negative,
        }
    }

    fn from_parts(layout: &Layout, reset_hint: ResetHint, numbers: Numbers<f64>) -> Self {
        Self {
            reset_hint,
            schema: layout.schema,
            zero_threshold: layout.zero_threshold,
            zero_count: numbers.zero_count,
            count: numbers.count,
            sum: numbers.sum,
            positive: numbers.positive,
            negative: numbers.negative,
            custom_bounds: layout.custom_bounds.clone(),
        }
    }

    fn buckets_mut(&mut self) -> (&mut Buckets<f64>, &mut Buckets<f64>) {
        (&mut self.positive, &mut self.negative)
    }

    fn reduce_resolution(&mut self, schema: i32) {
        self.reduce_resolution(schema);
    }

    fn fell(before: f64, now: f64) -> bool {
        now < before
    }

    fn to_count(_: f64, number: f64) -> f64 {
        number
    }

    fn to_number(_: f64, count: f64) -> f64 {
        count
    }

    fn into_float(self) -> FloatHistogram {
        self
    }
}
