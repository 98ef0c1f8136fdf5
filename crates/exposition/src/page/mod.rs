//! One reader for all formats.

mod converter;
mod reader;

pub use reader::{PageFormat, PageReader};
