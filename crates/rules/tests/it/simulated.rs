//! Servers that are killed and reloaded, and clocks that jump, hundreds of times: no alert is lost, and none
//! is false.

use std::sync::Arc;
use std::time::Duration;

use narthex_host::{Clock as _, SeededRandom, SimClock};
use narthex_rules::{Notification, Notify, Options, RuleFile, Settings};
use narthex_storage::MemoryStore;
use parking_lot::Mutex;
use serde_json::json;

use crate::live::{Machine, rules};

/// Keeps what it is told.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<Notification>>);

impl Notify for Told {
    fn notify(&self, alerts: Vec<Notification>) {
        self.0.lock().extend(alerts);
    }
}

impl Told {
    fn has_firing(&self) -> bool {
        self.0.lock().iter().any(|alert| !alert.is_resolved)
    }
}

const INTERVAL: Duration = Duration::from_secs(30);
const MINUTE_MS: i64 = 60_000;

fn file(hold_minutes: i64, reloads: usize) -> RuleFile {
    rules(&json!([{"name": "g", "interval": "30s", "rules": [
        {"record": format!("r:{reloads}"), "expr": "x"},
        {"alert": "A", "expr": "x > 0", "for": format!("{hold_minutes}m"),
         "annotations": {"reloads": reloads.to_string()}},
    ]}]))
}

/// One server after the other over one store, with a condition that holds from a moment on.
struct Round {
    machine: Machine,
    told: Arc<Told>,
    hold_minutes: i64,
    reloads: usize,
    /// When the condition began to hold; it is kept up by samples.
    holds_from_ms: i64,
    /// For how long the condition was seen to hold.
    seen_ms: i64,
}

impl Round {
    fn new(hold_minutes: i64, holds_from_ms: i64) -> Self {
        let clock = Arc::<SimClock>::default();
        clock.set_now_ms(1_700_000_000_000);
        let told = Arc::<Told>::default();
        let machine = Machine::telling(
            Arc::<MemoryStore>::default(),
            clock,
            Options::default(),
            told.clone(),
        );
        let round = Self { machine, told, hold_minutes, reloads: 0, holds_from_ms, seen_ms: 0 };
        round.update();
        round
    }

    fn update(&self) {
        let files = [("rules.yml", file(self.hold_minutes, self.reloads))];
        self.machine.manager.update(&files, Settings::default());
    }

    fn time_ms(&self) -> i64 {
        i64::try_from(self.machine.clock.elapsed().as_millis()).unwrap()
    }

    /// Lets an interval pass in which the server runs.
    fn run(&mut self) {
        let holds = self.time_ms() >= self.holds_from_ms;
        self.machine.write(&[("__name__", "x")], f64::from(u8::from(holds)));
        self.machine.manager.run_due();
        self.machine.clock.advance(INTERVAL);
        if holds {
            self.seen_ms += i64::try_from(INTERVAL.as_millis()).unwrap();
        }
    }

    /// Kills the server: what was committed stays, and nothing else.
    fn kill(&mut self, down: Duration) {
        self.machine.clock.advance(down);
        let (store, clock) = (Arc::clone(&self.machine.store), Arc::clone(&self.machine.clock));
        self.machine = Machine::telling(store, clock, Options::default(), self.told.clone());
        self.update();
    }
}

#[test]
fn kills_and_reloads_lose_no_alert_and_make_none() {
    for seed in 0..500 {
        let random = SeededRandom::new(seed);
        let pick = |from: usize, to: usize| i64::try_from(from + random.up_to(to - from)).unwrap();
        let hold_minutes = pick(10, 30);
        let mut round = Round::new(hold_minutes, pick(0, 10) * MINUTE_MS);
        let hold_ms = hold_minutes * MINUTE_MS;
        // Each start costs the grace period at most, and the evaluations before alerts are restored.
        let mut allowed_ms = hold_ms + 3 * MINUTE_MS;
        let mut steps = 0;
        while !round.told.has_firing() {
            match random.up_to(199) {
                0 if steps > 4 => {
                    round.kill(Duration::from_secs(pick(1, 40).unsigned_abs() * 60));
                    allowed_ms += 10 * MINUTE_MS + 3 * MINUTE_MS;
                }
                1..=4 => {
                    round.reloads += 1;
                    round.update();
                }
                _ => round.run(),
            }
            steps += 1;
            assert!(round.seen_ms <= allowed_ms, "seed {seed}: the alert is lost");
        }
        let early = round.seen_ms < hold_ms;
        assert!(!early, "seed {seed}: fired after {} ms of {hold_ms}", round.seen_ms);
        let stats = round.machine.manager.stats();
        assert!(stats.by_group.iter().all(|group| group.stats.failures == 0), "seed {seed}");
    }
}

#[test]
fn evaluations_that_came_too_late_are_counted() {
    let mut round = Round::new(10, 0);
    round.run();
    round.machine.clock.advance(Duration::from_secs(95));
    round.run();
    let stats = round.machine.manager.stats().by_group[0].stats.clone();
    assert_eq!((stats.iterations - stats.iterations_missed, stats.iterations_missed), (1, 3));
}

#[test]
fn a_clock_that_jumps_makes_no_alert_fire_and_holds_none_up() {
    let hour_ms = 60 * MINUTE_MS;
    let mut jumps: Vec<i64> = vec![hour_ms, 365 * 24 * hour_ms, -hour_ms, -6 * hour_ms];
    let random = SeededRandom::new(15);
    jumps.extend((0..50).map(|_| {
        let size = i64::try_from(random.up_to(48)).unwrap() - 24;
        size * hour_ms / 2 + 7 * MINUTE_MS
    }));
    for jump_ms in jumps {
        let mut round = Round::new(10, 0);
        let clock = Arc::clone(&round.machine.clock);
        let step = |round: &mut Round, is_off: bool| {
            if is_off {
                // Samples with the wrong time are refused: none come.
                round.machine.manager.run_due();
                round.machine.clock.advance(INTERVAL);
            } else {
                round.run();
            }
        };
        for _ in 0..6 {
            step(&mut round, false);
        }
        clock.set_now_ms(clock.now_ms() + jump_ms);
        for _ in 0..6 {
            step(&mut round, true);
            assert!(!round.told.has_firing(), "{jump_ms}: fired while the clock was off");
        }
        clock.set_now_ms(clock.now_ms() - jump_ms);
        while !round.told.has_firing() {
            step(&mut round, false);
            let passed_ms = round.time_ms();
            assert!(passed_ms <= 12 * MINUTE_MS, "{jump_ms}: held up");
        }
        assert!(round.time_ms() >= 10 * MINUTE_MS, "{jump_ms}: fired after {}", round.time_ms());
    }
}
