//! One rule at work: what it came to so far.

mod alerting;
mod recording;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::environment::{Environment, EvalError, Settings};
use crate::sample::{Found, Written};
use crate::template::Texts;
use crate::{Alert, AlertState, Rule, RuleGroup, RuleKind};
pub(crate) use alerting::{ALERT_NAME_LABEL, ALERTS, ALERTS_FOR_STATE, Alerts};
use recording::Recorded;

/// Whether the last evaluation of a rule went well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// There was none yet.
    #[default]
    Unknown,
    /// It did.
    Good,
    /// It did not.
    Bad,
}

impl Health {
    /// Returns what the API calls it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Good => "ok",
            Self::Bad => "err",
        }
    }
}

/// What a rule came to, at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RuleStatus {
    /// The rule.
    pub rule: Arc<Rule>,
    /// The labels that it sets, with those of its group.
    pub labels: Arc<BTreeMap<Box<str>, Box<str>>>,
    /// Whether its last evaluation went well.
    pub health: Health,
    /// What went wrong with it.
    pub last_error: Option<Box<str>>,
    /// When it was last evaluated, in milliseconds since the Unix epoch.
    pub evaluated_at_ms: Option<i64>,
    /// How long that took.
    pub took: Duration,
    /// The alerts of an alerting rule, in the order of their labels; those that are resolved included,
    /// for a quarter of an hour.
    pub alerts: Vec<Alert>,
}

impl RuleStatus {
    /// Returns the state of the alert that is furthest, or `None` where the rule was not evaluated yet.
    #[must_use]
    pub fn state(&self) -> Option<AlertState> {
        self.evaluated_at_ms?;
        let states = self.alerts.iter().map(|alert| alert.state);
        Some(states.max().unwrap_or(AlertState::Inactive))
    }
}

/// A rule, and what it came to.
#[derive(Debug)]
pub(crate) struct ActiveRule {
    pub(crate) rule: Arc<Rule>,
    pub(crate) labels: Arc<BTreeMap<Box<str>, Box<str>>>,
    /// The expression as the reference prints it.
    pub(crate) query: Box<str>,
    texts: Texts,
    pub(crate) state: Mutex<RuleState>,
}

#[derive(Debug, Default)]
pub(crate) struct RuleState {
    pub(crate) health: Health,
    pub(crate) last_error: Option<Box<str>>,
    pub(crate) evaluated_at_ms: Option<i64>,
    pub(crate) took: Duration,
    pub(crate) written: Written,
    pub(crate) recorded: Recorded,
    pub(crate) alerts: Alerts,
}

/// When a rule is evaluated, and what holds for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evaluation<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) settings: &'a Settings,
    /// The time of the evaluation, in milliseconds since the Unix epoch.
    pub(crate) time_ms: i64,
    /// How far back of it the query looks, and the samples are written.
    pub(crate) query_offset_ms: i64,
    pub(crate) limit: i64,
}

impl Evaluation<'_> {
    /// Returns the time of the query and of the samples.
    pub(crate) fn sample_time_ms(&self) -> i64 {
        self.time_ms.saturating_sub(self.query_offset_ms)
    }

    fn check_limit(&self, count: usize, what: &'static str) -> Result<(), EvalError> {
        let limit = self.limit;
        if limit > 0 && count > usize::try_from(limit).unwrap_or(usize::MAX) {
            return Err(EvalError::Limit { limit, count, what });
        }
        Ok(())
    }
}

impl ActiveRule {
    pub(crate) fn new(group: &RuleGroup, rule: &Arc<Rule>, is_restored: bool) -> Self {
        let state = RuleState { alerts: Alerts::new(is_restored), ..RuleState::default() };
        let labels = Arc::new(group.labels_of(rule));
        Self {
            rule: Arc::clone(rule),
            texts: Texts::new(rule, &labels),
            labels,
            query: rule.expr.to_string().into(),
            state: Mutex::new(state),
        }
    }

    /// Returns what the rule comes to: samples at [`Evaluation::sample_time_ms`].
    pub(crate) fn evaluate(
        &self,
        evaluation: Evaluation<'_>,
        state: &mut RuleState,
    ) -> Result<Vec<Found>, EvalError> {
        let expr = &self.rule.expr;
        let found = evaluation.environment.query(expr, evaluation.sample_time_ms())?;
        match &self.rule.kind {
            RuleKind::Recording => {
                let samples = state.recorded.name(found, &self.rule.name, &self.labels)?;
                evaluation.check_limit(samples.len(), "series")?;
                Ok(samples)
            }
            RuleKind::Alerting { .. } => alerting::evaluate(self, evaluation, state, found),
        }
    }

    pub(crate) fn status(&self) -> RuleStatus {
        let state = self.state.lock();
        RuleStatus {
            rule: Arc::clone(&self.rule),
            labels: Arc::clone(&self.labels),
            health: state.health,
            last_error: state.last_error.clone(),
            evaluated_at_ms: state.evaluated_at_ms,
            took: state.took,
            alerts: state.alerts.iter().cloned().collect(),
        }
    }

    /// Returns whether state of the other rule is state of this one: it has the same name and labels.
    pub(crate) fn is_successor_of(&self, other: &Self) -> bool {
        self.rule.name == other.rule.name && self.labels == other.labels
    }

    /// Takes over what another rule came to.
    pub(crate) fn take_over(&self, other: &Self) {
        let mut state = self.state.lock();
        let mut other_state = other.state.lock();
        state.written = std::mem::take(&mut other_state.written);
        if self.rule.is_alerting() && other.rule.is_alerting() {
            state.alerts = std::mem::take(&mut other_state.alerts);
        }
    }
}
