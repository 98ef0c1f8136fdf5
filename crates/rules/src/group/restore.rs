use std::collections::HashMap;

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME_LABEL, Matcher, is_stale_nan};
use narthex_storage::{Columns, Querier, QueryContext, SelectHints, StorageError, TimeRange};

use super::Group;
use crate::environment::{Environment, Options, to_ms};
use crate::rule::{ALERT_NAME_LABEL, ALERTS_FOR_STATE, ActiveRule};
use crate::{Alert, RuleKind};

/// What the store says of an alert before a restart.
#[derive(Clone, Copy, Debug)]
struct Before {
    /// When that was last written, in milliseconds since the Unix epoch.
    written_at_ms: i64,
    /// Since when its condition held, in milliseconds since the Unix epoch.
    active_at_ms: i64,
}

impl Group {
    /// Takes up the alerts where they were before a restart: what was pending then goes on to be, and what
    /// fired fires at the next evaluation.
    ///
    /// # Source
    ///
    /// `RestoreForState` in `rules/group.go` of Prometheus.
    pub(super) fn restore(&self, environment: &Environment, time_ms: i64) {
        let options = &environment.options;
        let min_ms = time_ms.saturating_sub(to_ms(options.outage_tolerance));
        let range = TimeRange { min_ms, max_ms: time_ms };
        let querier = environment.parts.queryable.querier(range);
        for rule in &self.rules {
            let RuleKind::Alerting { hold, .. } = &rule.rule.kind else { continue };
            let mut state = rule.state.lock();
            // A rule with a short `for` fires sooner if its alerts begin anew.
            if *hold >= options.for_grace_period {
                let before = match &querier {
                    Ok(querier) => read_before(&**querier, rule).map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                };
                match before {
                    Ok(before) => {
                        for alert in state.alerts.iter_mut() {
                            if let Some(&before) = before.get(&alert.labels) {
                                restore_alert(alert, before, to_ms(*hold), time_ms, options);
                            }
                        }
                    }
                    // There is no second chance: the alerts begin anew, and fire eventually.
                    Err(error) => tracing::error!(
                        file = &*self.file,
                        group = &*self.name,
                        alertname = &*rule.rule.name,
                        err = error,
                        "Failed to restore 'for' state"
                    ),
                }
            }
            state.alerts.set_restored();
        }
    }
}

fn restore_alert(alert: &mut Alert, before: Before, hold_ms: i64, time_ms: i64, options: &Options) {
    let grace_ms = to_ms(options.for_grace_period);
    let pending_ms = before.written_at_ms.saturating_sub(before.active_at_ms);
    let left_ms = hold_ms.saturating_sub(pending_ms);
    alert.active_at_ms = if left_ms <= 0 {
        // It fired.
        before.active_at_ms
    } else if left_ms < grace_ms {
        time_ms.saturating_add(grace_ms).saturating_sub(hold_ms)
    } else {
        // The time of the outage does not count.
        before.active_at_ms.saturating_add(time_ms.saturating_sub(before.written_at_ms))
    };
}

/// Returns what the store says of the alerts of a rule, by their labels.
fn read_before(
    querier: &dyn Querier,
    rule: &ActiveRule,
) -> Result<HashMap<Labels, Before>, StorageError> {
    let mut matchers = vec![
        Matcher::equal(METRIC_NAME_LABEL, ALERTS_FOR_STATE),
        Matcher::equal(ALERT_NAME_LABEL, &rule.rule.name),
    ];
    // What a template comes to is another thing for each alert.
    let plain = rule.labels.iter().filter(|(_, value)| !value.contains("{{"));
    let plain = plain.filter(|(name, _)| &***name != ALERT_NAME_LABEL);
    matchers.extend(plain.map(|(name, value)| Matcher::equal(name, value)));
    let ctx = QueryContext::default();
    let selection = querier.select(&ctx, &matchers, &SelectHints::default())?;
    let mut found = HashMap::new();
    let mut columns = Columns::default();
    let mut builder = LabelsBuilder::default();
    for series in 0..selection.len() {
        selection.read(&ctx, series, &mut columns)?;
        let newest = columns.timestamps_ms().last().zip(columns.values().last());
        let Some((&written_at_ms, &active_at_s)) = newest else { continue };
        if is_stale_nan(active_at_s) {
            continue;
        }
        #[expect(clippy::cast_possible_truncation, reason = "what is no time becomes one far off")]
        let active_at_ms = (active_at_s as i64).saturating_mul(1_000);
        let written_at_ms = written_at_ms.div_euclid(1_000) * 1_000;
        builder.reset(&selection.series_labels(series));
        builder.delete(METRIC_NAME_LABEL);
        found.insert(builder.build(), Before { written_at_ms, active_at_ms });
    }
    Ok(found)
}
