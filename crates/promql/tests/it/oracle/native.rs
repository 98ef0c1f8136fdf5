//! Quantiles, fractions and the like of native histograms.

use narthex_model::float;
use narthex_model::histogram::{Bucket, FloatHistogram};

use super::go;

/// Returns the quantile, and what there is to remark on it.
pub(super) fn quantile(q: f64, histogram: &FloatHistogram) -> (f64, Option<&'static str>) {
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if histogram.count == 0.0 || q.is_nan() {
        return (f64::NAN, None);
    }
    // Observations of NaN are in no bucket, but in the count, and make the sum one.
    let has_nan = histogram.sum.is_nan();
    let goes_up = has_nan || q < 0.5;
    let all: Vec<Bucket<f64>> = match goes_up {
        true => histogram.buckets().collect(),
        false => histogram.buckets_back().collect(),
    };
    let rank = (if goes_up { q } else { 1.0 - q }) * histogram.count;
    let mut bucket = Bucket { lower: 0.0, upper: 0.0, count: 0.0, ..histogram.zero_bucket() };
    let mut count = 0.0;
    let mut rest = all.into_iter();
    for found in rest.by_ref() {
        bucket = found;
        count += bucket.count;
        if bucket.count != 0.0 && count >= rank {
            break;
        }
    }
    let (positive, negative) = (&histogram.positive.counts, &histogram.negative.counts);
    if histogram.has_custom_buckets() {
        if bucket.lower == f64::NEG_INFINITY {
            if bucket.upper <= 0.0 {
                return (bucket.upper, None);
            }
            bucket.lower = 0.0;
        } else if bucket.upper == f64::INFINITY {
            return (bucket.lower, None);
        }
    } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
        if negative.is_empty() && !positive.is_empty() {
            bucket.lower = 0.0;
        } else if positive.is_empty() && !negative.is_empty() {
            bucket.upper = 0.0;
        }
    }
    if count > histogram.count {
        count = histogram.count;
    }
    if count < rank {
        return match has_nan {
            true => {
                (f64::NAN, Some("input to histogram_quantile has NaN observations, result is NaN"))
            }
            false => (bucket.upper, None),
        };
    }
    let rank = if goes_up { rank - (count - bucket.count) } else { count - rank };
    let mut remark = None;
    if has_nan {
        for found in rest {
            bucket = found;
            count += bucket.count;
        }
        if count < histogram.count {
            remark =
                Some("input to histogram_quantile has NaN observations, result is skewed higher");
        }
    }
    let fraction = rank / bucket.count;
    let is_linear = histogram.has_custom_buckets() || (bucket.lower <= 0.0 && bucket.upper >= 0.0);
    let value = if is_linear {
        bucket.lower + (bucket.upper - bucket.lower) * fraction
    } else {
        let (lower, upper) = (float::log2(bucket.lower.abs()), float::log2(bucket.upper.abs()));
        if bucket.lower > 0.0 {
            go::exp2(lower + (upper - lower) * fraction)
        } else {
            -go::exp2(upper + (lower - upper) * (1.0 - fraction))
        }
    };
    (value, remark)
}

/// Returns the fraction of the observations between two bounds, and what there is to remark on it.
pub(super) fn fraction(
    lower: f64,
    upper: f64,
    histogram: &FloatHistogram,
) -> (f64, Option<&'static str>) {
    if histogram.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return (f64::NAN, None);
    }
    if lower >= upper {
        return (0.0, None);
    }
    let (mut ranks, mut below, mut in_buckets) = ([None, None], 0.0, 0.0);
    for mut bucket in histogram.buckets() {
        in_buckets += bucket.count;
        let is_zero_bucket = bucket.lower <= 0.0 && bucket.upper >= 0.0;
        if is_zero_bucket {
            if histogram.negative.is_empty() && !histogram.positive.is_empty() {
                bucket.lower = 0.0;
            } else if histogram.positive.is_empty() && !histogram.negative.is_empty() {
                bucket.upper = 0.0;
            }
        }
        let is_linear = histogram.has_custom_buckets() || is_zero_bucket;
        for (rank, bound) in ranks.iter_mut().zip([lower, upper]) {
            if rank.is_none() && bucket.lower >= bound {
                *rank = Some(below);
            } else if rank.is_none() && bucket.upper > bound {
                *rank = Some(if is_linear && bucket.lower == f64::NEG_INFINITY {
                    bucket.count
                } else {
                    below + bucket.count * bucket.fraction_below(bound, is_linear)
                });
            }
        }
        below += bucket.count;
    }
    let mut remark = None;
    let mut count = histogram.count;
    if histogram.sum.is_nan() {
        count = in_buckets;
        if count < histogram.count {
            remark = Some(
                "input to histogram_fraction has NaN observations, which are excluded from all \
                 fractions",
            );
        }
    }
    let [lower, upper] = ranks.map(|rank| rank.filter(|rank| *rank <= count).unwrap_or(count));
    ((upper - lower) / histogram.count, remark)
}

pub(super) fn variance(histogram: &FloatHistogram) -> f64 {
    let mean = histogram.sum / histogram.count;
    let mut variance = (0.0, 0.0);
    for bucket in histogram.buckets().filter(|bucket| bucket.count != 0.0) {
        let value = if histogram.has_custom_buckets() {
            (bucket.upper + bucket.lower) / 2.0
        } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
            0.0
        } else {
            (bucket.upper * bucket.lower).sqrt().copysign(bucket.upper)
        };
        let delta = value - mean;
        variance = go::kahan_add(bucket.count * delta * delta, variance);
    }
    (variance.0 + variance.1) / histogram.count
}
