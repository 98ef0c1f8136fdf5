use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use narthex_model::Labels;
use parking_lot::{Condvar, Mutex};

use crate::environment::{Environment, Options, Parts, Settings, to_ms};
use crate::group::{Group, GroupStatus, end_series};
use crate::stats::{NamedGroupStats, Stats};
use crate::timeline::Timeline;
use crate::{Alert, RuleFile};

/// Evaluates groups of rules, each at its own times.
///
/// Whoever has one lends it threads, which call [`Manager::work`] and return when it is stopped; or calls
/// [`Manager::run_due`] again and again, where one thread is enough.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use narthex_host::SimClock;
/// use narthex_promql::Engine;
/// use narthex_rules::{Manager, Options, Parts, ReadOptions, RuleFile, Settings};
/// use narthex_storage::MemoryStore;
///
/// let (store, clock) = (Arc::new(MemoryStore::default()), Arc::new(SimClock::default()));
/// let parts = Parts {
///     engine: Engine::default(),
///     queryable: store.clone(),
///     appendable: store,
///     notify: Arc::new(()),
///     clock: clock.clone(),
/// };
/// let text = "groups: [{name: g, rules: [{alert: Always, expr: vector(1), for: 1m}]}]";
/// let file = RuleFile::read(text, &ReadOptions::default())?;
/// let manager = Manager::new(parts, Options::default());
/// manager.update(&[("rules.yml", file)], Settings::default());
///
/// for _ in 0..5 {
///     let wait = manager.run_due().expect("there is a group");
///     clock.advance(wait);
/// }
/// assert_eq!(manager.alerts()[0].state.as_str(), "firing");
/// # Ok::<(), narthex_rules::RuleFileError>(())
/// ```
pub struct Manager {
    environment: Environment,
    timeline: Timeline,
    state: Mutex<State>,
    /// Told of new groups, and of the end.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    groups: BTreeMap<(Box<str>, Box<str>), Scheduled>,
    retired: Vec<Retired>,
    was_updated: bool,
    is_stopped: bool,
}

#[derive(Debug)]
struct Scheduled {
    group: Arc<Group>,
    /// The time of its next evaluation, in milliseconds since the Unix epoch; `None` while it is evaluated.
    due_ms: Option<i64>,
}

/// The series of a group that is gone. They are ended a while later, for another group may go on with
/// them under another name.
#[derive(Debug)]
struct Retired {
    series: Vec<Labels>,
    /// When the group was stopped, as the time of samples.
    ended_ms: i64,
    due_ms: i64,
}

/// What a thread can do.
enum Work {
    Evaluate {
        group: Arc<Group>,
        time_ms: i64,
    },
    End(Retired),
    Wait(Duration),
    /// There is nothing to do, until somebody brings groups.
    Idle,
    Stop,
}

