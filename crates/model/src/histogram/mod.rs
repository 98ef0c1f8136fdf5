//! Native histograms: one sample that holds the distribution of many observations.
//!
//! Buckets lie on both sides of a zero bucket and are as wide as the schema says: with schema `n`,
//! each power of two is divided into 2^n buckets, whose upper bounds are included (on the negative
//! side the lower ones). Schema -53 stands for custom buckets, whose bounds the histogram names. Only
//! the buckets in use are there, in spans.
//!
//! - [`Histogram`] counts in integers, as programs do; [`FloatHistogram`] in floats, as queries do;
//! - [`Buckets`] are one side of either, [`Bucket`] is one of them with its bounds;
//! - [`HistogramSum`] adds many of them without losing digits, [`HistogramMean`] without overflow;
//! - [`ClassicHistogram`] makes a native histogram of the samples of a classic one;
//! - [`ResetHint`] says what is known about resets.
//!
//! ```
//! use narthex_model::histogram::{Buckets, FloatHistogram};
//!
//! let latency_s = FloatHistogram {
//!     schema: 0,
//!     count: 6.0,
//!     sum: 8.5,
//!     // One observation up to 1, three up to 2, two up to 4.
//!     positive: Buckets::from_iter([(0, 1.0), (1, 3.0), (2, 2.0)]),
//!     ..FloatHistogram::default()
//! };
//! let bounds: Vec<f64> = latency_s.buckets().map(|bucket| bucket.upper).collect();
//! assert_eq!(bounds, [1.0, 2.0, 4.0]);
//! ```
//!
//! # Source
//!
//! Prometheus `model/histogram`. Every number here is computed in its order, so that the digits
//! agree.

mod add;
mod bounds;
mod bucket;
mod buckets;
mod classic;
mod compact;
mod error;
mod floats;
mod fractions;
mod integer;
mod kahan;
mod mean;
mod merge;
mod reset_hint;
mod resets;
mod resolution;
mod schema;
mod sum;
mod text;
mod trim;
mod validate;
mod zero;

pub use add::Added;
pub use bucket::{Bucket, Count};
pub use buckets::{Buckets, Entries, EntriesBack, Span};
pub use classic::{ClassicError, ClassicHistogram};
pub use error::{BucketsProblem, HistogramError, Side};
pub use floats::FloatHistogram;
pub use integer::Histogram;
pub use mean::HistogramMean;
pub use reset_hint::ResetHint;
pub use schema::{
    CUSTOM_BUCKETS_SCHEMA, EXPONENTIAL_SCHEMA_MAX, EXPONENTIAL_SCHEMA_MIN, is_exponential_schema,
    is_known_schema,
};
pub use sum::HistogramSum;
pub use text::TestExpression;
pub use trim::Keep;

#[cfg(test)]
mod tests;
