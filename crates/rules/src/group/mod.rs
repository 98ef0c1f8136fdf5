//! Groups: rules that are evaluated together.

mod evaluate;
mod restore;
mod schedule;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use narthex_model::Labels;
use parking_lot::Mutex;

use crate::dependencies::{batches, dependencies};
use crate::environment::{Environment, Settings, to_ms};
use crate::rule::{ActiveRule, RuleStatus};
use crate::{Rule, RuleGroup};
pub(crate) use evaluate::end_series;
pub(crate) use schedule::Slots;

/// A group at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GroupStatus {
    /// The name.
    pub name: Box<str>,
    /// The file that has it.
    pub file: Box<str>,
    /// How often it is evaluated.
    pub interval: Duration,
    /// How many series or alerts a rule may come to; no limit where it is 0 or less.
    pub limit: i64,
    /// When it was last evaluated, in milliseconds since the Unix epoch.
    pub evaluated_at_ms: Option<i64>,
    /// How long that took.
    pub took: Duration,
    /// Its rules, in the order of the file.
    pub rules: Vec<RuleStatus>,
}

/// What was counted of a group.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct GroupStats {
    /// How often it came to be evaluated, those times included at which it was late and was not.
    pub iterations: u64,
    /// How often it was not, since the time before took too long.
    pub iterations_missed: u64,
    /// How often its rules were evaluated.
    pub evaluations: u64,
    /// How often that failed.
    pub failures: u64,
    /// How many samples its rules came to when they were last evaluated.
    pub samples: u64,
    /// How long its rules took then, one by one.
    pub rules_took: Duration,
    /// How long it took to restore its alerts after a start.
    pub restore_took: Duration,
}

/// A group at work.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) file: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) interval: Duration,
    query_offset: Option<Duration>,
    limit: i64,
    pub(crate) rules: Vec<ActiveRule>,
    /// The rules in the order in which they can be evaluated, where they are concurrently.
    batches: Vec<Vec<usize>>,
    is_stopped: AtomicBool,
    /// Held while the group is evaluated.
    at_work: Mutex<()>,
    pub(crate) state: Mutex<GroupState>,
}

#[derive(Debug, Default)]
pub(crate) struct GroupState {
    pub(crate) evaluated_at_ms: Option<i64>,
    pub(crate) took: Duration,
    pub(crate) stats: GroupStats,
    /// Series that rules wrote which are not there any more.
    pub(crate) ended: Vec<Labels>,
    /// How often the group is evaluated before its alerts are restored; `None` once they are.
    restore_in: Option<u32>,
}

impl Group {
    pub(crate) fn new(
        file: &str,
        group: &RuleGroup,
        settings: &Settings,
        is_restored: bool,
    ) -> Self {
        let rules: Vec<&Rule> = group.rules.iter().map(|rule| &**rule).collect();
        let dependencies = dependencies(&rules);
        let active = group.rules.iter();
        let restore_in = (!is_restored).then_some(EVALUATIONS_BEFORE_RESTORE);
        Self {
            file: file.into(),
            name: group.name.clone(),
            interval: group.interval.unwrap_or(settings.interval).max(INTERVAL_MIN),
            query_offset: group.query_offset,
            limit: group.limit,
            rules: active.map(|rule| ActiveRule::new(group, rule, is_restored)).collect(),
            batches: batches(dependencies.into_iter()),
            is_stopped: AtomicBool::new(false),
            at_work: Mutex::new(()),
            state: Mutex::new(GroupState { restore_in, ..GroupState::default() }),
        }
    }

    /// Returns by what a group is known: its file and its name.
    pub(crate) fn key(&self) -> (&str, &str) {
        (&self.file, &self.name)
    }

    pub(crate) fn slots(&self) -> Slots {
        Slots::new(&self.file, &self.name, self.interval)
    }

    pub(crate) fn query_offset(&self, settings: &Settings) -> Duration {
        self.query_offset.unwrap_or(settings.query_offset)
    }

    /// Returns whether another group would be evaluated as this one is.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let rules = self.rules.iter().zip(&other.rules);
        self.key() == other.key()
            && (self.interval, self.query_offset, self.limit)
                == (other.interval, other.query_offset, other.limit)
            && self.rules.len() == other.rules.len()
            && rules.into_iter().all(|(own, other)| {
                own.labels == other.labels
                    && own.rule.name == other.rule.name
                    && own.rule.kind == other.rule.kind
                    && own.rule.expr == other.rule.expr
            })
    }

    /// Lets the group not be evaluated any more, and waits until it is not.
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
        drop(self.at_work.lock());
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    /// Takes over what the rules of another group, which is stopped, came to. Of those with the same name
    /// and labels the first is followed by the first, and so on.
    pub(crate) fn take_over(&self, other: &Self) {
        let mut taken = vec![false; other.rules.len()];
        for rule in &self.rules {
            let mut others = other.rules.iter().enumerate();
            let predecessor =
                others.find(|(index, other)| !taken[*index] && rule.is_successor_of(other));
            if let Some((index, predecessor)) = predecessor {
                taken[index] = true;
                rule.take_over(predecessor);
            }
        }
        let mut state = self.state.lock();
        let mut other_state = other.state.lock();
        state.evaluated_at_ms = other_state.evaluated_at_ms;
        state.took = other_state.took;
        state.stats = other_state.stats.clone();
        // What is not restored yet still can be.
        state.restore_in = state.restore_in.or(other_state.restore_in);
        state.ended = std::mem::take(&mut other_state.ended);
        for (rule, _) in other.rules.iter().zip(taken).filter(|(_, taken)| !taken) {
            state.ended.extend(rule.state.lock().written.labels().cloned());
        }
    }

    /// Returns the series that the rules of the group, which is stopped, wrote.
    pub(crate) fn ended(&self) -> Vec<Labels> {
        let mut ended = std::mem::take(&mut self.state.lock().ended);
        for rule in &self.rules {
            ended.extend(rule.state.lock().written.labels().cloned());
        }
        ended
    }

    /// Counts evaluations that were left out.
    pub(crate) fn count_missed(&self, missed: u64) {
        let stats = &mut self.state.lock().stats;
        stats.iterations += missed;
        stats.iterations_missed += missed;
    }

    /// Moves the times of all alerts.
    pub(crate) fn shift(&self, by_ms: i64) {
        let _at_rest = self.at_work.lock();
        for rule in &self.rules {
            rule.state.lock().alerts.iter_mut().for_each(|alert| alert.shift(by_ms));
        }
    }

    pub(crate) fn status(&self) -> GroupStatus {
        let (evaluated_at_ms, took) = {
            let state = self.state.lock();
            (state.evaluated_at_ms, state.took)
        };
        GroupStatus {
            name: self.name.clone(),
            file: self.file.clone(),
            interval: self.interval,
            limit: self.limit,
            evaluated_at_ms,
            took,
            rules: self.rules.iter().map(ActiveRule::status).collect(),
        }
    }

    fn evaluation_parts(&self, environment: &Environment) -> (Arc<Settings>, i64) {
        let settings = environment.settings();
        let offset_ms = to_ms(self.query_offset(&settings));
        (settings, offset_ms)
    }
}

/// As in the reference: before, too little may have been scraped, and recording rules on which alerts
/// depend may not have written anything.
const EVALUATIONS_BEFORE_RESTORE: u32 = 2;
/// The shortest interval of a group.
const INTERVAL_MIN: Duration = Duration::from_millis(1);
