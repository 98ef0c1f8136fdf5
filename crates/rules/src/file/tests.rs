use super::{ReadOptions, RuleFile};

fn read(text: &str) -> Result<RuleFile, String> {
    RuleFile::read(text, &ReadOptions::default()).map_err(|error| error.to_string())
}

/// Wraps the lines of one rule.
fn rule(lines: &str) -> String {
    format!("groups:\n- name: g\n  rules:\n  - {}\n", lines.replace('\n', "\n    "))
}

#[test]
fn wrong_rules_are_told_with_their_place() {
    let cases = [
        (
            "record: a\nalert: B\nexpr: up",
            "4:13: 5:12: group \"g\", rule 1, \"B\": only one of 'record' and 'alert' must be set",
        ),
        ("expr: up", "4:5: group \"g\", rule 1, \"\": one of 'record' or 'alert' must be set"),
        (
            "record: ''\nexpr: up",
            "4:13: group \"g\", rule 1, \"\": one of 'record' or 'alert' must be set",
        ),
        ("record: a", "4:5: group \"g\", rule 1, \"a\": field 'expr' must be set in rule"),
        (
            "record: a\nexpr: ''",
            "5:11: group \"g\", rule 1, \"a\": field 'expr' must be set in rule",
        ),
        (
            "record: a\nexpr: |\n  sum(\n  x",
            "6:7: group \"g\", rule 1, \"a\": could not parse expression: 3:1: parse error: unclosed left parenthesis",
        ),
        (
            "record: a{b}\nexpr: up",
            "4:13: group \"g\", rule 1, \"a{b}\": braces present in the recording rule name; should it be in expr?: a{b}",
        ),
        (
            "record: a\nexpr: up\nfor: 1m",
            "4:13: group \"g\", rule 1, \"a\": invalid field 'for' in recording rule",
        ),
        (
            "record: a\nexpr: up\nkeep_firing_for: 1m",
            "4:13: group \"g\", rule 1, \"a\": invalid field 'keep_firing_for' in recording rule",
        ),
        (
            "record: a\nexpr: up\nannotations: {b: c}",
            "4:13: group \"g\", rule 1, \"a\": invalid field 'annotations' in recording rule",
        ),
        (
            "record: a\nexpr: up\nlabels: {__name__: c}",
            "6:14: group \"g\", rule 1, \"a\": invalid label name: __name__",
        ),
        (
            "record: a\nexpr: up\nlabels: {'': c}",
            "6:14: group \"g\", rule 1, \"a\": invalid label name: ",
        ),
        (
            "alert: a\nexpr: up\nannotations: {'': c}",
            "6:19: group \"g\", rule 1, \"a\": invalid annotation name: ",
        ),
        ("alert: a\nexpr: up\nfore: 5m", "6:5: group \"g\", rule 1, \"a\": unknown field \"fore\""),
        ("alert: a\nexpr: up\nfor: 5", "6:10: not a valid duration string: \"5\""),
        ("alert: a\nexpr: [up]", "5:11: expected text"),
        ("alert: a\nexpr: up\nexpr: down", "6:5: field `expr` already set"),
    ];
    for (lines, expected) in cases {
        assert_eq!(read(&rule(lines)).unwrap_err(), expected, "{lines}");
    }
}

#[test]
fn wrong_groups_are_told_with_their_place() {
    let cases = [
        ("groups:\n- rules: []\n", "2:3: Groupname must not be empty"),
        ("groups:\n- name: ''\n", "2:9: Groupname must not be empty"),
        ("groups:\n- name: g\n- name: g\n", "3:9: groupname: \"g\" is repeated in the same file"),
        ("groups:\n- name: g\n  labels: {__name__: x}\n", "3:12: invalid label name: __name__"),
        ("group: []\n", "1:1: unknown field \"group\""),
        ("groups:\n- name: g\n  limit: many\n", "3:10: expected a whole number"),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn what_the_reference_takes_is_taken() {
    let cases = [
        ("", 0),
        ("groups:\n", 0),
        ("groups:\n- name: g\n  rules:\n  -\n", 0),
        ("\u{feff}groups: []\n", 0),
        ("groups: [{name: g, limit: 1.5, rules: [{record: 123, expr: 5}]}]\n", 1),
        ("groups: [{name: g, interval: 0, rules: [{alert: A, expr: up, for: 0}]}]\n", 1),
        ("groups: [{name: g, rules: [{record: a, expr: up, for: 0s}]}]\n---\nbroken: [\n", 1),
        ("groups: [{name: g, rules: [{record: a, expr: up, labels: {a: 1, b: true, c: }}]}]\n", 1),
    ];
    for (text, rules) in cases {
        let file = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(file.rule_count(), rules, "{text}");
        let again = read(&file.to_yaml().unwrap()).unwrap();
        assert_eq!(again.groups, file.groups, "{text}");
    }
    let file = read("groups: [{name: g, limit: 1.5, rules: []}]").unwrap();
    assert_eq!((file.groups[0].limit, file.has_more_documents), (1, false));
    assert!(read("groups: []\n---\n{").unwrap().has_more_documents);
}

#[test]
fn duplicates_are_found_once() {
    let text = "groups:\n- name: g\n  labels: {a: b}\n  rules:\n  - {record: x, expr: a}\n  \
                - {record: x, expr: b}\n  - {record: x, expr: c, labels: {a: b}}\n  \
                - {record: x, expr: d, labels: {a: c}}\n";
    let duplicates = read(text).unwrap().duplicates();
    let [duplicate] = &duplicates[..] else { panic!("{duplicates:?}") };
    assert_eq!((&*duplicate.name, duplicate.labels.len()), ("x", 1));
}
