use proptest::prelude::*;

use super::super::plain::matches_empty;
use super::super::{Regex, go_pattern};

/// Returns whether the compiled pattern matches the empty text, or `None` where it does not compile.
fn compiled_matches_empty(pattern: &str) -> Option<bool> {
    let regex = Regex::build(pattern, go_pattern::parse(pattern, true).ok()?).ok()?;
    Some(regex.is_match(""))
}

#[test]
fn what_is_plain() {
    let cases = [
        ("", Some(true)),
        ("node", Some(false)),
        ("node|", Some(true)),
        (".*", Some(true)),
        (".+", Some(false)),
        ("a*b?", Some(true)),
        ("(a|b*)(c|d)?", Some(true)),
        ("(a|b*)(c|d)", Some(false)),
        (r"10\.0\.\d+", Some(false)),
        ("[a-z0-9_]*?", Some(true)),
        ("[^a]", Some(false)),
        ("(?i:pro).*", Some(false)),
        ("((?i)é)", Some(false)),
        ("^a$", None),
        ("a{2}", None),
        ("a**", None),
        ("*", None),
        ("(*)", None),
        ("(a", None),
        ("a)", None),
        ("(?P<a>b)", None),
        ("[z-a]", None),
        ("[]a]", None),
        ("[[:alpha:]]", None),
        (r"\pL", None),
        ("a\\", None),
    ];
    for (pattern, expected) in cases {
        assert_eq!(matches_empty(pattern), expected, "{pattern}");
        assert!(expected.is_none() || compiled_matches_empty(pattern) == expected, "{pattern}");
    }
}

#[test]
fn size_and_depth_are_bounded() {
    assert_eq!(matches_empty(&"a".repeat(1024)), Some(false));
    assert_eq!(matches_empty(&"a".repeat(1025)), None);
    let nested = |depth| format!("{}{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(matches_empty(&nested(16)), Some(true));
    assert_eq!(matches_empty(&nested(17)), None);
}

#[test]
fn the_largest_plain_patterns_compile() {
    for part in [r"\W", "(?i:k)", "[^a]", ".+", "é|", r"(\D*)+"] {
        let pattern = part.repeat(1024 / part.len());
        assert!(matches_empty(&pattern).is_some(), "{part}");
        assert!(compiled_matches_empty(&pattern).is_some(), "{part}");
    }
}

proptest! {
    #[test]
    fn plain_patterns_compile_to_what_was_said(
        pattern in r"([a-cé.*+?|()\[\]^$\-{}2,]|\\[dDwWsS.|]|\(\?i?:|\(\?i\)){0,12}"
    ) {
        if let Some(expected) = matches_empty(&pattern) {
            prop_assert_eq!(compiled_matches_empty(&pattern), Some(expected));
        }
    }
}
