//! Histograms without the observations above or below a value.
//!
//! # Source
//!
//! `FloatHistogram.TrimBuckets` in Prometheus `model/histogram/float_histogram.go`.

use super::{Bucket, FloatHistogram};

/// Which observations stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Those below the value, as the operator `</` does.
    Below,
    /// Those above the value, as the operator `>/` does.
    Above,
}

/// How observations are taken to be spread within a bucket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spread {
    /// Evenly: in custom buckets.
    Linear,
    /// Evenly over the logarithm, above zero.
    Positive,
    /// Evenly over the logarithm, below zero.
    Negative,
}

/// How many observations of a bucket stay, and the value that stands for each of them.
#[derive(Clone, Copy)]
struct Kept {
    count: f64,
    midpoint: f64,
}

impl FloatHistogram {
    /// Removes the observations above or below `value`. The bucket around it is divided where its
    /// observations are taken to lie; count and sum are estimated anew from what is left.
    ///
    /// Where no observation is removed, nothing changes.
    pub fn trim(&mut self, keep: Keep, value: f64) {
        let spread =
            |exponential| if self.has_custom_buckets() { Spread::Linear } else { exponential };
        let (positive, negative) = (spread(Spread::Positive), spread(Spread::Negative));
        let mut trimmer = Trimmer { keep, value, count: 0.0, sum: 0.0, has_trimmed: false };
        let positive = trimmer.side(self.positive_buckets(), positive);
        let negative = trimmer.side(self.negative_buckets(), negative);
        let has_positive = self.positive.counts.iter().any(|count| *count != 0.0);
        let has_negative = self.negative.counts.iter().any(|count| *count != 0.0);
        let zero = (self.zero_count > 0.0).then(|| {
            let mut bucket = self.zero_bucket();
            // Next to buckets on one side only, the zero bucket is taken to hold that side alone.
            if has_negative && !has_positive {
                bucket.upper = 0.0;
            }
            if has_positive && !has_negative {
                bucket.lower = 0.0;
            }
            trimmer.zero(bucket)
        });
        if trimmer.has_trimmed {
            self.positive.counts = positive;
            self.negative.counts = negative;
            self.zero_count = zero.unwrap_or(self.zero_count);
            self.count = trimmer.count;
            self.sum = trimmer.sum;
            self.compact();
        }
    }
}

/// What is left after the buckets so far.
struct Trimmer {
    keep: Keep,
    value: f64,
    count: f64,
    sum: f64,
    has_trimmed: bool,
}

impl Trimmer {
    /// Returns how many observations of each bucket stay.
    fn side(&mut self, buckets: impl Iterator<Item = Bucket<f64>>, spread: Spread) -> Vec<f64> {
        buckets
            .map(|bucket| {
                if bucket.count == 0.0 {
                    return bucket.count;
                }
                let Some(kept) = self.part(&bucket, spread) else {
                    self.has_trimmed = true;
                    return 0.0;
                };
                self.count += kept.count;
                self.sum += kept.midpoint * kept.count;
                // By bits, so that a NaN that stays does not count as removed.
                self.has_trimmed |= kept.count.to_bits() != bucket.count.to_bits();
                kept.count
            })
            .collect()
    }

    /// Returns what stays of a bucket, or `None` where it lies beyond the value.
    fn part(&self, bucket: &Bucket<f64>, spread: Spread) -> Option<Kept> {
        let value = self.value;
        let (is_kept, is_divided) = match self.keep {
            Keep::Below => (bucket.upper <= value, bucket.lower < value),
            Keep::Above => (bucket.lower >= value, bucket.upper > value),
        };
        if is_kept {
            let midpoint = midpoint(bucket.lower, bucket.upper, spread);
            return Some(Kept { count: bucket.count, midpoint });
        }
        is_divided.then(|| {
            if bucket.lower == f64::NEG_INFINITY {
                return self.part_from_infinity(bucket);
            }
            if bucket.upper == f64::INFINITY {
                return self.part_to_infinity(bucket);
            }
            let below = bucket.count * bucket.fraction_below(value, spread == Spread::Linear);
            match self.keep {
                Keep::Below => {
                    Kept { count: below, midpoint: midpoint(bucket.lower, value, spread) }
                }
                Keep::Above => Kept {
                    count: bucket.count - below,
                    midpoint: midpoint(value, bucket.upper, spread),
                },
            }
        })
    }

    /// Returns what stays of a bucket without a lower bound, which only custom buckets are. Where its
    /// upper bound is above zero, it is taken to begin at zero; nobody knows how its observations are
    /// spread otherwise, so that all of them go, or all stay.
    fn part_from_infinity(&self, &Bucket { upper, count, .. }: &Bucket<f64>) -> Kept {
        let value = self.value;
        let begins_at_zero = upper.is_finite() && upper > 0.0;
        match self.keep {
            Keep::Below if value > 0.0 && begins_at_zero => {
                Kept { count: count * value / upper, midpoint: value / 2.0 }
            }
            Keep::Below if upper <= 0.0 => Kept { count, midpoint: value },
            Keep::Above if value >= 0.0 && begins_at_zero => {
                Kept { count: count * (1.0 - value / upper), midpoint: (value + upper) / 2.0 }
            }
            _ => Kept { count: 0.0, midpoint: finite_or_zero(upper) },
        }
    }

    /// Returns what stays of a bucket without an upper bound: all of it or nothing.
    fn part_to_infinity(&self, &Bucket { lower, count, .. }: &Bucket<f64>) -> Kept {
        if self.keep == Keep::Above && self.value >= lower {
            return Kept { count, midpoint: self.value };
        }
        Kept { count: 0.0, midpoint: finite_or_zero(lower) }
    }

    /// Returns how many observations of the zero bucket stay.
    fn zero(&mut self, Bucket { lower, upper, count, .. }: Bucket<f64>) -> f64 {
        let value = self.value;
        let all = Kept { count, midpoint: (lower + upper) / 2.0 };
        let none = Kept { count: 0.0, midpoint: 0.0 };
        let kept = match self.keep {
            Keep::Below if value <= lower => none,
            Keep::Below if value >= upper => all,
            Keep::Below => Kept {
                count: count * ((value - lower) / (upper - lower)),
                midpoint: (lower + value) / 2.0,
            },
            Keep::Above if value <= lower => all,
            Keep::Above if value >= upper => none,
            Keep::Above => Kept {
                count: count * ((upper - value) / (upper - lower)),
                midpoint: (value + upper) / 2.0,
            },
        };
        self.sum += kept.midpoint * kept.count;
        self.count += kept.count;
        self.has_trimmed |= kept.count != count;
        kept.count
    }
}

fn midpoint(lower: f64, upper: f64, spread: Spread) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => 0.0,
        (true, false) if upper > 0.0 => upper / 2.0,
        (true, false) => upper,
        (false, true) => lower,
        (false, false) => match spread {
            Spread::Linear => (lower + upper) / 2.0,
            Spread::Positive => (lower * upper).abs().sqrt(),
            Spread::Negative => -(lower * upper).abs().sqrt(),
        },
    }
}

fn finite_or_zero(number: f64) -> f64 {
    if number.is_infinite() { 0.0 } else { number }
}
