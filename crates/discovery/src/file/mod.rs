//! Targets from files: `file_sd_configs`.

mod glob;
mod read;
mod watch;

pub(crate) use read::FileCounters;
pub use read::{FileStats, TargetFileError, read_target_file};
pub(crate) use watch::FileWatch;

#[cfg(test)]
mod tests;
