use std::sync::Arc;

use super::{Bucket, Buckets, CUSTOM_BUCKETS_SCHEMA, ResetHint, bucket};
use crate::is_stale_nan;

/// A native histogram with floats for counts, as queries see every histogram.
///
/// The number of a bucket is its count. The fields are as they came: [`FloatHistogram::validate`]
/// says whether they fit together. Nothing here panics where they do not.
///
/// Equality is that of the data: floats by their bits, bounds and thresholds by their value, buckets
/// by index whichever spans they are in. A bucket without observations differs from no bucket, which
/// [`FloatHistogram::compact`] helps. The reset hint does not count.
#[derive(Clone, Debug, Default)]
pub struct FloatHistogram {
    /// What is known about a counter reset before this histogram.
    pub reset_hint: ResetHint,
    /// How wide the buckets are: -4 to 8, or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i32,
    /// Half the width of the zero bucket, whose ends are included.
    pub zero_threshold: f64,
    /// The number of observations in the zero bucket.
    pub zero_count: f64,
    /// The number of observations.
    pub count: f64,
    /// The sum of the observations; the staleness marker in a histogram that marks the end of its
    /// series.
    pub sum: f64,
    /// The buckets above the zero bucket; all buckets of a histogram with custom ones.
    pub positive: Buckets<f64>,
    /// The buckets below the zero bucket, their indices counted from zero downwards.
    pub negative: Buckets<f64>,
    /// The upper bounds of custom buckets, rising, without infinity; empty in all other schemas.
    /// Histograms of a series share them.
    pub custom_bounds: Arc<[f64]>,
}

impl FloatHistogram {
    /// Returns whether the histogram names the bounds of its buckets.
    #[must_use]
    pub fn has_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// Returns whether the histogram marks the end of its series.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        is_stale_nan(self.sum)
    }

    /// Returns whether a count, the sum or a bound is infinite, as sums of great histograms become.
    #[must_use]
    pub fn has_overflow(&self) -> bool {
        let totals = [self.zero_count, self.count, self.sum];
        let counts = self.positive.counts.iter().chain(&self.negative.counts);
        totals.iter().chain(counts).chain(&*self.custom_bounds).any(|number| number.is_infinite())
    }

    /// Returns the size in bytes as the reference counts it, by which it limits queries.
    ///
    /// # Source
    ///
    /// `FloatHistogram.Size` in Prometheus `model/histogram/float_histogram.go`: its structure has
    /// 168 bytes, a span, a bucket and a bound 8 each.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        const STRUCT_BYTES: usize = 168;
        STRUCT_BYTES
            + self.positive.size_bytes()
            + self.negative.size_bytes()
            + size_of_val(&*self.custom_bounds)
    }

    /// Multiplies all counts and the sum. A negative factor makes a gauge of the histogram.
    pub fn mul(&mut self, factor: f64) {
        self.for_each_number(|number| *number *= factor);
        if factor < 0.0 {
            self.reset_hint = ResetHint::Gauge;
        }
    }

    /// Divides all counts and the sum. A negative divisor makes a gauge of the histogram, zero takes
    /// all its buckets but the zero bucket.
    pub fn div(&mut self, divisor: f64) {
        if divisor == 0.0 {
            self.positive.clear();
            self.negative.clear();
        }
        self.for_each_number(|number| *number /= divisor);
        if divisor < 0.0 {
            self.reset_hint = ResetHint::Gauge;
        }
    }

    fn for_each_number(&mut self, change: impl Fn(&mut f64)) {
        let totals = [&mut self.zero_count, &mut self.count, &mut self.sum];
        let counts = self.positive.counts.iter_mut().chain(&mut self.negative.counts);
        totals.into_iter().chain(counts).for_each(change);
    }

    /// Returns the positive buckets, those next to zero first.
    pub fn positive_buckets(&self) -> impl Iterator<Item = Bucket<f64>> {
        let layout = self.layout();
        self.positive.iter().map(move |(index, count)| layout.positive(index, count))
    }

    /// Returns the negative buckets, those next to zero first.
    pub fn negative_buckets(&self) -> impl Iterator<Item = Bucket<f64>> {
        let layout = self.layout();
        self.negative.iter().map(move |(index, count)| layout.negative(index, count))
    }

    /// Returns the zero bucket, which histograms with custom buckets do not use.
    #[must_use]
    pub fn zero_bucket(&self) -> Bucket<f64> {
        Bucket::zero(self.zero_threshold, self.zero_count)
    }

    /// Returns all buckets from the lowest to the highest, the zero bucket only where it holds
    /// observations. Buckets that the zero bucket overlaps begin or end at its threshold.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket<f64>> {
        let layout = self.layout();
        let negative = self.negative.iter_back();
        negative
            .map(move |(index, count)| layout.negative(index, count))
            .map(|bucket| bucket.outside(self.zero_threshold))
            .chain(self.populated_zero_bucket())
            .chain(self.positive_buckets().map(|bucket| bucket.outside(self.zero_threshold)))
    }

    /// Returns what [`FloatHistogram::buckets`] does from the highest bucket to the lowest.
    pub fn buckets_back(&self) -> impl Iterator<Item = Bucket<f64>> {
        let layout = self.layout();
        let positive = self.positive.iter_back();
        positive
            .map(move |(index, count)| layout.positive(index, count))
            .map(|bucket| bucket.outside(self.zero_threshold))
            .chain(self.populated_zero_bucket())
            .chain(self.negative_buckets().map(|bucket| bucket.outside(self.zero_threshold)))
    }

    fn populated_zero_bucket(&self) -> Option<Bucket<f64>> {
        (self.zero_count > 0.0).then(|| self.zero_bucket())
    }

    pub(super) fn layout(&self) -> bucket::Layout<'_> {
        bucket::Layout { schema: self.schema, custom_bounds: &self.custom_bounds }
    }
}

impl PartialEq for FloatHistogram {
    fn eq(&self, other: &Self) -> bool {
        let bits = |numbers: [f64; 3]| numbers.map(f64::to_bits);
        bits([self.count, self.sum, self.zero_count])
            == bits([other.count, other.sum, other.zero_count])
            && self.schema == other.schema
            && self.zero_threshold == other.zero_threshold
            && (!self.has_custom_buckets() || self.custom_bounds == other.custom_bounds)
            && same_bits(&self.positive, &other.positive)
            && same_bits(&self.negative, &other.negative)
    }
}

fn same_bits(left: &Buckets<f64>, right: &Buckets<f64>) -> bool {
    let bits = |(index, count): (i32, f64)| (index, count.to_bits());
    left.iter().map(bits).eq(right.iter().map(bits))
}
