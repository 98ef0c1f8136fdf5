//! Bounds, and time that grows with the text only.

use std::time::{Duration, Instant};

use narthex_promql_parser::{ParseOptions, ParseProblem, parse, parse_with};

fn nested(depth: usize) -> String {
    format!("{}1{}", "(".repeat(depth), ")".repeat(depth))
}

#[test]
fn nesting_is_bounded() {
    let max = ParseOptions::NESTING_MAX;
    assert!(parse(&nested(max)).is_ok());
    let error = parse(&nested(max + 1)).unwrap_err();
    assert_eq!(error.to_string(), "1:1001: parse error: nesting exceeds 1000");
    let calls = format!("{}a{}", "abs(".repeat(max + 1), ")".repeat(max + 1));
    assert_eq!(*parse(&calls).unwrap_err().problem, ParseProblem::TooDeep { nesting_max: max });
    let durations = format!("a[{}1{}]", "max_of(1,(".repeat(max), "))".repeat(max));
    assert_eq!(*parse(&durations).unwrap_err().problem, ParseProblem::TooDeep { nesting_max: max });
    // Brackets that close make room for others.
    assert!(parse(&vec!["abs((a))"; 2_000].join("+")).is_ok());
}

#[test]
fn the_size_is_bounded() {
    let options = ParseOptions { query_size_max: 8, ..ParseOptions::default() };
    assert!(parse_with("12345678", &options).is_ok());
    let error = parse_with("123456789", &options).unwrap_err();
    assert_eq!(error.to_string(), "1:1: parse error: query exceeds 8 bytes");
}

#[test]
fn deep_trees_are_walked_and_dropped_without_recursion() {
    let unbounded =
        ParseOptions { nesting_max: usize::MAX, query_size_max: u32::MAX, ..Default::default() };
    let queries = [
        nested(60_000),
        vec!["a"; 40_000].join("+"),
        vec!["a"; 40_000].join("^"),
        format!("{}a", "-".repeat(100_000)),
        format!("a[{}step(){}]", "-(".repeat(40_000), ")".repeat(40_000)),
        format!("a[{}]", vec!["step()"; 40_000].join("^")),
    ];
    for query in queries {
        let expr = parse_with(&query, &unbounded).unwrap();
        let canonical = expr.to_string();
        assert!(parse_with(&canonical, &unbounded).as_ref() == Ok(&expr), "{query:.60}");
        assert!(!expr.pretty().is_empty());
        let copy = expr.rewrite(|builder, node, span| builder.push(node, span));
        assert!(copy == expr, "{query:.60}");
    }
}

/// Reads and prints `query`, and holds that against a clock. Quadratic work on texts of 100 KB would
/// take many seconds; an unoptimised build on a busy machine takes a tenth of one.
fn read_in_time(query: &str) {
    let started = Instant::now();
    if let Ok(expr) = parse(query) {
        // Canonical text has blanks that the query may do without.
        let unbounded = ParseOptions { query_size_max: u32::MAX, ..ParseOptions::default() };
        assert!(parse_with(&expr.to_string(), &unbounded) == Ok(expr), "{query:.60}");
    }
    let elapsed = started.elapsed();
    assert!(elapsed < Duration::from_secs(2), "{elapsed:?} for {query:.60}");
}

#[test]
fn time_grows_with_the_text_alone() {
    let labels = |prefix: &str| {
        let labels: Vec<_> = (0..8_000).map(|index| format!("{prefix}{index:04}")).collect();
        labels.join(",")
    };
    read_in_time(&vec!["1"; 10_000].join("+"));
    read_in_time(&vec!["a"; 30_000].join(" or "));
    read_in_time(&format!("a + on({}) group_left({}) b", labels("a"), labels("b")));
    read_in_time(&format!("sum by ({}) (a)", labels("a")));
    read_in_time(&format!("label_join(a, {})", vec!["'b'"; 25_000].join(",")));
    read_in_time(&format!("{{{}}}", vec!["a='b'"; 20_000].join(",")));
    read_in_time(&vec!["fill  "; 20_000].join(" "));
    read_in_time(&format!("'{}'", "\\\\".repeat(60_000)));
    read_in_time(&"a[".repeat(60_000));
    read_in_time(&"((1)".repeat(30_000));
    read_in_time(&format!("a[{}]", vec!["1"; 60_000].join("^")));
}
