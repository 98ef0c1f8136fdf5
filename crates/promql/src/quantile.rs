//! Quantiles of values and of classic histograms.

use crate::go_sort;

/// Returns the `q`-quantile of `values`, whose order changes on the way: between two values, their
/// weighted mean. NaN values come first.
///
/// # Source
///
/// `quantile` in Prometheus `promql/quantile.go`.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    let rank = match Rank::new(q, values.len()) {
        Ok(rank) => rank,
        Err(result) => return result,
    };
    let (lower, upper) = choose(rank, values).unwrap_or_else(|| {
        go_sort::sort(values, |left, right| left.is_nan() || left < right);
        (values[rank.lower], values[rank.upper])
    });
    rank.between(lower, upper)
}

/// Returns the two values that `rank` asks for; `None` where it depends on how the reference sorts
/// which ones they are: where values are NaN, or zeros with a sign.
// PERF: to choose costs a fifth of what it costs to sort.
fn choose(rank: Rank, values: &mut [f64]) -> Option<(f64, f64)> {
    let is_vague = |value: &f64| value.is_nan() | (value.to_bits() == (-0.0_f64).to_bits());
    if values.iter().fold(false, |any, value| any | is_vague(value)) {
        return None;
    }
    let (_, lower, above) = values.select_nth_unstable_by(rank.lower, f64::total_cmp);
    let lower = *lower;
    let upper = match rank.upper > rank.lower {
        true => above.iter().copied().min_by(f64::total_cmp)?,
        false => lower,
    };
    Some((lower, upper))
}

/// Which two of some sorted values a quantile lies between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rank {
    pub(crate) lower: usize,
    pub(crate) upper: usize,
    /// How far it lies towards the upper one, from 0 to 1.
    weight: f64,
}

impl Rank {
    /// Returns the rank of the `q`-quantile among `len` values.
    ///
    /// # Errors
    ///
    /// The result, where it is the same whatever the values are.
    pub(crate) fn new(q: f64, len: usize) -> Result<Self, f64> {
        if len == 0 || q.is_nan() {
            return Err(f64::NAN);
        }
        if q < 0.0 {
            return Err(f64::NEG_INFINITY);
        }
        if q > 1.0 {
            return Err(f64::INFINITY);
        }
        let last = len - 1;
        let rank = q * last as f64;
        #[expect(clippy::cast_possible_truncation, reason = "the rank lies within the length")]
        let lower = rank.floor() as usize;
        Ok(Self { lower, upper: last.min(lower + 1), weight: rank - rank.floor() })
    }

    /// Returns the quantile, given the values with the two ranks.
    pub(crate) fn between(self, lower: f64, upper: f64) -> f64 {
        lower * (1.0 - self.weight) + upper * self.weight
    }
}

/// One cumulative bucket of a classic histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) upper_bound: f64,
    pub(crate) count: f64,
}

/// Where counts had to be raised so that they rise with the bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Repair {
    pub(crate) min_bound: f64,
    pub(crate) max_bound: f64,
    pub(crate) max_diff: f64,
}

/// Returns the `q`-quantile of a histogram, interpolated linearly within a bucket, and what had to
/// be repaired. `buckets` is not empty; it is sorted and repaired on the way.
///
/// NaN without observations, without a bucket up to infinity, or with fewer than two buckets.
///
/// # Source
///
/// `BucketQuantile` in Prometheus `promql/quantile.go`.
pub(crate) fn bucket_quantile(q: f64, buckets: &mut Vec<Bucket>) -> (f64, Option<Repair>) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if !settle(buckets) {
        return (f64::NAN, None);
    }
    let repair = force_monotonic(buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if last == 0 || observations == 0.0 {
        return (f64::NAN, repair);
    }
    (interpolate(q * observations, buckets), repair)
}

/// Returns the value of the observation number `rank` in at least two buckets.
fn interpolate(mut rank: f64, buckets: &[Bucket]) -> f64 {
    let last = buckets.len() - 1;
    let index = search(last, |index| buckets[index].count >= rank);
    if index == last {
        return buckets[last - 1].upper_bound;
    }
    let Bucket { upper_bound, mut count } = buckets[index];
    if index == 0 && upper_bound <= 0.0 {
        return upper_bound;
    }
    let mut lower_bound = 0.0;
    if index > 0 {
        let below = buckets[index - 1];
        lower_bound = below.upper_bound;
        count -= below.count;
        rank -= below.count;
    }
    lower_bound + (upper_bound - lower_bound) * (rank / count)
}

