use super::group::Groups;
use crate::QueryError;
use crate::annotations::Annotation;
use crate::exec::{Held, Run, Series};
use crate::go_sort;
use crate::plan::AggregatePlan;
use crate::scalar::Scalar;

/// Which series of each group stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The greatest, the greatest first.
    Top,
    /// The least, the least first.
    Bottom,
    /// The first.
    First,
}

/// A series and its value at the step in question.
#[derive(Clone, Copy)]
struct Candidate {
    series: usize,
    value: f64,
}

/// Returns the `k` chosen series of each group of `vector` at each step.
///
/// In an instant query they come group by group, in the order of their values. Native histograms
/// have no order; they are only among the first.
///
/// # Errors
///
/// Where the store fails, or a limit is reached.
pub(crate) fn select<'a>(
    run: &'a Run<'a>,
    choice: Choice,
    k: &Scalar,
    plan: &AggregatePlan<'_>,
    vector: Series<'a>,
) -> Result<Held<'a>, QueryError> {
    let grid = vector.grid;
    let vector = Series::held(grid, vector.into_held(run)?);
    let mut groups = Groups::default();
    let group_of: Vec<usize> =
        (0..vector.len()).map(|series| groups.of(&plan.grouping, &vector, series)).collect();
    let held = vector.into_held(run)?;
    let block = held.block();
    let mut result = Held::new(run, grid.steps());
    let mut rows = vec![None; block.len()];
    let mut chosen: Vec<Vec<Candidate>> = vec![Vec::new(); groups.len()];
    for step in 0..grid.steps() {
        run.ctx.check()?;
        let kept = count_kept(k.at(step), block.len());
        for (series, group) in group_of.iter().enumerate() {
            let row = block.row(series);
            let Some(value) = row.get(step) else { continue };
            if choice != Choice::First && row.histogram(step).is_some() {
                if kept > 0 {
                    let name = plan.op.as_str();
                    run.annotate(Annotation::ignored_in_aggregation(name, plan.span));
                }
            } else {
                choice.offer(&mut chosen[*group], Candidate { series, value }, kept);
            }
        }
        for group in &mut chosen {
            choice.arrange(group);
            for Candidate { series, .. } in group.drain(..) {
                let row = match rows[series] {
                    Some(row) => row,
                    None => {
                        let row = result.push_empty(block.labels()[series].clone())?;
                        result.block_mut().set_nameless(row, block.is_nameless(series));
                        row
                    }
                };
                rows[series] = Some(row);
                result.block_mut().copy_step(row, step, block.row(series));
            }
        }
    }
    result.settle()
}

/// Returns how many of `count` series stay, given a number that is no NaN.
fn count_kept(k: f64, count: usize) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float is cut to the range of the integer, and NaN was refused"
    )]
    let kept = k.max(0.0) as usize;
    kept.min(count)
}

impl Choice {
    /// Returns whether the first candidate goes before the second: a NaN does before all.
    fn leaves_first(self, left: Candidate, right: Candidate) -> bool {
        left.value.is_nan()
            || match self {
                Self::Bottom => left.value > right.value,
                Self::Top | Self::First => left.value < right.value,
            }
    }

    /// Puts a candidate into a heap of at most `kept`, whose first one is the next to leave.
    fn offer(self, heap: &mut Vec<Candidate>, candidate: Candidate, kept: usize) {
        let less = |left, right| self.leaves_first(left, right);
        if heap.len() < kept {
            // The reference keeps the first ones in a heap too, which decides about their order.
            go_sort::heap_push(heap, candidate, less);
            return;
        }
        let Some(first) = heap.first_mut() else { return };
        let better = match self {
            Self::Top => first.value < candidate.value,
            Self::Bottom => first.value > candidate.value,
            Self::First => false,
        };
        if better || (self != Self::First && first.value.is_nan() && !candidate.value.is_nan()) {
            *first = candidate;
            go_sort::heap_fix_first(heap, less);
        }
    }

    /// Sorts the candidates of a heap, the one that would leave first last.
    fn arrange(self, heap: &mut [Candidate]) {
        if self != Self::First {
            go_sort::sort(heap, |left, right| self.leaves_first(right, left));
        }
    }
}
