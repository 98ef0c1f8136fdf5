//! Keeps a clock that jumped from filling the store with samples of the future, behind which those of the
//! present would be refused as out of order once the clock is right.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use narthex_host::Clock;
use parking_lot::Mutex;

/// Says up to which time samples are taken.
pub(crate) struct ClockGuard {
    clock: Arc<dyn Clock>,
    lead_max_ms: i64,
    state: Mutex<GuardState>,
}

#[derive(Debug)]
struct GuardState {
    estimate: Estimate,
    /// Whether the time of day is that far ahead of the estimate that its samples are refused.
    is_refusing: bool,
}

impl ClockGuard {
    /// Trusts the time of day as it is now. Samples may be `lead_max` ahead of what is trusted.
    pub(crate) fn new(clock: Arc<dyn Clock>, lead_max: Duration) -> Self {
        let estimate = Estimate::new(clock.now_ms(), to_ms(clock.elapsed()));
        let state = Mutex::new(GuardState { estimate, is_refusing: false });
        Self { clock, lead_max_ms: to_ms(lead_max), state }
    }

    /// Looks at the clock, and returns the latest time that a sample may have.
    pub(crate) fn latest_ms(&self) -> i64 {
        let (now_ms, elapsed_ms) = (self.clock.now_ms(), to_ms(self.clock.elapsed()));
        let mut state = self.state.lock();
        let trusted_ms = state.estimate.observe(now_ms, elapsed_ms);
        let latest_ms = trusted_ms.saturating_add(self.lead_max_ms);
        let is_refusing = now_ms > latest_ms;
        if is_refusing != state.is_refusing {
            state.is_refusing = is_refusing;
            drop(state);
            tell(is_refusing, now_ms.saturating_sub(trusted_ms));
        }
        latest_ms
    }
}

fn tell(is_refusing: bool, ahead_ms: i64) {
    if is_refusing {
        tracing::warn!(
            ahead_ms,
            trusted_after_ms = AHEAD_TRUSTED_MS,
            "the time of day jumped: samples of it are refused until it jumps back or has stayed"
        );
    } else {
        tracing::info!("samples are no longer refused for the time of day");
    }
}

impl fmt::Debug for ClockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClockGuard").field("state", &*self.state.lock()).finish_non_exhaustive()
    }
}

/// The time of day as it goes on by the clock that never goes back, for as long as the two agree.
///
/// A clock is put right, too: by a time server after a start with a wrong time, or on a virtual machine
/// that stood still. So a jump that lasts is trusted. One ahead is what fills a store, and is trusted when
/// the time of day was never less for [`AHEAD_TRUSTED_MS`]. One back only makes the estimate too
/// generous, and by forgetting the time before, the jump that puts it right would be distrusted: it takes
/// [`BEHIND_TRUSTED_MS`].
#[derive(Debug)]
struct Estimate {
    /// What is added to the time that elapsed.
    offset_ms: i64,
    away: Option<Away>,
}

/// The time of day is elsewhere.
#[derive(Clone, Copy, Debug)]
struct Away {
    /// Of the clock that never goes back.
    since_ms: i64,
    /// The offset that was closest to the estimate's. All were on the same side of it.
    nearest_ms: i64,
}

impl Estimate {
    fn new(now_ms: i64, elapsed_ms: i64) -> Self {
        Self { offset_ms: now_ms.saturating_sub(elapsed_ms), away: None }
    }

