//! The zero buckets of two histograms, made equally wide.

use std::cmp::Ordering;

use super::{Bucket, FloatHistogram, kahan};

/// What a histogram's zero bucket holds once it is wider.
#[derive(Clone, Copy, Debug)]
pub(super) struct WideZero {
    pub(super) threshold: f64,
    pub(super) count: f64,
    pub(super) compensation: f64,
}

impl FloatHistogram {
    /// Returns the zero bucket as it would be with `threshold`, which is not below the present one.
    /// Where that lies within a bucket that holds observations, the threshold becomes the bucket's
    /// far end. `compensation` holds what was lost in the sums that made this histogram.
    ///
    /// # Source
    ///
    /// `zeroCountForLargerThreshold` in Prometheus `model/histogram/float_histogram.go`. As there,
    /// the compensation is not taken back where the count starts anew.
    pub(super) fn zero_at(&self, threshold: f64, compensation: Option<&Self>) -> WideZero {
        let mut zero = WideZero {
            threshold,
            count: self.zero_count,
            compensation: compensation.map_or(0.0, |lost| lost.zero_count),
        };
        if threshold == self.zero_threshold {
            return zero;
        }
        loop {
            zero.count = self.zero_count;
            let lost = compensation.map(|lost| &*lost.positive.counts);
            let positive =
                self.positive_buckets().map(|bucket| (bucket, bucket.lower, bucket.upper));
            if let Some(upper) = zero.take(positive, lost) {
                zero.threshold = upper;
            }
            let lost = compensation.map(|lost| &*lost.negative.counts);
            let negative =
                self.negative_buckets().map(|bucket| (bucket, -bucket.upper, -bucket.lower));
            match zero.take(negative, lost) {
                // The positive buckets were looked at with a smaller threshold.
                Some(upper) => zero.threshold = upper,
                None => return zero,
            }
        }
    }

    /// Widens the zero bucket of this histogram, and that of `compensation`, until it is one that
    /// `other` could have too. Returns the zero bucket that `other` would have.
    pub(super) fn reconcile_zero(
        &mut self,
        other: &Self,
        mut compensation: Option<&mut Self>,
    ) -> WideZero {
        let mut others = WideZero {
            threshold: other.zero_threshold,
            count: other.zero_count,
            compensation: 0.0,
        };
        // A threshold that is NaN equals none, not even itself.
        while others.threshold.partial_cmp(&self.zero_threshold).is_some_and(Ordering::is_ne) {
            if self.zero_threshold > others.threshold {
                others = other.zero_at(self.zero_threshold, None);
            }
            if others.threshold > self.zero_threshold {
                let own = self.zero_at(others.threshold, compensation.as_deref());
                self.zero_threshold = own.threshold;
                self.zero_count = own.count;
                if let Some(lost) = compensation.as_deref_mut() {
                    lost.zero_count = own.compensation;
                }
                self.empty_buckets_in_zero(compensation.as_deref_mut());
            }
        }
        others
    }

    /// Removes the buckets whose observations are in the zero bucket by now.
    fn empty_buckets_in_zero(&mut self, mut compensation: Option<&mut Self>) {
        let threshold = self.zero_threshold;
        let positive =
            self.positive_buckets().take_while(|bucket| bucket.lower < threshold).count();
        let negative =
            self.negative_buckets().take_while(|bucket| bucket.upper > -threshold).count();
        self.positive.counts[..positive].fill(0.0);
        self.negative.counts[..negative].fill(0.0);
        if let Some(lost) = compensation.as_deref_mut() {
            lost.positive.counts[..positive].fill(0.0);
            lost.negative.counts[..negative].fill(0.0);
        }
        match compensation {
            Some(lost) => self.compact_with(lost),
            None => self.compact(),
        }
    }
}

impl WideZero {
    /// Takes in the buckets, given with their distances from zero, that begin below the threshold.
    /// Returns the far end of the bucket within which it lies, if that holds observations.
    fn take(
        &mut self,
        buckets: impl Iterator<Item = (Bucket<f64>, f64, f64)>,
        lost: Option<&[f64]>,
    ) -> Option<f64> {
        for (position, (bucket, near, far)) in buckets.enumerate() {
            if near >= self.threshold {
                return None;
            }
            kahan::add(&mut self.count, &mut self.compensation, bucket.count);
            if let Some(lost) = lost.and_then(|lost| lost.get(position)) {
                kahan::add(&mut self.count, &mut self.compensation, *lost);
            }
            if far > self.threshold {
                return (bucket.count != 0.0).then_some(far);
            }
        }
        None
    }
}
