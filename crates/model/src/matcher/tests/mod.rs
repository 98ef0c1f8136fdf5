mod go_syntax;
mod plain;
mod shortcuts;

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{MatchOp, Matcher, Regex};

#[test]
fn the_four_operators() {
    let cases = [
        (MatchOp::Equal, "a", ["a"].as_slice(), ["", "b", "aa"].as_slice()),
        (MatchOp::Equal, "", &[""], &["a"]),
        (MatchOp::NotEqual, "a", &["", "b", "aa"], &["a"]),
        (MatchOp::Regex, "a|b.*", &["a", "b", "b\n"], &["", "ab", "ca"]),
        (MatchOp::Regex, "a?", &["", "a"], &["aa"]),
        (MatchOp::NotRegex, "a|b.*", &["", "ab", "ca"], &["a", "b", "b\n"]),
        (MatchOp::NotRegex, "a+", &[""], &["a", "aaa"]),
    ];
    for (op, pattern, matching, others) in cases {
        let matcher = Matcher::new(op, "l", pattern).unwrap();
        for value in matching {
            assert!(matcher.matches(value), "{matcher} {value:?}");
        }
        for value in others {
            assert!(!matcher.matches(value), "{matcher} {value:?}");
        }
        assert_eq!(matcher.matches_empty(), matching.contains(&""));
    }
}

#[test]
fn prints_as_promql_writes_it() {
    let cases = [
        (MatchOp::Equal, "job", "node", r#"job="node""#),
        (MatchOp::NotEqual, "a:b", "x\ny", r#""a:b"!="x\ny""#),
        (MatchOp::Regex, "1st", r"\d+", r#""1st"=~"\\d+""#),
        (MatchOp::NotRegex, "é", "\"", r#""é"!~"\"""#),
    ];
    for (op, name, value, text) in cases {
        assert_eq!(Matcher::new(op, name, value).unwrap().to_string(), text);
    }
}

#[test]
fn equality_looks_at_operator_name_and_value() {
    let matcher = |op, name, value| Matcher::new(op, name, value).unwrap();
    let hash = |matcher: &Matcher| {
        let mut hasher = DefaultHasher::new();
        matcher.hash(&mut hasher);
        hasher.finish()
    };
    let regex = matcher(MatchOp::Regex, "a", "b");
    let same = matcher(MatchOp::Regex, "a", "b");
    assert_eq!((&regex, hash(&regex)), (&same, hash(&same)));
    for (op, name, value) in [
        (MatchOp::NotRegex, "a", "b"),
        (MatchOp::Equal, "a", "b"),
        (MatchOp::Regex, "b", "b"),
        (MatchOp::Regex, "a", "a"),
    ] {
        assert_ne!(regex, matcher(op, name, value));
    }
    assert_eq!(Matcher::equal("a", "b"), matcher(MatchOp::Equal, "a", "b"));
}

#[test]
fn templates_expand_as_in_go() {
    let pattern = "(?P<first>[a-z]+)-(?P<second>[0-9]+)?(x)?(?P<1x>.*)";
    let cases = [
        ("$1", "ab"),
        ("${1}", "ab"),
        ("$0!", "ab-12yz!"),
        ("$first/$second", "ab/12"),
        ("${first}_", "ab_"),
        // The longest name wins, and this one is no group's.
        ("$first_", ""),
        ("$1x", "yz"),
        ("$1x2", ""),
        ("${1}x2", "abx2"),
        // Group 3 took no part, and there is no group 9.
        ("[$3$9]", "[]"),
        ("$01", ""),
        ("$$1 $$", "$1 $"),
        ("$", "$"),
        ("$-1", "$-1"),
        ("${", "${"),
        ("${}", "${}"),
        ("${1", "${1"),
        ("${1 }", "${1 }"),
        ("a${é}b", "ab"),
        ("$99999999999999999999", ""),
        ("", ""),
    ];
    let regex = Regex::new(pattern).unwrap();
    for (template, expanded) in cases {
        let mut out = String::from(">");
        assert!(regex.expand("ab-12yz", template, &mut out));
        assert_eq!(out, format!(">{expanded}"), "{template}");
        assert!(!regex.expand("12yz", template, &mut out));
        assert_eq!(out, format!(">{expanded}"), "nothing is added without a match");
    }
}

#[test]
fn groups_are_told_without_an_automaton() {
    for (pattern, text) in [("(.*)", "a\nb"), ("((?P<all>a|b))", "a"), ("ab", "ab"), ("()", "")] {
        let regex = Regex::new(pattern).unwrap();
        let captures = regex.captures(text).unwrap();
        let automaton = regex::Regex::new(&format!("^(?s:{pattern})$")).unwrap();
        let expected = automaton.captures(text).unwrap();
        for index in 0..4 {
            assert_eq!(captures.get(index), expected.get(index).map(|group| group.as_str()));
        }
        assert_eq!(captures.name("all"), expected.name("all").map(|group| group.as_str()));
    }
}

#[test]
fn the_first_group_of_a_name_that_took_part_counts() {
    let regex = Regex::new("(?P<n>a)|(?P<n>b)").unwrap();
    let captures = regex.captures("b").unwrap();
    assert_eq!((captures.get(1), captures.name("n")), (None, Some("b")));
}