    /// Takes note of the clocks, and returns the time.
    fn observe(&mut self, now_ms: i64, elapsed_ms: i64) -> i64 {
        let offset_ms = now_ms.saturating_sub(elapsed_ms);
        let side = offset_ms.cmp(&self.offset_ms);
        let (nearest, trusted_after_ms): (fn(i64, i64) -> i64, _) = match side {
            Ordering::Equal => {
                self.away = None;
                return now_ms;
            }
            Ordering::Greater => (i64::min, AHEAD_TRUSTED_MS),
            Ordering::Less => (i64::max, BEHIND_TRUSTED_MS),
        };
        let before = self.away.filter(|away| away.nearest_ms.cmp(&self.offset_ms) == side);
        let away = match before {
            Some(Away { since_ms, nearest_ms }) => {
                Away { since_ms, nearest_ms: nearest(nearest_ms, offset_ms) }
            }
            None => Away { since_ms: elapsed_ms, nearest_ms: offset_ms },
        };
        if elapsed_ms.saturating_sub(away.since_ms) < trusted_after_ms {
            self.away = Some(away);
        } else {
            *self = Self { offset_ms: away.nearest_ms, away: None };
        }
        self.offset_ms.saturating_add(elapsed_ms)
    }
}

fn to_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Longer than time servers are left unasked: 1,024 s at most.
const AHEAD_TRUSTED_MS: i64 = 20 * 60 * 1_000;
const BEHIND_TRUSTED_MS: i64 = 24 * 60 * 60 * 1_000;

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const MINUTE_MS: i64 = 60_000;
    const HOUR_MS: i64 = 60 * MINUTE_MS;

    #[test]
    fn jumps_are_trusted_when_they_last() {
        // Offsets of the time of day, minute by minute, and what is trusted then.
        for (offsets, expected) in [
            (vec![0; 3], 0),
            (vec![HOUR_MS; 20], 0),
            (vec![HOUR_MS; 21], HOUR_MS),
            // What is trusted was there all the time.
            ([vec![HOUR_MS; 19], vec![2 * HOUR_MS; 2]].concat(), HOUR_MS),
            ([vec![2 * HOUR_MS; 19], vec![HOUR_MS; 2]].concat(), HOUR_MS),
            ([vec![HOUR_MS; 19], vec![0], vec![HOUR_MS; 20]].concat(), 0),
            ([vec![HOUR_MS; 19], vec![-1], vec![HOUR_MS; 20]].concat(), 0),
            (vec![-HOUR_MS; 24 * 60], 0),
            (vec![-HOUR_MS; 24 * 60 + 1], -HOUR_MS),
            ([vec![-HOUR_MS; 24 * 60], vec![0]].concat(), 0),
        ] {
            let trusted_ms = trust(MINUTE_MS, &offsets).pop().unwrap();
            assert_eq!(
                trusted_ms,
                expected,
                "{} minutes, the last at {:?}",
                offsets.len(),
                offsets.last()
            );
        }
    }

    proptest! {
        #[test]
        fn the_estimate_is_raised_to_what_was_there_for_long(offsets in vec(-3_i64..4, 1..200)) {
            // In steps of ten minutes.
            let trusted = trust(10 * MINUTE_MS, &offsets);
            let mut before = 0;
            for (index, after) in trusted.into_iter().enumerate() {
                let recent = &offsets[index.saturating_sub(2)..=index];
                let lowest = recent.iter().min().copied().unwrap();
                prop_assert!(after <= before || after <= lowest, "{before}, then {after}");
                before = after;
            }
        }

        #[test]
        fn no_clock_overflows(clocks in vec((any::<i64>(), 0..i64::MAX), 1..9)) {
            let mut estimate = Estimate::new(0, 0);
            for (now_ms, elapsed_ms) in clocks {
                estimate.observe(now_ms, elapsed_ms);
            }
        }
    }

    /// Returns what is trusted with each of the offsets, in steps of `step_ms`.
    fn trust(step_ms: i64, offsets: &[i64]) -> Vec<i64> {
        let mut estimate = Estimate::new(0, 0);
        let steps = (0_i64..).map(|number| number * step_ms).zip(offsets);
        let trust = |(elapsed_ms, offset_ms): (i64, &i64)| {
            estimate.observe(offset_ms + elapsed_ms, elapsed_ms) - elapsed_ms
        };
        steps.map(trust).collect()
    }
}
