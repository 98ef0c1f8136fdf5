use narthex_promql_parser::AggregateOp;

use super::accumulator::{Avg, Count, Max, Min, One, Stddev, Stdvar, Sum};
use super::group::Groups;
use super::histograms::{GroupHistograms, Histograms};
use super::states::States;
use crate::QueryError;
use crate::block::Row;
use crate::exec::{Held, Run, Series};
use crate::plan::AggregatePlan;

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
    let states = states(plan.op, vector.grid.steps())?;
    Some(fold_with(run, plan, vector, states))
}

/// States of some accumulator.
pub(crate) trait Fold {
    /// What becomes of native histograms.
    fn histograms(&self) -> Histograms;

    /// Returns the number of groups.
    fn len(&self) -> usize;

    /// Returns the size of a group in bytes.
    fn group_size_bytes(&self) -> usize;

    /// Forgets all groups and keeps the memory.
    fn clear(&mut self);

    /// Adds a group without values.
    fn push(&mut self);

    /// Returns the steps at which a group has a value.
    fn present_mut(&mut self, group: usize) -> &mut [u64];

    /// Folds the values of a row into a group.
    fn add(&mut self, group: usize, row: Row<'_>);

    /// Writes the results of a group, and adds the steps at which it has one.
    fn finish(&self, group: usize, values: &mut [f64], present: &mut [u64]);
}

/// Returns the states of an operator that folds one value after the other, or `None` for other
/// operators.
pub(crate) fn states(op: AggregateOp, steps: usize) -> Option<Box<dyn Fold>> {
    Some(match op {
        AggregateOp::Sum => Box::new(States::<Sum, 2>::new(steps)),
        AggregateOp::Avg => Box::new(States::<Avg, 3>::new(steps)),
        AggregateOp::Count => Box::new(States::<Count, 1>::new(steps)),
        AggregateOp::Group => Box::new(States::<One, 0>::new(steps)),
        AggregateOp::Max => Box::new(States::<Max, 1>::new(steps)),
        AggregateOp::Min => Box::new(States::<Min, 1>::new(steps)),
        AggregateOp::Stddev => Box::new(States::<Stddev, 3>::new(steps)),
        AggregateOp::Stdvar => Box::new(States::<Stdvar, 3>::new(steps)),
        AggregateOp::Topk
        | AggregateOp::Bottomk
        | AggregateOp::CountValues
        | AggregateOp::Quantile
        | AggregateOp::Limitk
        | AggregateOp::LimitRatio => return None,
    })
}

fn fold_with<'a>(
    run: &'a Run<'a>,
    plan: &AggregatePlan<'_>,
    vector: &Series<'a>,
    mut states: Box<dyn Fold>,
) -> Result<Held<'a>, QueryError> {
    let steps = vector.grid.steps();
    let mut groups = Groups::default();
    let mut histograms = GroupHistograms::new(run, plan, states.histograms());
    let mut allowance = run.allowance();
    vector.for_each(run, |series, column| {
        let group = groups.of(&plan.grouping, vector, series);
        if groups.len() > states.len() {
            allowance.grow(states.group_size_bytes())?;
            states.push();
        }
        let row = column.row();
        if histograms.concern(row) {
            let name = vector.metric_name(series);
            let floats = histograms.take(group, name, row, states.present_mut(group))?;
            states.add(group, floats.row());
        } else {
            states.add(group, row);
        }
        Ok(())
    })?;
    let mut result = Held::new(run, steps);
    groups.push_into(&mut result)?;
    for group in 0..states.len() {
        let present = states.present_mut(group);
        histograms.finish(group, present, |step, histogram| {
            result.block_mut().set_histogram(group, step, histogram);
        });
        let (values, known) = result.block_mut().row_mut(group);
        states.finish(group, values, known);
    }
    result.settle()
}
