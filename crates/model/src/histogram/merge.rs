use std::iter;

use super::{Buckets, kahan};

/// Returns the buckets of both, which are in the order of their indices: of those with equal ones,
/// `add` makes one, and `new` makes one of what is only in `others`.
pub(super) fn merge<N>(
    own: impl Iterator<Item = (i32, N)>,
    others: impl Iterator<Item = (i32, N)>,
    add: impl Fn(&mut N, N),
    new: impl Fn(N) -> N,
) -> impl Iterator<Item = (i32, N)> {
    let (mut own, mut others) = (own.peekable(), others.peekable());
    iter::from_fn(move || {
        let next_other = others.peek().map(|(index, _)| *index);
        let next_own = own.peek().map(|(index, _)| *index);
        match (next_own, next_other) {
            (Some(own_index), Some(index)) if own_index == index => {
                let (index, mut count) = own.next()?;
                add(&mut count, others.next()?.1);
                Some((index, count))
            }
            (Some(own_index), Some(index)) if own_index > index => {
                others.next().map(|(index, count)| (index, new(count)))
            }
            (None, Some(_)) => others.next().map(|(index, count)| (index, new(count))),
            _ => own.next(),
        }
    })
}

/// Adds up custom buckets in the bounds that both histograms have, a sum and what was lost in it for
/// each bucket, and leaves out those with neither. What was lost before in the sums of `own` comes
/// with it, or is empty; `signed` turns the counts of `other` for a difference.
///
/// # Source
///
/// `addCustomBucketsWithMismatches` in Prometheus `model/histogram/float_histogram.go`.
pub(super) fn into_shared_bounds(
    (own, own_bounds, lost): (&Buckets<f64>, &[f64], &[f64]),
    (other, other_bounds, signed): (&Buckets<f64>, &[f64], impl Fn(f64) -> f64),
    shared: &[f64],
) -> Buckets<(f64, f64)> {
    let mut sums = vec![(0.0, 0.0); shared.len() + 1];
    let target = |index: i32, bounds: &[f64]| {
        let bound = usize::try_from(index).ok().and_then(|index| bounds.get(index));
        // Behind the last bound there is the bucket that reaches to infinity.
        bound.map_or(shared.len(), |bound| shared.partition_point(|shared| shared < bound))
    };
    for (position, (index, count)) in own.iter().enumerate() {
        let (sum, compensation) = &mut sums[target(index, own_bounds)];
        kahan::add(sum, compensation, count);
        if let Some(lost) = lost.get(position) {
            kahan::add(sum, compensation, *lost);
        }
    }
    for (index, count) in other {
        let (sum, compensation) = &mut sums[target(index, other_bounds)];
        kahan::add(sum, compensation, signed(count));
    }
    (0..).zip(sums).filter(|(_, sum)| *sum != (0.0, 0.0)).collect()
}

/// Forgets what was lost.
pub(super) fn sums_only(buckets: Buckets<(f64, f64)>) -> Buckets<f64> {
    let counts = buckets.counts.into_iter().map(|(sum, _)| sum).collect();
    Buckets { spans: buckets.spans, counts }
}
