//! The states of all groups at all steps, and the fold of a row into a group.

use std::marker::PhantomData;

use super::accumulator::Accumulator;
use super::fold::Fold;
use super::histograms::Histograms;
use crate::bits;
use crate::block::Row;
use crate::neumaier::Lanes;

/// What the groups of an aggregation have come to at each step.
///
/// Rows are folded one after the other, so that at each step the values meet in the order of the
/// series. Neighbouring steps are folded side by side.
#[derive(Debug)]
pub(crate) struct States<A, const N: usize> {
    steps: usize,
    /// Group by group `N` columns, one for each number of the state.
    numbers: Vec<f64>,
    /// The steps at which each group has a value.
    present: Vec<u64>,
    groups: usize,
    accumulator: PhantomData<A>,
}

impl<A: Accumulator<N>, const N: usize> States<A, N> {
    /// Returns the states of no group over `steps` steps.
    pub(crate) fn new(steps: usize) -> Self {
        let (numbers, present) = (Vec::new(), Vec::new());
        Self { steps, numbers, present, groups: 0, accumulator: PhantomData }
    }

    /// Returns the steps at which a group has a value.
    fn present(&self, group: usize) -> &[u64] {
        let words = bits::word_count(self.steps);
        &self.present[group * words..][..words]
    }
}

impl<A: Accumulator<N>, const N: usize> Fold for States<A, N> {
    fn histograms(&self) -> Histograms {
        A::HISTOGRAMS
    }

    fn len(&self) -> usize {
        self.groups
    }

    fn group_size_bytes(&self) -> usize {
        self.steps * N * size_of::<f64>() + bits::word_count(self.steps) * size_of::<u64>()
    }

    fn clear(&mut self) {
        self.numbers.clear();
        self.present.clear();
        self.groups = 0;
    }

    fn push(&mut self) {
        for start in A::START {
            self.numbers.resize(self.numbers.len() + self.steps, start);
        }
        self.present.resize(self.present.len() + bits::word_count(self.steps), 0);
        self.groups += 1;
    }

    fn present_mut(&mut self, group: usize) -> &mut [u64] {
        let words = bits::word_count(self.steps);
        &mut self.present[group * words..][..words]
    }

    fn add(&mut self, group: usize, row: Row<'_>) {
        bits::union(self.present_mut(group), row.present());
        let Self { steps, ref mut numbers, .. } = *self;
        let mut others = &mut numbers[group * N * steps..];
        let columns: [&mut [f64]; N] = std::array::from_fn(|_| {
            let column;
            (column, others) = std::mem::take(&mut others).split_at_mut(steps);
            column
        });
        let (groups, rest) = row.values().as_chunks::<LANES>();
        let mut columns = columns.map(|column| column.as_chunks_mut::<LANES>());
        for (index, values) in groups.iter().enumerate() {
            let first = index * LANES;
            let chosen = row.present()[first / 64] >> (first % 64);
            let before = std::array::from_fn(|number| columns[number].0[index]);
            let after = fold_chosen::<A, LANES, N>(before, *values, chosen);
            for (column, after) in columns.iter_mut().zip(after) {
                column.0[index] = after;
            }
        }
        let first = groups.len() * LANES;
        for (index, value) in rest.iter().enumerate() {
            let chosen = row.present()[first / 64] >> (first % 64 + index);
            let before = std::array::from_fn(|number| [columns[number].1[index]]);
            let after = fold_chosen::<A, 1, N>(before, [*value], chosen);
            for (column, [after]) in columns.iter_mut().zip(after) {
                column.1[index] = after;
            }
        }
    }

    fn finish(&self, group: usize, values: &mut [f64], present: &mut [u64]) {
        let numbers = &self.numbers[group * N * self.steps..];
        for (index, values) in values.chunks_mut(64).enumerate() {
            let word = self.present(group)[index];
            let columns: [&[f64]; N] = std::array::from_fn(|number| {
                &numbers[number * self.steps + index * 64..][..values.len()]
            });
            for (bit, value) in values.iter_mut().enumerate() {
                let result = A::finish(columns.map(|column| column[bit]));
                // What stands at other steps is left alone: it may belong to a histogram.
                *value = if word >> bit & 1 != 0 { result } else { *value };
            }
        }
        bits::union(present, self.present(group));
    }
}

/// Folds values into states, as far as they are `chosen` by a bit.
// PERF: holes cost two more instructions and no branch, which would be taken at random.
// `cargo bench --bench promql_eval aggregate`
#[inline(always)]
fn fold_chosen<A: Accumulator<N>, const L: usize, const N: usize>(
    before: [Lanes<L>; N],
    values: Lanes<L>,
    chosen: u64,
) -> [Lanes<L>; N] {
    let mut after = A::add(before, values);
    for (after, before) in after.iter_mut().zip(before) {
        for lane in 0..L {
            after[lane] = if chosen & (1 << lane) != 0 { after[lane] } else { before[lane] };
        }
    }
    after
}

