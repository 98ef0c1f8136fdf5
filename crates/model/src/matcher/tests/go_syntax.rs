//! Where Go's patterns differ from those of the `regex` crate. What is expected here was printed by
//! Go's `regexp`.

use super::Regex;

#[test]
fn reads_what_only_go_reads() {
    let cases = [
        // Escapes.
        (r"\Qa.b\E+", ["a.b", "a.bb"].as_slice(), ["axb", "a.ba.b"].as_slice()),
        (r"\Q[x", &["[x"], &["x"]),
        (r"\012\0\101", &["\n\0A"], &["\n\0\x01"]),
        (r"\x41\x{3b1}\_\-\/", &["Aα_-/"], &["Aα"]),
        (r"\a\f\v", &["\x07\x0c\x0b"], &[""]),
        (r"\x{d800}|a", &["a"], &["", "\u{fffd}"]),
        // Classes of ASCII characters where the crate knows Unicode.
        (r"\d", &["0"], &["٣"]),
        (r"\w", &["a", "_"], &["é", "-"]),
        (r"\W", &["é", "-"], &["a"]),
        (r"\s", &[" ", "\n", "\x0c"], &["\x0b", "\u{a0}"]),
        (r".*\bé.*", &["aé"], &["é", " é"]),
        (r"é\Ba|é\bb", &["éb"], &["éa"]),
        (r"(?i)\w", &["K", "\u{212a}", "ſ"], &["é"]),
        (r"(?i)\W", &["é"], &["\u{212a}", "ſ"]),
        // Brackets hold no sets within sets.
        ("[a&&b]", &["a", "b", "&"], &[""]),
        ("[[ab]", &["[", "a", "b"], &["[a"]),
        ("[]a]", &["]", "a"], &["a]"]),
        ("[^]a]", &["b"], &["]", "a"]),
        ("[a-]|[-b]|[+--]", &["a", "-", "b", ","], &["."]),
        (r"[\d-z]", &["5", "-", "z"], &["a"]),
        ("[[:alpha:]_]", &["a", "_"], &[":", "[", "1"]),
        ("[[:^alpha:]]", &["1", ":", "é"], &["a"]),
        ("[:alpha:]", &["a", ":", "l"], &["b"]),
        (r"[\x{d000}-\x{e000}]", &["\u{d000}", "\u{d7ff}", "\u{e000}"], &["\u{e001}"]),
        // Properties.
        (r"\pL\PL\p{^L}\P{^L}", &["a11a"], &["1aa1"]),
        (r"\p{Greek}|\p{Any}x", &["α", "!x"], &["a"]),
        (r"\pC", &["\0", "\u{ad}"], &["\u{378}", "a"]),
        ("(?i)ſ", &["s", "S", "ſ"], &["ß"]),
        // Braces that count nothing.
        ("a{", &["a{"], &["a"]),
        ("a{,2}", &["a{,2}"], &["aa", ""]),
        ("a{01}", &["a{01}"], &["a"]),
        ("{}", &["{}"], &[""]),
        ("a{2,}?", &["aa", "aaa"], &["a"]),
        // Flags.
        ("(?i)a(?-i)b", &["Ab", "ab"], &["aB"]),
        ("(?i:a)b", &["Ab"], &["AB"]),
        ("((?i)a)b", &["Ab"], &["AB"]),
        ("a(?i)*", &["", "aaa"], &["A"]),
        ("(?-s).", &["a"], &["\n"]),
        (".", &["a", "\n", "é"], &["", "ab"]),
        ("(?m)a$\n^b", &["a\nb"], &["ab"]),
        ("a$\n^b", &[], &["a\nb"]),
        ("#a b", &["#a b"], &["#ab"]),
        // Groups.
        ("(?P<1x>a)(?<n>b)", &["ab"], &["a"]),
        ("(a){0}b", &["b"], &["ab"]),
        ("|a", &["", "a"], &["|a"]),
        ("^*a$?", &["a"], &["^a"]),
    ];
    for (pattern, matching, others) in cases {
        let regex = Regex::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        for text in matching {
            assert!(regex.is_match(text), "{pattern} on {text:?}");
        }
        for text in others {
            assert!(!regex.is_match(text), "{pattern} on {text:?}");
        }
    }
}

