//! Rule files: what they say, read and checked.

mod check;
mod error;
mod lint;
mod print;
mod read;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use narthex_promql_parser::{Expr, ParseOptions};
use narthex_yaml::first_document;

pub use error::{ForbiddenField, RuleError, RuleFileError, RulePlace, RuleProblem, TemplateOwner};
pub use lint::DuplicateRule;

/// The groups of rules of one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleFile {
    /// The groups, in the order of the file, each with a name of its own.
    pub groups: Vec<RuleGroup>,
    /// Whether more documents follow in the file, of which nothing is read.
    pub has_more_documents: bool,
}

/// Rules that are evaluated together, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleGroup {
    /// The name, unique in the file.
    pub name: Box<str>,
    /// How often the rules are evaluated; `None` leaves it to whoever evaluates them.
    pub interval: Option<Duration>,
    /// How far back of the time of an evaluation its queries look, and its samples are written; `None`
    /// leaves it to whoever evaluates them.
    pub query_offset: Option<Duration>,
    /// How many series or alerts a rule may come to; no limit where it is 0 or less.
    pub limit: i64,
    /// Labels of all rules. Those of a rule win.
    pub labels: BTreeMap<Box<str>, Box<str>>,
    /// The rules, in the order of the file.
    pub rules: Vec<Arc<Rule>>,
}

/// A rule: an expression, and what its result is for.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What is done with the result.
    pub kind: RuleKind,
    /// The name of the recorded metric, or that of the alert.
    pub name: Box<str>,
    /// The expression as it is written in the file.
    pub text: Box<str>,
    /// The expression.
    pub expr: Expr,
    /// Labels that results get. Those of alerts may hold templates.
    pub labels: BTreeMap<Box<str>, Box<str>>,
}

/// What the result of a rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleKind {
    /// It is recorded, as a metric with the name of the rule.
    Recording,
    /// Each of its series is an alert.
    Alerting {
        /// How long a series must be in the result until its alert fires: `for`.
        hold: Duration,
        /// How long an alert goes on to fire once its series has left the result.
        keep_firing_for: Duration,
        /// What is told with the alert, which does not make it another one. The values may hold
        /// templates.
        annotations: BTreeMap<Box<str>, Box<str>>,
    },
}

/// How rule files are read. The defaults are the reference's.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Which experimental parts of the language rules may use.
    pub parse: ParseOptions,
    /// Whether keys that nobody knows are passed over.
    pub ignore_unknown_fields: bool,
    /// Whether names of metrics and labels must keep to the characters of before UTF-8 names.
    pub legacy_names: bool,
}

impl RuleFile {
    /// Returns the rules that `text` holds.
    ///
    /// ```
    /// use narthex_rules::{ReadOptions, RuleFile};
    ///
    /// let text = "groups:\n- name: node\n  rules:\n  - record: job:up:sum\n    expr: sum by (job) (up)\n";
    /// let file = RuleFile::read(text, &ReadOptions::default())?;
    /// assert_eq!(&*file.groups[0].rules[0].name, "job:up:sum");
    ///
    /// let error = RuleFile::read(&text.replace("sum by", "som by"), &ReadOptions::default());
    /// assert_eq!(
    ///     error.unwrap_err().to_string(),
    ///     "5:11: group \"node\", rule 1, \"job:up:sum\": could not parse expression: \
    ///      1:5: parse error: unexpected <by>"
    /// );
    /// # Ok::<(), narthex_rules::RuleFileError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// All that is wrong with it, each with line and column; where it is no such YAML, the first
    /// thing only.
    pub fn read(text: &str, options: &ReadOptions) -> Result<Self, RuleFileError> {
        let (document, has_more_documents) = first_document(text);
        let file = read::read(document)?;
        let groups = check::check(file, options)?;
        Ok(Self { groups, has_more_documents })
    }

    /// Returns the number of rules.
    #[must_use]
    pub fn rule_count(&self) -> usize {
        self.groups.iter().map(|group| group.rules.len()).sum()
    }
}

impl RuleGroup {
    /// Returns the labels that a rule of the group sets: its own, and those of the group. An empty one
    /// takes a label away.
    #[must_use]
    pub fn labels_of(&self, rule: &Rule) -> BTreeMap<Box<str>, Box<str>> {
        let all = self.labels.iter().chain(&rule.labels);
        all.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

impl Rule {
    /// Returns whether it is an alerting rule.
    #[must_use]
    pub fn is_alerting(&self) -> bool {
        matches!(self.kind, RuleKind::Alerting { .. })
    }
}

#[cfg(test)]
mod tests;
