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

#[cfg(test)]
mod tests {
    use std::f64::consts::SQRT_2;

    use narthex_model::histogram::CUSTOM_BUCKETS_SCHEMA;
    use narthex_promql_parser::Span;

    use super::*;

    const PLACE: Place<'_> = Place { metric_name: "", span: Span { start: 0, end: 1 } };

    /// Returns a histogram with these buckets below, around and above zero, which ends at 0.5 there.
    fn exponential(
        negative: &[(i32, f64)],
        zero_count: f64,
        positive: &[(i32, f64)],
    ) -> FloatHistogram {
        let count = negative.iter().chain(positive).map(|(_, count)| count).sum::<f64>();
        FloatHistogram {
            zero_threshold: 0.5,
            zero_count,
            count: count + zero_count,
            sum: 6.0,
            negative: negative.iter().copied().collect(),
            positive: positive.iter().copied().collect(),
            ..FloatHistogram::default()
        }
    }

    fn custom(bounds: &[f64], counts: &[(i32, f64)]) -> FloatHistogram {
        let histogram = exponential(&[], 0.0, counts);
        FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            zero_threshold: 0.0,
            custom_bounds: bounds.into(),
            ..histogram
        }
    }

    /// Adds an observation of NaN.
    fn with_nan(histogram: FloatHistogram) -> FloatHistogram {
        FloatHistogram { count: histogram.count + 1.0, sum: f64::NAN, ..histogram }
    }

    /// The last bits are held against recorded answers.
    fn near(found: f64, expected: f64) -> bool {
        found == expected
            || (found - expected).abs() < 1e-15
            || (found.is_nan() && expected.is_nan())
    }

    #[test]
    fn quantiles_lie_within_buckets() {
        let above = exponential(&[], 0.0, &[(1, 2.0), (2, 2.0)]);
        let around = exponential(&[(1, 1.0)], 2.0, &[(1, 1.0)]);
        let bounded = custom(&[1.0, 5.0], &[(0, 2.0), (1, 1.0), (2, 1.0)]);
        for (q, histogram, expected) in [
            (-0.1, &above, f64::NEG_INFINITY),
            (1.1, &above, f64::INFINITY),
            (f64::NAN, &above, f64::NAN),
            (0.5, &FloatHistogram::default(), f64::NAN),
            (0.0, &above, 1.0),
            (0.25, &above, SQRT_2),
            (0.5, &above, 2.0),
            (0.75, &above, 2.0 * SQRT_2),
            (1.0, &above, 4.0),
            // The zero bucket is on both sides, unless all others are on one.
            (0.5, &around, 0.0),
            (0.125, &around, -SQRT_2),
            (0.25, &exponential(&[], 2.0, &[(1, 2.0)]), 0.25),
            (0.75, &exponential(&[(1, 2.0)], 2.0, &[]), -0.25),
            // Below the lowest bound lies zero, if it is positive; above the highest lies nothing.
            (0.25, &bounded, 0.5),
            (0.625, &bounded, 3.0),
            (0.9, &bounded, 5.0),
            (0.1, &custom(&[-1.0, 5.0], &[(0, 1.0)]), -1.0),
        ] {
            let (found, remark) = quantile(q, histogram, PLACE);
            assert!(near(found, expected), "{q}: {found} for {expected}");
            assert_eq!(remark, None, "{q}");
        }
    }

    #[test]
    fn fractions_lie_between_bounds() {
        let above = exponential(&[], 0.0, &[(1, 2.0), (2, 2.0)]);
        let around = exponential(&[(1, 1.0)], 2.0, &[(1, 1.0)]);
        let bounded = custom(&[1.0, 5.0], &[(0, 2.0), (1, 1.0), (2, 1.0)]);
        for (lower, upper, histogram, expected) in [
            (0.0, 1.0, &FloatHistogram::default(), f64::NAN),
            (f64::NAN, 1.0, &above, f64::NAN),
            (2.0, 2.0, &above, 0.0),
            (f64::NEG_INFINITY, f64::INFINITY, &above, 1.0),
            (1.0, 2.0, &above, 0.5),
            (SQRT_2, 2.0 * SQRT_2, &above, 0.5),
            (-0.5, 0.25, &around, 0.375),
            (0.0, 3.0, &bounded, 0.625),
            (5.0, f64::INFINITY, &bounded, 0.25),
        ] {
            let (found, remark) = fraction(lower, upper, histogram, PLACE);
            assert!(near(found, expected), "{lower} to {upper}: {found} for {expected}");
            assert_eq!(remark, None, "{lower} to {upper}");
        }
    }

    #[test]
    fn observations_of_nan_are_remarked_on() {
        let histogram = with_nan(exponential(&[], 0.0, &[(1, 3.0)]));
        let remark = |found: (f64, Option<Annotation>)| found.1.map(|remark| remark.to_string());
        let result = "PromQL info: input to histogram_quantile has NaN observations, result is ";
        let (value, _) = quantile(0.9, &histogram, PLACE);
        assert!(value.is_nan());
        assert_eq!(remark(quantile(0.9, &histogram, PLACE)), Some(format!("{result}NaN")));
        assert_eq!(
            remark(quantile(0.5, &histogram, PLACE)),
            Some(format!("{result}skewed higher"))
        );
        let (share, _) = fraction(f64::NEG_INFINITY, f64::INFINITY, &histogram, PLACE);
        assert_eq!(share.to_bits(), 0.75_f64.to_bits());
        assert!(remark(fraction(0.0, 1.0, &histogram, PLACE)).is_some());
        // Infinities of both signs make the sum no number too.
        let infinite = FloatHistogram { sum: f64::NAN, ..exponential(&[], 0.0, &[(1, 3.0)]) };
        assert_eq!(remark(quantile(0.5, &infinite, PLACE)), None);
    }

    #[test]
    fn summaries_take_observations_for_the_middle_of_their_bucket() {
        let histogram = exponential(&[], 2.0, &[(2, 2.0)]);
        let variance = (2.0 * 1.5 * 1.5 + 2.0 * (2.0 * SQRT_2 - 1.5).powi(2)) / 4.0;
        for (summary, expected) in [
            (Summary::Count, 4.0),
            (Summary::Sum, 6.0),
            (Summary::Avg, 1.5),
            (Summary::Stdvar, variance),
            (Summary::Stddev, variance.sqrt()),
        ] {
            let found = summary.of(&histogram);
            assert!(near(found, expected), "{summary:?}: {found} for {expected}");
        }
    }
}
