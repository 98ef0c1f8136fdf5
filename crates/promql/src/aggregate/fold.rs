use narthex_promql_parser::AggregateOp;

use super::accumulator::{Accumulator, Avg, Count, Max, Min, One, Stddev, Stdvar, Sum};
use super::group::Groups;
use super::histograms::GroupHistograms;
use super::states::States;
use crate::QueryError;
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
    Some(match plan.op {
        AggregateOp::Sum => fold_with::<Sum, 2>(run, plan, vector),
        AggregateOp::Avg => fold_with::<Avg, 3>(run, plan, vector),
        AggregateOp::Count => fold_with::<Count, 1>(run, plan, vector),
        AggregateOp::Group => fold_with::<One, 0>(run, plan, vector),
        AggregateOp::Max => fold_with::<Max, 1>(run, plan, vector),
        AggregateOp::Min => fold_with::<Min, 1>(run, plan, vector),
        AggregateOp::Stddev => fold_with::<Stddev, 3>(run, plan, vector),
        AggregateOp::Stdvar => fold_with::<Stdvar, 3>(run, plan, vector),
        AggregateOp::Topk
        | AggregateOp::Bottomk
        | AggregateOp::CountValues
        | AggregateOp::Quantile
        | AggregateOp::Limitk
        | AggregateOp::LimitRatio => return None,
    })
}

fn fold_with<'a, A: Accumulator<N>, const N: usize>(
    run: &'a Run<'a>,
    plan: &AggregatePlan<'_>,
    vector: &Series<'a>,
) -> Result<Held<'a>, QueryError> {
    let steps = vector.grid.steps();
    let mut groups = Groups::default();
    let mut states = States::<A, N>::new(steps);
    let mut histograms = GroupHistograms::new(run, plan, A::HISTOGRAMS);
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
            let floats = histograms.take(group, name, row, states.present(group))?;
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
