//! How often targets are sent on.

use std::time::Duration;

use tokio::time::Instant;

/// Lets the first update pass at once, and the more of them follow each other, the fewer.
///
/// The time between two grows from [`Throttle::START`] to the longest; when that has passed without
/// an update, it starts again.
#[derive(Debug)]
pub(crate) struct Throttle {
    longest: Duration,
    gap: Duration,
    last: Option<Instant>,
}

impl Throttle {
    const START: Duration = Duration::from_millis(100);

    pub(crate) fn new(longest: Duration) -> Self {
        Self { longest, gap: Self::START.min(longest), last: None }
    }

    /// Returns how long an update has to wait.
    pub(crate) fn wait(&mut self, now: Instant) -> Duration {
        let Some(last) = self.last else { return Duration::ZERO };
        let quiet = now.saturating_duration_since(last);
        if quiet >= self.longest {
            self.gap = Self::START.min(self.longest);
        }
        self.gap.saturating_sub(quiet)
    }

    /// Notes that an update passed.
    pub(crate) fn passed(&mut self, now: Instant) {
        if self.last.is_some() {
            self.gap = (self.gap * 3 / 2).min(self.longest);
        }
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how long updates wait that come one by one, `every` so often.
    fn waits(every: Duration, count: usize) -> Vec<u128> {
        let mut throttle = Throttle::new(Duration::from_secs(5));
        let mut now = Instant::now();
        let one = |_| {
            let wait = throttle.wait(now);
            throttle.passed(now + wait);
            now += wait.max(every);
            wait.as_millis()
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn updates_in_a_row_wait_longer_and_longer() {
        let waits = waits(Duration::ZERO, 14);
        assert_eq!(waits[..4], [0, 100, 150, 225]);
        assert_eq!(waits[13], 5_000);
        assert!(waits.is_sorted());
    }

    #[test]
    fn rare_updates_wait_not_at_all() {
        assert_eq!(waits(Duration::from_secs(5), 4), [0; 4]);
        assert_eq!(waits(Duration::from_millis(200), 3), [0; 3]);
    }
}
