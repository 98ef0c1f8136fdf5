//! Parses PromQL with this project's parser, type check included, and with its peers.
//!
//! The expressions are those of the reference's test scripts where `NARTHEX_CONFORMANCE` names the
//! folder with them, and otherwise those of `data/promql.txt`. A peer is raced on what it accepts
//! and what we accept. Only `promql-parser` checks types too.
//!
//! Then long and deep expressions, to see that time grows no faster than the text: the time an
//! element stays the same.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use narthex_promql_parser::{Expr, ParseError, ParseOptions, parse_with};

fn promql_parse(criterion: &mut Criterion) {
    let expressions = match std::env::var_os("NARTHEX_CONFORMANCE") {
        Some(folder) => of_scripts(&PathBuf::from(folder)),
        None => include_str!("../data/promql.txt").lines().map(String::from).collect(),
    };
    race(criterion, "promql-parser", &expressions, promql_parser::parser::parse);
    race(criterion, "rusty-promql-parser", &expressions, |text| {
        match rusty_promql_parser::expr(text) {
            Ok(("", expr)) => Ok(expr),
            _ => Err(()),
        }
    });
    let options = promql::ParserOptions::new().build();
    race(criterion, "promql", &expressions, |text| promql::parse(text.as_bytes(), &options));
    all(criterion, &expressions);
    growth(criterion);
}

fn narthex(text: &str) -> Result<Expr, ParseError> {
    parse_with(text, &ParseOptions::experimental())
}

/// Every expression, also those that are refused.
fn all(criterion: &mut Criterion, expressions: &[String]) {
    let mut group = criterion.benchmark_group("promql_parse/all");
    group.throughput(Throughput::Elements(expressions.len() as u64));
    group.bench_function("narthex", |bencher| {
        bencher.iter(|| {
            for text in expressions {
                let _ = black_box(narthex(black_box(text)));
            }
        });
    });
    group.finish();
}

fn race<'a, T, E>(
    criterion: &mut Criterion,
    peer: &str,
    expressions: &'a [String],
    parse: impl Fn(&'a str) -> Result<T, E>,
) {
    let of_both: Vec<&str> = expressions
        .iter()
        .map(String::as_str)
        .filter(|text| narthex(text).is_ok() && parse(text).is_ok())
        .collect();
    let name = format!("promql_parse/{}_of_{}", of_both.len(), expressions.len());
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(of_both.len() as u64));
    group.bench_function(format!("narthex against {peer}"), |bencher| {
        bencher.iter(|| {
            for text in &of_both {
                let _ = black_box(narthex(black_box(text)));
            }
        });
    });
    group.bench_function(peer, |bencher| {
        bencher.iter(|| {
            for text in &of_both {
                let _ = black_box(parse(black_box(text)));
            }
        });
    });
    group.finish();
}

fn growth(criterion: &mut Criterion) {
    type Shape = (&'static str, [usize; 3], fn(usize) -> String);
    let shapes: [Shape; 3] = [
        ("terms", [100, 1_000, 10_000], |count| vec!["1"; count].join("+")),
        ("matchers", [10, 100, 1_000], |count| {
            format!("up{{{}}}", vec![r#"job="node""#; count].join(","))
        }),
        ("nested calls", [10, 100, 1_000], |count| {
            format!("{}up{}", "abs(".repeat(count), ")".repeat(count))
        }),
    ];
    for (name, counts, text_of) in shapes {
        let mut group = criterion.benchmark_group(format!("promql_parse/{name}"));
        for count in counts {
            let text = text_of(count);
            assert!(narthex(&text).is_ok(), "{count} {name}");
            group.throughput(Throughput::Elements(count as u64));
            group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
                bencher.iter(|| narthex(black_box(&text)));
            });
        }
        group.finish();
    }
}

/// Returns the expressions of the `eval` lines of all scripts.
fn of_scripts(folder: &Path) -> Vec<String> {
    let folder = folder.join("prometheus/promql/promqltest/testdata");
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a folder that opens can be read").path())
        .collect();
    paths.sort();
    let texts = paths.iter().map(|path| fs::read_to_string(path).expect("scripts are UTF-8"));
    texts
        .flat_map(|text| text.lines().filter_map(expression).map(String::from).collect::<Vec<_>>())
        .collect()
}

/// Returns what follows the times of a line like `eval range from 0 to 1h step 5m up`.
fn expression(line: &str) -> Option<&str> {
    let mut rest = line.trim_start().strip_prefix("eval")?.split_once(' ')?.1.trim_start();
    for keyword in ["instant", "at", "range", "from", "to", "step"] {
        let Some(after) = rest.strip_prefix(keyword).filter(|it| it.starts_with(' ')) else {
            continue;
        };
        rest = after.trim_start();
        if !matches!(keyword, "instant" | "range") {
            rest = rest.split_once(' ')?.1.trim_start();
        }
    }
    Some(rest)
}

criterion_group!(benches, promql_parse);
criterion_main!(benches);
