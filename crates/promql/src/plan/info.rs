use narthex_model::{METRIC_NAME_LABEL, MatchOp, Matcher};
use narthex_promql_parser::{Call, Node, NodeId, Span};
use smallvec::SmallVec;

use super::build::Planner;
use super::{InfoPlan, InstantPlan, OperationKind, Take};
use crate::window::{Reach, Windows};
use crate::{Grid, QueryError};

impl<'e> Planner<'e, '_> {
    /// Plans `info`, whose second argument is no vector: it says which info series count, and which
    /// of their labels.
    ///
    /// The store is asked for the info series of all targets; those of other targets are left out
    /// later, when it is known whose labels are wanted.
    pub(super) fn info(
        &mut self,
        id: NodeId,
        call: &Call<'e>,
        grid: Grid,
    ) -> Result<OperationKind<'e>, QueryError> {
        let matchers = match call.args.get(1).map(|arg| self.expr.get(*arg).node()) {
            Some(Node::VectorSelector(selector)) => selector.to_matchers(),
            _ => Vec::new(),
        };
        let (of_name, data_matchers): (Vec<Matcher>, Vec<Matcher>) =
            matchers.into_iter().partition(|matcher| matcher.name() == METRIC_NAME_LABEL);
        let name_matchers = name_matchers(of_name);
        let (pinned_ms, offset_ms) = self.info_time(call.args[0])?;
        let range_ms = self.context.options.lookback_delta_ms;
        let mut lookups = Windows { grid, range_ms, offset_ms, pinned_ms, reach: Reach::default() };
        let matchers = data_matchers.iter().chain(&name_matchers).cloned().collect();
        let selection = self.select(id, matchers, &lookups, 0);
        if !self.context.options.unreleased_changes {
            // What there is of that time is looked up at each step.
            (lookups.pinned_ms, lookups.offset_ms) = (None, 0);
        }
        let instant = InstantPlan {
            selection,
            lookups,
            take: Take::TimeMs,
            totals_only: false,
            span: Span::default(),
        };
        Ok(OperationKind::Info(Box::new(InfoPlan { instant, name_matchers, data_matchers })))
    }

    /// Returns the time of the info series, if it is pinned, and how far before it: as the first
    /// selector of the argument says, and, in the version after 3.14, the subqueries around it.
    fn info_time(&self, arg: NodeId) -> Result<(Option<i64>, i64), QueryError> {
        let mut pending: Vec<(NodeId, SmallVec<[NodeId; 2]>)> = vec![(arg, SmallVec::new())];
        while let Some((id, mut around)) = pending.pop() {
            match self.expr.get(id).node() {
                Node::VectorSelector(selector) => {
                    let mut pinned_ms = self.pin(id, selector.at);
                    let mut offset_ms = selector.offset.resolve_offset(self.times)?;
                    around.retain(|_| self.context.options.unreleased_changes);
                    for id in around.into_iter().rev() {
                        let Node::Subquery(subquery) = self.expr.get(id).node() else { continue };
                        if pinned_ms.is_none() {
                            let more_ms = subquery.offset.resolve_offset(self.times)?;
                            offset_ms = offset_ms.saturating_add(more_ms);
                            pinned_ms = self.pin(id, subquery.at);
                        }
                    }
                    return Ok((pinned_ms, offset_ms));
                }
                // The reference looks at the vector before the parameter.
                Node::Aggregate(aggregate) => {
                    pending.extend(aggregate.param.map(|param| (param, around.clone())));
                    pending.push((aggregate.expr, around));
                }
                node => {
                    if matches!(node, Node::Subquery(_)) {
                        around.push(id);
                    }
                    let children = node.children().into_iter().rev();
                    pending.extend(children.map(|child| (child, around.clone())));
                }
            }
        }
        Ok((None, 0))
    }
}

/// Returns the conditions on the names of info series: `target_info` where none is given, and
/// anything with the usual end where it is only said which names do not count.
fn name_matchers(given: Vec<Matcher>) -> Vec<Matcher> {
    if given.iter().any(|matcher| matches!(matcher.op(), MatchOp::Equal | MatchOp::Regex)) {
        return given;
    }
    if given.is_empty() {
        return vec![Matcher::equal(METRIC_NAME_LABEL, "target_info")];
    }
    let any_info = Matcher::new(MatchOp::Regex, METRIC_NAME_LABEL, ".+_info");
    any_info.ok().into_iter().chain(given).collect()
}
