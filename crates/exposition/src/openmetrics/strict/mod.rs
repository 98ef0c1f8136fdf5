//! OpenMetrics 1.0 as the specification has it.
//!
//! [`reader`] follows the families of a page, [`group`] the samples of one metric.

mod group;
mod kind;
mod reader;

pub use reader::StrictReader;
