use std::iter::{self, Peekable};

use super::schema::coarser_index;
use super::{Buckets, CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Histogram};

impl FloatHistogram {
    /// Lowers the resolution to that of a coarser exponential schema, by joining buckets. A histogram
    /// that is as coarse, or has custom buckets, stays as it is.
    pub fn reduce_resolution(&mut self, schema: i32) {
        if schema >= self.schema || schema == CUSTOM_BUCKETS_SCHEMA {
            return;
        }
        for buckets in [&mut self.positive, &mut self.negative] {
            *buckets = coarser(buckets, self.schema, schema).collect();
        }
        self.schema = schema;
    }
}

impl Histogram {
    /// Lowers the resolution as [`FloatHistogram::reduce_resolution`] does.
    pub fn reduce_resolution(&mut self, schema: i32) {
        if schema >= self.schema || schema == CUSTOM_BUCKETS_SCHEMA {
            return;
        }
        for buckets in [&mut self.positive, &mut self.negative] {
            let counts = buckets.iter().scan(0_i64, |count, (index, difference)| {
                *count = count.wrapping_add(difference);
                Some((coarser_index(index, self.schema, schema), *count))
            });
            let mut before = 0_i64;
            *buckets = join(counts.peekable(), |left, right| left.wrapping_add(right))
                .map(|(index, count)| {
                    let difference = count.wrapping_sub(before);
                    before = count;
                    (index, difference)
                })
                .collect();
        }
        self.schema = schema;
    }
}

/// Returns buckets of the schema `from` as they are in the schema `to`, which is no finer.
pub(super) fn coarser(
    buckets: &Buckets<f64>,
    from: i32,
    to: i32,
) -> impl Iterator<Item = (i32, f64)> {
    let moved = buckets.iter().map(move |(index, count)| (coarser_index(index, from, to), count));
    join(moved.peekable(), |left, right| left + right)
}

/// Joins neighbours with the same index.
pub(super) fn join<N>(
    mut entries: Peekable<impl Iterator<Item = (i32, N)>>,
    add: impl Fn(N, N) -> N,
) -> impl Iterator<Item = (i32, N)> {
    iter::from_fn(move || {
        let (index, mut count) = entries.next()?;
        while let Some((_, more)) = entries.next_if(|(next, _)| *next == index) {
            count = add(count, more);
        }
        Some((index, count))
    })
}
