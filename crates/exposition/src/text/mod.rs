//! The text format 0.0.4, which is also the grammar of 1.0.0.
//!
//! Two readers of one line stand side by side. [`scan`] knows the shapes that nearly every line has
//! and is fast; it declines whatever else it meets. [`grammar`] is the whole format as the
//! reference reads it, written to be read, and alone says what is wrong with a line. Tests hold
//! that the scanner never answers other than the grammar.

mod diagnose;
mod grammar;
mod reader;
mod scan;
mod series;

pub use reader::TextReader;
pub(crate) use scan::{LABEL, LABEL_START, NAME, NAME_START, is_class, skip_class};
pub(crate) use series::series_labels;

#[cfg(test)]
mod tests;
