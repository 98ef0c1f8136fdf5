use std::time::Duration;

use narthex_host::Clock;
use parking_lot::Mutex;

/// The time by which rules are evaluated. It is the time of day, unless that jumps: then it goes on as
/// though nothing had happened, until the jump has lasted.
///
/// An alert that is pending must not fire because the clock was set ahead, and one that was told must not
/// be told again because it was set back. A jump that lasts has to be followed, since samples have the
/// times of the new day: then the times of all alerts are moved with it, so that how long they have been
/// pending stays what it was.
#[derive(Debug)]
pub(crate) struct Timeline {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The time when the clock that never goes back stood at zero, in milliseconds since the Unix epoch.
    origin_ms: i64,
    jump: Option<Jump>,
}

/// The time of day is off, and since when.
#[derive(Debug)]
struct Jump {
    by_ms: i64,
    since: Duration,
}

/// What time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Now {
    /// In milliseconds since the Unix epoch.
    pub(crate) time_ms: i64,
    /// By how much the time was put right now.
    pub(crate) moved_ms: Option<i64>,
}

impl Timeline {
    pub(crate) fn new(clock: &dyn Clock) -> Self {
        let origin_ms = clock.now_ms().saturating_sub(to_ms(clock.elapsed()));
        Self { state: Mutex::new(State { origin_ms, jump: None }) }
    }

    pub(crate) fn now(&self, clock: &dyn Clock) -> Now {
        let (day_ms, elapsed) = (clock.now_ms(), clock.elapsed());
        let mut state = self.state.lock();
        let time_ms = state.origin_ms.saturating_add(to_ms(elapsed));
        let off_ms = day_ms.saturating_sub(time_ms);
        if off_ms.abs() <= STEP_MAX_MS {
            // Clocks are put right in small steps all the time.
            state.origin_ms = state.origin_ms.saturating_add(off_ms);
            state.jump = None;
            return Now { time_ms: day_ms, moved_ms: None };
        }
        let known = state.jump.as_ref();
        let since = known
            .filter(|jump| jump.by_ms.abs_diff(off_ms) <= STEP_MAX_MS.unsigned_abs())
            .map(|jump| jump.since);
        let Some(since) = since else {
            state.jump = Some(Jump { by_ms: off_ms, since: elapsed });
            return Now { time_ms, moved_ms: None };
        };
        if elapsed.saturating_sub(since) < JUMP_LASTS {
            return Now { time_ms, moved_ms: None };
        }
        state.origin_ms = state.origin_ms.saturating_add(off_ms);
        state.jump = None;
        Now { time_ms: day_ms, moved_ms: Some(off_ms) }
    }
}

fn to_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// What is not yet a jump, in milliseconds: less than any `for` that somebody would write.
const STEP_MAX_MS: i64 = 5_000;
/// Longer than time servers leave a clock alone that is wrong.
const JUMP_LASTS: Duration = Duration::from_mins(20);

#[cfg(test)]
mod tests {
    use narthex_host::SimClock;

    use super::*;

    #[test]
    fn small_steps_are_followed_and_jumps_are_not() {
        let clock = SimClock::default();
        clock.set_now_ms(1_000_000);
        let timeline = Timeline::new(&clock);
        clock.set_now_ms(1_003_000);
        assert_eq!(timeline.now(&clock).time_ms, 1_003_000);
        for jump_ms in [3_600_000, -3_600_000, 31_536_000_000] {
            let before = timeline.now(&clock).time_ms;
            clock.set_now_ms(clock.now_ms() + jump_ms);
            clock.advance(Duration::from_secs(10));
            assert_eq!(timeline.now(&clock), Now { time_ms: before + 10_000, moved_ms: None });
            clock.set_now_ms(clock.now_ms() - jump_ms);
        }
    }

    #[test]
    fn a_jump_that_lasts_is_followed() {
        let clock = SimClock::default();
        let timeline = Timeline::new(&clock);
        clock.set_now_ms(3_600_000);
        for minute in 0..20 {
            assert_eq!(timeline.now(&clock), Now { time_ms: minute * 60_000, moved_ms: None });
            clock.advance(Duration::from_mins(1));
        }
        let expected = Now { time_ms: 4_800_000, moved_ms: Some(3_600_000) };
        assert_eq!(timeline.now(&clock), expected);
        assert_eq!(timeline.now(&clock), Now { moved_ms: None, ..expected });
    }
}
