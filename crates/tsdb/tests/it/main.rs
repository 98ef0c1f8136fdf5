//! A database as its users see it.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]
#![expect(clippy::print_stdout, reason = "tests say that they skip")]

mod append;
mod block_damage;
mod blocks;
mod clock;
mod conformance;
mod damage;
mod delete;
mod durability;
mod exemplars;
mod head_files;
mod histograms;
mod isolation;
mod loading;
mod maintain;
mod maintenance;
mod memory_snapshot;
mod out_of_order;
mod select;
mod slow_disk;
mod stale;
mod status;
mod summaries;
mod support;
