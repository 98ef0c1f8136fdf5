use std::time::Duration;

/// How long something that failed is left alone, longer each time. All times are on the clock that does
/// not go back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BackOff {
    count: usize,
    retry_at: Duration,
}

impl BackOff {
    /// So many tries fail before what can be given up is given up.
    pub(crate) const TRIES_MAX: usize = PAUSES.len();

    /// Notes that a try failed. Returns how many did so far.
    pub(crate) fn note(&mut self, now: Duration) -> usize {
        self.retry_at = now + PAUSES[self.count.min(PAUSES.len() - 1)];
        self.count += 1;
        self.count
    }

    /// Returns whether there should be no try now.
    pub(crate) fn is_held(&self, now: Duration) -> bool {
        now < self.retry_at
    }

    /// Returns whether the next try is the last one that may fail.
    pub(crate) fn is_last_try(&self) -> bool {
        self.count + 1 >= Self::TRIES_MAX
    }
}

/// How long to wait after the first, the second and every further failure.
const PAUSES: [Duration; 3] =
    [Duration::from_secs(60), Duration::from_secs(5 * 60), Duration::from_secs(25 * 60)];
