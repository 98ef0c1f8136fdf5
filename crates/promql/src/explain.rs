use std::fmt;

use narthex_model::duration::display_ms;
use narthex_promql_parser::{Expr, Node, Span};
use narthex_storage::TimeRange;

use crate::Grid;
use crate::plan::{Operation, OperationKind, Plan};

/// How a query is evaluated: a tree of operations, of which each works on the results of its
/// children.
///
/// It prints as an indented table with the number of steps of each operation and, of those that read
/// from the store, the number of the selection and its times. Selectors with the same conditions and
/// times share a selection, and so have the same number.
///
/// # Examples
///
/// ```
/// use narthex_promql::{Engine, Grid};
///
/// let expr = narthex_promql_parser::parse("sum by (job) (rate(errors_total[5m])) / 60")?;
/// let grid = Grid::range(600_000, 720_000, 60_000).unwrap();
/// let explanation = Engine::default().explain_range(&expr, grid)?;
/// assert_eq!(
///     explanation.to_string(),
///     "\
/// operation               steps  every  reads
/// /                           3     1m
///   sum by (job)              3     1m
///     rate                    3     1m
///       errors_total[5m]      3     1m  #0 at 300001..=720000
///   60                        3     1m
/// "
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Explanation {
    /// In the order of [`Explanation::nodes`].
    nodes: Vec<PlanNode>,
}

/// One operation of an [`Explanation`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanNode {
    /// How many operations it is below the root.
    pub depth: usize,
    /// What is done, as PromQL without the operands: a selector, `rate`, `sum by (job)`, `+ on (job)`.
    /// Beside those there are `subquery` with its window, and `repeat`, which gives the value of the
    /// first step to all steps, since the operand is the same at all of them.
    pub operation: Box<str>,
    /// Where that stands in the query.
    pub span: Span,
    /// The steps at which it is evaluated.
    pub grid: Grid,
    /// What it reads from the store, if it does.
    pub selection: Option<PlanSelection>,
    /// Its place in the plan, where operands come before operators.
    pub(crate) index: usize,
}

/// A selection of series that a query makes of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanSelection {
    /// Which one of the query's, from 0.
    pub number: usize,
    /// The times from which samples are read.
    pub range: TimeRange,
}

impl Explanation {
    pub(crate) fn new(expr: &Expr, plan: &Plan<'_>) -> Self {
        let operations = &plan.operations;
        let mut nodes: Vec<(usize, PlanNode)> = depths(operations)
            .into_iter()
            .zip(first_operations(operations))
            .enumerate()
            .map(|(index, (depth, first))| {
                let node = plan_node(expr, plan, index, depth);
                // The operations to the left come before it, and those around it.
                (first + depth, node)
            })
            .collect();
        nodes.sort_unstable_by_key(|(place, _)| *place);
        Self { nodes: nodes.into_iter().map(|(_, node)| node).collect() }
    }

    /// Returns the operations from the root down: each before its children, which follow in the order
    /// of the text with a depth of one more.
    #[must_use]
    pub fn nodes(&self) -> &[PlanNode] {
        &self.nodes
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = operation_width(&self.nodes);
        writeln!(f, "{:width$}  steps  every  reads", "operation")?;
        for node in &self.nodes {
            write_operation(f, node, width)?;
            write!(f, "  {:>5}", node.grid.steps())?;
            match (node.grid.steps() > 1, &node.selection) {
                (false, None) => {}
                (true, None) => write!(f, "  {}", every(node))?,
                (_, Some(PlanSelection { number, range: TimeRange { min_ms, max_ms } })) => {
                    write!(f, "  {}  #{number} at {min_ms}..={max_ms}", every(node))?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Returns the distance of an operation's steps, if it has several.
fn every(node: &PlanNode) -> String {
    let many = node.grid.steps() > 1;
    let text = if many { display_ms(node.grid.step_ms()).to_string() } else { String::new() };
    format!("{text:>5}")
}

/// Returns how wide the column of operations is.
pub(crate) fn operation_width(nodes: &[PlanNode]) -> usize {
    let widths = nodes.iter().map(|node| indent(node) + node.operation.chars().count());
    widths.max().unwrap_or(0).clamp("operation".len(), OPERATION_WIDTH_MAX)
}

/// Writes the operation of a node into a column of this width.
pub(crate) fn write_operation(
    f: &mut fmt::Formatter<'_>,
    node: &PlanNode,
    width: usize,
) -> fmt::Result {
    let indent = indent(node);
    let rest = width.saturating_sub(indent);
    write!(f, "{:indent$}{:rest$}", "", node.operation)
}

fn indent(node: &PlanNode) -> usize {
    node.depth.min(INDENTED_MAX) * 2
}

fn plan_node(expr: &Expr, plan: &Plan<'_>, index: usize, depth: usize) -> PlanNode {
    let Operation { kind, grid, node } = &plan.operations[index];
    let node = expr.get(*node);
    let operation = match (kind, node.node()) {
        (OperationKind::Spread, _) => "repeat".to_owned(),
        (_, Node::Subquery(_)) => format!("subquery {}", node.head()),
        _ => node.head(),
    };
    let selection = kind
        .selection()
        .map(|number| PlanSelection { number, range: plan.selections[number].range });
    let operation = operation.into();
    PlanNode { depth, operation, span: node.span(), grid: *grid, selection, index }
}

/// Returns for each operation how far it is from the last one, which is the root.
fn depths(operations: &[Operation<'_>]) -> Vec<usize> {
    let mut depths = vec![0; operations.len()];
    // How many operands are still to come of the operations around.
    let mut missing = vec![1];
    for (depth, operation) in depths.iter_mut().zip(operations).rev() {
        while missing.last() == Some(&0) {
            missing.pop();
        }
        *depth = missing.len().saturating_sub(1);
        if let Some(missing) = missing.last_mut() {
            *missing -= 1;
        }
        missing.push(operation.kind.operand_count());
    }
    depths
}

/// Returns for each operation the number of the first one below it, or its own.
fn first_operations(operations: &[Operation<'_>]) -> Vec<usize> {
    let mut firsts = Vec::with_capacity(operations.len());
    let mut stack = Vec::new();
    for (index, operation) in operations.iter().enumerate() {
        let operands = stack.len().saturating_sub(operation.kind.operand_count());
        let first = stack.drain(operands..).next().unwrap_or(index);
        stack.push(first);
        firsts.push(first);
    }
    firsts
}

/// How many levels are indented: a sum of ten thousand terms is as deep.
const INDENTED_MAX: usize = 32;
/// Where the columns after the operation begin at most; a longer one pushes them aside.
const OPERATION_WIDTH_MAX: usize = 80;
