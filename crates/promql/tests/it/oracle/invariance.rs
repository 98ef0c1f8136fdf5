use narthex_promql_parser::{ExprRef, Node};

/// Whether an expression has the same value at every step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Invariance {
    pub(super) is_invariant: bool,
    /// Whether it is therefore evaluated at the first step alone. Literals and range vectors
    /// need it not.
    pub(super) is_wrapped: bool,
}

/// Functions of the time of the step, or of the times of their argument.
const UNSAFE: [&str; 14] = [
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "end",
    "hour",
    "minute",
    "month",
    "predict_linear",
    "range",
    "start",
    "step",
    "time",
    "year",
];

pub(super) fn of(expr: ExprRef<'_>) -> Invariance {
    match expr.node() {
        Node::VectorSelector(selector) => both(selector.at.is_some()),
        Node::MatrixSelector(matrix) => {
            Invariance { is_wrapped: false, ..of(expr.get(matrix.selector)) }
        }
        Node::Subquery(subquery) => {
            Invariance { is_invariant: subquery.at.is_some(), is_wrapped: false }
        }
        Node::NumberLiteral(_) | Node::StringLiteral(_) => {
            Invariance { is_invariant: true, is_wrapped: false }
        }
        Node::Paren(inner) => of(expr.get(inner)),
        Node::Unary(unary) => of(expr.get(unary.expr)),
        // The parameter does not count, which is the reference's oversight.
        Node::Aggregate(aggregate) => of(expr.get(aggregate.expr)),
        Node::Binary(binary) => {
            both([binary.lhs, binary.rhs].iter().all(|&side| of(expr.get(side)).is_invariant))
        }
        Node::Call(call) => {
            let mut args = call.args.iter().map(|&arg| expr.get(arg).without_parens());
            if call.function.name == "timestamp" {
                return both(args.all(|arg| {
                    matches!(arg.node(), Node::VectorSelector(_)) && of(arg).is_invariant
                }));
            }
            both(!UNSAFE.contains(&call.function.name) && args.all(|arg| of(arg).is_invariant))
        }
    }
}

fn both(is_invariant: bool) -> Invariance {
    Invariance { is_invariant, is_wrapped: is_invariant }
}
