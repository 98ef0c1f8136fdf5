use narthex_model::{Labels, LabelsBuilder};

use crate::apply::{Scratch, Verdict, apply};
use crate::rule::Rule;

/// What one rule did to a label set.
#[derive(Clone, Debug)]
pub struct Step<'r> {
    /// The rule.
    pub rule: &'r Rule,
    /// The values of the source labels that it found, joined by its separator.
    pub input: Box<str>,
    /// Whether its regex matches `input`. The actions that look at names of labels, and those that
    /// have no regex, leave the default one, which matches everything.
    pub input_matches: bool,
    /// The labels that it left. A rule that drops leaves them as they were.
    pub output: Labels,
    /// Whether it let the label set stay. Only the last step can be one that drops.
    pub verdict: Verdict,
}

/// Applies `rules` to `labels` as [`process`](crate::process) does and returns a step for each rule
/// that was applied, in their order.
///
/// ```
/// use narthex_model::LabelsBuilder;
/// use narthex_relabel::{Action, Rule, RuleOptions, Verdict, explain};
///
/// let drop_dev = Rule::new(RuleOptions {
///     action: Action::Drop,
///     source_labels: Some(vec!["env".to_owned()]),
///     regex: Some("dev|test".to_owned()),
///     ..RuleOptions::default()
/// })?;
/// let mut labels = LabelsBuilder::default();
/// labels.set("env", "dev");
/// let steps = explain(std::slice::from_ref(&drop_dev), &mut labels);
/// assert_eq!((&*steps[0].input, steps[0].verdict), ("dev", Verdict::Drop));
/// # Ok::<(), narthex_relabel::RuleError>(())
/// ```
#[must_use]
pub fn explain<'r>(rules: &'r [Rule], labels: &mut LabelsBuilder) -> Vec<Step<'r>> {
    let mut scratch = Scratch::default();
    let mut steps = Vec::new();
    for rule in rules {
        let verdict = apply(rule, labels, &mut scratch);
        steps.push(Step {
            rule,
            input: scratch.input.as_str().into(),
            input_matches: rule.regex().is_match(&scratch.input),
            // Building sorts the labels, and what follows may depend on their order.
            output: labels.clone().build(),
            verdict,
        });
        if verdict == Verdict::Drop {
            break;
        }
    }
    steps
}
