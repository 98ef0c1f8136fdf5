//! Canonical and pretty text.

use narthex_promql_parser::{Node, ParseOptions, parse, parse_with};

fn print(query: &str) -> String {
    parse_with(query, &ParseOptions::experimental())
        .unwrap_or_else(|error| panic!("{query}: {error}"))
        .to_string()
}

#[test]
fn canonical_text() {
    let unchanged = [
        "up",
        "{__name__=\"up\"}",
        "up{a=\"1\",b!=\"2\",c=~\"3\",d!~\"4\"}",
        "{\"a label\"=\"x\"}",
        "sum by (a, \"b c\") (up)",
        "sum without () (up)",
        "count_values(\"v\", up)",
        "topk by (a) (5, up)",
        "a - on () b",
        "a == bool ignoring (x) group_right (y) b",
        "a and on (x) b",
        "a </ 5",
        "up[5m] @ 1.000 offset 5m",
        "up[1d] offset -1h30m",
        "up offset 39238d11h43m42s481ms",
        "up @ start() offset 5m",
        "up[5m] anchored",
        "up smoothed",
        "rate(up[5m])[1h:]",
        "rate(up[5m])[1h:1m] @ end() offset 5m",
        "up[2 * (1m + step())]",
        "up[max_of(step(), 5m)] offset -min_of(1m, range())",
        "a + fill_left (1) fill_right (2) b",
        "(1 + 2) * 3",
        "--up",
        "-1 ^ 2",
        "\"a\\n\\\"\\xff\\ufffd\"",
        "NaN",
        "+Inf",
        "time()",
        "start()",
        "sum",
        "by",
        "a:b",
    ];
    for query in unchanged {
        assert_eq!(print(query), query);
    }
    let changed = [
        ("SUM(up) BY (job)", "sum by (job) (up)"),
        ("sum by () (up)", "sum(up)"),
        ("up { b = 'x' , a = `y` , }", "up{a=\"y\",b=\"x\"}"),
        ("{'up', job='x'}", "{__name__=\"up\",job=\"x\"}"),
        ("up offset 5m @ 1", "up @ 1.000 offset 5m"),
        ("up offset 0s", "up"),
        ("up[90s] # all", "up[1m30s]"),
        ("up[.5]", "up[500ms]"),
        ("up offset (5m)", "up offset 5m"),
        ("up offset +step()", "up offset step()"),
        ("up offset 5m + 1", "up offset 5m + 1"),
        ("up offset (5m) + 1", "up offset 5m + 1"),
        ("up offset --5m + 1", "up offset 5m + 1"),
        ("a+on(x)b", "a + on (x) b"),
        ("a + ignoring() b", "a + b"),
        ("a + fill(1) b", "a + fill (1) b"),
        ("1==bool on() 2", "1 == bool 2"),
        ("+-+1", "-1"),
        ("-5m", "-5m"),
        ("1001ms", "1s1ms"),
        ("0x1F + 010 + 1_000", "31 + 8 + 1000"),
        ("1e3", "1000"),
        ("'it\\'s'", "\"it's\""),
    ];
    for (query, canonical) in changed {
        assert_eq!(print(query), canonical, "{query}");
    }
}

#[test]
fn precedence_from_loose_to_tight() {
    // The left side is read as the right side is bracketed.
    let cases = [
        ("a or b and c", "a or (b and c)"),
        ("a and b == c", "a and (b == c)"),
        ("a == b + c", "a == (b + c)"),
        ("a </ b + c", "a </ (b + c)"),
        ("a + b * c", "a + (b * c)"),
        ("a * b ^ c", "a * (b ^ c)"),
        ("a - b - c", "(a - b) - c"),
        ("a unless b and c", "(a unless b) and c"),
        ("a ^ b ^ c", "a ^ (b ^ c)"),
        ("a % b atan2 c", "(a % b) atan2 c"),
        ("-a * b", "(-a) * b"),
        ("-a ^ b", "-(a ^ b)"),
        ("a ^ -b ^ c", "a ^ (-(b ^ c))"),
        ("a ^ -b * c", "(a ^ (-b)) * c"),
        ("-a @ 1", "-(a @ 1)"),
    ];
    let without_parens = |query| {
        parse(query).unwrap().rewrite(|builder, node, span| match node {
            Node::Paren(inner) => inner,
            node => builder.push(node, span),
        })
    };
    for (flat, bracketed) in cases {
        assert_eq!(without_parens(flat), without_parens(bracketed), "{flat}");
    }
}

#[test]
fn pretty_text_breaks_what_is_longer_than_a_line() {
    let long = "http_requests_total{environment=\"production\",instance=\"server-1\",job=\"api\"}";
    let query = format!("sum by (job) (rate({long}[5m])) / -({long} + {long}) > bool 5");
    let expected = format!(
        "    sum by (job) (rate({long}[5m]))
  /
    -(
        {long}
      +
        {long}
    )
> bool
  5"
    );
    let expr = parse(&query).unwrap();
    assert_eq!(expr.pretty(), expected);
    assert_eq!(parse(&expected), Ok(expr));
}

#[test]
fn pretty_text_keeps_what_fits() {
    let query = "sum by (job) (rate(up[5m])) / on (job) group_left () topk(5, up)";
    assert_eq!(parse(query).unwrap().pretty(), query);
}

#[test]
fn a_negated_nan_reads_back_equal() {
    for query in ["-NaN", "a % -nan", "a + fill (-NaN) b"] {
        let options = ParseOptions::experimental();
        let expr = parse_with(query, &options).unwrap();
        assert_eq!(parse_with(&expr.to_string(), &options).unwrap(), expr, "{query}");
    }
}