/// How many steps are folded side by side.
const LANES: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::States;
    use crate::aggregate::Fold;
    use crate::aggregate::accumulator::{Accumulator, Avg, Max, Min, Stdvar, Sum};
    use crate::bits::{any, get, word_count};
    use crate::block::Column;
    use crate::neumaier::add;

    /// Folds columns, and compares each step with `plain` of the values that exist there.
    fn check<A: Accumulator<N>, const N: usize>(
        columns: &[Vec<Option<f64>>],
        plain: impl Fn(&[f64]) -> f64,
    ) -> Result<(), TestCaseError> {
        let steps = columns[0].len();
        let mut states = States::<A, N>::new(steps);
        // A group before it, which nothing may touch.
        states.push();
        states.push();
        for values in columns {
            let mut column = Column::default();
            column.reset(steps);
            for (step, value) in values.iter().enumerate() {
                if let Some(value) = value {
                    column.set(step, *value);
                }
            }
            states.add(1, column.row());
        }
        let (mut results, mut present) = (vec![0.0; steps], vec![0; word_count(steps)]);
        states.finish(0, &mut results, &mut present);
        prop_assert!(!any(&present));
        states.finish(1, &mut results, &mut present);
        for (step, got) in results.into_iter().enumerate() {
            let values: Vec<f64> = columns.iter().filter_map(|column| column[step]).collect();
            prop_assert_eq!(get(&present, step), !values.is_empty());
            if !values.is_empty() {
                let expected = plain(&values);
                prop_assert!(
                    got.to_bits() == expected.to_bits() || (got.is_nan() && expected.is_nan()),
                    "{got} is not {expected}, of {values:?}"
                );
            }
        }
        Ok(())
    }

    fn columns() -> impl Strategy<Value = Vec<Vec<Option<f64>>>> {
        let odd = vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, f64::MAX];
        let value = prop_oneof![6 => -1e6..1e6_f64, 1 => prop::sample::select(odd)];
        let value = prop::option::weighted(0.9, value);
        (1..200_usize, 1..9_usize).prop_flat_map(move |(steps, count)| {
            let column = prop::collection::vec(value.clone(), steps);
            prop::collection::vec(column, count)
        })
    }

    /// Each of these starts with the first value, as the reference does.
    fn sum(values: &[f64]) -> f64 {
        let rest = &values[1..];
        let (sum, compensation) =
            rest.iter().fold((values[0], 0.0), |(sum, c), value| add(sum, c, *value));
        sum + compensation
    }

    fn variance(values: &[f64]) -> f64 {
        let (mut count, mut mean) = (1.0, values[0]);
        let mut squares = if mean.is_finite() { 0.0 } else { f64::NAN };
        for value in &values[1..] {
            count += 1.0;
            let delta = value - mean;
            mean += delta / count;
            squares += delta * (value - mean);
        }
        squares / count
    }

    fn mean(values: &[f64]) -> f64 {
        let (mut sum, mut c) = (values[0], 0.0);
        let mut overflown = false;
        for (index, value) in values.iter().enumerate().skip(1) {
            let (before, count) = (index as f64, index as f64 + 1.0);
            if !overflown {
                let next = add(sum, c, *value);
                if !next.0.is_infinite() {
                    (sum, c) = next;
                    continue;
                }
                overflown = true;
                (sum, c) = (sum / before, c / before);
            }
            let share = before / count;
            (sum, c) = add(share * sum, share * c, value / count);
        }
        let count = values.len() as f64;
        if overflown { sum + c } else { sum / count + c / count }
    }

    fn extreme(values: &[f64], wins: impl Fn(f64, f64) -> bool) -> f64 {
        let better =
            |best: f64, next: f64| if wins(next, best) || best.is_nan() { next } else { best };
        values.iter().copied().reduce(better).unwrap_or(f64::NAN)
    }

    proptest! {
        #[test]
        fn a_fold_over_columns_is_a_fold_at_each_step(columns in columns()) {
            check::<Sum, 2>(&columns, sum)?;
            check::<Avg, 3>(&columns, mean)?;
            check::<Stdvar, 3>(&columns, variance)?;
            check::<Max, 1>(&columns, |values| extreme(values, |a, b| a > b))?;
            check::<Min, 1>(&columns, |values| extreme(values, |a, b| a < b))?;
        }
    }
}
