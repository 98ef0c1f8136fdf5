use std::collections::HashSet;

use narthex_promql_parser::{At, Expr, ExprRef, Node, NodeId, Visitor};

/// Returns the expression with `@` behind every selector, so that its result is the same at all
/// times; `None` where a function in it depends on the time of evaluation nevertheless.
///
/// A subquery is pinned as a whole. A selector that names a time itself stays as it is.
pub(crate) fn pin(expr: &Expr, time_ms: i64) -> Option<Expr> {
    let mut seen = Selectors::default();
    expr.visit(&mut seen);
    if seen.depends_on_time {
        return None;
    }
    let mut index = 0;
    Some(expr.rewrite(|builder, mut node, span| {
        if seen.to_pin.contains(&index) {
            pin_node(&mut node, time_ms);
        }
        index += 1;
        builder.push(node, span)
    }))
}

fn pin_node(node: &mut Node<'_>, time_ms: i64) {
    let at = match node {
        Node::VectorSelector(selector) => &mut selector.at,
        Node::Subquery(subquery) => &mut subquery.at,
        _ => return,
    };
    if !matches!(at, Some(At::Timestamp(_))) {
        *at = Some(At::Timestamp(time_ms));
    }
}

/// The selectors outside of subqueries, and the outermost subqueries.
#[derive(Default)]
struct Selectors {
    /// Places in post-order, which is the order of a rewrite.
    to_pin: HashSet<usize>,
    depends_on_time: bool,
}

impl Visitor for Selectors {
    fn enter(&mut self, expr: ExprRef<'_>) -> bool {
        let id: NodeId = expr.id();
        match expr.node() {
            Node::VectorSelector(_) => {
                self.to_pin.insert(id.index());
            }
            Node::Subquery(_) => {
                self.to_pin.insert(id.index());
                return false;
            }
            Node::Call(call) => {
                self.depends_on_time |= TIME_DEPENDENT.contains(&call.function.name);
            }
            _ => {}
        }
        true
    }
}

/// Functions whose result depends on the time of evaluation although their arguments do not.
///
/// # Source
///
/// `AtModifierUnsafeFunctions` in Prometheus `promql/functions.go`.
const TIME_DEPENDENT: [&str; 15] = [
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "end",
    "hour",
    "minute",
    "month",
    "predict_linear",
    "range",
    "start",
    "step",
    "time",
    "timestamp",
    "year",
];

#[cfg(test)]
mod tests {
    use narthex_promql_parser::{ParseOptions, parse_with};

    use super::pin;

    #[test]
    fn every_selector_outside_of_subqueries_is_pinned() {
        let cases = [
            ("a + b[5m]", "invalid"),
            ("a + b", "a @ 60.000 + b @ 60.000"),
            ("rate(a[5m] offset 1m)", "rate(a[5m] @ 60.000 offset 1m)"),
            ("sum(a @ 5) + b @ start()", "sum(a @ 5.000) + b @ 60.000"),
            ("max_over_time(rate(a[5m])[1h:1m])", "max_over_time(rate(a[5m])[1h:1m] @ 60.000)"),
            (
                "max_over_time(vector(time())[1h:1m])",
                "max_over_time(vector(time())[1h:1m] @ 60.000)",
            ),
            ("max_over_time(a[1h:1m] @ 7)", "max_over_time(a[1h:1m] @ 7.000)"),
            ("1", "1"),
            ("a - time()", "depends on time"),
            ("timestamp(a)", "depends on time"),
        ];
        for (query, expected) in cases {
            let pinned = match parse_with(query, &ParseOptions::experimental()) {
                Ok(expr) => pin(&expr, 60_000).map(|expr| expr.to_string()),
                Err(_) => Some("invalid".to_owned()),
            };
            assert_eq!(pinned.as_deref().unwrap_or("depends on time"), expected, "{query}");
        }
    }
}
