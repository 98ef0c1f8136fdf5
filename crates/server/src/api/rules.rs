//! Rules and what they came to.

use std::collections::BTreeMap;
use std::time::Duration;

use narthex_model::{Matcher, float};
use narthex_rules::{Alert, GroupStatus, RuleKind, RuleStatus};
use ring::digest::{SHA256, digest};
use serde::{Serialize, Serializer};

use super::Call;
use crate::answer::json::LabelsObject;
use crate::answer::{Answer, ApiError};
use crate::params::Params;
use crate::time::Rfc3339;

/// `GET /api/v1/rules`.
pub(super) async fn rules(call: Call) -> Result<Answer, ApiError> {
    let Call { state, params } = call;
    let wanted = Wanted::new(&params)?;
    let page = params.group_page()?;
    let groups = state.rules.groups();
    let mut shown = Vec::new();
    let mut next = None;
    let mut has_begun = page.as_ref().is_none_or(|page| page.token.is_empty());
    for group in &groups {
        if let Some(page) = &page
            && !has_begun
        {
            has_begun = *page.token == token(group);
            if !has_begun {
                continue;
            }
        }
        let Some(group_shown) = wanted.group(group) else { continue };
        if page.as_ref().is_some_and(|page| shown.len() == page.groups_max) {
            next = Some(token(group));
            break;
        }
        shown.push(group_shown);
    }
    if let Some(page) = page.filter(|_| !has_begun) {
        let token = page.token;
        let reason = format!("invalid group_next_token '{token}'. were rule groups changed?");
        return Err(ApiError::invalid_parameter("group_next_token", reason));
    }
    Answer::of(&Groups { groups: shown, next })
}

/// `GET /api/v1/alerts`.
pub(super) async fn alerts(call: Call) -> Result<Answer, ApiError> {
    #[derive(Serialize)]
    struct Alerts<'a> {
        alerts: Vec<AlertShown<'a>>,
    }
    let groups = call.state.rules.groups();
    let rules = groups.iter().flat_map(|group| &group.rules);
    Answer::of(&Alerts { alerts: rules.flat_map(active_alerts).collect() })
}

/// Which rules a request asks for.
struct Wanted<'a> {
    params: &'a Params,
    alerting: bool,
    recording: bool,
    with_alerts: bool,
    selectors: Vec<Vec<Matcher>>,
}

impl<'a> Wanted<'a> {
    fn new(params: &'a Params) -> Result<Self, ApiError> {
        let selectors = params.selectors().map_err(ApiError::bad_data)?;
        let kind = params.get("type").to_ascii_lowercase();
        if !matches!(&*kind, "" | "alert" | "record") {
            let reason = format!("not supported value {}", crate::params::quoted(&kind));
            return Err(ApiError::invalid_parameter("type", reason));
        }
        Ok(Self {
            params,
            alerting: kind != "record",
            recording: kind != "alert",
            with_alerts: !exclude_alerts(params)?,
            selectors,
        })
    }

    /// Returns whether a list of names leaves this one in.
    fn names(&self, parameter: &str, name: &str) -> bool {
        let mut names = self.params.all(parameter).peekable();
        names.peek().is_none() || names.any(|wanted| wanted == name)
    }

    /// Returns what is shown of a group; of one without any wanted rule, nothing.
    fn group<'g>(&self, group: &'g GroupStatus) -> Option<GroupShown<'g>> {
        if !self.names("rule_group[]", &group.name) || !self.names("file[]", &group.file) {
            return None;
        }
        let rules = group.rules.iter().filter(|rule| self.rule(rule));
        let rules: Vec<_> = rules.map(|rule| RuleShown::new(rule, self.with_alerts)).collect();
        (!rules.is_empty()).then(|| GroupShown {
            name: &group.name,
            file: &group.file,
            rules,
            interval: Number(group.interval.as_secs_f64()),
            limit: group.limit,
            evaluation_time: seconds(group.took),
            last_evaluation: time(group.evaluated_at_ms),
        })
    }

    fn rule(&self, rule: &RuleStatus) -> bool {
        let is_wanted = if rule.rule.is_alerting() { self.alerting } else { self.recording };
        let label = |name: &str| rule.labels.get(name).map_or("", |value| value);
        let meets = |matchers: &Vec<Matcher>| matchers.iter().all(|m| m.matches(label(m.name())));
        is_wanted
            && self.names("rule_name[]", &rule.rule.name)
            && (self.selectors.is_empty() || self.selectors.iter().any(meets))
    }
}

fn exclude_alerts(params: &Params) -> Result<bool, ApiError> {
    let text = params.get("exclude_alerts").to_ascii_lowercase();
    match &*text {
        "" | "0" | "f" | "false" => Ok(false),
        "1" | "t" | "true" => Ok(true),
        _ => {
            let quoted = crate::params::quoted(&text);
            let reason = format!(
                "error converting exclude_alerts: strconv.ParseBool: parsing {quoted}: invalid syntax"
            );
            Err(ApiError::invalid_parameter("exclude_alerts", reason))
        }
    }
}

