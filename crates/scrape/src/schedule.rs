//! When a target is polled: slots that are fixed in absolute time.

use std::time::Duration;

use narthex_model::Labels;
use xxhash_rust::xxh64::Xxh64;

/// The slots of one target: one every interval, at an offset of its own, counted from the Unix
/// epoch.
///
/// The offset depends on the target and on a seed of the server alone, so restarts keep the phase,
/// targets spread over the interval, and two servers do not poll a target in step. It keeps no state:
/// after a jump of the clock the next slot is the next one of the new time.
///
/// All times are in nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    interval_ns: i64,
    offset_ns: i64,
}

impl Schedule {
    /// Returns the slots of the target with this hash. An interval of zero counts as a millisecond.
    pub(crate) fn new(interval: Duration, target_hash: u64, seed: u64) -> Self {
        let interval_ns = i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX).max(1_000_000);
        let offset = (target_hash ^ seed) % interval_ns.unsigned_abs();
        Self { interval_ns, offset_ns: i64::try_from(offset).expect("it is below the interval") }
    }

    /// Returns the first slot at `now_ns` or after it, or the one behind that where `last_ns` is it:
    /// a timer may fire a little early, and no slot is used twice.
    pub(crate) fn next(&self, now_ns: i64, last_ns: Option<i64>) -> i64 {
        let behind = (now_ns.saturating_sub(self.offset_ns)).rem_euclid(self.interval_ns);
        let wait_ns = if behind == 0 { 0 } else { self.interval_ns - behind };
        let slot_ns = now_ns.saturating_add(wait_ns);
        if last_ns == Some(slot_ns) { slot_ns.saturating_add(self.interval_ns) } else { slot_ns }
    }

    /// Returns the timestamp, in milliseconds, of the scrape that began at `now_ns` for `slot_ns`:
    /// that of the slot, where both are close. Evenly spaced timestamps compress far better, and
    /// timers are never exact.
    ///
    /// # Source
    ///
    /// `scrapeLoop.run` in Prometheus `scrape/scrape.go`: `--scrape.timestamp-tolerance`, at most one
    /// per cent of the interval.
    pub(crate) fn timestamp_ms(&self, now_ns: i64, slot_ns: i64, tolerance: Duration) -> i64 {
        let tolerance_ns = i64::try_from(tolerance.as_nanos())
            .map_or(i64::MAX, |ns| ns.min(self.interval_ns / 100));
        let close = now_ns.saturating_sub(slot_ns).saturating_abs() <= tolerance_ns;
        (if close { slot_ns } else { now_ns }).div_euclid(1_000_000)
    }
}

/// Returns the number by which a server's slots differ from those of others: it depends on the
/// host's name and on what tells its series apart.
pub(crate) fn seed(host_name: &str, external_labels: &Labels) -> u64 {
    let mut hasher = Xxh64::new(0);
    hasher.update(host_name.as_bytes());
    update_labels(&mut hasher, external_labels);
    hasher.digest()
}

/// Returns a target's identity: the same labels and the same address are the same target.
pub(crate) fn target_hash(labels: &Labels, url: &str) -> u64 {
    let mut hasher = Xxh64::new(0);
    update_labels(&mut hasher, labels);
    hasher.update(url.as_bytes());
    hasher.digest()
}

/// A byte that no UTF-8 text holds ends each part, so that no two sets read alike.
fn update_labels(hasher: &mut Xxh64, labels: &Labels) {
    for (name, value) in labels {
        for part in [name.as_bytes(), b"\xff", value.as_bytes(), b"\xff"] {
            hasher.update(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND_NS: i64 = 1_000_000_000;

    fn schedule(interval: Duration, offset_ns: u64) -> Schedule {
        Schedule::new(interval, offset_ns, 0)
    }

    #[test]
    fn slots_lie_at_the_offset() {
        let schedule = schedule(Duration::from_secs(10), 3_000_000_000);
        for (now_s, last_s, expected_s) in [
            (0, None, 3),
            (3, None, 3),
            (4, None, 13),
            (13, Some(3), 13),
            // The timer fired early for the slot at 13, and the scrape took no time.
            (12, Some(13), 23),
            (13, Some(13), 23),
            // The scrape was slow.
            (24, Some(13), 33),
            // The clock went back.
            (1, Some(13), 3),
            (-8, None, -7),
        ] {
            let last_ns = last_s.map(|last: i64| last * SECOND_NS);
            let next_ns = schedule.next(now_s * SECOND_NS, last_ns);
            assert_eq!(next_ns, expected_s * SECOND_NS, "{now_s} {last_s:?}");
        }
    }

    #[test]
    fn timestamps_snap_to_close_slots() {
        let tolerance = Duration::from_millis(2);
        let slow = schedule(Duration::from_secs(10), 0);
        let fast = schedule(Duration::from_millis(100), 0);
        for (schedule, late_us, expected_ms) in [
            (slow, 0, 10_000),
            (slow, 1_999, 10_000),
            (slow, 2_000, 10_000),
            (slow, 2_001, 10_002),
            (slow, -1_500, 10_000),
            (slow, -2_500, 9_997),
            // A hundredth of the interval is less than the tolerance.
            (fast, 1_000, 10_000),
            (fast, 1_001, 10_001),
        ] {
            let slot_ns = 10 * SECOND_NS;
            let timestamp_ms = schedule.timestamp_ms(slot_ns + late_us * 1_000, slot_ns, tolerance);
            assert_eq!(timestamp_ms, expected_ms, "{late_us}");
        }
    }

    #[test]
    fn the_hash_tells_targets_apart() {
        let one = Labels::from_pairs([("a", "bc")]);
        let other = Labels::from_pairs([("ab", "c")]);
        assert_ne!(target_hash(&one, "u"), target_hash(&other, "u"));
        assert_ne!(target_hash(&one, "u"), target_hash(&one, "v"));
        assert_ne!(seed("host", &one), seed("host", &other));
        assert_ne!(seed("host", &one), seed("guest", &one));
    }

    proptest! {
        #[test]
        fn the_next_slot_is_near_and_on_the_grid(
            now_ns in 0..=i64::MAX / 4,
            interval_ms in 1..10_000_000_u64,
            hash: u64,
        ) {
            let interval = Duration::from_millis(interval_ms);
            let schedule = Schedule::new(interval, hash, 0);
            let slot_ns = schedule.next(now_ns, None);
            let interval_ns = i64::try_from(interval.as_nanos()).unwrap();
            prop_assert!((0..interval_ns).contains(&(slot_ns - now_ns)));
            prop_assert_eq!(schedule.next(slot_ns, None), slot_ns);
            prop_assert_eq!(schedule.next(slot_ns, Some(slot_ns)), slot_ns + interval_ns);
        }
    }
}