/// Returns the first index below `len` for which `reached` holds, or `len`, looking at the middle
/// of what is left, as the reference does: counts of NaN make the order of the looks visible.
fn search(len: usize, reached: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = usize::midpoint(low, high);
        if reached(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// Returns the share of the observations between `lower` and `upper`.
///
/// # Source
///
/// `BucketFraction` in Prometheus `promql/quantile.go`.
pub(crate) fn bucket_fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if !settle(buckets) {
        return f64::NAN;
    }
    let count = buckets[buckets.len() - 1].count;
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let rank = |bound| match rank_of(bound, buckets) {
        // A NaN is not beyond the count, and stays.
        Some(rank) if rank > count => count,
        Some(rank) => rank,
        None => count,
    };
    let (lower_rank, upper_rank) = (rank(lower), rank(upper));
    (upper_rank - lower_rank) / count
}

/// Returns how many observations lie below `bound`, or `None` where it lies above all buckets.
fn rank_of(bound: f64, buckets: &[Bucket]) -> Option<f64> {
    let mut lower_bound = if buckets[0].upper_bound <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
    let mut rank = 0.0;
    for bucket in buckets {
        if lower_bound >= bound {
            return Some(rank);
        }
        if lower_bound < bound && bucket.upper_bound > bound {
            // A bucket without a lower end cannot be divided.
            return Some(if lower_bound == f64::NEG_INFINITY {
                bucket.count
            } else {
                let width = bucket.upper_bound - lower_bound;
                rank + (bucket.count - rank) * (bound - lower_bound) / width
            });
        }
        rank = bucket.count;
        lower_bound = bucket.upper_bound;
    }
    None
}

/// Sorts the buckets by bound and merges those with the same one. Returns whether the last one
/// reaches to infinity.
fn settle(buckets: &mut Vec<Bucket>) -> bool {
    buckets.sort_by(|left, right| {
        left.upper_bound.partial_cmp(&right.upper_bound).unwrap_or(std::cmp::Ordering::Equal)
    });
    if buckets.last().is_none_or(|bucket| bucket.upper_bound != f64::INFINITY) {
        return false;
    }
    buckets.dedup_by(|next, kept| {
        let same = next.upper_bound == kept.upper_bound;
        if same {
            kept.count += next.count;
        }
        same
    });
    true
}

/// Raises each count that is below the one before it. Differences that rounding explains are
/// levelled without a word.
fn force_monotonic(buckets: &mut [Bucket]) -> Option<Repair> {
    let mut repair: Option<Repair> = None;
    let mut before = buckets[0].count;
    for bucket in &mut buckets[1..] {
        let count = bucket.count;
        if count == before {
            continue;
        }
        if almost_equal(before, count) {
            bucket.count = before;
        } else if count < before {
            bucket.count = before;
            let so_far = repair.get_or_insert(Repair {
                min_bound: f64::INFINITY,
                max_bound: f64::NEG_INFINITY,
                max_diff: 0.0,
            });
            so_far.min_bound = so_far.min_bound.min(bucket.upper_bound);
            so_far.max_bound = so_far.max_bound.max(bucket.upper_bound);
            so_far.max_diff = so_far.max_diff.max(before - count);
        } else {
            before = count;
        }
    }
    repair
}

/// Returns whether two counts differ by less than [`COUNT_TOLERANCE`], relative to their sum.
fn almost_equal(left: f64, right: f64) -> bool {
    if left == right || (left.is_nan() && right.is_nan()) {
        return true;
    }
    let sum = left.abs() + right.abs();
    let diff = (left - right).abs();
    if left == 0.0 || right == 0.0 || sum < f64::MIN_POSITIVE {
        return diff < COUNT_TOLERANCE * f64::MIN_POSITIVE;
    }
    diff / sum.min(f64::MAX) < COUNT_TOLERANCE
}

/// The relative difference of bucket counts that rounding explains.
const COUNT_TOLERANCE: f64 = 1e-12;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Bucket, Rank, Repair, bucket_fraction, bucket_quantile, quantile};
    use crate::go_sort;

    fn buckets(pairs: &[(f64, f64)]) -> Vec<Bucket> {
        pairs.iter().map(|&(upper_bound, count)| Bucket { upper_bound, count }).collect()
    }

    const INF: f64 = f64::INFINITY;

    #[test]
    fn quantiles_of_values() {
        for (q, values, expected) in [
            (0.0, vec![3.0, 1.0, 2.0], 1.0),
            (1.0, vec![3.0, 1.0, 2.0], 3.0),
            (0.25, vec![0.0, 1.0], 0.25),
            (0.5, vec![7.0], 7.0),
            (-0.1, vec![7.0], -INF),
            (1.1, vec![7.0], INF),
            (0.0, vec![7.0, f64::NAN], f64::NAN),
            (f64::NAN, vec![7.0], f64::NAN),
            (0.5, vec![], f64::NAN),
        ] {
            let got = quantile(q, &mut values.clone());
            assert!(
                got == expected || (got.is_nan() && expected.is_nan()),
                "{q} of {values:?}: {got}"
            );
        }
    }

    proptest! {
        #[test]
        fn chosen_values_are_those_of_the_sorted(
            q in 0.0..=1.0_f64,
            mut values in prop::collection::vec(
                prop_oneof![any::<f64>(), Just(f64::NAN), Just(0.0), Just(-0.0), -3.0..3.0_f64],
                1..60,
            ),
        ) {
            let rank = Rank::new(q, values.len()).unwrap();
            let mut sorted = values.clone();
            go_sort::sort(&mut sorted, |left, right| left.is_nan() || left < right);
            let expected = rank.between(sorted[rank.lower], sorted[rank.upper]);
            prop_assert_eq!(quantile(q, &mut values).to_bits(), expected.to_bits());
        }
    }

    #[test]
    fn quantiles_of_buckets() {
        for (q, pairs, expected) in [
            (0.5, vec![(1.0, 10.0), (2.0, 20.0), (INF, 20.0)], 1.0),
            (0.75, vec![(1.0, 10.0), (2.0, 20.0), (INF, 20.0)], 1.5),
            (0.25, vec![(INF, 20.0), (2.0, 20.0), (1.0, 10.0)], 0.5),
            (0.99, vec![(1.0, 10.0), (INF, 20.0)], 1.0),
            (0.1, vec![(-1.0, 10.0), (INF, 20.0)], -1.0),
            (0.5, vec![(1.0, 4.0), (1.0, 6.0), (INF, 20.0)], 1.0),
            (0.5, vec![(1.0, 0.0), (INF, 0.0)], f64::NAN),
            (0.5, vec![(1.0, 10.0), (2.0, 20.0)], f64::NAN),
            (0.5, vec![(INF, 20.0)], f64::NAN),
        ] {
            let (got, repair) = bucket_quantile(q, &mut buckets(&pairs));
            assert!(
                got == expected || (got.is_nan() && expected.is_nan()),
                "{q} of {pairs:?}: {got}"
            );
            assert_eq!(repair, None);
        }
    }

    #[test]
    fn falling_counts_are_repaired_and_told() {
        let mut falling =
            buckets(&[(1.0, 10.0), (2.0, 7.0), (3.0, 12.0), (4.0, 11.0), (INF, 12.0)]);
        let (_, repair) = bucket_quantile(0.5, &mut falling);
        assert_eq!(repair, Some(Repair { min_bound: 2.0, max_bound: 4.0, max_diff: 3.0 }));
        let mut rounded = buckets(&[(1.0, 10.0), (2.0, 10.0 - 1e-14), (INF, 12.0)]);
        assert_eq!(bucket_quantile(0.5, &mut rounded).1, None);
    }

    #[test]
    fn fractions_of_buckets() {
        let pairs = [(1.0, 10.0), (2.0, 30.0), (INF, 40.0)];
        for (lower, upper, expected) in [
            (0.0, 1.0, 0.25),
            (0.5, 1.5, 0.375),
            (2.0, INF, 0.25),
            (-5.0, 0.0, 0.0),
            (2.0, 1.0, 0.0),
            (f64::NAN, 1.0, f64::NAN),
        ] {
            let got = bucket_fraction(lower, upper, &mut buckets(&pairs));
            let agrees = got == expected || (got.is_nan() && expected.is_nan());
            assert!(agrees, "between {lower} and {upper}: {got}");
        }
        assert!(bucket_fraction(0.0, 1.0, &mut buckets(&[(1.0, 2.0)])).is_nan());
    }
}
