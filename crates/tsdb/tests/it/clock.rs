//! Clocks that jump: samples go on once the clock is right, and nobody has to do anything for it.

use std::time::Duration;

use narthex_host::{Random as _, SeededRandom, Simulation};
use narthex_model::{Labels, Matcher};
use narthex_storage::{AppendError, SeriesKey, TimeRange};
use narthex_tsdb::{Db, Options};

use crate::support::{append_one, read, read_all, rounds, series};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// How often samples come.
const INTERVAL_MS: i64 = 15 * SECOND_MS;
/// When a test starts.
const START_MS: i64 = 20_000 * DAY_MS;

/// A server whose clock may be wrong, and a sender whose clock is right.
struct Site {
    simulation: Simulation,
    db: Db,
    /// What the time really is.
    true_ms: i64,
    /// How far the server's clock is ahead of it.
    error_ms: i64,
    scraped: Labels,
    sent: Labels,
}

/// Which of the samples of one moment were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Taken {
    /// That of a scrape, at the server's time.
    scraped: bool,
    /// That of the sender.
    sent: bool,
}

const BOTH: Taken = Taken { scraped: true, sent: true };

impl Site {
    fn new() -> Self {
        let simulation = Simulation::new(15);
        simulation.clock().set_now_ms(START_MS);
        let mut options = Options::default();
        options.clock_lead_max = Some(Duration::from_secs(600));
        let db = Db::open_with(simulation.host(), "data", options).unwrap();
        let (scraped, sent) = (series("up", "scraped"), series("up", "sent"));
        Self { simulation, db, true_ms: START_MS, error_ms: 0, scraped, sent }
    }

    /// Lets time pass in which nothing happens.
    fn sleep(&mut self, duration_ms: i64) {
        self.true_ms += duration_ms;
        self.simulation.clock().advance(Duration::from_millis(duration_ms.unsigned_abs()));
    }

    /// Sets the server's clock.
    fn set_error(&mut self, error_ms: i64) {
        self.error_ms = error_ms;
        self.simulation.clock().set_now_ms(self.true_ms + error_ms);
    }

    /// Appends the samples of one moment.
    fn tick(&mut self) -> Taken {
        self.sleep(INTERVAL_MS);
        if self.true_ms % MINUTE_MS == 0 {
            self.db.maintain().unwrap();
        }
        let append = |labels: &Labels, timestamp_ms| {
            let appended = append_one(&self.db, SeriesKey::Labels(labels), timestamp_ms, 1.0);
            let refused = appended.as_ref().err();
            assert!(refused.is_none_or(AppendError::is_about_time), "{refused:?}");
            appended.is_ok()
        };
        let scraped = append(&self.scraped, self.true_ms + self.error_ms);
        Taken { scraped, sent: append(&self.sent, self.true_ms) }
    }

    fn run(&mut self, duration_ms: i64) -> Vec<Taken> {
        (0..duration_ms / INTERVAL_MS).map(|_| self.tick()).collect()
    }

    /// Checks that samples are taken again after at most two intervals.
    fn check_resumed(&mut self, case: &str) {
        self.run(INTERVAL_MS);
        assert_eq!(self.tick(), BOTH, "{case}");
        assert!(self.run(10 * MINUTE_MS).iter().all(|taken| *taken == BOTH), "{case}");
    }

    /// Returns how many samples of the sender are there.
    fn sent_count(&self) -> usize {
        let found = read(&self.db, TimeRange::ALL, &[Matcher::equal("job", "sent")]);
        found.values().map(Vec::len).sum()
    }
}

#[test]
fn samples_go_on_once_the_clock_is_right() {
    for (case, error_ms, lasts_ms) in [
        ("an hour ahead", HOUR_MS, 15 * MINUTE_MS),
        ("an hour ahead for a moment", HOUR_MS, INTERVAL_MS),
        ("a year ahead", 365 * DAY_MS, 15 * MINUTE_MS),
        ("an hour behind", -HOUR_MS, 15 * MINUTE_MS),
        ("an hour behind for long", -HOUR_MS, 20 * HOUR_MS),
        ("six hours behind", -6 * HOUR_MS, 15 * MINUTE_MS),
        ("six hours behind for long", -6 * HOUR_MS, 20 * HOUR_MS),
        ("far behind all there is", -365 * DAY_MS, HOUR_MS),
    ] {
        let mut site = Site::new();
        assert!(site.run(3 * HOUR_MS).iter().all(|taken| *taken == BOTH), "{case}");
        site.set_error(error_ms);
        let wrong = site.run(lasts_ms);
        // Whoever has the right time does not suffer from the server's.
        assert!(wrong.iter().all(|taken| taken.sent), "{case}");
        assert!(error_ms < 0 || !wrong.iter().any(|taken| taken.scraped), "{case}");
        site.set_error(0);
        site.check_resumed(case);
        let refused = site.db.stats().head.future_samples;
        assert_eq!(refused > 0, error_ms > 0, "{case}");
    }
}

