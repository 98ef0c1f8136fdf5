//! Tests of the workspace as a whole.

mod crate_map;
mod readme;
mod scripts;
