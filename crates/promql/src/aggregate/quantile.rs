use super::group::Groups;
use crate::QueryError;
use crate::annotations::Annotation;
use crate::exec::{Held, Run, Series};
use crate::plan::AggregatePlan;
use crate::quantile::quantile;
use crate::scalar::Scalar;

/// Returns the `q`-quantile of the floats in each group of `vector`.
///
/// # Errors
///
/// Where the store fails, or a limit is reached.
pub(crate) fn quantile_of_groups<'a>(
    run: &'a Run<'a>,
    q: &Scalar,
    plan: &AggregatePlan<'_>,
    vector: Series<'a>,
) -> Result<Held<'a>, QueryError> {
    let grid = vector.grid;
    let vector = Series::held(grid, vector.into_held(run)?);
    let mut groups = Groups::default();
    let mut members: Vec<Vec<usize>> = Vec::new();
    for series in 0..vector.len() {
        run.ctx.check()?;
        let group = groups.of(&plan.grouping, &vector, series);
        members.resize(groups.len(), Vec::new());
        members[group].push(series);
    }
    let held = vector.into_held(run)?;
    if held.block().rows().any(|(_, row)| row.histograms().next().is_some()) {
        run.annotate(Annotation::ignored_in_aggregation(plan.op.as_str(), plan.vector_span));
    }
    let mut result = Held::new(run, grid.steps());
    let mut values = Vec::new();
    groups.push_into(&mut result)?;
    for (row, members) in members.into_iter().enumerate() {
        let members = members.into_iter().map(|series| held.block().row(series));
        let members = members.collect::<Vec<_>>();
        for step in 0..grid.steps() {
            run.ctx.check()?;
            values.clear();
            values.extend(members.iter().filter_map(|row| row.float(step)));
            if !values.is_empty() {
                result.block_mut().set(row, step, quantile(q.at(step), &mut values));
            }
        }
    }
    result.settle()
}
