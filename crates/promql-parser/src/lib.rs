//! Parses PromQL into a typed syntax tree, and prints it.
//!
//! ```
//! use narthex_promql_parser::{Node, ValueType, parse};
//!
//! let expr = parse("sum by(job)(rate(http_requests_total[5m])) > 1e3")?;
//! assert_eq!(expr.value_type(), ValueType::Vector);
//! assert_eq!(expr.to_string(), "sum by (job) (rate(http_requests_total[5m])) > 1000");
//!
//! let selectors = expr.nodes().filter(|expr| matches!(expr.node(), Node::VectorSelector(_)));
//! assert_eq!(selectors.count(), 1);
//!
//! let error = parse("rate(up)").unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "1:6: parse error: expected type range vector in call to function \"rate\", \
//!      got instant vector"
//! );
//! # Ok::<(), narthex_promql_parser::ParseError>(())
//! ```
//!
//! - [`parse`] reads the language of Prometheus 3.14 as its server does by default;
//!   [`ParseOptions`] enables the experimental parts. Errors are in the reference's words.
//! - [`Expr`] keeps its nodes in one arena: see there how to walk it. [`Expr::visit`] and
//!   [`Expr::rewrite`] go further.
//! - [`parse_series_description`] reads the series of test scripts: `up{job="node"} 1x5 _ 0`.
//! - `Display` prints canonical text, [`Expr::pretty`] breaks long lines as the reference does.
//!
//! No step recurses over the input, and each takes time linear in it. Queries are bounded in
//! [size](ParseOptions::query_size_max) and [nesting](ParseOptions::nesting_max).

#![forbid(unsafe_code)]

mod ast;
mod check;
mod error;
mod functions;
mod ops;
mod options;
mod parse;
mod print;
mod series_description;
mod value_type;
mod visit;

pub use ast::{
    Aggregate, At, Binary, Call, Cardinality, DurationExpr, DurationExprError, DurationKind,
    DurationNode, DurationOp, DurationProblem, DurationValue, Expr, ExprBuilder, ExprRef,
    ExtendedRange, LabelNames, MatcherRef, Matchers, MatrixSelector, Node, NodeId, NumberLiteral,
    QueryTimes, StringLiteral, Subquery, Unary, VectorMatching, VectorSelector,
};
pub use error::{
    ArgumentCount, Expected, ModifierProblem, NotEnabled, ParseError, ParseProblem, Place,
    SeriesProblem, TypeProblem,
};
pub use functions::{FUNCTIONS, Function};
pub use narthex_promql_lexer::{LexProblem, Span};
pub use ops::{AggregateOp, BinaryOp, UnaryOp};
pub use options::ParseOptions;
pub use parse::{parse, parse_metric_selector, parse_with};
pub use series_description::{SequenceValue, SeriesDescription, parse_series_description};
pub use value_type::ValueType;
pub use visit::Visitor;
