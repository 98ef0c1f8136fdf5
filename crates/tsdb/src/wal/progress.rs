use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::segment::Segment;
use crate::ReplayProgress;

/// How far somebody is with a log, and whether to stop there.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// `None` before there is anything to read.
    reached: Mutex<Option<ReplayProgress>>,
    is_stopped: AtomicBool,
}

impl Progress {
    /// Returns which segments are read, and which one is.
    pub(crate) fn get(&self) -> ReplayProgress {
        self.reached.lock().unwrap_or_default()
    }

    /// Lets what is not read yet be passed over.
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// Notes what is about to be read, behind what was read before.
    pub(super) fn begin(&self, segments: &[Segment]) {
        let mut indexes = segments.iter().filter_map(|segment| segment.index);
        let Some(first) = indexes.next() else { return };
        let last_segment = indexes.next_back().unwrap_or(first);
        let mut reached = self.reached.lock();
        let first_segment = reached.map_or(first, |reached| reached.first_segment);
        *reached = Some(ReplayProgress { first_segment, last_segment, segment: first });
    }

    pub(super) fn reach(&self, segment: u64) {
        if let Some(reached) = &mut *self.reached.lock() {
            reached.segment = segment;
        }
    }
}
