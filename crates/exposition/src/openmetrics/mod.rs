//! OpenMetrics 1.0 as the reference reads it: laxer than the specification, which asks for an order of
//! lines and names that fit the type, and stricter than the text format on blanks.

mod lexer;
mod reader;
mod starts;

pub use reader::OpenMetricsReader;
