use narthex_promql_parser::AggregateOp;

use super::group::Groups;
use super::histograms::{GroupHistograms, Histograms};
use crate::block::Row;
use crate::exec::{Held, Run, Series};
use crate::neumaier::{Mean, add};
use crate::plan::AggregatePlan;
use crate::{QueryError, bits};

/// Returns the aggregation of `vector` by an operator that folds one value after the other, or
/// `None` for other operators.
///
/// Columns are folded in the order of the series, so that at each step the values meet in the
/// order of the reference.
///
/// # Errors
///
/// Where the store fails, or a limit is reached.
pub(crate) fn fold<'a>(
    run: &'a Run<'a>,
    plan: &AggregatePlan<'_>,
    vector: &Series<'a>,
) -> Option<Result<Held<'a>, QueryError>> {
    Some(match plan.op {
        AggregateOp::Sum => fold_with::<Sum>(run, plan, vector),
        AggregateOp::Avg => fold_with::<Avg>(run, plan, vector),
        AggregateOp::Count => fold_with::<Count>(run, plan, vector),
        AggregateOp::Group => fold_with::<One>(run, plan, vector),
        AggregateOp::Max => fold_with::<Max>(run, plan, vector),
        AggregateOp::Min => fold_with::<Min>(run, plan, vector),
        AggregateOp::Stddev => fold_with::<Stddev>(run, plan, vector),
        AggregateOp::Stdvar => fold_with::<Stdvar>(run, plan, vector),
        AggregateOp::Topk
        | AggregateOp::Bottomk
        | AggregateOp::CountValues
        | AggregateOp::Quantile
        | AggregateOp::Limitk
        | AggregateOp::LimitRatio => return None,
    })
}

/// What one group has come to at one step.
///
/// The default is the state before the first value; folding that value into it gives the same bits
/// as starting with it.
trait Accumulator: Copy + Default {
    /// What becomes of native histograms.
    const HISTOGRAMS: Histograms;

    fn add(&mut self, value: f64);
    fn finish(self) -> f64;
}

fn fold_with<'a, A: Accumulator>(
    run: &'a Run<'a>,
    plan: &AggregatePlan<'_>,
    vector: &Series<'a>,
) -> Result<Held<'a>, QueryError> {
    let steps = vector.grid.steps();
    let words = bits::word_count(steps);
    let mut groups = Groups::default();
    let mut states: Vec<A> = Vec::new();
    let mut present: Vec<u64> = Vec::new();
    let mut histograms = GroupHistograms::new(run, plan, A::HISTOGRAMS);
    let mut allowance = run.allowance();
    vector.for_each(run, |series, column| {
        let group = groups.of(&plan.grouping, vector, series);
        if groups.len() * steps > states.len() {
            allowance.grow(steps * size_of::<A>() + words * size_of::<u64>())?;
            states.resize(groups.len() * steps, A::default());
            present.resize(groups.len() * words, 0);
        }
        let row = column.row();
        let known = &mut present[group * words..][..words];
        let floats;
        let folded = if histograms.concern(row) {
            floats = histograms.take(group, vector.metric_name(series), row, known)?;
            floats.row()
        } else {
            row
        };
        fold_row(&mut states[group * steps..][..steps], folded);
        bits::union(known, folded.present());
        Ok(())
    })?;
    let mut result = Held::new(run, steps);
    let group_count = groups.len();
    groups.push_into(&mut result)?;
    for group in 0..group_count {
        let present = &mut present[group * words..][..words];
        histograms.finish(group, present, |step, histogram| {
            result.block_mut().set_histogram(group, step, histogram);
        });
        for step in bits::ones(present) {
            result.block_mut().set(group, step, states[group * steps + step].finish());
        }
    }
    result.settle()
}

