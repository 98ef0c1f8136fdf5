//! Any text as a query: an expression, or an error that points into the text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_promql_parser::{ParseOptions, parse, parse_with};

fuzz_target!(|query: &str| {
    let _ = parse(query);
    if let Err(error) = parse_with(query, &ParseOptions::experimental()) {
        assert!(error.span.end as usize <= query.len(), "{error}");
    }
});
