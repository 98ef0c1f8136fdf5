use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME_LABEL};

use super::{ActiveRule, Evaluation, RuleState};
use crate::environment::{EvalError, to_ms};
use crate::sample::{Found, FoundValue};
use crate::template::Expanded;
use crate::{Alert, AlertState, RuleKind};

/// The alerts of a rule, by their labels.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    by_labels: BTreeMap<Labels, ActiveAlert>,
    /// Whether what was pending before a restart is known: from then on its state is written.
    is_restored: bool,
}

/// An alert, and the series that tell of it.
#[derive(Debug)]
struct ActiveAlert {
    alert: Alert,
    /// `ALERTS`, and the state for which it is made.
    state_series: (AlertState, Labels),
    /// `ALERTS_FOR_STATE`
    for_series: Labels,
}

/// For how long alerts are what they are.
#[derive(Clone, Copy, Debug)]
struct Durations {
    hold_ms: i64,
    keep_firing_for_ms: i64,
}

/// Evaluates an alerting rule whose expression came to `found`.
pub(super) fn evaluate(
    rule: &ActiveRule,
    evaluation: Evaluation<'_>,
    state: &mut RuleState,
    found: Vec<Found>,
) -> Result<Vec<Found>, EvalError> {
    let RuleKind::Alerting { hold, keep_firing_for, .. } = &rule.rule.kind else {
        return Ok(Vec::new());
    };
    let durations =
        Durations { hold_ms: to_ms(*hold), keep_firing_for_ms: to_ms(*keep_firing_for) };
    let alerts = new_alerts(rule, evaluation, found);
    let present: BTreeSet<Labels> = alerts.iter().map(|alert| alert.labels.clone()).collect();
    if present.len() < alerts.len() {
        return Err(EvalError::DuplicateAlert);
    }
    for alert in alerts {
        state.alerts.see(alert);
    }
    let active = state.alerts.advance(&present, evaluation.time_ms, durations);
    if let Err(error) = evaluation.check_limit(active, "alerts") {
        state.alerts.by_labels.clear();
        return Err(error);
    }
    Ok(state.alerts.samples(rule))
}

/// Makes an alert of each result.
fn new_alerts(rule: &ActiveRule, evaluation: Evaluation<'_>, found: Vec<Found>) -> Vec<Alert> {
    let mut alerts = Vec::with_capacity(found.len());
    let mut builder = LabelsBuilder::default();
    for found in found {
        let Expanded { labels, annotations } = rule.texts.expand(evaluation, &found);
        builder.reset(&found.labels);
        builder.delete(METRIC_NAME_LABEL);
        for (name, value) in &labels {
            builder.set(name, value);
        }
        builder.set(ALERT_NAME_LABEL, &rule.rule.name);
        let value = found.value.float();
        alerts.push(Alert::new(builder.build(), annotations, value, evaluation.time_ms));
    }
    alerts
}

