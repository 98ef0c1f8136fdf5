//! OpenMetrics 1.0.
//!
//! [`reader`] reads it as the reference does: laxer than the specification, which asks for an order of
//! lines and names that fit the type, and stricter than the text format on blanks. [`strict`] asks for
//! what the specification does.

mod lexer;
mod reader;
mod starts;
mod strict;

pub use reader::OpenMetricsReader;
pub use strict::StrictReader;
