//! Cuts PromQL into tokens that carry their place in the query, and copies nothing.
//!
//! ```
//! use narthex_promql_lexer::{Keyword, Lexer, TokenKind};
//!
//! let query = "sum(up) # of all";
//! let tokens: Vec<_> = Lexer::new(query).collect::<Result<_, _>>()?;
//! assert_eq!(tokens[0].kind, TokenKind::Keyword(Keyword::Sum));
//! assert_eq!(tokens[2].span.text(query), "up");
//! assert_eq!(tokens[4].kind, TokenKind::Comment);
//! # Ok::<(), narthex_promql_lexer::LexError>(())
//! ```
//!
//! The tokens and the words of the errors are those of Prometheus 3.14. The grammar lies in
//! `narthex-promql-parser`. Time is linear in the query, memory is constant.

#![forbid(unsafe_code)]

mod error;
mod lexer;
mod scan;
mod span;
#[cfg(test)]
mod tests;
mod token;

pub use error::{LexError, LexProblem};
pub use lexer::Lexer;
pub use span::Span;
pub use token::{Keyword, KeywordClass, Token, TokenKind};