impl Alerts {
    pub(crate) fn new(is_restored: bool) -> Self {
        Self { by_labels: BTreeMap::new(), is_restored }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Alert> {
        self.by_labels.values().map(|active| &active.alert)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Alert> {
        self.by_labels.values_mut().map(|active| &mut active.alert)
    }

    /// Lets the state of alerts be written from now on.
    pub(crate) fn set_restored(&mut self) {
        self.is_restored = true;
    }

    /// Takes note of an alert whose condition holds.
    fn see(&mut self, alert: Alert) {
        match self.by_labels.get_mut(&alert.labels) {
            Some(known) if known.alert.state != AlertState::Inactive => {
                known.alert.value = alert.value;
                known.alert.annotations = alert.annotations;
            }
            _ => {
                let active = ActiveAlert {
                    state_series: (AlertState::Inactive, Labels::empty()),
                    for_series: Labels::empty(),
                    alert,
                };
                self.by_labels.insert(active.alert.labels.clone(), active);
            }
        }
    }

    /// Moves all alerts on to a time at which those of `present` have a condition that holds. Returns how
    /// many are pending or fire then.
    fn advance(&mut self, present: &BTreeSet<Labels>, time_ms: i64, durations: Durations) -> usize {
        let mut active = 0;
        self.by_labels.retain(|labels, ActiveAlert { alert, .. }| {
            if present.contains(labels) {
                alert.keep_firing_since_ms = None;
            } else {
                match alert.vanish(time_ms, durations.keep_firing_for_ms) {
                    Vanished::KeepsFiring => {}
                    Vanished::Resolved => return true,
                    Vanished::Forgotten => return false,
                }
            }
            active += 1;
            alert.fire_or_wait(time_ms, durations.hold_ms);
            true
        });
        active
    }

    /// Returns the samples that tell of all alerts that are pending or fire.
    fn samples(&mut self, rule: &ActiveRule) -> Vec<Found> {
        if !self.is_restored {
            return Vec::new();
        }
        let mut samples = Vec::new();
        for active in self.by_labels.values_mut() {
            if active.alert.state == AlertState::Inactive {
                continue;
            }
            active.name_series(rule);
            #[expect(clippy::cast_precision_loss, reason = "seconds stay far below 2^53")]
            let active_at_s = active.alert.active_at_ms.div_euclid(1_000) as f64;
            let state_series = active.state_series.1.clone();
            samples.push(Found { labels: state_series, value: FoundValue::Float(1.0) });
            let for_series = active.for_series.clone();
            samples.push(Found { labels: for_series, value: FoundValue::Float(active_at_s) });
        }
        samples
    }
}

/// What becomes of an alert whose condition does not hold.
enum Vanished {
    KeepsFiring,
    Resolved,
    Forgotten,
}

impl Alert {
    fn vanish(&mut self, time_ms: i64, keep_firing_for_ms: i64) -> Vanished {
        if self.state == AlertState::Firing && keep_firing_for_ms > 0 {
            let since_ms = *self.keep_firing_since_ms.get_or_insert(time_ms);
            if time_ms.saturating_sub(since_ms) < keep_firing_for_ms {
                return Vanished::KeepsFiring;
            }
        }
        let is_old = |resolved_at_ms: i64| {
            time_ms.saturating_sub(resolved_at_ms) > to_ms(RESOLVED_RETENTION)
        };
        if self.state == AlertState::Pending || self.resolved_at_ms.is_some_and(is_old) {
            return Vanished::Forgotten;
        }
        if self.state != AlertState::Inactive {
            self.state = AlertState::Inactive;
            self.resolved_at_ms = Some(time_ms);
        }
        Vanished::Resolved
    }

    /// Lets an alert fire that was pending for long enough. One that has not been for long enough after
    /// all, since its rule changed or its state was restored, is pending again.
    fn fire_or_wait(&mut self, time_ms: i64, hold_ms: i64) {
        let has_held = time_ms.saturating_sub(self.active_at_ms) >= hold_ms;
        match self.state {
            AlertState::Pending if has_held => {
                self.state = AlertState::Firing;
                self.fired_at_ms = Some(time_ms);
            }
            AlertState::Firing if !has_held => {
                self.state = AlertState::Pending;
                self.fired_at_ms = None;
                self.last_sent_at_ms = None;
                self.keep_firing_since_ms = None;
            }
            _ => {}
        }
    }
}

impl ActiveAlert {
    /// Names the series that tell of the alert, where they have other names than before.
    fn name_series(&mut self, rule: &ActiveRule) {
        let state = self.alert.state;
        if self.state_series.0 == state {
            return;
        }
        let mut builder = LabelsBuilder::default();
        // As in the reference, labels of the rule that came to nothing stay here as they are written.
        builder.clear();
        for (name, value) in &*rule.labels {
            builder.set(name, value);
        }
        for (name, value) in self.alert.labels.iter() {
            builder.set(name, value);
        }
        builder.set(ALERT_NAME_LABEL, &rule.rule.name);
        builder.set(METRIC_NAME_LABEL, ALERTS_FOR_STATE);
        self.for_series = builder.build();
        builder.reset(&self.for_series);
        builder.set(METRIC_NAME_LABEL, ALERTS);
        builder.set(ALERT_STATE_LABEL, state.as_str());
        self.state_series = (state, builder.build());
    }
}

/// The metric that is 1 for each alert that is pending or fires.
pub(crate) const ALERTS: &str = "ALERTS";
/// The metric that says since when the condition of an alert holds, in seconds since the Unix epoch.
pub(crate) const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";
pub(crate) const ALERT_NAME_LABEL: &str = "alertname";
const ALERT_STATE_LABEL: &str = "alertstate";
/// For how long a resolved alert is kept, and told again and again: Alertmanagers may be unreachable, or
/// restart.
const RESOLVED_RETENTION: Duration = Duration::from_mins(15);
