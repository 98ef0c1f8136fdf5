//! A machine made up for tests.

mod disk;
mod files;

use std::sync::Arc;

pub use files::SimFiles;

use crate::{Host, SeededRandom, SimClock};

/// A machine made up for tests: files that fail and crash on command, a clock moved by hand, and
/// the same randomness again for the same seed.
#[derive(Debug)]
pub struct Simulation {
    files: Arc<SimFiles>,
    clock: Arc<SimClock>,
    random: Arc<SeededRandom>,
}

impl Simulation {
    /// Returns a machine with empty disks. All its chance follows from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let clock = Arc::<SimClock>::default();
        Self {
            files: Arc::new(SimFiles::new(seed, Arc::clone(&clock))),
            clock,
            random: Arc::new(SeededRandom::new(seed ^ HOST_STREAM)),
        }
    }

    /// Returns the machine as a store sees it.
    #[must_use]
    pub fn host(&self) -> Host {
        Host {
            files: Arc::clone(&self.files) as _,
            clock: Arc::clone(&self.clock) as _,
            random: Arc::clone(&self.random) as _,
        }
    }

    /// Returns the files, to make them fail.
    #[must_use]
    pub fn files(&self) -> &SimFiles {
        &self.files
    }

    /// Returns the clock, to move it.
    #[must_use]
    pub fn clock(&self) -> &SimClock {
        &self.clock
    }
}

/// How a call fails on command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The disk is full; nothing was done.
    NoSpace,
    /// The disk is broken; nothing was done.
    Io,
    /// The disk is full after a part of the bytes was written. For other calls than
    /// [`append`](crate::AppendFile::append) it is [`Fault::NoSpace`].
    ShortWrite,
}

/// Keeps the numbers that the store sees apart from those that decide what a crash loses.
const HOST_STREAM: u64 = 0x5eed_0000_0000_0001;

#[cfg(test)]
mod tests;
