use std::fmt;

use super::CUSTOM_BUCKETS_SCHEMA;
use super::schema::bound;
use crate::float::{self, log2};

/// A bucket with its bounds.
///
/// As text it is an interval and its count, `(0.5,1]:3`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket<N> {
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
    /// Whether observations of the lower bound are in the bucket.
    pub lower_inclusive: bool,
    /// Whether observations of the upper bound are in the bucket.
    pub upper_inclusive: bool,
    /// The number of observations.
    pub count: N,
    /// The index in the schema, on the bucket's side of zero; 0 for the zero bucket.
    pub index: i32,
}

impl<N> Bucket<N> {
    pub(super) fn zero(threshold: f64, count: N) -> Self {
        Self {
            lower: -threshold,
            upper: threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count,
            index: 0,
        }
    }

    /// Returns the bucket with the bound that lies in the zero bucket moved to its threshold.
    pub(super) fn outside(mut self, zero_threshold: f64) -> Self {
        if self.upper < 0.0 && self.upper > -zero_threshold {
            self.upper = -zero_threshold;
        } else if self.lower > 0.0 && self.lower < zero_threshold {
            self.lower = zero_threshold;
        }
        self
    }

    /// Returns which part of the bucket's width, from 0 to 1, lies below `value`, which lies between
    /// the bounds. Both are finite.
    ///
    /// `linear` is for custom buckets and the zero bucket; in the others observations are taken to be
    /// spread evenly over the logarithm.
    ///
    /// # Source
    ///
    /// `Bucket.FractionBelow` in Prometheus `model/histogram/generic.go`.
    #[must_use]
    pub fn fraction_below(&self, value: f64, linear: bool) -> f64 {
        if linear {
            return (value - self.lower) / (self.upper - self.lower);
        }
        let [lower, upper, log_value] = [self.lower, self.upper, value].map(|x| log2(x.abs()));
        if value > 0.0 {
            (log_value - lower) / (upper - lower)
        } else {
            1.0 - (log_value - upper) / (lower - upper)
        }
    }
}

impl<N: Count> fmt::Display for Bucket<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.lower_inclusive { "[" } else { "(" })?;
        float::write_general(f, self.lower)?;
        f.write_str(",")?;
        float::write_general(f, self.upper)?;
        f.write_str(if self.upper_inclusive { "]:" } else { "):" })?;
        self.count.write(f)
    }
}

/// How the count of a bucket is printed.
pub trait Count: Copy + Default + PartialEq + sealed::Sealed {
    #[doc(hidden)]
    fn write(self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f64 {}
    impl Sealed for u64 {}
}

impl Count for f64 {
    fn write(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        float::write_general(f, self)
    }
}

impl Count for u64 {
    fn write(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self, f)
    }
}

/// What turns indices into bounds.
#[derive(Clone, Copy)]
pub(super) struct Layout<'a> {
    pub(super) schema: i32,
    pub(super) custom_bounds: &'a [f64],
}

impl Layout<'_> {
    /// Returns the positive bucket `index`.
    pub(super) fn positive<N>(self, index: i32, count: N) -> Bucket<N> {
        let upper = bound(index, self.schema, self.custom_bounds);
        let lower = bound(index.saturating_sub(1), self.schema, self.custom_bounds);
        self.bucket(index, lower, upper, count)
    }

    /// Returns the negative bucket `index`. Custom buckets are all positive.
    pub(super) fn negative<N>(self, index: i32, count: N) -> Bucket<N> {
        let lower = -bound(index, self.schema, self.custom_bounds);
        let upper = -bound(index.saturating_sub(1), self.schema, self.custom_bounds);
        self.bucket(index, lower, upper, count)
    }

    fn bucket<N>(self, index: i32, lower: f64, upper: f64, count: N) -> Bucket<N> {
        let (lower_inclusive, upper_inclusive) = if self.schema == CUSTOM_BUCKETS_SCHEMA {
            (index == 0, true)
        } else {
            (lower < 0.0, upper > 0.0)
        };
        Bucket { lower, upper, lower_inclusive, upper_inclusive, count, index }
    }
}
