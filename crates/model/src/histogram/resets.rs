//! Whether a counter was reset between two histograms.

use super::bounds::shared_bounds;
use super::resolution::coarser;
use super::schema::{exponential_bound, is_exponential_schema};
use super::{Bucket, Buckets, FloatHistogram, ResetHint};

impl FloatHistogram {
    /// Returns whether a counter was reset between `previous` and this histogram: by what the hint
    /// says, or else because a count fell. The sum does not matter.
    ///
    /// A finer schema, a narrower zero bucket, and one that ends within a bucket of `previous`, come
    /// with resets only. A coarser schema and a wider zero bucket need not.
    #[must_use]
    pub fn detect_reset(&self, previous: &Self) -> bool {
        match self.reset_hint {
            ResetHint::Reset => return true,
            ResetHint::NotReset => return false,
            // Functions for counters treat gauges as counters, and remark on it.
            ResetHint::Unknown | ResetHint::Gauge => {}
        }
        if self.count < previous.count {
            return true;
        }
        if self.has_custom_buckets() && previous.has_custom_buckets() {
            if self.custom_bounds != previous.custom_bounds {
                return self.fell_within_shared_bounds(previous);
            }
        } else if self.schema > previous.schema || self.has_custom_buckets() {
            return true;
        }
        if self.zero_threshold < previous.zero_threshold {
            return true;
        }
        let zero = previous.zero_at(self.zero_threshold, None);
        zero.threshold != self.zero_threshold
            || self.zero_count < zero.count
            || self.fell(&self.positive, &previous.positive, previous.schema)
            || self.fell(&self.negative, &previous.negative, previous.schema)
    }

    /// Returns whether a count outside the zero bucket fell.
    fn fell(&self, current: &Buckets<f64>, previous: &Buckets<f64>, schema: i32) -> bool {
        let in_zero = |index: i32| {
            self.zero_threshold != 0.0
                && is_exponential_schema(self.schema)
                && exponential_bound(index, self.schema) <= self.zero_threshold
        };
        let outside = |buckets, schema| {
            coarser(buckets, schema, self.schema).skip_while(move |(index, _)| in_zero(*index))
        };
        let mut current = outside(current, self.schema);
        let mut here = current.next();
        for (index, count) in outside(previous, schema) {
            while here.is_some_and(|(at, _)| at < index) {
                here = current.next();
            }
            let fell = match here {
                Some((at, now)) if at == index => now < count,
                _ => count != 0.0,
            };
            if fell {
                return true;
            }
        }
        false
    }

    /// Returns whether a count fell between bounds that both histograms have.
    fn fell_within_shared_bounds(&self, previous: &Self) -> bool {
        let mut current = self.positive_buckets().peekable();
        let mut past = previous.positive_buckets().peekable();
        let shared = shared_bounds(&self.custom_bounds, &previous.custom_bounds);
        shared.chain([f64::INFINITY]).any(|bound| {
            let below = |bucket: &Bucket<f64>| bucket.upper <= bound;
            let mut now = 0.0;
            while let Some(bucket) = current.next_if(below) {
                now += bucket.count;
            }
            let mut before = 0.0;
            while let Some(bucket) = past.next_if(below) {
                before += bucket.count;
            }
            now < before
        })
    }
}
