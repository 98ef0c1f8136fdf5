//! Values as the limits of a job let them be.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use narthex_exposition::Value;
use narthex_model::histogram::{FloatHistogram, Histogram, ResetHint, is_exponential_schema};
use narthex_storage::SampleValue;

/// How many buckets a native histogram may have, and how fine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BucketLimits {
    /// The most buckets of one histogram; 0 for any number.
    count_max: usize,
    /// The finest schema.
    schema_max: i32,
}

impl BucketLimits {
    /// Returns the limits of a job: its `native_histogram_bucket_limit` and
    /// `native_histogram_min_bucket_factor`.
    ///
    /// # Source
    ///
    /// `pickSchema` in Prometheus `scrape/scrape.go`.
    pub(super) fn new(count_max: u64, min_bucket_factor: f64) -> Self {
        let factor = if min_bucket_factor <= 1.0 { FACTOR_MIN } else { min_bucket_factor };
        let schema = (-factor.log2().log2()).floor();
        #[expect(clippy::cast_possible_truncation, reason = "it is clamped to a few small numbers")]
        let schema_max = schema.clamp(SCHEMA_MIN.into(), SCHEMA_MAX.into()) as i32;
        Self { count_max: usize::try_from(count_max).unwrap_or(usize::MAX), schema_max }
    }
}

impl BucketLimits {
    /// Returns whether a histogram of this schema is to be made coarser.
    fn is_coarser_than(self, schema: i32) -> bool {
        self.schema_max < SCHEMA_MAX && schema > self.schema_max
    }
}

/// A value within the limits.
#[derive(Clone, Debug)]
pub(super) enum Limited<'a> {
    Float(f64),
    Histogram(Cow<'a, Histogram>),
    FloatHistogram(Cow<'a, FloatHistogram>),
}

impl<'a> Limited<'a> {
    /// Returns the value, a native histogram as coarse as the limits ask for. `None` where it has too
    /// many buckets however coarse it is.
    pub(super) fn new(value: Value<'a>, limits: BucketLimits) -> Option<Self> {
        Some(match value {
            Value::Float(value) => Self::Float(value),
            Value::Histogram(histogram) => Self::Histogram(limited(histogram, limits)?),
            Value::FloatHistogram(histogram) => Self::FloatHistogram(limited(histogram, limits)?),
        })
    }

    pub(super) fn as_value(&self) -> SampleValue<'_> {
        match self {
            Self::Float(value) => SampleValue::Float(*value),
            Self::Histogram(histogram) => SampleValue::Histogram(histogram),
            Self::FloatHistogram(histogram) => SampleValue::FloatHistogram(histogram),
        }
    }

    pub(super) fn is_histogram(&self) -> bool {
        !matches!(self, Self::Float(_))
    }

    /// Returns what a value was before anything was counted: zero, or a histogram of the same buckets
    /// with nothing in them.
    pub(super) fn zero(&self) -> Self {
        match self {
            Self::Float(_) => Self::Float(0.0),
            Self::Histogram(histogram) => Self::Histogram(Cow::Owned(Histogram {
                reset_hint: ResetHint::Reset,
                schema: histogram.schema,
                zero_threshold: histogram.zero_threshold,
                custom_bounds: histogram.custom_bounds.clone(),
                ..Histogram::default()
            })),
            Self::FloatHistogram(histogram) => Self::FloatHistogram(Cow::Owned(FloatHistogram {
                reset_hint: ResetHint::Reset,
                schema: histogram.schema,
                zero_threshold: histogram.zero_threshold,
                custom_bounds: histogram.custom_bounds.clone(),
                ..FloatHistogram::default()
            })),
        }
    }
}

/// What the two kinds of native histograms have in common here.
trait Native: Clone {
    fn schema(&self) -> i32;
    fn bucket_count(&self) -> usize;
    fn reduce(&mut self, schema: i32);
}

impl Native for Histogram {
    fn schema(&self) -> i32 {
        self.schema
    }

    fn bucket_count(&self) -> usize {
        self.positive.counts.len() + self.negative.counts.len()
    }

    fn reduce(&mut self, schema: i32) {
        self.reduce_resolution(schema);
    }
}

impl Native for FloatHistogram {
    fn schema(&self) -> i32 {
        self.schema
    }

    fn bucket_count(&self) -> usize {
        self.positive.counts.len() + self.negative.counts.len()
    }

    fn reduce(&mut self, schema: i32) {
        self.reduce_resolution(schema);
    }
}

/// # Source
///
/// `bucketLimitAppenderV2` and `maxSchemaAppenderV2` in Prometheus `scrape/target.go`.
fn limited<H: Native>(histogram: &H, limits: BucketLimits) -> Option<Cow<'_, H>> {
    let mut histogram = Cow::Borrowed(histogram);
    if RESERVED_SCHEMAS.contains(&histogram.schema()) && limits.is_coarser_than(histogram.schema())
    {
        histogram.to_mut().reduce(limits.schema_max);
    }
    while limits.count_max > 0 && histogram.bucket_count() > limits.count_max {
        let schema = histogram.schema();
        if !is_exponential_schema(schema) || schema <= SCHEMA_MIN {
            return None;
        }
        histogram.to_mut().reduce(schema - 1);
    }
    Some(histogram)
}

/// The coarsest and the finest exponential schema.
const SCHEMA_MIN: i32 = -4;
const SCHEMA_MAX: i32 = 8;

/// The exponential schemas that the format knows, though only some are in use: a finer one is fine
/// where it is made coarser.
const RESERVED_SCHEMAS: RangeInclusive<i32> = -9..=52;

/// The growth from bucket to bucket in the finest schema, rounded: no finer one is asked for.
const FACTOR_MIN: f64 = 1.00271;

#[cfg(test)]
mod tests {
    use narthex_model::histogram::{Buckets, Span};

    use super::*;

    #[test]
    fn the_factor_picks_the_schema() {
        for (factor, expected) in [
            (0.0, 8),
            (1.0, 8),
            (1.002, 8),
            (1.00271, 8),
            (1.1, 2),
            (1.5, 0),
            (2.0, 0),
            (4.0, -1),
            (65_536.0, -4),
            (1e300, -4),
        ] {
            assert_eq!(BucketLimits::new(0, factor).schema_max, expected, "{factor}");
        }
    }

    #[test]
    fn too_many_buckets_make_a_histogram_coarser() {
        let positive = Buckets { spans: vec![Span { offset: 1, length: 8 }], counts: vec![1.0; 8] };
        let fine = FloatHistogram { schema: 2, count: 8.0, positive, ..FloatHistogram::default() };
        for (count_max, expected) in [(0, Some((2, 8))), (8, Some((2, 8))), (4, Some((1, 4)))] {
            let limits = BucketLimits::new(count_max, 0.0);
            let limited = limited(&fine, limits);
            let shape = limited.map(|it| (it.schema, it.positive.counts.len()));
            assert_eq!(shape, expected, "{count_max}");
        }
        let custom = FloatHistogram { schema: -53, ..fine };
        assert!(limited(&custom, BucketLimits::new(4, 0.0)).is_none());
    }
}
