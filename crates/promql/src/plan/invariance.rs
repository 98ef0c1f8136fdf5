//! Which parts of an expression are the same at every step, and so are evaluated once.

use narthex_promql_parser::{Expr, Node, NodeId};

/// What is known of one node.
#[derive(Clone, Copy, Debug, Default)]
struct Invariance {
    /// The node's value does not depend on the step.
    constant: bool,
    /// A parent that varies has to wrap it, for it would be evaluated at every step otherwise.
    worth_it: bool,
}

/// Returns for each node whether it is to be evaluated once, at the first step, and its value to
/// be given to every step.
///
/// # Source
///
/// `preprocessExprHelper` in Prometheus `promql/engine.go`. The choice is visible: within a wrapped
/// part the query is an instant one. The parameter of an aggregation neither counts nor is looked
/// into, as there.
pub(super) fn once(expr: &Expr, in_param: &[bool]) -> Vec<bool> {
    let mut known: Vec<Invariance> = Vec::with_capacity(expr.node_count());
    let mut once = vec![false; expr.node_count()];
    for node in expr.nodes() {
        let index = node.id().index();
        let of = |id: NodeId| known[id.index()];
        let invariance = if in_param[index] {
            Invariance::default()
        } else {
            match node.node() {
                Node::NumberLiteral(_) | Node::StringLiteral(_) => {
                    Invariance { constant: true, worth_it: false }
                }
                Node::VectorSelector(selector) => {
                    let pinned = selector.at.is_some();
                    Invariance { constant: pinned, worth_it: pinned }
                }
                Node::MatrixSelector(matrix) => {
                    Invariance { constant: of(matrix.selector).constant, worth_it: false }
                }
                Node::Subquery(subquery) => {
                    once[subquery.expr.index()] = of(subquery.expr).constant;
                    Invariance { constant: subquery.at.is_some(), worth_it: false }
                }
                Node::Aggregate(aggregate) => of(aggregate.expr),
                Node::Unary(unary) => of(unary.expr),
                Node::Paren(inner) => of(inner),
                Node::Binary(binary) => {
                    wrap_or_join(&[binary.lhs, binary.rhs], true, &known, &mut once)
                }
                Node::Call(call) => {
                    let fits = match call.function.name {
                        // It depends on the step, unless it shows the time of a pinned sample.
                        "timestamp" => call.args.iter().all(|arg| {
                            matches!(
                                expr.get(*arg).without_parens().node(),
                                Node::VectorSelector(_)
                            )
                        }),
                        name => !DEPEND_ON_STEP.contains(&name),
                    };
                    wrap_or_join(call.args, fits, &known, &mut once)
                }
            }
        };
        known.push(invariance);
    }
    if let Some(root) = known.last() {
        once[expr.node_count() - 1] = root.worth_it;
    }
    once
}

/// Returns what a node is whose value follows from its operands where `fits`. If it varies, the
/// operands that do not are wrapped.
fn wrap_or_join(
    operands: &[NodeId],
    fits: bool,
    known: &[Invariance],
    once: &mut [bool],
) -> Invariance {
    if fits && operands.iter().all(|id| known[id.index()].constant) {
        return Invariance { constant: true, worth_it: true };
    }
    for id in operands {
        once[id.index()] = known[id.index()].worth_it;
    }
    Invariance::default()
}

/// Functions whose value depends on the step even where their arguments do not.
const DEPEND_ON_STEP: [&str; 10] = [
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "hour",
    "minute",
    "month",
    "predict_linear",
    "time",
    "year",
];
