use narthex_model::{Labels, LabelsBuilder};
use narthex_relabel::{Action, NameValidation, Rule, RuleOptions, Verdict, explain, process};
use proptest::prelude::*;

fn rule(options: RuleOptions) -> Rule {
    Rule::new(options).expect("sound options")
}

fn sources(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

/// A rule of the action over labels `a` and `b`, with regex, target and replacement where they are
/// not empty.
fn over_a_b(action: Action, regex: &str, target_label: &str, replacement: &str) -> RuleOptions {
    let defaults = RuleOptions::default();
    RuleOptions {
        action,
        source_labels: sources(&["a", "b"]),
        regex: (!regex.is_empty()).then(|| regex.to_owned()),
        target_label: target_label.to_owned(),
        replacement: match replacement {
            "" => defaults.replacement,
            _ => replacement.to_owned(),
        },
        ..defaults
    }
}

fn run(rule: &Rule, labels: &Labels) -> Option<Labels> {
    let mut builder = LabelsBuilder::default();
    builder.reset(labels);
    match process(std::slice::from_ref(rule), &mut builder) {
        Verdict::Keep => Some(builder.build()),
        Verdict::Drop => None,
    }
}

#[test]
fn each_action_on_one_label_set() {
    use Action::{
        Drop, DropEqual, HashMod, Keep, KeepEqual, LabelDrop, LabelKeep, LabelMap, Lowercase,
        Replace, Uppercase,
    };
    let labels = Labels::from_pairs([("a", "Foo"), ("b", "bar"), ("c", "Foo;bar")]);
    let with = |name: &str, value: &str| {
        let mut builder = LabelsBuilder::default();
        builder.reset(&labels);
        builder.set(name, value);
        Some(builder.build())
    };
    let labels_only = |action, regex: &str, replacement: &str| RuleOptions {
        source_labels: None,
        ..over_a_b(action, regex, "", replacement)
    };
    let cases = [
        (over_a_b(Replace, "", "t", ""), with("t", "Foo;bar")),
        (over_a_b(Replace, "(.*);(.*)", "t", "$2-${1}x"), with("t", "bar-Foox")),
        (over_a_b(Replace, "(.*);(.*)", "${2}_$1", "v"), with("bar_Foo", "v")),
        (over_a_b(Replace, "(.*);(.*)", "${3}", "v"), with("t", "")),
        (over_a_b(Replace, "bar", "t", "v"), with("t", "")),
        (over_a_b(Replace, "Foo.*", "b", "$9"), with("b", "")),
        (over_a_b(Replace, "Foo;bar", "t", "$$1"), with("t", "$1")),
        (over_a_b(Keep, "Foo;.*", "", ""), with("t", "")),
        (over_a_b(Keep, "Foo", "", ""), None),
        (over_a_b(Drop, "Foo;.*", "", ""), None),
        (over_a_b(Drop, "Foo", "", ""), with("t", "")),
        (over_a_b(KeepEqual, "", "c", ""), with("t", "")),
        (over_a_b(KeepEqual, "", "a", ""), None),
        (over_a_b(DropEqual, "", "c", ""), None),
        (over_a_b(DropEqual, "", "missing", ""), with("t", "")),
        (over_a_b(Lowercase, "", "t", ""), with("t", "foo;bar")),
        (over_a_b(Uppercase, "", "a", ""), with("a", "FOO;BAR")),
        (
            RuleOptions { modulus: 1000, ..over_a_b(HashMod, "", "t", "") },
            // The last eight bytes of md5("Foo;bar").
            with("t", "674"),
        ),
        (
            labels_only(LabelMap, "([ab])", "${1}_copy"),
            Some(Labels::from_pairs([
                ("a", "Foo"),
                ("a_copy", "Foo"),
                ("b", "bar"),
                ("b_copy", "bar"),
                ("c", "Foo;bar"),
            ])),
        ),
        // What is copied over is not copied on.
        (
            labels_only(LabelMap, "a|b|c", "b"),
            Some(Labels::from_pairs([("a", "Foo"), ("b", "Foo;bar"), ("c", "Foo;bar")])),
        ),
        (labels_only(LabelDrop, "a|b", ""), Some(Labels::from_pairs([("c", "Foo;bar")]))),
        (labels_only(LabelKeep, "a|b", ""), Some(Labels::from_pairs([("a", "Foo"), ("b", "bar")]))),
    ];
    for (options, expected) in cases {
        assert_eq!(run(&rule(options.clone()), &labels), expected, "{options:?}");
    }
}

#[test]
fn an_empty_result_deletes_the_label() {
    let labels = Labels::from_pairs([("t", "x")]);
    for action in [Action::Replace, Action::Lowercase, Action::Uppercase] {
        assert_eq!(run(&rule(over_a_b(action, "", "t", "")), &labels), {
            // Without both labels the input is the separator alone.
            Some(Labels::from_pairs([("t", ";")]))
        });
        let one = RuleOptions { source_labels: None, ..over_a_b(action, "", "t", "") };
        assert_eq!(run(&rule(one), &labels), Some(Labels::empty()));
    }
}

#[test]
fn legacy_names_are_checked_once_they_are_known() {
    let labels = Labels::from_pairs([("a", "x.y"), ("b", "1")]);
    let to_name = |name_validation| {
        let options = over_a_b(Action::Replace, "(.*);(.*)", "$1", "v");
        run(&rule(RuleOptions { name_validation, ..options }), &labels)
    };
    assert_eq!(to_name(NameValidation::Legacy), Some(labels.clone()));
    let expected = Labels::from_pairs([("a", "x.y"), ("b", "1"), ("x.y", "v")]);
    assert_eq!(to_name(NameValidation::Utf8), Some(expected));
}

#[test]
fn steps_end_where_a_rule_drops() {
    let rules = [
        rule(over_a_b(Action::Replace, "", "t", "")),
        rule(over_a_b(Action::Drop, "x;y", "", "")),
        rule(over_a_b(Action::Replace, "", "u", "")),
    ];
    let mut labels = LabelsBuilder::default();
    labels.set("a", "x").set("b", "y");
    let steps = explain(&rules, &mut labels);
    let told: Vec<_> = steps.iter().map(|step| (&*step.input, step.verdict)).collect();
    assert_eq!(told, [("x;y", Verdict::Keep), ("x;y", Verdict::Drop)]);
    let expected = Labels::from_pairs([("a", "x"), ("b", "y"), ("t", "x;y")]);
    assert_eq!((&steps[0].output, &steps[1].output), (&expected, &expected));
    assert_eq!(explain(&rules, &mut LabelsBuilder::default()).len(), 3);
}

proptest! {
    #[test]
    fn keep_and_drop_are_opposites(a in "[ab;]{0,4}", b in "[ab;]{0,4}", regex in "[ab;.*]{0,4}") {
        let labels = Labels::from_pairs([("a", a), ("b", b)]);
        if let Ok(keep) = Rule::new(over_a_b(Action::Keep, &regex, "", "")) {
            let drop = rule(over_a_b(Action::Drop, &regex, "", ""));
            prop_assert_ne!(run(&keep, &labels).is_some(), run(&drop, &labels).is_some());
        }
    }

    #[test]
    fn explaining_agrees_with_processing(
        actions in prop::collection::vec(0..Action::ALL.len(), 0..6),
        labels in prop::collection::btree_map("[abct]", "[a-cA-C;]{0,3}", 0..5),
    ) {
        let rules: Vec<Rule> = actions.iter().map(|&index| {
            let action = Action::ALL[index];
            let (regex, target_label) = match action {
                Action::LabelMap | Action::LabelDrop | Action::LabelKeep => ("([a-c]).*|t", ""),
                Action::Keep | Action::Drop => ("(a|b).*", ""),
                Action::KeepEqual | Action::DropEqual => ("", "c"),
                _ => ("", "t"),
            };
            let mut options = over_a_b(action, regex, target_label, "");
            if matches!(action, Action::LabelDrop | Action::LabelKeep) {
                options.source_labels = None;
            }
            options.modulus = if action == Action::HashMod { 7 } else { 0 };
            rule(options)
        }).collect();
        let labels = Labels::from_pairs(&labels);
        let mut builder = LabelsBuilder::default();
        builder.reset(&labels);
        let verdict = process(&rules, &mut builder);
        let mut explained = LabelsBuilder::default();
        explained.reset(&labels);
        let steps = explain(&rules, &mut explained);
        let (last, output) = match steps.last() {
            Some(step) => (step.verdict, &step.output),
            None => (Verdict::Keep, &labels),
        };
        prop_assert_eq!((last, output), (verdict, &builder.build()));
    }
}
