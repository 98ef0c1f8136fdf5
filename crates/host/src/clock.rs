use std::fmt::Debug;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

/// The time of day, and a clock that never goes back.
pub trait Clock: Send + Sync + Debug {
    /// Returns the time of day in milliseconds since the Unix epoch. It may jump either way.
    fn now_ms(&self) -> i64;

    /// Returns the time since some fixed moment. It never falls, and goes on while the machine is
    /// suspended.
    fn elapsed(&self) -> Duration;
}

/// This machine's clock.
///
/// Where the system is not Linux, the time for which it was suspended may be missing from
/// [`Clock::elapsed`].
#[derive(Debug)]
pub struct SystemClock {
    start: Duration,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: uptime() }
    }
}

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => since(after),
            Err(before) => -since(before.duration()),
        }
    }

    fn elapsed(&self) -> Duration {
        uptime().saturating_sub(self.start)
    }
}

/// Returns for how long the machine has been up.
#[cfg(target_os = "linux")]
fn uptime() -> Duration {
    // The standard library's clock stands still while the machine is suspended.
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::try_from(time).unwrap_or_default()
}

/// Returns how long ago this was called first.
#[cfg(not(target_os = "linux"))]
fn uptime() -> Duration {
    static FIRST: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    FIRST.get_or_init(std::time::Instant::now).elapsed()
}

/// A clock that stands still until it is told to move.
#[derive(Debug, Default)]
pub struct SimClock {
    time: Mutex<SimTime>,
}

#[derive(Debug, Default)]
struct SimTime {
    now_ms: i64,
    elapsed: Duration,
}

impl SimClock {
    /// Lets `duration` pass.
    pub fn advance(&self, duration: Duration) {
        let mut time = self.time.lock();
        time.elapsed += duration;
        let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        time.now_ms = time.now_ms.saturating_add(ms);
    }

    /// Sets the time of day, as an operator or a time server does; no time passes.
    pub fn set_now_ms(&self, now_ms: i64) {
        self.time.lock().now_ms = now_ms;
    }
}

impl Clock for SimClock {
    fn now_ms(&self) -> i64 {
        self.time.lock().now_ms
    }

    fn elapsed(&self) -> Duration {
        self.time.lock().elapsed
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Duration, SimClock, SystemClock};

    #[test]
    fn the_simulated_clock_moves_only_when_told() {
        let clock = SimClock::default();
        clock.set_now_ms(5_000);
        clock.advance(Duration::from_millis(250));
        assert_eq!((clock.now_ms(), clock.elapsed()), (5_250, Duration::from_millis(250)));
        clock.set_now_ms(-1);
        assert_eq!((clock.now_ms(), clock.elapsed()), (-1, Duration::from_millis(250)));
    }

    #[test]
    fn the_system_clock_is_past_2020_and_does_not_fall() {
        let clock = SystemClock::default();
        assert!(clock.now_ms() > 1_577_836_800_000);
        let first = clock.elapsed();
        assert!(first <= clock.elapsed());
    }
}
