//! Queries as texts: their canonical form and their syntax tree. Nothing is evaluated.

mod object;
mod tree;

use super::Call;
use crate::answer::{Answer, ApiError};
use crate::engine::parse_query;
use tree::Tree;

/// `GET,POST /api/v1/format_query`.
pub(super) async fn format(call: Call) -> Result<Answer, ApiError> {
    let expr = parse_query(&call.state, call.params.get("query"))?;
    Answer::of(&expr.pretty())
}

/// `GET,POST /api/v1/parse_query`.
pub(super) async fn parse(call: Call) -> Result<Answer, ApiError> {
    let expr = parse_query(&call.state, call.params.get("query"))?;
    Ok(Answer::new(Tree::new(expr)))
}
