use std::collections::BTreeMap;
use std::time::Duration;

use crate::Ulid;

/// Which compactions failed, and when they may be tried again.
#[derive(Debug, Default)]
pub(super) struct Failures {
    blocks: BTreeMap<Ulid, Failure>,
    /// Of compactions that failed through no block's fault.
    other: Failure,
}

#[derive(Clone, Copy, Debug, Default)]
struct Failure {
    count: usize,
    /// On the clock that does not go back.
    retry_at: Duration,
}

impl Failures {
    /// Returns whether nothing should be compacted now.
    pub(super) fn is_paused(&self, now: Duration) -> bool {
        now < self.other.retry_at
    }

    /// Returns whether a block should not be compacted now.
    pub(super) fn is_held(&self, block: Ulid, now: Duration) -> bool {
        self.blocks.get(&block).is_some_and(|failure| now < failure.retry_at)
    }

    /// Notes that a compaction failed: because of a block, or not. Returns whether the block has
    /// failed often enough.
    pub(super) fn note(&mut self, block: Option<Ulid>, now: Duration) -> bool {
        let failure = match block {
            Some(block) => self.blocks.entry(block).or_default(),
            None => &mut self.other,
        };
        let pause = BACK_OFF[failure.count.min(BACK_OFF.len() - 1)];
        failure.count += 1;
        failure.retry_at = now + pause;
        block.is_some() && failure.count >= BACK_OFF.len()
    }

    /// Notes that a compaction went well.
    pub(super) fn succeed(&mut self) {
        self.other = Failure::default();
    }
}

/// How long to wait after the first, the second and every further failure. A block that fails as
/// often as this has entries is not tried again.
const BACK_OFF: [Duration; 3] =
    [Duration::from_secs(60), Duration::from_secs(5 * 60), Duration::from_secs(25 * 60)];
