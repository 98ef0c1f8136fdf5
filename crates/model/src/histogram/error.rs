use std::fmt;

use super::schema::{
    CUSTOM_BUCKETS_SCHEMA, EXPONENTIAL_SCHEMA_MAX, EXPONENTIAL_SCHEMA_MAX_RESERVED,
    EXPONENTIAL_SCHEMA_MIN, EXPONENTIAL_SCHEMA_MIN_RESERVED,
};
use crate::float::write_general;

/// Why a histogram is refused. The messages are the reference's.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HistogramError {
    /// The schema is none that is kept.
    #[error(
        "histogram has an invalid schema, which must be between {EXPONENTIAL_SCHEMA_MIN} and \
         {EXPONENTIAL_SCHEMA_MAX} for exponential buckets, or {CUSTOM_BUCKETS_SCHEMA} for custom \
         buckets, got schema {0}"
    )]
    InvalidSchema(i32),
    /// The schema is none that could be reduced to one that is kept.
    #[error(
        "histogram has an unknown schema, which must be between \
         {EXPONENTIAL_SCHEMA_MIN_RESERVED} and {EXPONENTIAL_SCHEMA_MAX_RESERVED} for exponential \
         buckets, or {CUSTOM_BUCKETS_SCHEMA} for custom buckets, got schema {0}"
    )]
    UnknownSchema(i32),
    /// Spans or counts of one side are wrong.
    #[error("{side}: {problem}")]
    Buckets {
        /// Which buckets.
        side: Side,
        /// What is wrong with them.
        problem: BucketsProblem,
    },
    /// The zero bucket's count is negative.
    #[error(
        "zero bucket has observation count of {}: histogram has a bucket whose observation count \
         is negative", General(*.0)
    )]
    NegativeZeroCount(f64),
    /// The count of observations is negative.
    #[error("observation count is  {}: histogram's observation count is negative", General(*.0))]
    NegativeCount(f64),
    /// The buckets of a histogram with a NaN for its sum hold more than all observations.
    #[error(
        "{in_buckets} observations found in buckets, but the Count field is {count}: histogram's \
         observation count should be at least the number of observations found in the buckets"
    )]
    CountTooSmall {
        /// The observations in the buckets.
        in_buckets: u64,
        /// The observations in the histogram.
        count: u64,
    },
    /// The buckets do not hold all observations.
    #[error(
        "{in_buckets} observations found in buckets, but the Count field is {count}: histogram's \
         observation count should equal the number of observations found in the buckets (in \
         absence of NaN)"
    )]
    CountMismatch {
        /// The observations in the buckets.
        in_buckets: u64,
        /// The observations in the histogram.
        count: u64,
    },
    /// There are custom buckets, and a count in the zero bucket.
    #[error("custom buckets: must have zero count of 0")]
    CustomZeroCount,
    /// There are custom buckets, and a zero bucket with a width.
    #[error("custom buckets: must have zero threshold of 0")]
    CustomZeroThreshold,
    /// There are custom buckets, and spans for negative ones.
    #[error("custom buckets: must not have negative spans")]
    CustomNegativeSpans,
    /// There are custom buckets, and negative ones.
    #[error("custom buckets: must not have negative buckets")]
    CustomNegativeBuckets,
    /// There are bounds without custom buckets.
    #[error("histogram with exponential schema must not have custom bounds")]
    BoundsWithoutCustomBuckets,
    /// An exponential and a custom histogram do not go together.
    #[error(
        "cannot apply this operation on histograms with a mix of exponential and custom bucket \
         schemas"
    )]
    IncompatibleSchemas,
}

/// Which buckets are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Those above zero.
    Positive,
    /// Those below zero.
    Negative,
    /// Those with bounds of their own.
    Custom,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Positive => "positive side",
            Self::Negative => "negative side",
            Self::Custom => "custom buckets",
        })
    }
}

/// What is wrong with the buckets of one side.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BucketsProblem {
    /// A span would begin within the one before.
    #[error(
        "span number {number} with offset {offset}: histogram has a span whose offset is negative"
    )]
    NegativeOffset {
        /// The number of the span, from 1.
        number: usize,
        /// Its offset.
        offset: i32,
    },
    /// The spans have more or fewer buckets than there are counts.
    #[error(
        "spans need {needed} buckets, have {found} buckets: histogram spans specify different \
         number of buckets than provided"
    )]
    BucketsMismatch {
        /// The buckets in the spans.
        needed: u64,
        /// The counts.
        found: usize,
    },
    /// A count is negative.
    #[error(
        "bucket number {number} has observation count of {count}: histogram has a bucket whose \
         observation count is negative"
    )]
    NegativeCount {
        /// The number of the bucket, from 1.
        number: usize,
        /// Its count, as text: an integer or a float.
        count: Box<str>,
    },
    /// A custom bound is NaN.
    #[error("histogram custom bounds must not be NaN")]
    BoundNan,
    /// The custom bounds do not rise.
    #[error(
        "previous bound is {} and current is {}: histogram custom bounds must be in strictly \
         increasing order", Decimals(*previous), Decimals(*current)
    )]
    BoundsNotRising {
        /// A bound.
        previous: f64,
        /// The one after it.
        current: f64,
    },
    /// The last custom bound is infinity, which goes without saying.
    #[error(
        "last +Inf bound must not be explicitly defined: histogram custom bounds must be finite"
    )]
    BoundInfinite,
    /// There are more buckets than the bounds make.
    #[error(
        "only {bounds} custom bounds defined which is insufficient to cover total span length of \
         {length}: histogram custom bounds are too few"
    )]
    TooFewBounds {
        /// The number of bounds.
        bounds: usize,
        /// The number of buckets, absent ones between spans included.
        length: u64,
    },
}

/// A number as the reference prints it by default.
struct General(f64);

impl fmt::Display for General {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_general(f, self.0)
    }
}

/// A number with six decimals.
struct Decimals(f64);

impl fmt::Display for Decimals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_infinite() {
            return write_general(f, self.0);
        }
        write!(f, "{:.6}", self.0)
    }
}
