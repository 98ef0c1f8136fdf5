//! The scanner against the grammar.

use proptest::prelude::*;

use super::grammar::{self, Line};
use super::scan;

/// Checks that the scanner declines the first line of `page` or reads what the grammar reads.
/// Returns whether it read it.
fn scanner_agrees(page: &[u8]) -> bool {
    let parsed = grammar::line(page);
    if let Some(scanned) = scan::sample(page, 0) {
        let Ok(series) = std::str::from_utf8(&page[..scanned.series_end]) else { return false };
        let (rest, line) = parsed.expect("the scanner read the line");
        let Line::Sample { series: parsed_series, value, timestamp_ms } = line else {
            panic!("the scanner read a sample, the grammar {line:?}");
        };
        assert_eq!(series, parsed_series);
        assert_eq!(scanned.value.to_bits(), value.to_bits());
        assert_eq!(scanned.timestamp_ms, timestamp_ms);
        assert_eq!(page.get(scanned.line_end..).unwrap_or_default(), rest);
        return true;
    }
    if let Some(scanned) = scan::metadata(page, 0) {
        let (rest, line) = parsed.expect("the scanner read the line");
        let scanned_line = match scanned.metadata {
            scan::Metadata::Help { name, text } => Line::Help { name, text },
            scan::Metadata::Type { name, metric_type } => Line::Type { name, metric_type },
        };
        assert_eq!(scanned_line, line);
        assert_eq!(page.get(scanned.line_end..).unwrap_or_default(), rest);
        return true;
    }
    false
}

#[test]
fn the_scanner_reads_common_lines() {
    for line in [
        "a 1",
        "a 1\nb 2",
        "a{} 1.5e3\n",
        r#"a{x="1",y="\"é"} +Inf 12345"#,
        r#"a{x="1", y="2", } NaN"#,
        "# HELP a What it is.\n",
        "# TYPE a counter\nb 1",
    ] {
        assert!(scanner_agrees(line.as_bytes()), "{line:?}");
    }
}

proptest! {
    #[test]
    fn the_scanner_reads_as_the_grammar(
        line in r#"[ab:1]{1,3}\{?([ab1]{1,2} ?= ?"[a\\"n\n\x00é]{0,3}"[, ]{0,2}){0,3}\}?[ \t]?[+-]?([0-9.e]{1,6}|Inf|nan|[0-9]{14,20}(e-?[0-9]{1,3})?)[ \t]{0,2}[0-9]{0,20}[ \n]?a?"#
    ) {
        scanner_agrees(line.as_bytes());
    }

    #[test]
    fn the_scanner_reads_metadata_as_the_grammar(
        line in r#"# (HELP|TYPE) [a:1]{0,2}[ \t\x00]{0,2}(counter|gauge|untyped|[a\\n \x00é]{0,5})\n?a?"#
    ) {
        scanner_agrees(line.as_bytes());
    }

    #[test]
    fn the_scanner_reads_any_bytes_as_the_grammar(
        line in prop::collection::vec(prop::sample::select(&b"ab{}=\"\\, \t\n#1.e+-\0\xc3\xa9"[..]), 0..24)
    ) {
        scanner_agrees(&line);
    }
}
