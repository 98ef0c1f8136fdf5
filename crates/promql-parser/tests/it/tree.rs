//! The shape of trees, and what durations resolve to.

use narthex_promql_parser::{
    At, Cardinality, DurationValue, Expr, ExprRef, ExtendedRange, Node, ParseOptions, QueryTimes,
    ValueType, VectorMatching, Visitor, parse, parse_with,
};

fn experimental(query: &str) -> Expr {
    parse_with(query, &ParseOptions::experimental()).expect("a good query")
}

#[test]
fn nodes_come_in_post_order_with_their_spans() {
    let query = "sum by (a) (rate(b[5m])) > -(c)";
    let expr = parse(query).unwrap();
    let texts: Vec<_> = expr.nodes().map(|node| node.span().text(query)).collect();
    let sum = "sum by (a) (rate(b[5m]))";
    assert_eq!(texts, ["b", "b[5m]", "rate(b[5m])", sum, "c", "(c)", "-(c)", query]);
    assert!(expr.nodes().all(|node| node.children().all(|child| child.id() < node.id())));
}

#[test]
fn types_of_expressions() {
    let cases = [
        ("1 + (2)", ValueType::Scalar),
        ("1 + a", ValueType::Vector),
        ("-a", ValueType::Vector),
        ("a[5m]", ValueType::Matrix),
        ("a[5m:]", ValueType::Matrix),
        ("\"a\"", ValueType::String),
        ("scalar(a)", ValueType::Scalar),
    ];
    for (query, value_type) in cases {
        assert_eq!(parse(query).unwrap().value_type(), value_type, "{query}");
    }
}

#[test]
fn modifiers_reach_their_selector() {
    let expr = experimental("a[5m] smoothed @ -1.5 offset -1h");
    let Node::MatrixSelector(matrix) = expr.root().node() else { panic!("{expr:?}") };
    let Node::VectorSelector(selector) = expr.get(matrix.selector).node() else {
        panic!("{expr:?}")
    };
    assert_eq!(matrix.range, DurationValue::Millis(300_000));
    assert_eq!(selector.at, Some(At::Timestamp(-1_500)));
    assert_eq!(selector.offset, DurationValue::Millis(-3_600_000));
    assert_eq!(selector.extended, Some(ExtendedRange::Smoothed));
    assert_eq!((selector.name, selector.to_matchers().len()), (Some("a"), 1));
}

#[test]
fn matching_is_settled_by_the_types() {
    fn matching(expr: &Expr) -> Option<VectorMatching<'_>> {
        let Node::Binary(binary) = expr.root().node() else { panic!("{expr}") };
        binary.matching
    }
    let cardinality = |query| Some(matching(&parse(query).unwrap())?.cardinality);
    assert_eq!(cardinality("1 + a"), None);
    assert_eq!(cardinality("a or b"), Some(Cardinality::ManyToMany));
    assert_eq!(cardinality("a + b"), Some(Cardinality::OneToOne));
    let expr = parse("a * on(x, y) group_left(z) b").unwrap();
    let many = matching(&expr).unwrap();
    assert_eq!(many.cardinality, Cardinality::ManyToOne);
    assert!(many.on && many.labels.iter().eq(["x", "y"]) && many.include.iter().eq(["z"]));
}

#[test]
fn equality_ignores_spans_and_the_order_of_matchers() {
    let same = [
        ("a+b", "a  + b"),
        ("a{b='1',c='2'}", "a{c=\"2\", b=\"1\"}"),
        ("NaN", "nan"),
        ("a offset +step()", "a offset step()"),
    ];
    for (one, other) in same {
        assert_eq!(experimental(one), experimental(other));
    }
    let different = [("a+b", "(a+b)"), ("0", "-0"), ("1m", "60"), ("a{b='1'}", "a{b=~'1'}")];
    for (one, other) in different {
        assert_ne!(experimental(one), experimental(other));
    }
}

#[test]
fn durations_resolve_with_the_times_of_the_query() {
    let times = QueryTimes { step_ms: 15_000, range_ms: 3_600_000 };
    let range = |query: &str| {
        let expr = parse(&format!("a[{query}]")).unwrap();
        let Node::MatrixSelector(matrix) = expr.root().node() else { panic!("{query}") };
        matrix.range.resolve_positive(times).map_err(|error| error.to_string())
    };
    let cases = [
        ("5m", Ok(300_000)),
        ("1.0005", Ok(1_000)),
        ("step() * 2 + 1s", Ok(31_000)),
        ("range() / 7", Ok(514_285)),
        ("2 ^ 3 ^ 2", Ok(512_000)),
        ("-(1m - 2m)", Ok(60_000)),
        ("max_of(1m, step())", Ok(60_000)),
        ("min_of(1m, step())", Ok(15_000)),
        ("10 % 4", Ok(2_000)),
        ("1m - step() * 4", Err("2:17: duration must be greater than 0")),
        ("min_of(1m, 0s)", Err("9:15: duration must be greater than 0")),
        ("max_of(0, 0) * min_of(1, 2)", Err("9:28: duration must be greater than 0")),
        ("1 / (1 - 1)", Err("2:12: division by zero")),
        ("1 % (1 - 1)", Err("2:12: modulo by zero")),
        ("9e8 ^ 2", Err("2:9: duration is out of range")),
        ("(0 - 1) ^ 0.5", Err("3:15: duration is NaN or infinite")),
    ];
    for (query, expected) in cases {
        assert_eq!(range(query), expected.map_err(String::from), "{query}");
    }
    let offset = DurationValue::Millis(-5);
    assert_eq!(offset.resolve_offset(times), Ok(-5));
}

#[test]
fn a_visitor_sees_parents_around_their_children() {
    struct Trace(Vec<String>);
    impl Visitor for Trace {
        fn enter(&mut self, expr: ExprRef<'_>) -> bool {
            self.0.push(format!("+{expr}"));
            !matches!(expr.node(), Node::Call(_))
        }
        fn leave(&mut self, expr: ExprRef<'_>) {
            self.0.push(format!("-{expr}"));
        }
    }
    let mut trace = Trace(Vec::new());
    parse("(a) + abs(b)").unwrap().visit(&mut trace);
    let seen = ["+(a) + abs(b)", "+(a)", "+a", "-a", "-(a)", "+abs(b)", "-(a) + abs(b)"];
    assert_eq!(trace.0, seen);
}

#[test]
fn rewriting_leaves_out_what_is_no_longer_used() {
    let expr = parse("a + (b * abs(c))").unwrap();
    let root = expr.root().id();
    let cut = expr.rewrite(|builder, node, span| match &node {
        Node::Call(call) => call.args[0],
        Node::Binary(binary) if span != expr.get(root).span() => binary.rhs,
        _ => builder.push(node, span),
    });
    assert_eq!(cut, parse("a + (c)").unwrap());
}
