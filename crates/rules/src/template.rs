//! Labels and annotations of alerts, which may be templates.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use narthex_model::Labels;
use narthex_promql_parser::parse_with;
use narthex_template::{
    AlertData, AlertTemplate, Environment as Surroundings, QuerySample, QueryValue,
};

use crate::rule::Evaluation;
use crate::sample::{Found, FoundValue};
use crate::{Rule, RuleKind};

/// The labels and annotations of an alerting rule.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    labels: Vec<(Box<str>, Text)>,
    annotations: Vec<(Box<str>, Text)>,
}

#[derive(Debug)]
enum Text {
    Plain(Box<str>),
    Template(AlertTemplate),
}

/// What the labels and annotations of one alert came to.
pub(crate) struct Expanded {
    pub(crate) labels: Vec<(Box<str>, Box<str>)>,
    pub(crate) annotations: Labels,
}

impl Texts {
    /// Returns the texts of a rule, whose own labels and those of its group are `labels`.
    pub(crate) fn new(rule: &Rule, labels: &BTreeMap<Box<str>, Box<str>>) -> Self {
        let RuleKind::Alerting { annotations, .. } = &rule.kind else { return Self::default() };
        let text = |name: &str, text: &str| (name.into(), Text::new(&rule.name, text));
        Self {
            labels: labels.iter().map(|(name, value)| text(name, value)).collect(),
            annotations: annotations.iter().map(|(name, value)| text(name, value)).collect(),
        }
    }

    /// Expands all templates for one result of the rule's expression.
    pub(crate) fn expand(&self, evaluation: Evaluation<'_>, found: &Found) -> Expanded {
        let data = AlertData {
            labels: &found.labels,
            external_labels: &evaluation.settings.external_labels,
            external_url: &evaluation.environment.options.external_url,
            value: value(&found.value),
        };
        let expand = |text: &Text| text.expand(evaluation, &data);
        let annotations = self.annotations.iter().map(|(name, text)| (name, expand(text)));
        Expanded {
            labels: self.labels.iter().map(|(name, text)| (name.clone(), expand(text))).collect(),
            annotations: Labels::from_pairs(annotations),
        }
    }
}

impl Text {
    fn new(alert: &str, text: &str) -> Self {
        if !text.contains("{{") {
            return Self::Plain(text.into());
        }
        match AlertTemplate::parse(alert, text) {
            Ok(template) => Self::Template(template),
            // Files with such texts are refused, so this rule came from elsewhere.
            Err(error) => Self::Plain(format!("<error expanding template: {error}>").into()),
        }
    }

    fn expand(&self, evaluation: Evaluation<'_>, data: &AlertData<'_>) -> Box<str> {
        let template = match self {
            Self::Plain(text) => return text.clone(),
            Self::Template(template) => template,
        };
        let Evaluation { environment, time_ms, .. } = evaluation;
        let clock = &environment.parts.clock;
        let elapsed = || -> Duration { clock.elapsed() };
        let queries = |text: &str| query(evaluation, text);
        let surroundings = Surroundings::new(time_ms, &elapsed)
            .with_external_url(&environment.options.external_url)
            .with_queries(&queries);
        match template.expand(data, &surroundings) {
            Ok(text) => text.into(),
            Err(error) => {
                tracing::warn!(err = %error, labels = %data.labels, "Expanding alert template failed");
                error.placeholder().into()
            }
        }
    }
}

fn query(evaluation: Evaluation<'_>, text: &str) -> Result<Vec<QuerySample>, String> {
    let parse = &evaluation.environment.options.parse;
    let expr = parse_with(text, parse).map_err(|error| error.to_string())?;
    let found = evaluation.environment.query(&expr, evaluation.time_ms);
    let found = found.map_err(|error| error.to_string())?.into_iter();
    Ok(found
        .map(|found| QuerySample { labels: found.labels, value: value(&found.value) })
        .collect())
}

fn value(value: &FoundValue) -> QueryValue {
    match value {
        FoundValue::Float(value) => QueryValue::Float(*value),
        FoundValue::Histogram(histogram) => {
            QueryValue::Histogram(Box::new(Arc::unwrap_or_clone(Arc::clone(histogram))))
        }
    }
}
