//! From the text of a rule file to rules, with all that is wrong.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use narthex_model::{METRIC_NAME_LABEL, is_legacy_label_name, is_legacy_metric_name};
use narthex_promql_parser::{Expr, parse_with};
use narthex_template::AlertTemplate;
use narthex_yaml::{Position, Spanned};

use super::error::RulePlace;
use super::read::{FileText, GroupText, Keyed, RuleText, Texts};
use super::{
    ForbiddenField, ReadOptions, Rule, RuleError, RuleFileError, RuleGroup, RuleKind, RuleProblem,
    TemplateOwner,
};

/// Returns the groups of a file, or all that is wrong with them.
pub(super) fn check(
    file: Keyed<FileText>,
    options: &ReadOptions,
) -> Result<Vec<RuleGroup>, RuleFileError> {
    let mut checker = Checker { options, errors: Vec::new(), rule: None };
    checker.known(&file.unknown);
    let mut names = HashSet::new();
    let mut groups = Vec::new();
    for group in file.fields.groups.into_iter().flatten() {
        groups.push(checker.group(group, &mut names));
    }
    // What was meant by a key that nobody knows may be all that is missing elsewhere.
    let is_unknown = |error: &RuleError| matches!(error.problem, RuleProblem::UnknownField { .. });
    if checker.errors.iter().any(is_unknown) {
        checker.errors.retain(is_unknown);
    }
    if checker.errors.is_empty() {
        Ok(groups)
    } else {
        Err(RuleFileError { errors: checker.errors })
    }
}

struct Checker<'a> {
    options: &'a ReadOptions,
    errors: Vec<RuleError>,
    /// The rule that is looked at.
    rule: Option<RulePlace>,
}