/// Returns what stands for a group where a page begins with it.
fn token(group: &GroupStatus) -> String {
    let digest = digest(&SHA256, format!("{};{}", group.file, group.name).as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Serialize)]
struct Groups<'a> {
    groups: Vec<GroupShown<'a>>,
    #[serde(rename = "groupNextToken", skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupShown<'a> {
    name: &'a str,
    file: &'a str,
    rules: Vec<RuleShown<'a>>,
    interval: Number,
    limit: i64,
    evaluation_time: Number,
    last_evaluation: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum RuleShown<'a> {
    Alerting(AlertingShown<'a>),
    Recording(RecordingShown<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertingShown<'a> {
    state: &'static str,
    name: &'a str,
    query: String,
    duration: Number,
    keep_firing_for: Number,
    labels: &'a BTreeMap<Box<str>, Box<str>>,
    annotations: &'a BTreeMap<Box<str>, Box<str>>,
    alerts: Option<Vec<AlertShown<'a>>>,
    #[serde(flatten)]
    outcome: OutcomeShown<'a>,
}

#[derive(Serialize)]
struct RecordingShown<'a> {
    name: &'a str,
    query: String,
    labels: &'a BTreeMap<Box<str>, Box<str>>,
    #[serde(flatten)]
    outcome: OutcomeShown<'a>,
}

/// What recording and alerting rules have in common.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutcomeShown<'a> {
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<&'a str>,
    evaluation_time: Number,
    last_evaluation: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

impl<'a> RuleShown<'a> {
    fn new(status: &'a RuleStatus, with_alerts: bool) -> Self {
        let rule = &status.rule;
        let outcome = |kind| OutcomeShown {
            health: status.health.as_str(),
            last_error: status.last_error.as_deref(),
            evaluation_time: seconds(status.took),
            last_evaluation: time(status.evaluated_at_ms),
            kind,
        };
        let (name, query, labels) = (&*rule.name, rule.expr.to_string(), &*status.labels);
        match &rule.kind {
            RuleKind::Recording => Self::Recording(RecordingShown {
                name,
                query,
                labels,
                outcome: outcome("recording"),
            }),
            RuleKind::Alerting { hold, keep_firing_for, annotations } => {
                Self::Alerting(AlertingShown {
                    state: status.state().map_or("unknown", |state| state.as_str()),
                    name,
                    query,
                    duration: seconds(*hold),
                    keep_firing_for: seconds(*keep_firing_for),
                    labels,
                    annotations,
                    alerts: with_alerts.then(|| active_alerts(status).collect()),
                    outcome: outcome("alerting"),
                })
            }
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertShown<'a> {
    labels: LabelsObject<'a>,
    annotations: LabelsObject<'a>,
    state: &'static str,
    active_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_since: Option<String>,
    value: String,
}

fn active_alerts(rule: &RuleStatus) -> impl Iterator<Item = AlertShown<'_>> {
    rule.alerts.iter().filter(|alert| alert.is_active()).map(|alert: &Alert| AlertShown {
        labels: LabelsObject(&alert.labels),
        annotations: LabelsObject(&alert.annotations),
        state: alert.state.as_str(),
        active_at: time(Some(alert.active_at_ms)),
        keep_firing_since: alert.keep_firing_since_ms.map(|since_ms| time(Some(since_ms))),
        value: exponential(alert.value),
    })
}

fn time(time_ms: Option<i64>) -> String {
    time_ms.map_or(Rfc3339::ZERO, Rfc3339::from_ms).to_string()
}

fn seconds(duration: Duration) -> Number {
    Number(duration.as_secs_f64())
}

/// A number that is written without a fraction where it has none.
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const WHOLE_MAX: f64 = 1e15;
        if self.0.fract() == 0.0 && self.0.abs() < WHOLE_MAX {
            #[expect(clippy::cast_possible_truncation, reason = "a whole number that fits")]
            return serializer.serialize_i64(self.0 as i64);
        }
        serializer.serialize_f64(self.0)
    }
}

/// Writes a number as Go's format `%e` does, with as many digits as it takes.
fn exponential(value: f64) -> String {
    let text = format!("{value:e}");
    let Some((digits, exponent)) = text.split_once('e') else {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = float::write_general(&mut out, value);
        return out;
    };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::exponential;

    #[test]
    fn numbers_are_written_as_go_does() {
        for (value, expected) in [
            (1.0, "1e+00"),
            (-0.25, "-2.5e-01"),
            (1e100, "1e+100"),
            (0.0, "0e+00"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(exponential(value), expected);
        }
    }
}
