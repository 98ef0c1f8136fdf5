use std::sync::Arc;

use super::{Bucket, Buckets, CUSTOM_BUCKETS_SCHEMA, FloatHistogram, ResetHint, bucket};

/// A native histogram with integer counts, as programs expose it and chunks store it.
///
/// The number of a bucket is the difference of its count to the count of the bucket before. The
/// fields are as they came: [`Histogram::validate`] says whether they fit together.
///
/// Equality is that of [`FloatHistogram`].
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// What is known about a counter reset before this histogram.
    pub reset_hint: ResetHint,
    /// How wide the buckets are: -4 to 8, or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i32,
    /// Half the width of the zero bucket, whose ends are included.
    pub zero_threshold: f64,
    /// The number of observations in the zero bucket.
    pub zero_count: u64,
    /// The number of observations.
    pub count: u64,
    /// The sum of the observations; the staleness marker in a histogram that marks the end of its
    /// series.
    pub sum: f64,
    /// The buckets above the zero bucket; all buckets of a histogram with custom ones.
    pub positive: Buckets<i64>,
    /// The buckets below the zero bucket, their indices counted from zero downwards.
    pub negative: Buckets<i64>,
    /// The upper bounds of custom buckets, rising, without infinity; empty in all other schemas.
    /// Histograms of a series share them.
    pub custom_bounds: Arc<[f64]>,
}

impl Histogram {
    /// Returns whether the histogram names the bounds of its buckets.
    #[must_use]
    pub fn has_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// Returns the histogram with floats for counts, which are counts and no differences.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "queries count in floats, as the reference does"
    )]
    pub fn to_float(&self) -> FloatHistogram {
        FloatHistogram {
            reset_hint: self.reset_hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count as f64,
            count: self.count as f64,
            sum: self.sum,
            positive: float_counts(&self.positive),
            negative: float_counts(&self.negative),
            custom_bounds: Arc::clone(&self.custom_bounds),
        }
    }

    /// Returns the positive buckets, those next to zero first.
    pub fn positive_buckets(&self) -> impl Iterator<Item = Bucket<u64>> {
        let layout = bucket::Layout { schema: self.schema, custom_bounds: &self.custom_bounds };
        counts(&self.positive).map(move |(index, count)| layout.positive(index, count))
    }

    /// Returns the negative buckets, those next to zero first.
    pub fn negative_buckets(&self) -> impl Iterator<Item = Bucket<u64>> {
        let layout = bucket::Layout { schema: self.schema, custom_bounds: &self.custom_bounds };
        counts(&self.negative).map(move |(index, count)| layout.negative(index, count))
    }

    /// Returns the zero bucket, which histograms with custom buckets do not use.
    #[must_use]
    pub fn zero_bucket(&self) -> Bucket<u64> {
        Bucket::zero(self.zero_threshold, self.zero_count)
    }
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        self.schema == other.schema
            && self.count == other.count
            && self.sum.to_bits() == other.sum.to_bits()
            && self.zero_threshold == other.zero_threshold
            && self.zero_count == other.zero_count
            && (!self.has_custom_buckets() || self.custom_bounds == other.custom_bounds)
            && self.positive.iter().eq(other.positive.iter())
            && self.negative.iter().eq(other.negative.iter())
    }
}

/// Returns the counts of buckets that hold differences.
#[expect(clippy::cast_sign_loss, reason = "validation refuses counts below zero")]
fn counts(buckets: &Buckets<i64>) -> impl Iterator<Item = (i32, u64)> {
    buckets.iter().scan(0_i64, |count, (index, difference)| {
        *count = count.wrapping_add(difference);
        Some((index, *count as u64))
    })
}

#[expect(clippy::cast_precision_loss, reason = "queries count in floats, as the reference does")]
fn float_counts(buckets: &Buckets<i64>) -> Buckets<f64> {
    let mut count = 0.0;
    let add = |difference: &i64| {
        count += *difference as f64;
        count
    };
    Buckets { spans: buckets.spans.clone(), counts: buckets.counts.iter().map(add).collect() }
}
