use std::time::Duration;

use crate::GroupStats;

/// What was counted of all rules.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// How long rules took.
    pub rules: TimingStats,
    /// How long groups took.
    pub groups: TimingStats,
    /// Each group, in the order of files and names.
    pub by_group: Vec<NamedGroupStats>,
}

/// What was counted of one group.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NamedGroupStats {
    /// Its file.
    pub file: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// How often it is evaluated.
    pub interval: Duration,
    /// How many rules it has.
    pub rules: usize,
    /// When it was last evaluated, in milliseconds since the Unix epoch.
    pub evaluated_at_ms: Option<i64>,
    /// How long that took.
    pub took: Duration,
    /// What else was counted.
    pub stats: GroupStats,
}

/// How long something took, each time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimingStats {
    /// How often it was done.
    pub count: u64,
    /// How long all of it took.
    pub sum: Duration,
    /// How often it took no longer than each of [`TIMING_BOUNDS_S`].
    pub buckets: [u64; TIMING_BOUNDS_S.len()],
}

/// The bounds of [`TimingStats::buckets`], in seconds.
pub const TIMING_BOUNDS_S: [f64; 4] = [0.01, 0.1, 1.0, 10.0];

impl TimingStats {
    pub(crate) fn count(&mut self, took: Duration) {
        self.count += 1;
        self.sum += took;
        for (bucket, bound_s) in self.buckets.iter_mut().zip(TIMING_BOUNDS_S) {
            *bucket += u64::from(took.as_secs_f64() <= bound_s);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_what_is_not_above_them() {
        let mut timing = TimingStats::default();
        for ms in [10, 11, 1_000, 20_000] {
            timing.count(Duration::from_millis(ms));
        }
        assert_eq!((timing.count, timing.buckets), (4, [1, 2, 3, 3]));
        assert_eq!(timing.sum, Duration::from_millis(21_021));
    }
}
