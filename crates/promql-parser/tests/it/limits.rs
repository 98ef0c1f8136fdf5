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
        assert_eq!(parse_with(&canonical, &unbounded).as_ref(), Ok(&expr));
        assert!(!expr.pretty().is_empty());
        assert_eq!(expr.rewrite(|builder, node, span| builder.push(node, span)), expr);
    }
}

#[test]
fn ten_thousand_terms_take_time_linear_in_their_number() {
    let query = vec!["1"; 10_000].join("+");
    let started = Instant::now();
    let expr = parse(&query).unwrap();
    assert_eq!(expr.node_count(), 19_999);
    assert_eq!(expr.to_string().len(), 39_997);
    // Quadratic work would take many seconds; an unoptimised build on a busy machine takes 50 ms.
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}
