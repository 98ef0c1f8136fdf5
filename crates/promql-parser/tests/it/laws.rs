//! Laws that hold for every expression, and for every text.

use narthex_promql_parser::{FUNCTIONS, ParseOptions, ParseProblem, ValueType, parse_with};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Returns texts of well-typed instant vectors.
fn vectors() -> BoxedStrategy<String> {
    selectors()
        .prop_recursive(4, 24, 3, |inner| {
            let pair = (inner.clone(), inner.clone());
            prop_oneof![
                (
                    inner.clone(),
                    durations(),
                    durations(),
                    times(),
                    select(&["rate", "max_over_time"][..])
                )
                    .prop_map(|(v, range, step, times, f)| format!(
                        "{f}(({v})[1s + {range}:{step}]{times})"
                    )),
                (selectors_with_range(), select(&["rate", "delta", "count_over_time"][..]))
                    .prop_map(|(matrix, function)| format!("{function}({matrix})")),
                (pair.clone(), binary_operators())
                    .prop_map(|((lhs, rhs), op)| format!("{lhs} {op} {rhs}")),
                (inner.clone(), scalars(), select(&["+", "-", "^", "==", "> bool", "</"][..]))
                    .prop_map(|(vector, scalar, op)| format!("({vector} {op} {scalar})")),
                (inner.clone(), aggregations()).prop_map(|(vector, agg)| agg.replace("@", &vector)),
                inner.clone().prop_map(|vector| format!("-{vector}")),
                inner.clone().prop_map(|vector| format!("({vector})")),
                inner.prop_map(|vector| format!(
                    "label_replace({vector}, 'a', \"$1\\n\", `b`, '.*')"
                )),
            ]
        })
        .boxed()
}

fn selectors() -> BoxedStrategy<String> {
    let extended = select(&["", " anchored", " smoothed"][..]);
    (series(), times(), extended).prop_map(|(s, times, extended)| s + extended + &times).boxed()
}

fn selectors_with_range() -> impl Strategy<Value = String> {
    // Operators behind such an offset would belong to it; here a parenthesis follows.
    let offset = durations().prop_map(|duration| format!(" offset (-{duration})"));
    let times = prop_oneof![times(), offset];
    (series(), durations(), times).prop_map(|(s, range, times)| format!("{s}[{range}]{times}"))
}

fn series() -> impl Strategy<Value = String> {
    let name = select(&["up", "a:b", "sum", "fill", "by", "offset", "step"][..]);
    let label = select(&["a", "le", "\"b c\"", "\"\\u00e9\\\"\""][..]);
    let op = select(&["=", "!=", "=~", "!~"][..]);
    let value = select(&["''", "\"x\"", "`a|b`", "'.*'", "\"\\ufffd\\t\\x7f\\\\\\\\\""][..]);
    (name, vec((label, op, value), 0..3)).prop_map(|(name, matchers)| {
        let matchers: Vec<_> = matchers.iter().map(|(l, op, v)| format!("{l}{op}{v}")).collect();
        if matchers.is_empty() {
            name.to_owned()
        } else {
            format!("{name}{{{}}}", matchers.join(","))
        }
    })
}

/// Returns texts of `@` and `offset`.
fn times() -> impl Strategy<Value = String> {
    let at = prop_oneof![
        Just(String::new()),
        select(&[" @ start()", " @ end()"][..]).prop_map(String::from),
        (-1e9..1e10_f64).prop_map(|seconds| format!(" @ {seconds}")),
    ];
    let offset = prop_oneof![
        Just(String::new()),
        (-1_000_000..1_000_000_i64).prop_map(|seconds| format!(" offset {seconds}")),
        durations().prop_map(|duration| format!(" offset -({duration})")),
        select(&[" offset +step()", " offset -range()"][..]).prop_map(String::from),
    ];
    (at, offset).prop_map(|(at, offset)| at + &offset)
}

/// Returns texts of durations that the parser takes for positive.
fn durations() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        (1..100_000_000_u32).prop_map(|millis| format!("{millis}ms")),
        (1..1_000_000_u32).prop_map(|seconds| seconds.to_string()),
        select(&["0.0004", "1.0005", "1y2w3d4h5m6s7ms", "step()", "range()"][..])
            .prop_map(String::from),
    ];
    let expression = leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone(), select(&["+", "-", "*", "^", "/ ", "%"][..]))
                .prop_map(|(lhs, rhs, op)| format!("{lhs} {op} {rhs}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("max_of({a}, {b})")),
            inner.clone().prop_map(|duration| format!("({duration})")),
            inner.prop_map(|duration| format!("step() - -{duration}")),
        ]
    });
    expression.boxed()
}

