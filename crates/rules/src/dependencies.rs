//! Which rules of a group need what others of it write.

use narthex_model::{METRIC_NAME_LABEL, Matcher};
use narthex_promql_parser::{Node, VectorSelector};

use crate::Rule;
use crate::rule::{ALERT_NAME_LABEL, ALERTS, ALERTS_FOR_STATE};

/// Whether a rule must wait for others of its group, or others for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dependencies {
    /// Whether a rule before it may write what it reads.
    pub(crate) on_others: bool,
    /// Whether a rule behind it may read what it writes.
    pub(crate) of_others: bool,
}

/// Returns the dependencies of each rule. Where a rule reads series of any name, every rule depends on
/// every other.
pub(crate) fn dependencies(rules: &[&Rule]) -> Vec<Dependencies> {
    let mut all = vec![Dependencies { on_others: false, of_others: false }; rules.len()];
    if rules.len() < 2 {
        return all;
    }
    for (index, rule) in rules.iter().enumerate() {
        for node in rule.expr.nodes() {
            let Node::VectorSelector(selector) = node.node() else { continue };
            let Some(reads) = Reads::new(&selector) else {
                return vec![Dependencies { on_others: true, of_others: true }; rules.len()];
            };
            for (before, other) in rules[..index].iter().enumerate() {
                if reads.output_of(other) {
                    all[before].of_others = true;
                    all[index].on_others = true;
                }
            }
        }
    }
    all
}

/// What a selector reads.
struct Reads {
    name: Matcher,
    /// The condition on the name of an alert, if there is one.
    alert_name: Option<Matcher>,
}

impl Reads {
    /// Returns `None` for a selector that asks for no name.
    fn new(selector: &VectorSelector<'_>) -> Option<Self> {
        let matchers = selector.to_matchers();
        let find = |name: &str| matchers.iter().find(|matcher| matcher.name() == name).cloned();
        Some(Self { name: find(METRIC_NAME_LABEL)?, alert_name: find(ALERT_NAME_LABEL) })
    }

    fn output_of(&self, rule: &Rule) -> bool {
        if self.name.matches(&rule.name) {
            return true;
        }
        let reads_alerts = self.name.matches(ALERTS) || self.name.matches(ALERTS_FOR_STATE);
        rule.is_alerting()
            && reads_alerts
            && self.alert_name.as_ref().is_none_or(|alert_name| alert_name.matches(&rule.name))
    }
}

/// Returns the rules, by their place, in batches that come one after the other. Those of one batch can
/// be evaluated at a time.
pub(crate) fn batches(rules: impl Iterator<Item = Dependencies>) -> Vec<Vec<usize>> {
    let (mut first, mut middle, mut last) = (Vec::new(), Vec::new(), Vec::new());
    for (index, dependencies) in rules.enumerate() {
        match dependencies {
            Dependencies { on_others: false, .. } => first.push(index),
            Dependencies { of_others: true, .. } => middle.push(vec![index]),
            Dependencies { of_others: false, .. } => last.push(index),
        }
    }
    let batches = [first].into_iter().chain(middle).chain([last]);
    batches.filter(|batch| !batch.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::{batches, dependencies};
    use crate::{ReadOptions, RuleFile};

    fn batches_of(rules: &[(&str, &str)]) -> Vec<Vec<usize>> {
        let mut text = "groups:\n- name: g\n  rules:\n".to_owned();
        for (name, expr) in rules {
            let kind = if name.contains(':') { "record" } else { "alert" };
            text += &format!("  - {kind}: {name}\n    expr: '{expr}'\n");
        }
        let file = RuleFile::read(&text, &ReadOptions::default()).unwrap();
        let rules: Vec<_> = file.groups[0].rules.iter().map(|rule| &**rule).collect();
        batches(dependencies(&rules).into_iter())
    }

    #[test]
    fn rules_that_read_what_others_write_come_later() {
        type Case = (&'static [(&'static str, &'static str)], &'static [&'static [usize]]);
        let cases: [Case; 8] = [
            (&[("a:a", "x"), ("b:b", "y")], &[&[0, 1]]),
            (&[("a:a", "x"), ("b:b", "a:a"), ("c:c", "y")], &[&[0, 2], &[1]]),
            (&[("a:a", "x"), ("b:b", "a:a"), ("c:c", "b:b")], &[&[0], &[1], &[2]]),
            // A rule that is written above what it reads takes what was written the time before.
            (&[("b:b", "a:a"), ("a:a", "x")], &[&[0, 1]]),
            (&[("a:a", "x"), ("b:b", "{job=\"a\"}")], &[&[0], &[1]]),
            (&[("a:a", "x"), ("b:b", "{__name__=~\"a.*\"}")], &[&[0], &[1]]),
            (&[("A", "x"), ("B", "ALERTS")], &[&[0], &[1]]),
            (&[("A", "x"), ("B", "ALERTS{alertname=\"C\"}")], &[&[0, 1]]),
        ];
        for (rules, expected) in cases {
            assert_eq!(batches_of(rules), expected, "{rules:?}");
        }
    }
}
