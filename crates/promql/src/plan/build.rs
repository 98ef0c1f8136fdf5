use hashbrown::HashMap;
use narthex_model::Matcher;
use narthex_promql_parser::{
    Aggregate, At, Binary, Call, DurationValue, Expr, ExprRef, ExtendedRange, MatrixSelector, Node,
    NodeId, QueryTimes, Span, Subquery, UnaryOp, VectorSelector,
};
use narthex_storage::{SelectHints, TimeRange};

use super::reads::Reads;
use super::{
    AggregatePlan, BinaryPlan, CallPlan, Function, Grouping, InstantPlan, Operation, OperationKind,
    Plan, SelectionPlan, Take, invariance, labels_for_absent,
};
use crate::window::{Reach, Windows};
use crate::{EngineOptions, Grid, QueryError};

/// What a plan depends on beside the expression.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlanContext<'a> {
    pub(crate) options: &'a EngineOptions,
    /// The steps of the query.
    pub(crate) grid: Grid,
    /// The step as it was asked for, in milliseconds; 0 for an instant query.
    pub(crate) step_ms: i64,
}

/// Returns the operations that evaluate `expr`.
///
/// # Errors
///
/// Where the expression uses something that is not implemented, or a duration has no value.
pub(crate) fn plan<'e>(expr: &'e Expr, context: PlanContext<'_>) -> Result<Plan<'e>, QueryError> {
    let in_param = nodes_in_params(expr);
    let once = invariance::once(expr, &in_param);
    let times = QueryTimes {
        step_ms: context.step_ms,
        range_ms: context.grid.end_ms().saturating_sub(context.grid.start_ms()),
    };
    let mut planner = Planner {
        expr,
        context,
        times,
        in_param,
        once,
        without_value: nodes_without_value(expr),
        wanted: vec![context.grid; expr.node_count()],
        grids: vec![context.grid; expr.node_count()],
        functions: vec![None; expr.node_count()],
        reads: vec![Reads::default(); expr.node_count()],
        shared: HashMap::new(),
        plan: Plan { selections: Vec::new(), operations: Vec::new() },
    };
    check_durations(expr, times)?;
    planner.place()?;
    let steps_max = context.options.max_samples.max(STEPS_MAX);
    if planner.grids.iter().chain(&planner.wanted).any(|grid| grid.steps() > steps_max) {
        return Err(QueryError::TooManySamples);
    }
    for node in expr.nodes() {
        planner.emit(node)?;
    }
    Ok(planner.plan)
}

/// Fails where a duration has no value for this query; of several at the one that comes first in the
/// reference's order: parents before children, and in a subquery offset, step and range.
fn check_durations(expr: &Expr, times: QueryTimes) -> Result<(), QueryError> {
    let mut pending = vec![expr.root().id()];
    while let Some(id) = pending.pop() {
        let node = expr.get(id).node();
        match node {
            Node::VectorSelector(selector) => {
                selector.offset.resolve_offset(times)?;
            }
            Node::MatrixSelector(matrix) => {
                matrix.range.resolve_positive(times)?;
            }
            Node::Subquery(subquery) => {
                subquery.offset.resolve_offset(times)?;
                if let Some(step) = subquery.step {
                    step.resolve_positive(times)?;
                }
                subquery.range.resolve_positive(times)?;
            }
            _ => {}
        }
        pending.extend(node.children().into_iter().rev());
    }
    Ok(())
}

/// Returns for each node whether it belongs to the parameter of an aggregation.
fn nodes_in_params(expr: &Expr) -> Vec<bool> {
    let mut in_param = vec![false; expr.node_count()];
    for node in expr.nodes().rev() {
        if in_param[node.id().index()] {
            for child in node.node().children() {
                in_param[child.index()] = true;
            }
        } else if let Node::Aggregate(aggregate) = node.node()
            && let Some(param) = aggregate.param
        {
            in_param[param.index()] = true;
        }
    }
    in_param
}

/// Returns for each node whether it is a selector that is no operand: that of a range, or the one
/// that tells `info` what to look for.
fn nodes_without_value(expr: &Expr) -> Vec<bool> {
    let mut without_value = vec![false; expr.node_count()];
    for node in expr.nodes() {
        match node.node() {
            Node::MatrixSelector(matrix) => without_value[matrix.selector.index()] = true,
            Node::Call(call) if call.function.name == "info" => {
                for arg in call.args.iter().skip(1) {
                    without_value[arg.index()] = true;
                }
            }
            _ => {}
        }
    }
    without_value
}

