//! Blocks made of other blocks: which ones, and how.

mod cut;
mod encode;
mod merge;
mod meta;
mod plan;
mod symbols;

pub(crate) use cut::cut;
pub(crate) use encode::{ChunkEncoder, decode_samples};
pub(crate) use merge::{MergeSeries, SAMPLE_COUNT_MAX};
pub(crate) use meta::merged_meta;
pub(crate) use plan::{Planner, ranges};
pub(crate) use symbols::merge_symbols;
