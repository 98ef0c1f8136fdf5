//! Files, clock and randomness behind small traits: this machine's, and simulated ones.
//!
//! A store that reaches the machine through a [`Host`] can be tested against every disk error and
//! every crash, in milliseconds and repeatably: [`Simulation`] loses what was not synced, fails the
//! call that a test names, and moves time by hand.
//!
//! ```
//! use std::path::Path;
//!
//! use narthex_host::{Fault, Simulation};
//!
//! let simulation = Simulation::new(7);
//! let host = simulation.host();
//! let mut file = host.files.open_append(Path::new("wal"))?;
//! file.append(b"kept")?;
//! file.sync()?;
//! host.files.sync_dir(Path::new(""))?;
//!
//! simulation.files().fail_call(simulation.files().call_count(), Fault::NoSpace);
//! assert!(file.append(b"refused").is_err());
//!
//! simulation.files().crash();
//! assert_eq!(host.files.open_read(Path::new("wal"))?.size()?, 4);
//! # Ok::<(), std::io::Error>(())
//! ```

#![forbid(unsafe_code)]

mod clock;
mod files;
mod random;
mod real;
mod sim;

use std::sync::Arc;

pub use clock::{Clock, SimClock, SystemClock};
pub use files::{AppendFile, DirEntry, FileLock, Files, ReadFile, WriteFile};
pub use random::{Random, SeededRandom, SystemRandom};
pub use real::RealFiles;
pub use sim::{Fault, SimFiles, Simulation};

/// Everything a store asks of the machine it runs on.
#[derive(Clone, Debug)]
pub struct Host {
    /// The file system.
    pub files: Arc<dyn Files>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random numbers.
    pub random: Arc<dyn Random>,
}

impl Host {
    /// Returns this machine.
    #[must_use]
    pub fn real() -> Self {
        Self {
            files: Arc::new(RealFiles),
            clock: Arc::new(SystemClock::default()),
            random: Arc::new(SystemRandom),
        }
    }
}
