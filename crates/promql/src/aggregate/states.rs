//! The states of all groups at all steps, and the fold of a row into a group.

use std::marker::PhantomData;

use super::accumulator::Accumulator;
use crate::bits;
use crate::block::Row;

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

    /// Returns the number of groups.
    pub(crate) fn len(&self) -> usize {
        self.groups
    }

    /// Returns the size of a group in bytes.
    pub(crate) fn group_size_bytes(&self) -> usize {
        self.steps * N * size_of::<f64>() + bits::word_count(self.steps) * size_of::<u64>()
    }

    /// Adds a group without values.
    pub(crate) fn push(&mut self) {
        for start in A::START {
            self.numbers.resize(self.numbers.len() + self.steps, start);
        }
        self.present.resize(self.present.len() + bits::word_count(self.steps), 0);
        self.groups += 1;
    }

    /// Returns the steps at which a group has a value.
    pub(crate) fn present(&self, group: usize) -> &[u64] {
        let words = bits::word_count(self.steps);
        &self.present[group * words..][..words]
    }

    pub(crate) fn present_mut(&mut self, group: usize) -> &mut [u64] {
        let words = bits::word_count(self.steps);
        &mut self.present[group * words..][..words]
    }

    /// Folds the values of a row into a group.
    pub(crate) fn add(&mut self, group: usize, row: Row<'_>) {
        bits::union(self.present_mut(group), row.present());
        let Self { steps, ref mut numbers, .. } = *self;
        let numbers = &mut numbers[group * N * steps..][..N * steps];
        for (index, &word) in row.present().iter().enumerate() {
            for from in (index * 64..steps.min(index * 64 + 64)).step_by(LANES) {
                // Lossless: the mask leaves eight bits.
                let chosen = word >> (from % 64) & u64::from(u8::MAX);
                if from + LANES <= steps {
                    let of_lane = |number: usize| number * steps + from;
                    fold_lanes::<A, N>(numbers, of_lane, &row.values()[from..], chosen);
                } else {
                    for step in from..steps {
                        if bits::get(row.present(), step) {
                            let state = std::array::from_fn(|n| [numbers[n * steps + step]]);
                            let next = A::add(state, [row.values()[step]]);
                            for (n, [next]) in next.into_iter().enumerate() {
                                numbers[n * steps + step] = next;
                            }
                        }
                    }
                }
            }
        }
    }

    /// Writes the results of a group, and the steps at which it has one.
    pub(crate) fn finish(&self, group: usize, values: &mut [f64], present: &mut [u64]) {
        let numbers = &self.numbers[group * N * self.steps..][..N * self.steps];
        let state = |step: usize| std::array::from_fn(|n| numbers[n * self.steps + step]);
        for (index, &word) in self.present(group).iter().enumerate() {
            // What stands at other steps is left alone: it may belong to a histogram.
            if word == u64::MAX {
                for (step, value) in (index * 64..).zip(&mut values[index * 64..][..64]) {
                    *value = A::finish(state(step));
                }
            } else {
                for bit in bits::ones(&[word]) {
                    values[index * 64 + bit] = A::finish(state(index * 64 + bit));
                }
            }
        }
        bits::union(present, self.present(group));
    }
}

/// Folds eight values into the states of their steps, as far as they are `chosen` by a bit. The
/// numbers of the states lie from `place` of each on.
#[inline(always)]
fn fold_lanes<A: Accumulator<N>, const N: usize>(
    numbers: &mut [f64],
    place: impl Fn(usize) -> usize,
    values: &[f64],
    chosen: u64,
) {
    let mut before = [[0.0; LANES]; N];
    for (n, before) in before.iter_mut().enumerate() {
        before.copy_from_slice(&numbers[place(n)..][..LANES]);
    }
    let mut lanes = [0.0; LANES];
    lanes.copy_from_slice(&values[..LANES]);
    let mut next = A::add(before, lanes);
    for (n, next) in next.iter_mut().enumerate() {
        for lane in 0..LANES {
            next[lane] = if chosen & (1 << lane) != 0 { next[lane] } else { before[n][lane] };
        }
        numbers[place(n)..][..LANES].copy_from_slice(next);
    }
}

/// How many steps are folded side by side.
const LANES: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::States;
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
