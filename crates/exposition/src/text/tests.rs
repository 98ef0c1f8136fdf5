//! The scanner against the grammar.

use narthex_model::LabelsBuilder;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::grammar::{self, Line};
use super::{TextReader, scan};
use crate::Entry;

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

/// Checks that the reader says of a page what the grammar alone says, and that every label set can
/// be read.
fn reader_agrees(page: &[u8]) {
    let mut by_grammar = TextReader::new(page);
    let mut labels = LabelsBuilder::default();
    for entry in TextReader::new(page) {
        // Text compares where a NaN does not.
        assert_eq!(format!("{:?}", Some(&entry)), format!("{:?}", by_grammar.parse()));
        if let Ok(Entry::Sample(sample)) = entry {
            let _ = sample.labels(&mut labels);
        }
    }
    assert_eq!(by_grammar.parse(), None);
}

/// A page with every kind of line.
const PAGE: &str = r##"# HELP http_requests_total Requests \\ answered.\nAll of them.
# TYPE http_requests_total counter
http_requests_total{code="200",path="/a\"b\\"} 1027 1700000000000
http_requests_total{code="404", path="\n",} 3
# A comment.
#
# TYPE "rpc.seconds" histogram
{"rpc.seconds_bucket","x.y"="1",le="0.1"} 4
{"rpc.seconds_bucket",le="+Inf"} 6
 spaced { a = "b" } +Inf
# TYPE up gauge

up NaN
temperature{place="Köln"}	-4.5e-1
"##;

#[test]
fn the_page_reads_to_its_end() {
    reader_agrees(PAGE.as_bytes());
    assert_eq!(TextReader::new(PAGE.as_bytes()).filter(Result::is_ok).count(), 13);
    assert_eq!(TextReader::new(PAGE.as_bytes()).count(), 13);
}

proptest! {
    #[test]
    fn quotes_and_backslashes_are_found(text in "[a!#\\]\\[\"\\\\\u{80}-\u{ff}]{0,80}") {
        let text = text.as_bytes();
        let first = text.iter().position(|byte| matches!(byte, b'"' | b'\\'));
        prop_assert_eq!(scan::find_quote_or_backslash(text), first);
    }

    #[test]
    fn a_damaged_page_is_read_as_by_the_grammar(
        damage in vec((any::<Index>(), 0..3, select(&b"a1{}=\"\\, \t\n#_.e+-\0\xc3\xa9"[..])), 1..6)
    ) {
        let mut page = PAGE.as_bytes().to_vec();
        for (index, kind, byte) in damage {
            let at = index.index(page.len());
            match kind {
                0 => page[at] = byte,
                1 => page.insert(at, byte),
                _ => page.truncate(page.len() - at / 4),
            }
        }
        reader_agrees(&page);
    }

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
        line in vec(select(&b"ab{}=\"\\, \t\n#1.e+-\0\xc3\xa9"[..]), 0..24)
    ) {
        scanner_agrees(&line);
    }
}
