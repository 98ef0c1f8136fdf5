//! Spans of PromQL text.

#![forbid(unsafe_code)]

mod span;

pub use span::Span;
