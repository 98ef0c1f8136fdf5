//! What is refused, where, and in which words.

use narthex_promql_parser::{ParseError, ParseOptions, parse, parse_metric_selector, parse_with};

fn message(parsed: Result<impl std::fmt::Debug, ParseError>) -> String {
    match parsed {
        Ok(parsed) => panic!("expected an error, got {parsed:?}"),
        Err(error) => error.to_string().replacen(" parse error:", "", 1),
    }
}

#[test]
fn errors_of_the_stock_language() {
    let cases = [
        ("", "unknown position: no expression found in input"),
        (" # nothing", "1:1: no expression found in input"),
        ("1 +\n  @", "2:3: unexpected <op:@>"),
        ("a b", "1:3: unexpected identifier \"b\""),
        ("a \"12345678901\"", "1:3: unexpected string \"\\\"123456789\"..."),
        ("sum(a b)", "1:7: unexpected identifier \"b\" in aggregation"),
        ("sum by job (a)", "1:8: unexpected identifier \"job\" in grouping opts, expected \"(\""),
        (
            "sum by (a b) (c)",
            "1:11: unexpected identifier \"b\" in grouping opts, expected \",\" or \")\"",
        ),
        ("sum by (without) (c)", "1:9: unexpected <without> in grouping opts, expected label"),
        ("sum by (\"\") (c)", "1:9: invalid label name for grouping: \"\""),
        (
            "{a b}",
            "1:4: unexpected identifier \"b\" in label matching, expected label matching operator",
        ),
        ("{a=b}", "1:4: unexpected identifier \"b\" in label matching, expected string"),
        ("{,}", "1:2: unexpected \",\" in label matching, expected identifier or \"}\""),
        ("{a=\"\"}", "1:1: vector selector must contain at least one non-empty matcher"),
        ("a{__name__=\"b\"}", "1:1: metric name must not be set twice: \"a\" or \"b\""),
        ("a[5m] b[", "1:7: unexpected identifier \"b\""),
        ("a[5m 1]", "1:6: unexpected number \"1\" in subquery or range, expected \":\" or \"]\""),
        ("a[5m:1m 1]", "1:9: unexpected number \"1\" in subquery selector, expected \"]\""),
        ("a[5m:)]", "1:7: unexpected right parenthesis ')'"),
        ("a[0]", "1:3: duration must be greater than 0"),
        ("a[1m/0]", "1:5: division by zero"),
        ("a[5m % (0s)]", "1:6: modulo by zero"),
        ("a[1s1m]", "1:3: not a valid duration string: \"1s1m\""),
        ("a offset 1e12", "1:10: duration out of range"),
        (
            "a offset b",
            "1:10: unexpected identifier \"b\" in offset, expected number, duration, step(), or range()",
        ),
        ("a offset 1 offset 2", "1:1: offset may not be set multiple times"),
        ("a @ 1 @ 2", "1:1: @ <timestamp> may not be set multiple times"),
        ("a @ inf", "1:1: timestamp out of bounds for @ modifier: +Inf"),
        (
            "1 @ 2",
            "1:1: @ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
        ),
        ("a @ 1 [5m]", "1:7: no @ modifiers allowed before range"),
        ("a offset 1 [5m]", "1:12: no offset modifiers allowed before range"),
        (
            "1e999",
            "1:1: error parsing number: strconv.ParseFloat: parsing \"1e999\": value out of range",
        ),
        ("foo(", "1:5: unclosed left parenthesis"),
        ("foo()", "1:1: unknown function with name \"foo\""),
        ("Rate(a[5m])", "1:1: unknown function with name \"Rate\""),
        ("abs(a,)", "1:6: trailing commas not allowed in function call args"),
        ("sum()", "1:1: no arguments for aggregate expression provided"),
        (
            "topk(a)",
            "1:1: wrong number of arguments for aggregate expression provided, expected 2, got 1",
        ),
        ("a group_left b", "1:3: unexpected <group_left>"),
        ("a + on(x) group_left bool b", "1:22: unexpected <bool> in grouping opts, expected \"(\""),
        ("atan2", "1:1: unexpected <op:atan2>"),
    ];
    for (query, expected) in cases {
        assert_eq!(message(parse(query)), expected, "{query}");
    }
}

