//! Our own `/metrics`, read by the real Prometheus and by promtool.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use narthex_examples::{Server, http, peer, start_prometheus, wait_for};

const EMPTY_CONFIG: &str = "global: {scrape_interval: 1s, scrape_timeout: 1s}\n";

#[test]
fn prometheus_scrapes_our_metrics() {
    let Some(prometheus) = peer("prometheus") else { return };
    let ours = tempfile::tempdir().unwrap();
    let server = Server::start(ours.path(), EMPTY_CONFIG);
    let address = server.url.trim_start_matches("http://");
    let config = format!(
        "{EMPTY_CONFIG}scrape_configs: \
         [{{job_name: narthex, static_configs: [{{targets: ['{address}']}}]}}]\n"
    );
    let theirs = tempfile::tempdir().unwrap();
    let (_prometheus, url) = start_prometheus(&prometheus, theirs.path(), &config);
    let up = wait_for("a scrape", Duration::from_secs(20), || {
        let data = http::query(&format!("{url}/api/v1/query"), &[("query", "up")]);
        data["result"].as_array().filter(|result| !result.is_empty()).cloned()
    });
    assert_eq!(up[0]["value"][1], "1", "{up:?}");
    let build = [("query", r#"prometheus_build_info{job="narthex"}"#)];
    let data = http::query(&format!("{url}/api/v1/query"), &build);
    assert_eq!(data["result"].as_array().map(Vec::len), Some(1), "{data}");
}

#[test]
fn promtool_finds_no_fault_in_our_metrics() {
    let Some(promtool) = peer("promtool") else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), EMPTY_CONFIG);
    let (status, page) = http::get(&format!("{}/metrics", server.url)).expect("an answer");
    assert_eq!(status, 200);
    assert!(page.contains("prometheus_build_info"), "{page}");

    let mut check = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs");
    check.stdin.take().expect("it is piped").write_all(page.as_bytes()).expect("promtool reads");
    let output = check.wait_with_output().expect("promtool ends");
    let complaints = String::from_utf8_lossy(&output.stderr);
    // Its rule against types in names came before native histograms did, which the reference counts
    // under such names.
    let is_ours = |line: &&str| !line.ends_with("metric name should not include type 'histogram'");
    let complaints: Vec<&str> = complaints.lines().filter(is_ours).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}