pub(super) struct Planner<'e, 'a> {
    pub(super) expr: &'e Expr,
    pub(super) context: PlanContext<'a>,
    pub(super) times: QueryTimes,
    in_param: Vec<bool>,
    once: Vec<bool>,
    without_value: Vec<bool>,
    /// The steps at which each node's parent wants it.
    wanted: Vec<Grid>,
    /// The steps at which each node is evaluated.
    grids: Vec<Grid>,
    /// The function or aggregation that a selector is the argument of, as a hint to the store.
    functions: Vec<Option<&'static str>>,
    /// What is read of the histograms of each node.
    reads: Vec<Reads>,
    /// The selections so far, by matchers and range.
    shared: HashMap<(String, i64, i64), usize>,
    plan: Plan<'e>,
}

impl<'e> Planner<'e, '_> {
    /// Finds the steps of every node, parents first.
    fn place(&mut self) -> Result<(), QueryError> {
        let root = self.expr.root();
        self.grids[root.id().index()] = self.own_grid(root.id(), self.context.grid);
        for node in self.expr.nodes().rev() {
            let index = node.id().index();
            let mut grid = self.grids[index];
            let function = match node.node() {
                Node::Subquery(subquery) => {
                    grid = self.subquery_grid(node.id(), &subquery, grid)?;
                    None
                }
                Node::Call(call) => Some(call.function.name),
                Node::Aggregate(aggregate) => Some(aggregate.op.as_str()),
                Node::Binary(_) => None,
                _ => self.functions[index],
            };
            for child in node.node().children() {
                self.wanted[child.index()] = grid;
                self.grids[child.index()] = self.own_grid(child, grid);
                self.functions[child.index()] = function;
                self.reads[child.index()] = self.reads[index].within(&node.node());
            }
        }
        Ok(())
    }

    /// Returns the steps of a node whose parent wants it at those of `grid`.
    fn own_grid(&self, id: NodeId, grid: Grid) -> Grid {
        if self.once[id.index()] && grid.steps() > 0 {
            Grid::instant(grid.start_ms())
        } else {
            grid
        }
    }

    /// Returns the steps at which the inside of a subquery is evaluated: multiples of its own step.
    fn subquery_grid(
        &self,
        id: NodeId,
        subquery: &Subquery<'_>,
        outer: Grid,
    ) -> Result<Grid, QueryError> {
        if outer.steps() == 0 {
            return Ok(outer);
        }
        let range_ms = subquery.range.resolve_positive(self.times)?;
        let offset_ms = self.offset_ms(id, subquery.offset, subquery.at, outer)?;
        let step_ms = match subquery.step {
            None => self.context.options.default_subquery_step_ms,
            Some(step) => step.resolve_positive(self.times)?,
        }
        .max(1);
        let before_ms = outer.start_ms().saturating_sub(offset_ms).saturating_sub(range_ms);
        let mut start_ms = before_ms / step_ms * step_ms;
        if start_ms <= before_ms {
            start_ms = start_ms.saturating_add(step_ms);
        }
        let end_ms = outer.last_ms().saturating_sub(offset_ms);
        Ok(Grid::range(start_ms, end_ms, step_ms).unwrap_or(outer))
    }

    /// Returns how far before the step a selector or subquery looks: a pinned one looks at its own
    /// time at the first step of its grid.
    fn offset_ms(
        &self,
        id: NodeId,
        offset: DurationValue<'_>,
        at: Option<At>,
        grid: Grid,
    ) -> Result<i64, QueryError> {
        let offset_ms = offset.resolve_offset(self.times)?;
        Ok(match self.pin(id, at) {
            None => offset_ms,
            Some(pin_ms) => offset_ms.saturating_add(grid.start_ms().saturating_sub(pin_ms)),
        })
    }

    /// Returns the time that `@` names. Within the parameter of an aggregation the reference does
    /// not resolve `start()` and `end()`, so that they do nothing.
    pub(super) fn pin(&self, id: NodeId, at: Option<At>) -> Option<i64> {
        match at? {
            At::Timestamp(time_ms) => Some(time_ms),
            At::Start | At::End if self.in_param[id.index()] => None,
            At::Start => Some(self.context.grid.start_ms()),
            At::End => Some(self.context.grid.end_ms()),
        }
    }

    fn emit(&mut self, node: ExprRef<'e>) -> Result<(), QueryError> {
        if self.without_value[node.id().index()] {
            return Ok(());
        }
        let (id, grid) = (node.id(), self.grids[node.id().index()]);
        let kind = match node.node() {
            Node::NumberLiteral(number) => Some(OperationKind::Number(number.value)),
            Node::StringLiteral(text) => Some(OperationKind::Text(text)),
            Node::VectorSelector(selector) => Some(self.instant(node.id(), &selector, grid)?),
            Node::MatrixSelector(matrix) => Some(self.window(node, &matrix, grid)?),
            Node::Subquery(subquery) => {
                let range_ms = subquery.range.resolve_positive(self.times)?;
                let offset = (subquery.offset, subquery.at);
                Some(OperationKind::Subquery(self.windows(node.id(), offset, range_ms, grid)?))
            }
            Node::Call(call) if call.function.name == "info" => {
                Some(self.info(node.id(), &call, grid)?)
            }
            Node::Call(call) => Some(self.call(node, &call)?),
            Node::Aggregate(aggregate) => Some(self.aggregate(node, &aggregate)),
            Node::Binary(binary) => Some(binary_operation(node, &binary)),
            Node::Unary(unary) => (unary.op == UnaryOp::Minus).then_some(OperationKind::Negate),
            Node::Paren(_) => None,
        };
        self.plan.operations.extend(kind.map(|kind| Operation { kind, grid, node: id }));
        let wanted = self.wanted[node.id().index()];
        if self.once[node.id().index()] && wanted.steps() > 1 {
            let kind = OperationKind::Spread;
            self.plan.operations.push(Operation { kind, grid: wanted, node: id });
        }
        Ok(())
    }

    fn instant(
        &mut self,
        id: NodeId,
        selector: &VectorSelector<'e>,
        grid: Grid,
    ) -> Result<OperationKind<'e>, QueryError> {
        let lookback_ms = self.context.options.lookback_delta_ms;
        let offset_ms = self.offset_ms(id, selector.offset, selector.at, grid)?;
        let (take, after_ms) = match selector.extended {
            Some(ExtendedRange::Smoothed) => (Take::Smoothed, lookback_ms),
            _ => (Take::Value, 0),
        };
        let reach = Reach { kind: selector.extended, before_ms: 0, after_ms };
        let lookups = Windows { grid, range_ms: lookback_ms, offset_ms, pinned_ms: None, reach };
        let selection = self.select(id, selector.to_matchers(), &lookups, 0);
        let totals_only = self.reads[id.index()].totals_only();
        let span = self.expr.get(id).span();
        Ok(OperationKind::Instant(InstantPlan { selection, lookups, take, totals_only, span }))
    }

    fn window(
        &mut self,
        node: ExprRef<'e>,
        matrix: &MatrixSelector<'e>,
        grid: Grid,
    ) -> Result<OperationKind<'e>, QueryError> {
        let Node::VectorSelector(selector) = self.expr.get(matrix.selector).node() else {
            return Err(not_implemented("a range over anything but a selector"));
        };
        let range_ms = matrix.range.resolve_positive(self.times)?;
        let mut windows =
            self.windows(node.id(), (selector.offset, selector.at), range_ms, grid)?;
        windows.reach = Reach::of(selector.extended, self.context.options.lookback_delta_ms);
        let selection = self.select(node.id(), selector.to_matchers(), &windows, range_ms);
        let totals_only = self.reads[node.id().index()].totals_only();
        Ok(OperationKind::Window { selection, windows, totals_only })
    }

    fn windows(
        &self,
        id: NodeId,
        (offset, at): (DurationValue<'_>, Option<At>),
        range_ms: i64,
        grid: Grid,
    ) -> Result<Windows, QueryError> {
        let pinned_ms = self.pin(id, at);
        let offset_ms = offset.resolve_offset(self.times)?;
        Ok(Windows { grid, range_ms, offset_ms, pinned_ms, reach: Reach::default() })
    }

    /// Returns the selection of the samples in all `windows`, one that exists where it can.
    pub(super) fn select(
        &mut self,
        id: NodeId,
        matchers: Vec<Matcher>,
        windows: &Windows,
        range_ms: i64,
    ) -> usize {
        let range = match windows.grid.steps() {
            0 => TimeRange { min_ms: 0, max_ms: 0 },
            steps => TimeRange {
                min_ms: windows
                    .end_ms(0)
                    .saturating_sub(windows.range_ms)
                    .saturating_sub(windows.reach.before_ms)
                    .saturating_add(1),
                max_ms: windows.end_ms(steps - 1).saturating_add(windows.reach.after_ms),
            },
        };
        let key: String =
            matchers.iter().map(|m| format!("{}{}{:?},", m.name(), m.op(), m.value())).collect();
        let plan = &mut self.plan;
        let mut hints = SelectHints::default();
        hints.step_ms = self.context.step_ms;
        hints.function = self.functions[id.index()];
        hints.range_ms = range_ms;
        *self.shared.entry((key, range.min_ms, range.max_ms)).or_insert_with(|| {
            // The caller adds it next.
            let operation = plan.operations.len();
            plan.selections.push(SelectionPlan { matchers, range, hints, operation });
            plan.selections.len() - 1
        })
    }

    fn call(
        &mut self,
        node: ExprRef<'e>,
        call: &Call<'e>,
    ) -> Result<OperationKind<'e>, QueryError> {
        let name = call.function.name;
        if let Some(number) = self.time_of_query(name) {
            return Ok(OperationKind::Number(number));
        }
        let not_implemented = || QueryError::NotImplemented { what: format!("{name}()").into() };
        let mut function = Function::by_name(name).ok_or_else(not_implemented)?;
        let args = || call.args.iter().map(|arg| node.get(*arg).without_parens());
        let selector = args().next().and_then(|arg| self.selector(arg));
        match (&mut function, selector) {
            (Function::Absent(labels) | Function::AbsentOverTime(labels), Some(selector)) => {
                *labels = labels_for_absent(&selector.to_matchers());
            }
            (Function::Timestamp | Function::StartTimestamp, Some(selector)) => {
                let take = match function {
                    Function::Timestamp => Take::Time,
                    _ => Take::StartTime,
                };
                let pinned_ms = args().next().and_then(|arg| self.pin(arg.id(), selector.at));
                // The argument is the last operation, unless it is wrapped: then so is the call.
                if let Some(OperationKind::Instant(instant)) =
                    self.plan.operations.last_mut().map(|operation| &mut operation.kind)
                {
                    instant.take = take;
                    if pinned_ms.is_some() {
                        // As in the reference, whose `timestamp` forgets the offset then.
                        instant.lookups.offset_ms = 0;
                        instant.lookups.pinned_ms = pinned_ms;
                    }
                    // Without the option the sample is looked up for nothing.
                    let returns_nothing =
                        take == Take::StartTime && !self.context.options.use_start_timestamps;
                    if !returns_nothing {
                        function = Function::TimestampOfSample;
                    }
                }
            }
            _ => {}
        }
        for arg in args() {
            if let Node::MatrixSelector(_) = arg.node()
                && let Some(kind) = self.selector(arg).and_then(|selector| selector.extended)
                && !function.over_range().is_some_and(|function| function.takes_extended(kind))
            {
                return Err(QueryError::ExtendedRange { kind, function: name });
            }
        }
        let span_of = |arg: ExprRef<'_>| match arg.node() {
            // The reference replaces a subquery by a selector without a position.
            Node::Subquery(_) if function.over_range().is_some() => Span::default(),
            _ => arg.span(),
        };
        Ok(OperationKind::Call(Box::new(CallPlan {
            arg_count: call.args.len(),
            arg_spans: args().map(span_of).collect(),
            span: node.span(),
            function,
        })))
    }

    /// Returns what a function shows of the times of the query, where it does.
    fn time_of_query(&self, name: &str) -> Option<f64> {
        let grid = self.context.grid;
        Some(match name {
            "start" => grid.start_ms() as f64 / 1000.0,
            "end" => grid.end_ms() as f64 / 1000.0,
            "range" => self.times.range_ms as f64 / 1000.0,
            "step" if grid.is_instant() => 0.0,
            "step" => self.times.step_ms as f64 / 1000.0,
            _ => return None,
        })
    }

    fn selector(&self, arg: ExprRef<'e>) -> Option<VectorSelector<'e>> {
        match arg.node() {
            Node::VectorSelector(selector) => Some(selector),
            Node::MatrixSelector(matrix) => match self.expr.get(matrix.selector).node() {
                Node::VectorSelector(selector) => Some(selector),
                _ => None,
            },
            _ => None,
        }
    }

    fn aggregate(&self, node: ExprRef<'e>, aggregate: &Aggregate<'e>) -> OperationKind<'e> {
        let mut names: Vec<&str> = aggregate.grouping.iter().collect();
        names.sort_unstable();
        let param_span = aggregate.param.map(|param| self.expr.get(param).without_parens().span());
        OperationKind::Aggregate(Box::new(AggregatePlan {
            op: aggregate.op,
            grouping: Grouping { names, without: aggregate.without },
            param_span,
            vector_span: node.get(aggregate.expr).without_parens().span(),
            span: node.span(),
        }))
    }
}

fn binary_operation<'e>(node: ExprRef<'e>, binary: &Binary<'e>) -> OperationKind<'e> {
    let Binary { op, return_bool, matching, .. } = *binary;
    OperationKind::Binary(BinaryPlan { op, return_bool, matching, span: node.span() })
}

fn not_implemented(what: &str) -> QueryError {
    QueryError::NotImplemented { what: what.into() }
}

/// The most steps of a query or a subquery, unless it may hold even more samples: a column is as
/// long as there are steps, whether they have a value or not.
const STEPS_MAX: usize = 100_000;