impl Manager {
    /// Returns a manager without groups.
    #[must_use]
    pub fn new(parts: Parts, options: Options) -> Self {
        let timeline = Timeline::new(&*parts.clock);
        Self {
            environment: Environment::new(parts, options),
            timeline,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Evaluates the groups of these files from now on, each given with its name, and no others.
    ///
    /// A group that is as it was goes on. One that changed keeps what rules with the same names and labels
    /// came to. The series of rules that are gone are ended. It waits for evaluations under way of groups
    /// that change.
    pub fn update(&self, files: &[(&str, RuleFile)], settings: Settings) {
        let mut state = self.state.lock();
        if state.is_stopped {
            return;
        }
        let now_ms = self.now_ms(&mut state);
        let is_restored = state.was_updated;
        state.was_updated = true;
        let mut old = std::mem::take(&mut state.groups);
        for (file, rules) in files {
            for group in &rules.groups {
                let new = Group::new(file, group, &settings, is_restored);
                let key = (Box::from(*file), group.name.clone());
                let scheduled = match old.remove(&key) {
                    Some(old) if old.group.is_like(&new) => old,
                    old => {
                        if let Some(Scheduled { group: old, .. }) = old {
                            old.stop();
                            new.take_over(&old);
                        }
                        let due_ms = new.slots().last_before_ms(now_ms) + to_ms(new.interval);
                        Scheduled { group: Arc::new(new), due_ms: Some(due_ms) }
                    }
                };
                state.groups.insert(key, scheduled);
            }
        }
        let before = self.environment.settings();
        for Scheduled { group, .. } in old.into_values() {
            group.stop();
            let ended_ms = now_ms.saturating_sub(to_ms(group.query_offset(&before)));
            let due_ms = now_ms.saturating_add(to_ms(group.interval).saturating_mul(2));
            state.retired.push(Retired { series: group.ended(), ended_ms, due_ms });
        }
        self.environment.set_settings(settings);
        self.changed.notify_all();
    }

    /// Evaluates what is due, one group after the other. Returns how long until the next one is, or `None`
    /// where there is no group, or the manager is stopped.
    pub fn run_due(&self) -> Option<Duration> {
        loop {
            let work = self.next_work(&mut self.state.lock());
            match work {
                Work::Evaluate { group, time_ms } => self.evaluate(&group, time_ms),
                Work::End(retired) => self.end(retired),
                Work::Wait(wait) => return Some(wait),
                Work::Idle | Work::Stop => return None,
            }
        }
    }

    /// Evaluates groups as they become due, until the manager is stopped. As many groups are evaluated at a
    /// time as threads are here.
    pub fn work(&self) {
        let mut state = self.state.lock();
        loop {
            let work = self.next_work(&mut state);
            let wait = match work {
                Work::Stop => return,
                Work::Evaluate { group, time_ms } => {
                    drop(state);
                    self.evaluate(&group, time_ms);
                    state = self.state.lock();
                    continue;
                }
                Work::End(retired) => {
                    drop(state);
                    self.end(retired);
                    state = self.state.lock();
                    continue;
                }
                Work::Wait(wait) => wait.min(WAIT_MAX),
                Work::Idle => WAIT_MAX,
            };
            self.changed.wait_for(&mut state, wait);
        }
    }

    /// Stops queries that have taken longer than [`Options::query_timeout`]. Somebody should call it every
    /// second or so: those who evaluate groups may all be waiting for such a query.
    pub fn interrupt_overdue(&self) {
        self.environment.interrupt_overdue();
    }

    /// Ends [`Manager::work`]. Queries under way are cut off, and nothing is written to end the series of
    /// rules: they may go on after a restart.
    pub fn stop(&self) {
        let mut state = self.state.lock();
        state.is_stopped = true;
        self.environment.stop();
        self.changed.notify_all();
        let groups: Vec<_> = state.groups.values().map(|it| Arc::clone(&it.group)).collect();
        drop(state);
        groups.iter().for_each(|group| group.stop());
    }

    /// Returns all groups, in the order of their files and names.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupStatus> {
        self.all_groups().iter().map(|group| group.status()).collect()
    }

    /// Returns all alerts that are pending or fire.
    #[must_use]
    pub fn alerts(&self) -> Vec<Alert> {
        let groups = self.groups().into_iter();
        let rules = groups.flat_map(|group| group.rules);
        rules.flat_map(|rule| rule.alerts).filter(Alert::is_active).collect()
    }

    /// Returns what was counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let by_group = self.all_groups().into_iter().map(|group| {
            let state = group.state.lock();
            NamedGroupStats {
                file: group.file.clone(),
                name: group.name.clone(),
                interval: group.interval,
                rules: group.rules.len(),
                evaluated_at_ms: state.evaluated_at_ms,
                took: state.took,
                stats: state.stats.clone(),
            }
        });
        let by_group = by_group.collect();
        let (rules, groups) = self.environment.timings();
        Stats { rules, groups, by_group }
    }

    fn all_groups(&self) -> Vec<Arc<Group>> {
        self.state.lock().groups.values().map(|it| Arc::clone(&it.group)).collect()
    }

    /// Returns the time. Where it was put right, groups and alerts follow.
    fn now_ms(&self, state: &mut State) -> i64 {
        let now = self.timeline.now(&*self.environment.parts.clock);
        if let Some(by_ms) = now.moved_ms {
            tracing::warn!(
                by_ms,
                "The clock has jumped for good, the times of alerts are moved with it"
            );
            for scheduled in state.groups.values_mut() {
                scheduled.group.shift(by_ms);
                let slot_ms = scheduled.group.slots().last_before_ms(now.time_ms);
                let next_ms = slot_ms + to_ms(scheduled.group.interval);
                scheduled.due_ms = scheduled.due_ms.map(|_| next_ms);
            }
            for retired in &mut state.retired {
                retired.due_ms = retired.due_ms.saturating_add(by_ms);
            }
        }
        now.time_ms
    }

    fn next_work(&self, state: &mut State) -> Work {
        if state.is_stopped {
            return Work::Stop;
        }
        let now_ms = self.now_ms(state);
        if let Some(index) = state.retired.iter().position(|retired| retired.due_ms <= now_ms) {
            return Work::End(state.retired.swap_remove(index));
        }
        let due = state.groups.values_mut().filter(|it| it.due_ms.is_some());
        let next = due.min_by_key(|scheduled| scheduled.due_ms);
        let retired_ms = state.retired.iter().map(|retired| retired.due_ms).min();
        let Some(scheduled) = next else {
            return retired_ms.map_or(Work::Idle, |due_ms| Work::Wait(until(now_ms, due_ms)));
        };
        let due_ms = scheduled.due_ms.unwrap_or(now_ms);
        if due_ms > now_ms {
            let next_ms = retired_ms.map_or(due_ms, |retired_ms| retired_ms.min(due_ms));
            return Work::Wait(until(now_ms, next_ms));
        }
        // Evaluations whose time is over are left out: only the last one is made up for.
        let interval_ms = to_ms(scheduled.group.interval);
        let missed = (now_ms - due_ms) / interval_ms;
        if missed > 0 {
            scheduled.group.count_missed(missed.unsigned_abs());
        }
        scheduled.due_ms = None;
        let time_ms = due_ms + missed * interval_ms;
        Work::Evaluate { group: Arc::clone(&scheduled.group), time_ms }
    }

    fn evaluate(&self, group: &Arc<Group>, time_ms: i64) {
        group.evaluate(&self.environment, time_ms);
        let mut state = self.state.lock();
        let own = state.groups.values_mut().find(|it| Arc::ptr_eq(&it.group, group));
        if let Some(scheduled) = own {
            scheduled.due_ms = Some(time_ms.saturating_add(to_ms(group.interval)));
        }
    }

    fn end(&self, retired: Retired) {
        // What the store does not take now it will not need: the series ends by itself.
        let _ = end_series(&self.environment, retired.ended_ms, retired.series);
    }
}

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manager").field("environment", &self.environment).finish_non_exhaustive()
    }
}

fn until(now_ms: i64, due_ms: i64) -> Duration {
    Duration::from_millis(due_ms.saturating_sub(now_ms).max(1).unsigned_abs())
}

/// How long a thread waits at most, since the time of day may jump meanwhile.
const WAIT_MAX: Duration = Duration::from_secs(1);