#[test]
fn refuses_what_go_refuses_in_its_words() {
    let cases = [
        ("a**", "invalid nested repetition operator: `**`"),
        ("a+?*", "invalid nested repetition operator: `+?*`"),
        ("a{2}{3}?", "invalid nested repetition operator: `{2}{3}?`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("(+)", "missing argument to repetition operator: `+`"),
        ("a|{2}", "missing argument to repetition operator: `{2}`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{3,2}", "invalid repeat count: `{3,2}`"),
        ("a{99999999999999999999}", "invalid repeat count: `{99999999999999999999}`"),
        ("(a{100}){11}b", "invalid repeat count: `{11}`"),
        ("[a", "missing closing ]: `[a`"),
        ("x[", "missing closing ]: `[`"),
        ("[]", "missing closing ]: `[]`"),
        ("[a--b]", "invalid character class range: `a--`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        ("[a~~b-a]", "invalid character class range: `b-a`"),
        ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        (r"\p{Foo}", r"invalid character class range: `\p{Foo}`"),
        (r"\p{Alphabetic}", r"invalid character class range: `\p{Alphabetic}`"),
        (r"\p{greek}", r"invalid character class range: `\p{greek}`"),
        (r"\p{L", r"invalid character class range: `\p{L`"),
        (r"\p", r"invalid character class range: `\p`"),
        (r"\1", r"invalid escape sequence: `\1`"),
        (r"\8", r"invalid escape sequence: `\8`"),
        (r"\C", r"invalid escape sequence: `\C`"),
        (r"\éa", r"invalid escape sequence: `\é`"),
        (r"[\b]", r"invalid escape sequence: `\b`"),
        (r"\xg1", r"invalid escape sequence: `\xg1`"),
        (r"\x{}", r"invalid escape sequence: `\x{}`"),
        (r"\x{110000}", r"invalid escape sequence: `\x{110000`"),
        ("a\\", "trailing backslash at end of expression: ``"),
        ("(a", "missing closing ): `(a`"),
        ("a)(b", "unexpected ): `a)(b`"),
        ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
        ("(?u)a", "invalid or unsupported Perl syntax: `(?u`"),
        ("(?i-)a", "invalid or unsupported Perl syntax: `(?i-)`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?P=n)", "invalid or unsupported Perl syntax: `(?P`"),
        ("(?", "invalid or unsupported Perl syntax: `(?`"),
        ("(?P<a-b>x)", "invalid named capture: `(?P<a-b>`"),
        ("(?P<n", "invalid named capture: `(?P<n`"),
    ];
    for (pattern, message) in cases {
        let error = Regex::new(pattern).expect_err(pattern);
        assert_eq!(error.to_string(), format!("error parsing regexp: {message}"), "{pattern}");
    }
}

#[test]
fn wrapped_patterns_are_read_with_their_anchors() {
    let cases = [
        ("(", "missing closing ): `^(?s:()$`"),
        (")", "unexpected ): `^(?s:))$`"),
        ("[a", "missing closing ]: `[a)$`"),
        ("a\\", "missing closing ): `^(?s:a\\)$`"),
        (r"\Qa", r"missing closing ): `^(?s:\Qa)$`"),
        ("*", "missing argument to repetition operator: `*`"),
    ];
    for (pattern, message) in cases {
        let error = Regex::new_wrapped(pattern).expect_err(pattern);
        assert_eq!(error.to_string(), format!("error parsing regexp: {message}"), "{pattern}");
    }
    let split = Regex::new_wrapped("a|b)(c|d").unwrap();
    assert!(split.is_match("bc") && !split.is_match("b"));
    assert_eq!(split.captures("ad").and_then(|found| found.get(1)), Some("d"));
    let all = Regex::new_wrapped("(.*)").unwrap();
    assert_eq!(all.captures("a\nb").and_then(|found| found.get(1)), Some("a\nb"));
    assert_eq!((all.as_str(), all.prefix()), ("(.*)", ""));
    let literals = Regex::new_wrapped("a|b").unwrap();
    assert_eq!(literals.literals().map(<[_]>::len), Some(2));
}

#[test]
fn depth_and_size_are_bounded() {
    let nested = |depth| format!("{}a{}", "(".repeat(depth), ")*".repeat(depth));
    // Each level is a group and a repetition.
    assert!(Regex::new(&nested(125)).unwrap().is_match("aaa"));
    let message = Regex::new(&nested(126)).unwrap_err().to_string();
    assert!(message.starts_with("error parsing regexp: expression nests too deeply: "));
    let open = "(?:".repeat(1_000_000);
    assert!(Regex::new(&open).unwrap_err().to_string().contains("nests too deeply"));
    for large in [
        r"(\pL{30}){30}".to_owned(),
        r"\pL".repeat(20_000),
        // One range each, but a long way to it.
        r"(?i)[\x00-\x{10ffff}]".repeat(20_000),
    ] {
        let message = Regex::new(&large).unwrap_err().to_string();
        assert!(message.starts_with("error parsing regexp: expression too large: "), "{message}");
    }
}

#[test]
fn long_patterns_are_not_nested_ones() {
    let names: Vec<String> = (0..20_000).map(|number| format!("host-{number}")).collect();
    let regex = Regex::new(&names.join("|")).unwrap();
    assert!(regex.is_match("host-19999") && !regex.is_match("host-20000"));
    assert_eq!(regex.literals().map(<[_]>::len), Some(20_000));
    assert!(Regex::new(&"a.".repeat(2_000)).unwrap().is_match(&"ab".repeat(2_000)));
}
