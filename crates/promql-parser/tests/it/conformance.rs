//! What Prometheus 3.14 is recorded to have read, printed and refused.

#![expect(clippy::print_stdout, reason = "the counts, and why a test skips, belong on the output")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use narthex_promql_parser::{ParseOptions, parse_with};
use serde_json::Value;

/// What the HTTP API puts before a parse error.
const ERROR_PREFIX: &str = "invalid parameter \"query\": ";

#[test]
fn recorded_syntax_agrees() {
    let Some(vectors) = vectors() else { return };
    compare(&vectors.join("syntax.jsonl.gz"), 4_000, syntax_difference);
}

#[test]
fn recorded_queries_parse_or_fail_alike() {
    let Some(vectors) = vectors() else { return };
    let stock = ParseOptions::default();
    let experimental = ParseOptions::experimental();
    for (file, options) in [
        ("queries.jsonl.gz", stock),
        ("compliance/queries.jsonl.gz", stock),
        ("experimental/queries.jsonl.gz", experimental),
    ] {
        compare(&vectors.join(file), 1_000, |recorded| query_difference(recorded, &options));
    }
}

fn vectors() -> Option<PathBuf> {
    let folder = std::env::var_os("NARTHEX_CONFORMANCE");
    if folder.is_none() {
        println!("skipped: NARTHEX_CONFORMANCE does not name the conformance data");
    }
    folder.map(|folder| Path::new(&folder).join("vectors"))
}

/// Holds `difference` against every line of a file.
fn compare(path: &Path, at_least: usize, difference: impl Fn(&Value) -> Option<String>) {
    let lines =
        BufReader::new(GzDecoder::new(File::open(path).expect("the file is there"))).lines();
    let (mut total, mut differences) = (0, Vec::new());
    for line in lines {
        let recorded = serde_json::from_str(&line.expect("text")).expect("one JSON value a line");
        total += 1;
        differences.extend(difference(&recorded));
    }
    println!("{}: {} of {total} agree", path.display(), total - differences.len());
    assert!(total > at_least, "only {total} lines were read");
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

/// Returns how our reading of an expression differs from the recorded one, if it does.
fn syntax_difference(recorded: &Value) -> Option<String> {
    let query = recorded["query"].as_str().expect("a query is text");
    let ours = parse_with(query, &ParseOptions::experimental());
    let (got, want) = match (&ours, recorded.get("error")) {
        (Ok(expr), None) => {
            let reread = parse_with(&expr.to_string(), &ParseOptions::experimental());
            assert_eq!(reread.as_ref(), Ok(expr), "{query}");
            (expr.pretty(), recorded["format"].as_str().unwrap_or_default().to_owned())
        }
        (Err(error), Some(recorded)) => {
            let want = recorded.as_str().unwrap_or_default().trim_start_matches(ERROR_PREFIX);
            (error.to_string(), want.to_owned())
        }
        (Ok(_), Some(error)) => ("an expression".to_owned(), error.to_string()),
        (Err(error), None) => (error.to_string(), recorded["format"].to_string()),
    };
    (got != want).then(|| format!("query: {query}\n  got: {got}\n want: {want}"))
}

/// Returns how our reading of a query differs from the recorded answer, if it does.
fn query_difference(recorded: &Value, options: &ParseOptions) -> Option<String> {
    let query = recorded["query"].as_str().expect("a query is text");
    let answer = &recorded["answer"];
    let error = answer["error"].as_str().unwrap_or_default();
    // Other bad requests were refused before the query was read.
    let was_read = error.contains("parse error: ") || answer["errorType"] != "bad_data";
    let want = error.trim_start_matches(ERROR_PREFIX);
    match parse_with(query, options) {
        Ok(_) if error.contains("parse error: ") => Some(format!("{query}\n want: {want}")),
        Err(error) if was_read && error.to_string() != want => {
            Some(format!("{query}\n  got: {error}\n want: {want}"))
        }
        _ => None,
    }
}
