//! Numbers whose digits are not the oracle's affair.

use narthex_promql::{Engine, Value};
use narthex_promql_parser::{ParseOptions, parse_with};
use narthex_storage::{MemoryStore, QueryContext};

/// The functions of one float that come from tables and polynomials.
pub(super) const FUNCTIONS: [&str; 15] = [
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "exp", "log10", "sin",
    "sinh", "sqrt", "tan", "tanh",
];

/// Returns a function of a number.
pub(super) fn function(name: &str, value: f64) -> f64 {
    number(&format!("scalar({name}(vector({})))", literal(value)))
}

/// Returns what an operator makes of two numbers.
pub(super) fn operator(op: &str, left: f64, right: f64) -> f64 {
    number(&format!("({}) {op} ({})", literal(left), literal(right)))
}

fn literal(value: f64) -> String {
    // The exponent keeps the text short.
    if value.is_finite() { format!("{value:e}") } else { value.to_string().replace("inf", "Inf") }
}

fn number(query: &str) -> f64 {
    let expr = parse_with(query, &ParseOptions::experimental()).expect("a valid query");
    let store = MemoryStore::default();
    let answer = Engine::default().instant(&QueryContext::default(), &store, &expr, 0);
    match answer.expect("a query without data").value {
        Value::Scalar(sample) => sample.value,
        _ => unreachable!("the query is a scalar"),
    }
}