fn fold_row<A: Accumulator>(states: &mut [A], row: Row<'_>) {
    let values = row.values();
    for (index, &word) in row.present().iter().enumerate() {
        let from = index * 64;
        let to = states.len().min(from + 64);
        if word.count_ones() as usize == to - from {
            // PERF: series without gaps are the rule, and need no look at each bit.
            for (state, value) in states[from..to].iter_mut().zip(&values[from..to]) {
                state.add(*value);
            }
        } else {
            for bit in bits::ones(&[word]) {
                states[from + bit].add(values[from + bit]);
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Sum {
    value: f64,
    compensation: f64,
}

/// Minus zero is the number that, added to any other one, gives the other one's bits.
impl Default for Sum {
    fn default() -> Self {
        Self { value: -0.0, compensation: 0.0 }
    }
}

impl Accumulator for Sum {
    const HISTOGRAMS: Histograms = Histograms::Summed;

    #[inline]
    fn add(&mut self, value: f64) {
        (self.value, self.compensation) = add(self.value, self.compensation, value);
    }

    fn finish(self) -> f64 {
        self.value + self.compensation
    }
}

type Avg = Mean;

impl Accumulator for Avg {
    const HISTOGRAMS: Histograms = Histograms::Averaged;

    #[inline]
    fn add(&mut self, value: f64) {
        Mean::add(self, value);
    }

    fn finish(self) -> f64 {
        self.mean()
    }
}

#[derive(Clone, Copy, Default)]
struct Count(f64);

impl Accumulator for Count {
    const HISTOGRAMS: Histograms = Histograms::Counted;

    #[inline]
    fn add(&mut self, _: f64) {
        self.0 += 1.0;
    }

    fn finish(self) -> f64 {
        self.0
    }
}

#[derive(Clone, Copy, Default)]
struct One;

impl Accumulator for One {
    const HISTOGRAMS: Histograms = Histograms::Counted;

    fn add(&mut self, _: f64) {}

    fn finish(self) -> f64 {
        1.0
    }
}

/// The first of the greatest numbers; NaN where there is no number.
#[derive(Clone, Copy)]
struct Max(f64);

impl Default for Max {
    fn default() -> Self {
        Self(f64::NAN)
    }
}

impl Accumulator for Max {
    const HISTOGRAMS: Histograms = Histograms::Ignored;

    #[inline]
    fn add(&mut self, value: f64) {
        if self.0 < value || self.0.is_nan() {
            self.0 = value;
        }
    }

    fn finish(self) -> f64 {
        self.0
    }
}

/// The first of the least numbers; NaN where there is no number.
#[derive(Clone, Copy)]
struct Min(f64);

impl Default for Min {
    fn default() -> Self {
        Self(f64::NAN)
    }
}

impl Accumulator for Min {
    const HISTOGRAMS: Histograms = Histograms::Ignored;

    #[inline]
    fn add(&mut self, value: f64) {
        if self.0 > value || self.0.is_nan() {
            self.0 = value;
        }
    }

    fn finish(self) -> f64 {
        self.0
    }
}

/// The population variance by Welford's method, without compensation, as the reference has it.
#[derive(Clone, Copy, Default)]
struct Stdvar {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Accumulator for Stdvar {
    const HISTOGRAMS: Histograms = Histograms::Ignored;

    #[inline]
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
    }

    fn finish(self) -> f64 {
        self.squares / self.count
    }
}

#[derive(Clone, Copy, Default)]
struct Stddev(Stdvar);

impl Accumulator for Stddev {
    const HISTOGRAMS: Histograms = Histograms::Ignored;

    #[inline]
    fn add(&mut self, value: f64) {
        self.0.add(value);
    }

    fn finish(self) -> f64 {
        self.0.finish().sqrt()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Accumulator, Avg, Max, Min, Stdvar, Sum, fold_row};
    use crate::block::Column;
    use crate::neumaier::add;

    /// Folds columns, and compares each step with `plain` of the values that exist there.
    fn check<A: Accumulator>(
        columns: &[Vec<Option<f64>>],
        plain: impl Fn(&[f64]) -> f64,
    ) -> Result<(), TestCaseError> {
        let steps = columns[0].len();
        let mut states = vec![A::default(); steps];
        for values in columns {
            let mut column = Column::default();
            column.reset(steps);
            for (step, value) in values.iter().enumerate() {
                if let Some(value) = value {
                    column.set(step, *value);
                }
            }
            fold_row(&mut states, column.row());
        }
        for (step, state) in states.iter().enumerate() {
            let values: Vec<f64> = columns.iter().filter_map(|column| column[step]).collect();
            if !values.is_empty() {
                let (got, expected) = (state.finish(), plain(&values));
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
        let column = prop::collection::vec(prop::option::weighted(0.9, value), 130);
        prop::collection::vec(column, 1..6)
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
            check::<Sum>(&columns, sum)?;
            check::<Avg>(&columns, mean)?;
            check::<Stdvar>(&columns, variance)?;
            check::<Max>(&columns, |values| extreme(values, |a, b| a > b))?;
            check::<Min>(&columns, |values| extreme(values, |a, b| a < b))?;
        }
    }
}
