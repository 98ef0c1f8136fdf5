//! How targets are doing, for the API.

use std::sync::Arc;
use std::time::Duration;

use narthex_model::Labels;
use parking_lot::Mutex;

use crate::metadata::MetadataCache;

/// Whether the last scrape of a target succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Health {
    /// There was no scrape yet.
    #[default]
    Unknown,
    /// It did.
    Up,
    /// It failed.
    Down,
}

impl Health {
    /// Returns the word of the HTTP API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// All targets at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Targets {
    /// Those that are scraped, by job, and within a job in the order of the configuration.
    pub active: Vec<ActiveTarget>,
    /// Those that relabelling dropped, in the same order, as many as the job keeps.
    pub dropped: Vec<DroppedTarget>,
    /// How many each job dropped, by job.
    pub dropped_counts: Vec<(Box<str>, usize)>,
}

/// A target that is scraped.
#[derive(Clone, Debug, PartialEq)]
pub struct ActiveTarget {
    /// The job that it belongs to.
    pub pool: Box<str>,
    /// Its labels before relabelling.
    pub discovered_labels: Labels,
    /// The labels that its series get.
    pub labels: Labels,
    /// Where its page is.
    pub url: Box<str>,
    /// How often it is scraped.
    pub interval: Duration,
    /// How long it may take.
    pub timeout: Duration,
    /// How its last scrape went.
    pub last: LastScrape,
}

/// How the last scrape of a target went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LastScrape {
    /// Whether it succeeded.
    pub health: Health,
    /// Why not, or nothing.
    pub error: Box<str>,
    /// When it began, in milliseconds since the Unix epoch. `None` before the first.
    pub timestamp_ms: Option<i64>,
    /// How long it took.
    pub duration: Duration,
}

/// A target that relabelling dropped.
#[derive(Clone, Debug, PartialEq)]
pub struct DroppedTarget {
    /// The job that it belongs to.
    pub pool: Box<str>,
    /// Its labels before relabelling.
    pub discovered_labels: Labels,
}

/// What a target's task writes and the API reads.
#[derive(Debug, Default)]
pub(crate) struct Status {
    pub(crate) last: Mutex<LastScrape>,
    pub(crate) metadata: Arc<MetadataCache>,
}