impl Checker<'_> {
    fn report(&mut self, position: Position, problem: RuleProblem) {
        self.errors.push(RuleError { position, rule: self.rule.clone(), problem });
    }

    fn known(&mut self, unknown: &[Spanned<String>]) {
        if self.options.ignore_unknown_fields {
            return;
        }
        for key in unknown {
            let field = key.value.as_str().into();
            self.report(key.position, RuleProblem::UnknownField { field });
        }
    }

    fn group(
        &mut self,
        group: Spanned<Keyed<GroupText>>,
        names: &mut HashSet<Box<str>>,
    ) -> RuleGroup {
        let Spanned { value: Keyed { fields, unknown }, position } = group;
        self.known(&unknown);
        let position = fields.name.as_ref().map_or(position, |name| name.position);
        let name: Box<str> = fields.name.map_or_else(String::new, |name| name.value).into();
        if name.is_empty() {
            self.report(position, RuleProblem::GroupName);
        }
        if !names.insert(name.clone()) {
            self.report(position, RuleProblem::GroupRepeated { name: name.clone() });
        }
        self.label_names(&fields.labels);
        let mut rules = Vec::with_capacity(fields.rules.len());
        for (index, rule) in fields.rules.into_iter().flatten().enumerate() {
            rules.extend(self.rule(&name, index + 1, rule));
        }
        self.rule = None;
        RuleGroup {
            name,
            interval: fields.interval.map(|text| text.0).filter(|interval| !interval.is_zero()),
            query_offset: fields.query_offset.map(|text| text.0),
            limit: fields.limit.map_or(0, |limit| limit.0),
            labels: texts(fields.labels),
            rules,
        }
    }

    /// Returns the rule, or `None` where there is no telling what it is.
    fn rule(
        &mut self,
        group: &str,
        number: usize,
        rule: Spanned<Keyed<RuleText>>,
    ) -> Option<Arc<Rule>> {
        let Spanned { value: Keyed { fields, unknown }, position } = rule;
        let name = self.place(group, number, &fields);
        self.known(&unknown);
        let is_alerting = self.kind(position, &fields);
        let expr = self.expr(position, fields.expr.as_ref());
        if let Some(record) = fields.record.as_ref().filter(|record| !record.value.is_empty()) {
            self.recording(record, &fields);
        }
        self.label_names(&fields.labels);
        for annotation in fields.annotations.keys() {
            if !self.is_label_name(&annotation.value) {
                let name = annotation.value.as_str().into();
                self.report(annotation.position, RuleProblem::AnnotationName { name });
            }
        }
        if is_alerting {
            self.templates(&name, TemplateOwner::Label, &fields.labels);
            self.templates(&name, TemplateOwner::Annotation, &fields.annotations);
        }
        let kind = match is_alerting {
            true => RuleKind::Alerting {
                hold: fields.hold.map(|text| text.0).unwrap_or_default(),
                keep_firing_for: fields.keep_firing_for.map(|text| text.0).unwrap_or_default(),
                annotations: texts(fields.annotations),
            },
            false => RuleKind::Recording,
        };
        let text = fields.expr?.value.into();
        Some(Arc::new(Rule { kind, name, text, expr: expr?, labels: texts(fields.labels) }))
    }

    /// Takes note of the rule that is looked at. Returns its name.
    fn place(&mut self, group: &str, number: usize, fields: &RuleText) -> Box<str> {
        let names = [&fields.alert, &fields.record];
        let mut given = names.into_iter().flatten().map(|name| &*name.value);
        let name: Box<str> = given.find(|name| !name.is_empty()).unwrap_or_default().into();
        self.rule = Some(RulePlace { group: group.into(), number, name: name.clone() });
        name
    }

    /// Returns whether the rule is an alerting rule.
    fn kind(&mut self, position: Position, fields: &RuleText) -> bool {
        let given = |name: &Option<Spanned<String>>| {
            name.as_ref().filter(|name| !name.value.is_empty()).map(|name| name.position)
        };
        match (given(&fields.record), given(&fields.alert)) {
            (Some(record), Some(alert)) => {
                self.report(record, RuleProblem::RecordAndAlert { alert });
                true
            }
            (None, None) => {
                let empty = fields.record.as_ref().or(fields.alert.as_ref());
                self.report(empty.map_or(position, |name| name.position), RuleProblem::NoName);
                false
            }
            (_, alert) => alert.is_some(),
        }
    }

    fn expr(&mut self, position: Position, text: Option<&Spanned<String>>) -> Option<Expr> {
        let Some(text) = text.filter(|text| !text.value.is_empty()) else {
            self.report(text.map_or(position, |text| text.position), RuleProblem::NoExpr);
            return None;
        };
        match parse_with(&text.value, &self.options.parse) {
            Ok(expr) => Some(expr),
            Err(error) => {
                self.report(text.position, RuleProblem::Expr(error));
                None
            }
        }
    }

    /// Checks what only recording rules must keep to.
    fn recording(&mut self, record: &Spanned<String>, fields: &RuleText) {
        let is_set = |duration: Option<super::read::DurationText>| {
            duration.is_some_and(|duration| !duration.0.is_zero())
        };
        let forbidden = [
            (!fields.annotations.is_empty(), ForbiddenField::Annotations),
            (is_set(fields.hold), ForbiddenField::For),
            (is_set(fields.keep_firing_for), ForbiddenField::KeepFiringFor),
        ];
        for (is_there, field) in forbidden {
            if is_there {
                self.report(record.position, RuleProblem::InRecording(field));
            }
        }
        let name = &*record.value;
        if self.options.legacy_names && !is_legacy_metric_name(name) {
            self.report(record.position, RuleProblem::RecordName { name: name.into() });
        }
        if name.contains(['{', '}']) {
            self.report(record.position, RuleProblem::RecordBraces { name: name.into() });
        }
    }

    fn templates(&mut self, alert: &str, owner: TemplateOwner, texts: &Texts) {
        for (name, text) in texts {
            let Some(text) = text else { continue };
            if let Err(error) = AlertTemplate::parse(alert, &text.value) {
                let name = name.value.as_str().into();
                let reason = error.to_string().into();
                self.report(text.position, RuleProblem::Template { owner, name, reason });
            }
        }
    }

    fn label_names(&mut self, labels: &Texts) {
        for label in labels.keys() {
            if label.value == METRIC_NAME_LABEL || !self.is_label_name(&label.value) {
                let name = label.value.as_str().into();
                self.report(label.position, RuleProblem::LabelName { name });
            }
        }
    }

    fn is_label_name(&self, name: &str) -> bool {
        !name.is_empty() && (!self.options.legacy_names || is_legacy_label_name(name))
    }
}

fn texts(texts: Texts) -> BTreeMap<Box<str>, Box<str>> {
    let text = |value: Option<Spanned<String>>| value.map_or_else(Box::default, |v| v.value.into());
    texts.into_iter().map(|(name, value)| (name.value.into(), text(value))).collect()
}
