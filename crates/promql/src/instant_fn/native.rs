//! Numbers made of native histograms.
//!
//! # Source
//!
//! Prometheus `promql/functions.go` and `promql/quantile.go`.

use crate::annotations::Annotation;
use crate::gomath;
use crate::neumaier;
use crate::range_fn::Place;
use narthex_model::histogram::{Bucket, FloatHistogram};

/// A number that a function returns of each native histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Summary {
    Avg,
    Count,
    Stddev,
    Stdvar,
    Sum,
}

impl Summary {
    pub(super) fn of(self, histogram: &FloatHistogram) -> f64 {
        match self {
            Self::Avg => histogram.sum / histogram.count,
            Self::Count => histogram.count,
            Self::Stddev => variance(histogram).sqrt(),
            Self::Stdvar => variance(histogram),
            Self::Sum => histogram.sum,
        }
    }
}

/// Returns the variance of observations that lie in the middle of their buckets: the geometric one
/// of exponential buckets, zero in the zero bucket.
fn variance(histogram: &FloatHistogram) -> f64 {
    let mean = histogram.sum / histogram.count;
    let (mut sum, mut compensation) = (0.0, 0.0);
    for Bucket { lower, upper, count, .. } in histogram.buckets() {
        if count == 0.0 {
            continue;
        }
        let middle = if histogram.has_custom_buckets() {
            (upper + lower) / 2.0
        } else if lower <= 0.0 && upper >= 0.0 {
            0.0
        } else {
            let middle = (upper * lower).sqrt();
            if upper < 0.0 { -middle } else { middle }
        };
        let delta = middle - mean;
        (sum, compensation) = neumaier::add(sum, compensation, count * delta * delta);
    }
    (sum + compensation) / histogram.count
}

/// Returns the `q`-quantile of a histogram and a remark on it. Within a bucket observations are
/// taken to be spread evenly, over the logarithm in exponential buckets.
///
/// Quantiles from the middle on are searched from the highest bucket down, unless observations of
/// NaN, which are in no bucket, would be taken for the highest.
pub(super) fn quantile(
    q: f64,
    histogram: &FloatHistogram,
    place: Place<'_>,
) -> (f64, Option<Annotation>) {
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if histogram.count == 0.0 || q.is_nan() {
        return (f64::NAN, None);
    }
    if histogram.sum.is_nan() || q < 0.5 {
        let mut buckets = histogram.buckets();
        Search::new(q * histogram.count, true).run(histogram, &mut buckets, place)
    } else {
        let mut buckets = histogram.buckets_back();
        Search::new((1.0 - q) * histogram.count, false).run(histogram, &mut buckets, place)
    }
}

/// The search for the observation number `rank`.
struct Search {
    rank: f64,
    is_forward: bool,
    /// The observations in the buckets so far.
    count: f64,
}

impl Search {
    fn new(rank: f64, is_forward: bool) -> Self {
        Self { rank, is_forward, count: 0.0 }
    }

    fn run(
        mut self,
        histogram: &FloatHistogram,
        mut buckets: &mut dyn Iterator<Item = Bucket<f64>>,
        place: Place<'_>,
    ) -> (f64, Option<Annotation>) {
        let mut last = None;
        for bucket in &mut buckets {
            last = Some(bucket);
            if bucket.count == 0.0 {
                continue;
            }
            self.count += bucket.count;
            if self.count >= self.rank {
                break;
            }
        }
        let (mut lower, mut upper, bucket_count) =
            last.map_or((0.0, 0.0, 0.0), |bucket| (bucket.lower, bucket.upper, bucket.count));
        if histogram.has_custom_buckets() {
            if lower == f64::NEG_INFINITY {
                if upper <= 0.0 {
                    return (upper, None);
                }
                lower = 0.0;
            } else if upper == f64::INFINITY {
                return (lower, None);
            }
        } else if lower < 0.0 && upper > 0.0 {
            (lower, upper) = one_sided(histogram, lower, upper);
        }
        // Rounding can make the buckets hold more than all.
        if self.count > histogram.count {
            self.count = histogram.count;
        }
        if self.count < self.rank {
            let nan = histogram.sum.is_nan();
            let remark =
                nan.then(|| Annotation::quantile_nan_result(place.metric_name, place.span));
            return (if nan { f64::NAN } else { upper }, remark);
        }
        let rank = if self.is_forward {
            self.rank - (self.count - bucket_count)
        } else {
            self.count - self.rank
        };
        let mut bucket = Bucket { lower, upper, count: bucket_count, ..histogram.zero_bucket() };
        let mut remark = None;
        if histogram.sum.is_nan() {
            for rest in buckets {
                self.count += rest.count;
                // The reference goes on with the last of them.
                bucket = rest;
            }
            remark = (self.count < histogram.count)
                .then(|| Annotation::quantile_nan_skew(place.metric_name, place.span));
        }
        (interpolate(&bucket, rank / bucket.count, histogram.has_custom_buckets()), remark)
    }
}

