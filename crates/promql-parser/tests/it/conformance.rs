//! Every expression whose reading by Prometheus 3.14 is recorded.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::read::GzDecoder;
use narthex_promql_parser::{ParseOptions, parse_with};
use serde_json::Value;

use crate::wire;

/// What the HTTP API puts before a parse error.
const ERROR_PREFIX: &str = "invalid parameter \"query\": ";

#[test]
fn recorded_syntax_agrees() {
    let Some(folder) = std::env::var_os("NARTHEX_CONFORMANCE") else {
        println!("skipped: NARTHEX_CONFORMANCE does not name the conformance data");
        return;
    };
    let path = Path::new(&folder).join("vectors/syntax.jsonl.gz");
    let lines = BufReader::new(GzDecoder::new(File::open(path).unwrap())).lines();
    let (mut total, mut differences) = (0, Vec::new());
    for line in lines {
        let recorded: Value = serde_json::from_str(&line.unwrap()).unwrap();
        total += 1;
        differences.extend(difference(&recorded));
    }
    println!("{} of {total} recorded expressions agree", total - differences.len());
    assert!(total > 4_000, "only {total} expressions were read");
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

/// Returns how our reading of an expression differs from the recorded one, if it does.
fn difference(recorded: &Value) -> Option<String> {
    let query = recorded["query"].as_str().expect("a query is text");
    let ours = parse_with(query, &ParseOptions::experimental());
    let (got, want) = match (&ours, recorded.get("error")) {
        (Ok(expr), None) => {
            let ast = wire::expr(expr);
            // Not recorded where JSON cannot hold a number.
            if recorded.get("ast").is_some_and(|recorded| *recorded != ast) {
                (ast.to_string(), recorded["ast"].to_string())
            } else {
                let reread = parse_with(&expr.to_string(), &ParseOptions::experimental());
                assert_eq!(reread.as_ref(), Ok(expr), "{query}");
                (expr.pretty(), recorded["format"].as_str().unwrap_or_default().to_owned())
            }
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
