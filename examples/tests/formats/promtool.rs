//! `promtool check metrics`, which reads the text format and lints it.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use narthex_examples::peer;
use narthex_exposition::{
    ContentType, EscapingScheme, PageFormat, ScrapeProtocol, read_families, write_page,
};

/// A real page.
const NODE_EXPORTER_PAGE: &str = include_str!("../../../benches/data/node_exporter-1.5.txt");

/// A page with much to complain about.
const POOR_PAGE: &str = r#"# TYPE requests counter
requests 1
# HELP temperature_total Text with "quotes", \\ and \n.
# TYPE temperature_total gauge
temperature_total{Room="a\"b\\c\nd"} 21.5
# HELP size_kilobytes Size.
# TYPE size_kilobytes gauge
size_kilobytes 1e+06
# HELP camelCase Name.
# TYPE camelCase untyped
camelCase NaN
# HELP latency_milliseconds Latency.
# TYPE latency_milliseconds histogram
latency_milliseconds_bucket{le="1"} 1
latency_milliseconds_bucket{le="+Inf"} 2
latency_milliseconds_sum 3
latency_milliseconds_count 2
# HELP gauge_histogram Name.
# TYPE gauge_histogram gauge
gauge_histogram -Inf
# HELP x_gauge Name.
# TYPE x_gauge summary
x_gauge{quantile="0.5"} 1
x_gauge_sum 2
x_gauge_count 3
"#;

#[test]
fn promtool_lints_what_we_write_like_its_source() {
    let Some(promtool) = peer("promtool") else { return };
    let content_type = ContentType {
        protocol: ScrapeProtocol::PrometheusText0_0_4,
        escaping: EscapingScheme::Underscores,
    };
    for page in [NODE_EXPORTER_PAGE, POOR_PAGE] {
        let families = read_families(page.as_bytes(), PageFormat::Text).unwrap();
        let written = write_page(&families, content_type);
        let (source, ours) = (lint(&promtool, page.as_bytes()), lint(&promtool, &written));
        assert_eq!(ours, source, "{}", String::from_utf8_lossy(&written));
    }
    let poor = lint(&promtool, POOR_PAGE.as_bytes());
    assert!(poor.len() >= 8, "{poor:?}");
}

/// Returns the lines that promtool prints of a page. It must be able to read it.
fn lint(promtool: &Path, page: &[u8]) -> Vec<String> {
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(page).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    assert!(!text.contains("error while linting"), "{text}");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}
