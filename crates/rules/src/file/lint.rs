use std::collections::BTreeMap;

use super::RuleFile;

/// Rules whose results have one name and the same labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DuplicateRule {
    /// The name of the metric or the alert.
    pub name: Box<str>,
    /// The labels that rule and group set.
    pub labels: BTreeMap<Box<str>, Box<str>>,
}

impl RuleFile {
    /// Returns what more than one rule is called, in order. Such rules may well write the same series,
    /// of which one is then refused at each evaluation.
    #[must_use]
    pub fn duplicates(&self) -> Vec<DuplicateRule> {
        let named = self.groups.iter().flat_map(|group| {
            group.rules.iter().map(|rule| {
                let labels = group.labels_of(rule);
                DuplicateRule { name: rule.name.clone(), labels }
            })
        });
        let mut named: Vec<_> = named.collect();
        named.sort_unstable();
        let mut repeated: Vec<_> = named
            .windows(2)
            .filter(|pair| pair[0] == pair[1])
            .map(|pair| pair[0].clone())
            .collect();
        repeated.dedup();
        repeated
    }
}
