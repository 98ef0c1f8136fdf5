use std::fmt::Write;

use md5::{Digest, Md5};
use narthex_model::LabelsBuilder;

use crate::action::Action;
use crate::case;
use crate::rule::Rule;
use crate::template;

/// Whether a label set stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Verdict {
    /// It stays, as edited.
    Keep,
    /// It goes: a rule dropped it, and the rules after that one were not applied.
    Drop,
}

impl Verdict {
    fn keep_if(keep: bool) -> Self {
        if keep { Self::Keep } else { Self::Drop }
    }
}

/// Applies `rules` in their order to the labels in `labels`, until one drops them.
///
/// # Source
///
/// `ProcessBuilder` in `model/relabel/relabel.go`. As there, where several labels are mapped to one
/// name, the one that was set last in the builder wins.
pub fn process(rules: &[Rule], labels: &mut LabelsBuilder) -> Verdict {
    let mut scratch = Scratch::default();
    for rule in rules {
        if apply(rule, labels, &mut scratch) == Verdict::Drop {
            return Verdict::Drop;
        }
    }
    Verdict::Keep
}

/// Buffers that the rules of a list share.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// The values of the source labels, joined.
    pub(crate) input: String,
    target_label: String,
    value: String,
}

/// Applies one rule.
pub(crate) fn apply(rule: &Rule, labels: &mut LabelsBuilder, scratch: &mut Scratch) -> Verdict {
    let options = rule.options();
    join_sources(rule, labels, &mut scratch.input);
    let Scratch { input, value, .. } = scratch;
    value.clear();
    match options.action {
        Action::Keep => return Verdict::keep_if(rule.regex().is_match(input)),
        Action::Drop => return Verdict::keep_if(!rule.regex().is_match(input)),
        Action::KeepEqual | Action::DropEqual => {
            let equal = labels.get(&options.target_label).unwrap_or_default() == input;
            return Verdict::keep_if(equal == (options.action == Action::KeepEqual));
        }
        Action::Replace => replace(rule, labels, scratch),
        Action::HashMod => {
            let hash = hash(input) % options.modulus;
            write!(value, "{hash}").expect("a string takes all that is written to it");
            labels.set(&options.target_label, value);
        }
        Action::Lowercase => {
            case::push_lowercase(value, input);
            labels.set(&options.target_label, value);
        }
        Action::Uppercase => {
            case::push_uppercase(value, input);
            labels.set(&options.target_label, value);
        }
        Action::LabelMap => map_labels(rule, labels),
        Action::LabelDrop => {
            labels.retain(|name, _| !rule.regex().is_match(name));
        }
        Action::LabelKeep => {
            labels.retain(|name, _| rule.regex().is_match(name));
        }
    }
    Verdict::Keep
}

fn join_sources(rule: &Rule, labels: &LabelsBuilder, input: &mut String) {
    input.clear();
    let names = rule.options().source_labels.iter().flatten();
    for (index, name) in names.enumerate() {
        if index > 0 {
            input.push_str(&rule.options().separator);
        }
        input.push_str(labels.get(name).unwrap_or_default());
    }
}

fn replace(rule: &Rule, labels: &mut LabelsBuilder, scratch: &mut Scratch) {
    let options = rule.options();
    let Scratch { input, target_label, value } = scratch;
    let Some(captures) = rule.regex().captures(input) else { return };
    let target_label = if template::has_reference(&options.target_label) {
        target_label.clear();
        captures.expand(&options.target_label, target_label);
        if !options.name_validation.allows(target_label) {
            return;
        }
        target_label
    } else {
        &options.target_label
    };
    captures.expand(&options.replacement, value);
    labels.set(target_label, value);
}

/// Returns the last eight bytes of the MD5 sum, the first of them the most significant.
fn hash(input: &str) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = <[u8; 16]>::from(Md5::digest(input));
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn map_labels(rule: &Rule, labels: &mut LabelsBuilder) {
    // What is copied is what was there before, so that one copy does not beget another.
    let mut copies: Vec<(String, String)> = Vec::new();
    for (name, value) in labels.iter_in_set_order() {
        let mut copy_name = String::new();
        if rule.regex().expand(name, &rule.options().replacement, &mut copy_name) {
            copies.push((copy_name, value.to_owned()));
        }
    }
    for (name, value) in &copies {
        labels.set(name, value);
    }
}
