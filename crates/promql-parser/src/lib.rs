//! PromQL syntax trees.

#![forbid(unsafe_code)]

mod ast;
mod functions;
mod ops;
mod print;
mod value_type;

pub use ast::{
    Aggregate, At, Binary, Call, Cardinality, DurationExpr, DurationExprError, DurationKind,
    DurationNode, DurationOp, DurationProblem, DurationValue, Expr, ExprBuilder, ExprRef,
    ExtendedRange, MatrixSelector, Node, NodeId, NumberLiteral, QueryTimes, Subquery, Unary,
    VectorMatching, VectorSelector,
};
pub use functions::{FUNCTIONS, Function};
pub use narthex_promql_lexer::Span;
pub use ops::{AggregateOp, BinaryOp, UnaryOp};
pub use value_type::ValueType;
