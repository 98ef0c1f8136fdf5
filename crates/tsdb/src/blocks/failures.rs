use std::collections::BTreeMap;
use std::time::Duration;

use crate::Ulid;
use crate::back_off::BackOff;

/// Which compactions failed, and when they may be tried again.
#[derive(Debug, Default)]
pub(super) struct Failures {
    blocks: BTreeMap<Ulid, BackOff>,
    /// Of compactions that failed through no block's fault.
    other: BackOff,
}

impl Failures {
    /// Returns whether nothing should be compacted now.
    pub(super) fn is_paused(&self, now: Duration) -> bool {
        self.other.is_held(now)
    }

    /// Returns whether a block should not be compacted now.
    pub(super) fn is_held(&self, block: Ulid, now: Duration) -> bool {
        self.blocks.get(&block).is_some_and(|failure| failure.is_held(now))
    }

    /// Notes that a compaction failed: because of a block, or not. Returns whether the block has
    /// failed often enough.
    pub(super) fn note(&mut self, block: Option<Ulid>, now: Duration) -> bool {
        let failure = match block {
            Some(block) => self.blocks.entry(block).or_default(),
            None => &mut self.other,
        };
        let count = failure.note(now);
        block.is_some() && count >= BackOff::TRIES_MAX
    }

    /// Notes that a compaction went well.
    pub(super) fn succeed(&mut self) {
        self.other = BackOff::default();
    }
}
