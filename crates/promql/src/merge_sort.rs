//! Sorting that stops when its query is told to.

use std::cmp::Ordering;

use narthex_storage::{QueryContext, StorageError};

/// Returns the numbers below `len` in the order of `compare`, equal ones in theirs.
///
/// # Errors
///
/// Where the query was told to stop, or has no bytes left for two lists of numbers.
pub(crate) fn order(
    ctx: &QueryContext,
    len: usize,
    compare: impl Fn(usize, usize) -> Ordering,
) -> Result<Vec<usize>, StorageError> {
    let size_bytes = 2 * len * size_of::<usize>();
    ctx.charge(size_bytes)?;
    let sorted = sort(ctx, len, compare);
    ctx.release(size_bytes);
    sorted
}

fn sort(
    ctx: &QueryContext,
    len: usize,
    compare: impl Fn(usize, usize) -> Ordering,
) -> Result<Vec<usize>, StorageError> {
    let mut order: Vec<usize> = (0..len).collect();
    for run in order.chunks_mut(UNCHECKED_MAX) {
        ctx.check()?;
        run.sort_by(|left, right| compare(*left, *right));
    }
    let mut merged: Vec<usize> = Vec::with_capacity(if len > UNCHECKED_MAX { len } else { 0 });
    let mut run_len = UNCHECKED_MAX;
    while run_len < len {
        merged.clear();
        for pair in order.chunks(2 * run_len) {
            let (left, right) = pair.split_at(run_len.min(pair.len()));
            merge(ctx, left, right, &compare, &mut merged)?;
        }
        std::mem::swap(&mut order, &mut merged);
        run_len *= 2;
    }
    Ok(order)
}

/// Appends two sorted runs to `merged` as one.
fn merge<'a>(
    ctx: &QueryContext,
    mut left: &'a [usize],
    mut right: &'a [usize],
    compare: impl Fn(usize, usize) -> Ordering,
    merged: &mut Vec<usize>,
) -> Result<(), StorageError> {
    while let (Some(first_left), Some(first_right)) = (left.first(), right.first()) {
        if merged.len().is_multiple_of(UNCHECKED_MAX) {
            ctx.check()?;
        }
        let source = match compare(*first_left, *first_right) {
            Ordering::Greater => &mut right,
            Ordering::Less | Ordering::Equal => &mut left,
        };
        merged.extend(source.split_off_first());
    }
    merged.extend_from_slice(left);
    merged.extend_from_slice(right);
    Ok(())
}

/// How many items are sorted or merged before the query looks whether it should stop: a
/// millisecond's worth where labels are compared.
const UNCHECKED_MAX: usize = 4_096;

#[cfg(test)]
mod tests {
    use narthex_storage::{Interrupt, QueryContext};
    use proptest::prelude::*;

    use super::order;

    proptest! {
        #[test]
        fn it_is_the_stable_order(len in 0..30_000_usize, keys in 1..5_000_usize) {
            let key = |index: usize| index.wrapping_mul(2_654_435_761) % keys;
            let sorted = order(&QueryContext::default(), len, |l, r| key(l).cmp(&key(r))).unwrap();
            let mut expected: Vec<usize> = (0..len).collect();
            expected.sort_by_key(|index| key(*index));
            prop_assert_eq!(sorted, expected);
        }
    }

    #[test]
    fn it_stops_where_the_query_does() {
        let ctx = QueryContext::default();
        let compared = std::cell::Cell::new(0_usize);
        let sorted = order(&ctx, 1_000_000, |left, right| {
            compared.set(compared.get() + 1);
            if compared.get() == 10_000_000 {
                ctx.interrupt(Interrupt::Canceled);
            }
            // Far from sorted, so that there is much to do.
            (left.wrapping_mul(2_654_435_761) % 999_983)
                .cmp(&(right.wrapping_mul(2_654_435_761) % 999_983))
        });
        assert!(sorted.is_err());
        assert!(compared.get() < 10_100_000, "{} comparisons", compared.get());
    }
}
