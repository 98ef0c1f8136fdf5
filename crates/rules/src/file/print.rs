//! Writes rule files.

use std::collections::BTreeMap;
use std::time::Duration;

use narthex_model::duration;
use narthex_yaml::YamlWriteError;
use serde::Serialize;

use super::{Rule, RuleFile, RuleGroup, RuleKind};

#[derive(Serialize)]
struct FileText<'a> {
    groups: Vec<GroupText<'a>>,
}

#[derive(Serialize)]
struct GroupText<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_offset: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    limit: i64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'a BTreeMap<Box<str>, Box<str>>,
    rules: Vec<RuleText<'a>>,
}

#[derive(Serialize)]
struct RuleText<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<&'a str>,
    expr: &'a str,
    #[serde(skip_serializing_if = "Option::is_none", rename = "for")]
    hold: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_for: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'a BTreeMap<Box<str>, Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<&'a BTreeMap<Box<str>, Box<str>>>,
}

impl RuleFile {
    /// Returns the file as YAML. What is read back from it is the same.
    ///
    /// # Errors
    ///
    /// Where a text holds what YAML has no form for.
    pub fn to_yaml(&self) -> Result<String, YamlWriteError> {
        narthex_yaml::to_string(&FileText { groups: self.groups.iter().map(group_text).collect() })
    }
}

impl Rule {
    /// Returns the rule as YAML, with its expression in canonical form.
    ///
    /// # Errors
    ///
    /// Where a text holds what YAML has no form for.
    pub fn to_yaml(&self) -> Result<String, YamlWriteError> {
        let expr = self.expr.to_string();
        narthex_yaml::to_string(&RuleText { expr: &expr, ..rule_text(self) })
    }
}

fn group_text(group: &RuleGroup) -> GroupText<'_> {
    GroupText {
        name: &group.name,
        interval: group.interval.map(|interval| duration::display(interval).to_string()),
        query_offset: group.query_offset.map(|offset| duration::display(offset).to_string()),
        limit: group.limit,
        labels: &group.labels,
        rules: group.rules.iter().map(|rule| rule_text(rule)).collect(),
    }
}

fn rule_text(rule: &Rule) -> RuleText<'_> {
    let mut text = RuleText {
        record: None,
        alert: None,
        expr: &rule.text,
        hold: None,
        keep_firing_for: None,
        labels: &rule.labels,
        annotations: None,
    };
    match &rule.kind {
        RuleKind::Recording => text.record = Some(&rule.name),
        RuleKind::Alerting { hold, keep_firing_for, annotations } => {
            text.alert = Some(&rule.name);
            text.hold = duration_text(*hold);
            text.keep_firing_for = duration_text(*keep_firing_for);
            text.annotations = Some(annotations).filter(|annotations| !annotations.is_empty());
        }
    }
    text
}

fn duration_text(duration: Duration) -> Option<String> {
    (!duration.is_zero()).then(|| duration::display(duration).to_string())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}
