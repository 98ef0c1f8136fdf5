use proptest::prelude::*;

use super::super::go_pattern;
use super::super::shortcut::{self, Shortcut};
use super::Regex;

/// Returns what kind of shortcut a pattern takes.
fn kind(pattern: &str) -> &'static str {
    match shortcut::find(&go_pattern::parse(pattern, true).unwrap().hir) {
        None => "none",
        Some(Shortcut::Literals(_)) => "literals",
        Some(Shortcut::Glob(_)) => "glob",
        Some(Shortcut::Choices(_)) => "choices",
        Some(Shortcut::AnyOf(_)) => "any of",
    }
}

#[test]
fn common_patterns_need_no_automaton() {
    let cases = [
        ("", "literals"),
        ("node", "literals"),
        ("^node$", "literals"),
        (r"10\.0\.0\.1:9100", "literals"),
        ("a|b|cd", "literals"),
        ("(a|b)(c|d)?", "literals"),
        ("host[0-9][0-9]", "literals"),
        ("(?i)ab", "literals"),
        (".*", "glob"),
        (".+", "glob"),
        ("(.*)", "glob"),
        ("api.*", "glob"),
        (".*-api", "glob"),
        (".*error.*", "glob"),
        ("a.+b.*c.{3,}", "glob"),
        ("(?i)internal server error", "choices"),
        ("foo|bar.*|.*baz", "any of"),
        (".*(a|b).*", "none"),
        ("[0-9]+", "none"),
        ("a.b", "none"),
        ("(?-s).*", "none"),
        ("a{3}", "none"),
        (r"\bab", "none"),
        ("a^b", "none"),
        ("[0-9]{1,3}", "none"),
        (r"\pL", "none"),
        ("[0-9][0-9][0-9]", "none"),
        ("[^\\x00-\\x{10FFFF}]", "none"),
    ];
    for (pattern, expected) in cases {
        assert_eq!(kind(pattern), expected, "{pattern}");
    }
}

#[test]
fn literals_and_prefixes_serve_an_index() {
    let cases = [
        ("a|b|a", Some(["a", "b"].as_slice()), ""),
        ("a(b|c)?", Some(&["a", "ab", "ac"]), "a"),
        ("", Some(&[""]), ""),
        ("node-.*", None, "node-"),
        ("^node-[0-9]+", None, "node-"),
        ("(node-)(x.*)", None, "node-x"),
        ("(?i)node.*", None, ""),
        ("a.*|b", None, ""),
        ("a*", None, ""),
    ];
    for (pattern, literals, prefix) in cases {
        let regex = Regex::new(pattern).unwrap();
        let found =
            regex.literals().map(|list| list.iter().map(|text| &**text).collect::<Vec<_>>());
        assert_eq!(found.as_deref(), literals, "{pattern}");
        assert_eq!(regex.prefix(), prefix, "{pattern}");
    }
}

#[test]
fn plain_lists_and_globs_are_read_without_a_tree() {
    let read = ["", "a", "a|b", "|", "node-1:9100|äß", ".*", ".+", ".+.*x", "a.*b.+.+c", ".*19.*"];
    for pattern in read {
        assert!(shortcut::read(pattern).is_some(), "{pattern}");
    }
    for pattern in
        ["a.b", "a.*|b", ".*?", ".+*", "a*", "a\\.b", "(a)", "^a", "a$", "[a]", "a{2}", "a.{2}"]
    {
        assert_eq!(shortcut::read(pattern), None, "{pattern}");
    }
}

/// Patterns that Go and the `regex` crate read alike, most of them with a shortcut.
fn patterns() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => "[abK]{1,3}",
        4 => Just(".*".to_owned()),
        2 => Just(".+".to_owned()),
        1 => Just(".{2,}".to_owned()),
        1 => Just(".".to_owned()),
        2 => Just("[ab]".to_owned()),
        1 => Just("[^a]".to_owned()),
        1 => Just("é?".to_owned()),
        1 => Just("^".to_owned()),
        1 => Just("$".to_owned()),
        1 => Just("a{2}".to_owned()),
        1 => Just("(?i)".to_owned()),
        1 => Just("(?-s)".to_owned()),
        1 => Just("(?m)".to_owned()),
    ];
    let flat = prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat());
    flat.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|list| list.join("|")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})(?:{b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("{a}(?:{b})?")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_read_without_a_tree_is_what_the_tree_gives(
        pattern in r"([ab]{0,2}(\||\.\*|\.\+|\.|\*|\?|x)){0,5}[ab]?"
    ) {
        if let Some(shortcut) = shortcut::read(&pattern) {
            let parsed = go_pattern::parse(&pattern, true);
            prop_assert_eq!(Some(shortcut), shortcut::find(&parsed.unwrap().hir));
        }
    }

    #[test]
    fn shortcuts_agree_with_the_automaton(
        pattern in patterns(),
        values in prop::collection::vec("[abkKAB\u{212a}é\n]{0,6}", 8),
    ) {
        let automaton = regex::Regex::new(&format!("^(?s:{pattern})$")).unwrap();
        let regex = Regex::new(&pattern).unwrap();
        let own_values = regex.literals().into_iter().flatten().map(|text| &**text);
        for value in values.iter().map(String::as_str).chain(own_values) {
            let expected = automaton.captures(value);
            let found = regex.captures(value);
            let matched = expected.is_some();
            prop_assert_eq!(regex.is_match(value), matched, "{} on {:?}", pattern, value);
            prop_assert_eq!(found.is_some(), matched, "{} on {:?}", pattern, value);
            prop_assert!(!matched || value.starts_with(regex.prefix()), "{}", pattern);
            let (Some(expected), Some(found)) = (expected, found) else { continue };
            for index in 0..3 {
                let group = expected.get(index).map(|group| group.as_str());
                prop_assert_eq!(found.get(index), group, "{} of {} on {}", index, pattern, value);
            }
        }
    }

    #[test]
    fn no_pattern_panics(pattern in r"([-a\\dpQEx{},0-9()\[\]^$|*+?:<>PiU&~é]|\PC){0,24}", text in ".{0,8}") {
        if let Ok(regex) = Regex::new(&pattern) {
            let mut out = String::new();
            prop_assert_eq!(regex.expand(&text, &pattern, &mut out), regex.is_match(&text));
        }
    }
}
