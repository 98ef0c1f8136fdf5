use std::time::{Duration, Instant};

/// Keeps what happens again and again from filling the log.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    last: Option<Instant>,
    left_out: u64,
}

impl Throttle {
    /// Returns how many times were left out since the last one that was told of, where this one is to be
    /// told of.
    pub(crate) fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < INTERVAL) {
            self.left_out += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }
}

const INTERVAL: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_a_while_is_told_of() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        let after = [0, 1, 29, 30, 31, 90]
            .map(|seconds| throttle.admit(start + Duration::from_secs(seconds)));
        assert_eq!(after, [Some(0), None, None, Some(2), None, Some(1)]);
    }
}