#[test]
fn walks_of_the_clock_leave_nothing_behind() {
    for seed in 0..rounds(50, 1_000) as u64 {
        let random = SeededRandom::new(seed);
        let below = |bound: i64| i64::try_from(random.next_u64() % bound.unsigned_abs()).unwrap();
        let mut site = Site::new();
        site.run(2 * HOUR_MS);
        let steps = [HOUR_MS, 6 * HOUR_MS, 400 * DAY_MS].repeat(7).into_iter();
        for (number, step_ms) in steps.enumerate() {
            // What is ahead for twenty minutes is trusted: here it never is.
            let is_behind = number % 4 == 0 || below(2) == 0;
            let back_ms = if is_behind { 2 * step_ms } else { 0 };
            site.set_error(11 * MINUTE_MS + below(step_ms) - back_ms);
            site.run(INTERVAL_MS + below(5 * MINUTE_MS));
        }
        site.set_error(0);
        site.check_resumed(&format!("seed {seed}"));
        assert_eq!(site.db.stats().head.max_ms, Some(site.true_ms), "seed {seed}");
    }
}

#[test]
fn a_suspended_machine_goes_on_at_once() {
    let mut site = Site::new();
    site.run(HOUR_MS);
    site.sleep(8 * HOUR_MS);
    site.check_resumed("suspended");
}

#[test]
fn a_clock_that_is_put_right_is_trusted_after_a_while() {
    // A machine without a clock, or one that stood still: only the time of day knows better.
    for (case, error_ms) in [("without a clock", -400 * DAY_MS), ("stood still", -8 * HOUR_MS)] {
        let mut site = Site::new();
        // What it takes for the time is where it starts.
        site.true_ms -= error_ms;
        site.error_ms = error_ms;
        site.run(HOUR_MS);
        site.set_error(0);
        let taken = site.run(HOUR_MS);
        let first = taken.iter().position(|taken| *taken == BOTH).unwrap();
        let waited_ms = i64::try_from(first).unwrap() * INTERVAL_MS;
        assert!((19 * MINUTE_MS..21 * MINUTE_MS).contains(&waited_ms), "{case}: {waited_ms} ms");
        assert!(taken[first..].iter().all(|taken| *taken == BOTH), "{case}");
    }
}

#[test]
fn the_first_sample_sets_no_bounds_if_it_is_refused() {
    let site = Site::new();
    let mut appender = narthex_storage::Appendable::appender(&site.db);
    let mut append = |timestamp_ms| {
        let value = narthex_storage::SampleValue::Float(1.0);
        appender.append(SeriesKey::Labels(&site.sent), timestamp_ms, value)
    };
    let ahead = append(START_MS + 10 * MINUTE_MS + 1).unwrap_err();
    assert_eq!(ahead.to_string(), "out of bounds: timestamp is too far in the future");
    append(START_MS - 5 * HOUR_MS).unwrap();
    append(START_MS + 10 * MINUTE_MS).unwrap();
    append(i64::MAX).unwrap_err();
    appender.commit().unwrap();
    assert_eq!(site.sent_count(), 2);
    assert_eq!(site.db.stats().head.future_samples, 2);
}

#[test]
fn late_samples_are_not_of_the_future() {
    let site = Site::new();
    site.db.set_out_of_order_window(2 * HOUR_MS).unwrap();
    for (timestamp_ms, is_taken) in
        [(0, true), (-HOUR_MS, true), (11 * MINUTE_MS, false), (-3 * HOUR_MS, false)]
    {
        let labels = SeriesKey::Labels(&site.sent);
        let appended = append_one(&site.db, labels, START_MS + timestamp_ms, 1.0);
        assert_eq!(appended.is_ok(), is_taken, "{timestamp_ms}: {appended:?}");
    }
    assert_eq!(read_all(&site.db).len(), 1);
}
