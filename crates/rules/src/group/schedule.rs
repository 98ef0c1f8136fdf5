use std::time::Duration;

use narthex_model::Labels;
use xxhash_rust::xxh64::xxh64;

/// The times at which a group is evaluated: an interval apart, and shifted by a hash of its file and name,
/// so that not all groups come at once, and each comes at the same times after a restart.
///
/// # Source
///
/// `EvalTimestamp` in `rules/group.go` of Prometheus, hash and all: both programs evaluate a group at the
/// same times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slots {
    interval_ns: i128,
    offset_ns: i128,
}

impl Slots {
    pub(crate) fn new(file: &str, name: &str, interval: Duration) -> Self {
        let interval_ns = interval.as_nanos().max(1);
        let labels = Labels::from_pairs([("file", file), ("name", name)]);
        let hash = u128::from(xxh64(labels.as_bytes(), 0));
        let to_i128 = |ns: u128| i128::try_from(ns).unwrap_or(i128::MAX);
        Self { interval_ns: to_i128(interval_ns), offset_ns: to_i128(hash % interval_ns) }
    }

    /// Returns the last slot that is not after a time, both in milliseconds since the Unix epoch. A part of
    /// a millisecond is left out of it.
    pub(crate) fn last_before_ms(&self, time_ms: i64) -> i64 {
        // The end of the millisecond, so that the slot within it counts.
        let time_ns = i128::from(time_ms) * NS_OF_MS + NS_OF_MS - 1;
        let slot_ns = time_ns - (time_ns - self.offset_ns).rem_euclid(self.interval_ns);
        i64::try_from(slot_ns.div_euclid(NS_OF_MS)).unwrap_or(time_ms)
    }
}

const NS_OF_MS: i128 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_an_interval_apart() {
        for (file, name, seconds) in [("a", "b", 5), ("", "", 60), ("/x/y.yml", "node", 3_600)] {
            let interval = Duration::from_secs(seconds);
            let slots = Slots::new(file, name, interval);
            let interval_ms = i64::try_from(interval.as_millis()).unwrap();
            let first = slots.last_before_ms(1_700_000_000_000);
            assert!(first <= 1_700_000_000_000 && first > 1_700_000_000_000 - interval_ms);
            assert_eq!(slots.last_before_ms(first), first);
            assert_eq!(slots.last_before_ms(first - 1), first - interval_ms);
            assert_eq!(slots.last_before_ms(first + interval_ms - 1), first);
            assert_eq!(slots.last_before_ms(first + interval_ms), first + interval_ms);
        }
    }
}
