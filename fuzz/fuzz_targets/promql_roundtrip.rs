//! What parses prints as something that parses to the same expression.

#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_promql_parser::{ParseOptions, parse_with};

fuzz_target!(|query: &str| {
    let options = ParseOptions::experimental();
    let Ok(expr) = parse_with(query, &options) else { return };
    for printed in [expr.to_string(), expr.pretty()] {
        // Printing may make a text longer than a query may be.
        if printed.len() > options.query_size_max as usize {
            continue;
        }
        match parse_with(&printed, &options) {
            Ok(again) => assert_eq!(again, expr, "{printed}"),
            Err(error) => panic!("{printed:?}: {error}"),
        }
    }
});