fn scalars() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<f64>().prop_map(|value| value.to_string()),
        (0..1_000_000_u32).prop_map(|millis| format!("-{millis}ms")),
        select(&["1", "time()", "Inf", "0x1f", "(2 ^ 3)", "5m"][..]).prop_map(String::from),
    ]
}

fn binary_operators() -> impl Strategy<Value = String> {
    let op = select(&["+", "*", "atan2", "^", "%", "< bool", "==", ">/"][..]);
    let matching = select(
        &[
            "",
            "on ()",
            "on (a, \"b c\")",
            "ignoring (a)",
            "on (a) group_left ()",
            "ignoring () group_right (b)",
        ][..],
    );
    let fill =
        select(&["", "fill (1)", "fill_left (-Inf) fill_right (5m)", "fill_right (NaN)"][..]);
    let set = select(&["and", "or", "unless on (a)"][..]).prop_map(String::from);
    let infix =
        (op, matching, fill).prop_map(|(op, matching, fill)| format!("{op} {matching} {fill}"));
    prop_oneof![infix, set]
}

/// Returns texts of aggregations, with an at sign for what is aggregated.
fn aggregations() -> impl Strategy<Value = &'static str> {
    select(
        &[
            "sum(@)",
            "avg by (a, bool) (@)",
            "count without () (@)",
            "topk(3, @) by (\"b c\")",
            "quantile(0.5, @)",
            "count_values(\"v\", @)",
            "limit_ratio(-0.5, @)",
        ][..],
    )
}

/// Returns a query with a stretch of it repeated, dropped or overwritten.
fn mutated() -> impl Strategy<Value = String> {
    let noise = "[\\[\\](){}:,@\"'`#=!~<>/^a-z0-9. \\\\\u{e9}\u{fffd}]{0,3}";
    (vectors(), any::<[prop::sample::Index; 3]>(), noise).prop_map(|(query, cuts, noise)| {
        let mut cuts = cuts.map(|cut| {
            let mut at = cut.index(query.len() + 1);
            while !query.is_char_boundary(at) {
                at -= 1;
            }
            at
        });
        cuts[..2].sort_unstable();
        format!("{}{noise}{}", &query[..cuts[1]], &query[cuts[0].min(cuts[2])..])
    })
}

proptest! {
    #[test]
    fn canonical_and_pretty_text_parse_to_an_equal_expression(query in vectors()) {
        let options = ParseOptions::experimental();
        let expr = parse_with(&query, &options);
        prop_assert!(expr.is_ok(), "{query}: {}", expr.unwrap_err());
        let expr = expr.unwrap();
        prop_assert_eq!(expr.value_type(), ValueType::Vector);
        let canonical = expr.to_string();
        prop_assert_eq!(parse_with(&canonical, &options), Ok(expr.clone()), "{}", canonical);
        prop_assert_eq!(parse_with(&expr.pretty(), &options), Ok(expr.clone()));
        let copy = expr.rewrite(|builder, node, span| builder.push(node, span));
        prop_assert_eq!(&copy, &expr);
        prop_assert_eq!(copy.to_string(), canonical);
        for node in expr.nodes() {
            prop_assert!(query.get(node.span().range()).is_some_and(|text| !text.is_empty()));
        }
    }

    #[test]
    fn mutated_queries_are_read_or_refused(query in mutated()) {
        match parse_with(&query, &ParseOptions::experimental()) {
            Ok(expr) => {
                let reread = parse_with(&expr.to_string(), &ParseOptions::experimental());
                prop_assert_eq!(reread, Ok(expr));
            }
            Err(error) => {
                prop_assert!(query.get(error.span.range()).is_some(), "{error}");
                prop_assert!(error.excerpt(&query).contains('^'));
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused(query in any::<String>()) {
        let _ = parse_with(&query, &ParseOptions::default());
    }

    #[test]
    fn calls_with_any_number_of_arguments(
        function in select(&FUNCTIONS[..]),
        arguments in vec(select(&["a", "a[5m]", "1", "\"b\"", "{c='1'}"][..]), 0..14),
    ) {
        let query = format!("{}({})", function.name, arguments.join(", "));
        let counts = function.args_min()..=function.args_max().unwrap_or(usize::MAX);
        if let Err(error) = parse_with(&query, &ParseOptions::experimental()) {
            prop_assert!(matches!(*error.problem, ParseProblem::Type(_)), "{error}");
        } else {
            prop_assert!(counts.contains(&arguments.len()));
        }
    }
}