/// Returns the value at a fraction of a bucket.
fn interpolate(bucket: &Bucket<f64>, fraction: f64, is_custom: bool) -> f64 {
    let Bucket { lower, upper, .. } = *bucket;
    if is_custom || (lower <= 0.0 && upper >= 0.0) {
        return lower + (upper - lower) * fraction;
    }
    let (log_lower, log_upper) = (gomath::log2(lower.abs()), gomath::log2(upper.abs()));
    if lower > 0.0 {
        return gomath::exp2(log_lower + (log_upper - log_lower) * fraction);
    }
    -gomath::exp2(log_upper + (log_lower - log_upper) * (1.0 - fraction))
}

/// Returns the bounds of the zero bucket, which next to buckets on one side only is taken to hold
/// that side alone.
fn one_sided(histogram: &FloatHistogram, lower: f64, upper: f64) -> (f64, f64) {
    match (histogram.negative.is_empty(), histogram.positive.is_empty()) {
        (true, false) => (0.0, upper),
        (false, true) => (lower, 0.0),
        _ => (lower, upper),
    }
}

/// Returns the share of the observations between `lower` and `upper`, and a remark on it.
pub(super) fn fraction(
    lower: f64,
    upper: f64,
    histogram: &FloatHistogram,
    place: Place<'_>,
) -> (f64, Option<Annotation>) {
    if histogram.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return (f64::NAN, None);
    }
    if lower >= upper {
        return (0.0, None);
    }
    let (mut lower_rank, mut upper_rank) = (None, None);
    let (mut count, mut rank) = (0.0, 0.0);
    let mut buckets = histogram.buckets();
    for mut bucket in buckets.by_ref() {
        count += bucket.count;
        let is_zero = bucket.lower <= 0.0 && bucket.upper >= 0.0;
        if is_zero {
            (bucket.lower, bucket.upper) = one_sided(histogram, bucket.lower, bucket.upper);
        }
        let is_linear = is_zero || histogram.has_custom_buckets();
        for (found, bound) in [(&mut lower_rank, lower), (&mut upper_rank, upper)] {
            if found.is_none() {
                *found = rank_in(&bucket, bound, rank, is_linear);
            }
        }
        if lower_rank.is_some() && upper_rank.is_some() {
            break;
        }
        rank += bucket.count;
    }
    let mut remark = None;
    if histogram.sum.is_nan() {
        count = buckets.fold(count, |count, bucket| count + bucket.count);
        remark = (count < histogram.count)
            .then(|| Annotation::fraction_nan(place.metric_name, place.span));
    } else {
        count = histogram.count;
    }
    let within = |rank: Option<f64>| match rank {
        // A NaN is not beyond the count, and stays.
        Some(rank) if rank > count => count,
        Some(rank) => rank,
        None => count,
    };
    ((within(upper_rank) - within(lower_rank)) / histogram.count, remark)
}

/// Returns how many observations lie below `bound`, if it is not above the bucket; `rank` lie below
/// the bucket.
fn rank_in(bucket: &Bucket<f64>, bound: f64, rank: f64, is_linear: bool) -> Option<f64> {
    if bucket.lower >= bound {
        return Some(rank);
    }
    (bucket.lower < bound && bucket.upper > bound).then(|| {
        // A bucket without a lower end cannot be divided.
        if is_linear && bucket.lower == f64::NEG_INFINITY {
            bucket.count
        } else {
            rank + bucket.count * bucket.fraction_below(bound, is_linear)
        }
    })
}