#[test]
fn errors_of_types() {
    let cases = [
        (
            "rate(a)",
            "1:6: expected type range vector in call to function \"rate\", got instant vector",
        ),
        ("sum(1)", "1:5: expected type instant vector in aggregation expression, got scalar"),
        ("topk(a, b)", "1:6: expected type scalar in aggregation parameter, got instant vector"),
        ("topk(a, 1)", "1:9: expected type instant vector in aggregation expression, got scalar"),
        ("count_values(1, a)", "1:14: expected type string in aggregation parameter, got scalar"),
        ("abs()", "1:1: expected 1 argument(s) in call to \"abs\", got 0"),
        ("label_join(a)", "1:1: expected at least 3 argument(s) in call to \"label_join\", got 1"),
        ("round(a, 1, 2)", "1:1: expected at most 2 argument(s) in call to \"round\", got 3"),
        (
            "-\"a\"",
            "1:1: unary expression only allowed on expressions of type scalar or instant vector, got \"string\"",
        ),
        ("a[5m][1h:]", "1:1: subquery is only allowed on instant vector, got matrix instead"),
        ("1 == 2", "1:3: comparisons between scalars must use BOOL modifier"),
        ("a  + bool  b", "1:4: bool modifier can only be used on comparison operators"),
        (
            "a + on(x) group_left(x) b",
            "1:3: label \"x\" must not occur in ON and GROUP clause at once",
        ),
        ("\"a\" + 1", "1:1: binary expression must contain only scalar and instant vector types"),
        ("1 + on(x) a", "1:1: vector matching only allowed between instant vectors"),
        ("a or 1", "1:1: set operator \"or\" not allowed in binary scalar expression"),
        ("a or on(x) group_left b", "1:1: no grouping allowed for \"or\" operation"),
    ];
    for (query, expected) in cases {
        assert_eq!(message(parse(query)), expected, "{query}");
    }
}

#[test]
fn spans_cover_what_is_wrong() {
    let cases = [("a == (1  == 2)", 9..11), ("abs(a, b)", 0..9), ("a[5m] + 1", 0..5)];
    for (query, span) in cases {
        assert_eq!(parse(query).unwrap_err().span.range(), span, "{query}");
    }
}

#[test]
fn excerpts_point_at_what_is_wrong() {
    let cases = [
        ("", "\n^"),
        ("a +", "a +\n   ^"),
        ("\u{e9}", "\u{e9}\n^"),
        ("a{b='\u{e9}'} c\nd", "a{b='\u{e9}'} c\n         ^"),
        ("a\n\t+ #\n\t\"b\" )", "\t\"b\" )\n\t     ^"),
        ("rate(a\n)", "rate(a\n     ^"),
    ];
    for (query, excerpt) in cases {
        assert_eq!(parse(query).unwrap_err().excerpt(query), excerpt, "{query}");
    }
}

#[test]
fn experimental_parts_must_be_enabled() {
    let cases = [
        ("mad_over_time(a[5m])", "1:1: function \"mad_over_time\" is not enabled"),
        (
            "limitk(1, a)",
            "1:1: limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
        ),
        ("a anchored", "1:1: anchored modifier is experimental and not enabled"),
        ("a[5m] smoothed", "1:1: smoothed modifier is experimental and not enabled"),
        ("a + fill(1) b", "1:1: binop fill modifiers are experimental and not enabled"),
    ];
    for (query, expected) in cases {
        assert_eq!(message(parse(query)), expected, "{query}");
        assert!(parse_with(query, &ParseOptions::experimental()).is_ok(), "{query}");
    }
    let literals = ParseOptions { duration_expressions: false, ..ParseOptions::default() };
    let expected = "1:3: experimental duration expression is not enabled";
    assert_eq!(message(parse_with("a[5m * 2]", &literals)), expected);
    assert!(parse_with("a[5m] offset -5m", &literals).is_ok());
}

#[test]
fn errors_of_experimental_parts() {
    let cases = [
        ("a anchored smoothed", "1:1: anchored and smoothed modifiers cannot be used together"),
        ("a[1h:] anchored", "1:1: anchored modifier is not supported for subqueries"),
        ("1 smoothed", "1:1: smoothed modifier not implemented"),
        ("1 + fill(1) a", "1:1: filling in missing series only allowed between instant vectors"),
        ("a or fill(1) b", "1:1: filling in missing series not allowed for set operators"),
        ("info(a, b)", "1:9: expected label selectors only, got vector selector instead"),
        ("info(a, abs(b))", "1:9: expected label selectors only"),
        (
            "info(a, 1)",
            "1:1: expected type instant vector in call to function \"info\", got scalar",
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(message(parse_with(query, &ParseOptions::experimental())), expected, "{query}");
    }
    assert!(parse_with("info(a, {b=~\".*\"})", &ParseOptions::experimental()).is_ok());
}

#[test]
fn metric_selectors() {
    let texts = |selector| {
        let matchers = parse_metric_selector(selector).unwrap();
        let text = |m: &narthex_model::Matcher| format!("{}{}{}", m.name(), m.op(), m.value());
        matchers.iter().map(text).collect::<Vec<_>>()
    };
    assert_eq!(texts("up{job=~'a|b'}"), ["job=~a|b", "__name__=up"]);
    assert_eq!(texts("{\"up\"}"), ["__name__=up"]);
    assert!(texts("{}").is_empty());
    assert_eq!(message(parse_metric_selector("")), "unknown position: unexpected end of input");
    assert_eq!(message(parse_metric_selector("a + b")), "1:3: unexpected <op:+>");
    assert_eq!(message(parse_metric_selector("rate(a)")), "1:5: unexpected \"(\"");
}
