use std::io::Write as _;
use std::process::{Command, Stdio};

use narthex_exposition::{Entry, TextReader};

use crate::client::{Client, small_store};

#[test]
fn requests_are_counted_by_known_routes_only() {
    let client = Client::over(small_store());
    client.get("/api/v1/label/job/values");
    client.get("/api/v1/label/instance/values");
    client.get("/api/v1/labels?start=x");
    client.get("/made/up/by/a/client");
    client.method("BREW", "/api/v1/labels");
    let page = client.get("/metrics").text().to_owned();
    for line in [
        "prometheus_http_requests_total{code=\"200\",handler=\"/api/v1/label/:name/values\"} 2\n",
        "prometheus_http_requests_total{code=\"400\",handler=\"/api/v1/labels\"} 1\n",
        "prometheus_http_requests_total{code=\"405\",handler=\"/api/v1/labels\"} 1\n",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
    assert!(!page.contains("made") && !page.contains("BREW"), "{page}");
}

#[test]
fn queries_are_counted_with_their_samples() {
    let client = Client::over(small_store());
    client.get("/api/v1/query_range?query=max_over_time(up[2m])&start=120&end=180&step=60");
    client.get("/api/v1/query?query=up&time=60");
    let page = client.get("/metrics").text().to_owned();
    for line in [
        "prometheus_engine_query_samples_total 10\n",
        "prometheus_engine_query_samples_read_total 8\n",
        "prometheus_engine_query_duration_seconds_count{slice=\"inner_eval\"} 2\n",
        "prometheus_engine_query_duration_seconds_count{slice=\"prepare_time\"} 2\n",
        "prometheus_engine_query_duration_seconds_count{slice=\"queue_time\"} 2\n",
        "prometheus_engine_query_duration_seconds_count{slice=\"result_sort\"} 1\n",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
}

#[test]
fn our_own_reader_takes_the_page() {
    let client = Client::over(small_store());
    client.get("/api/v1/labels");
    let reply = client.get("/metrics");
    assert_eq!(reply.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let mut samples = 0;
    for entry in TextReader::new(&reply.body) {
        samples += usize::from(matches!(entry.unwrap(), Entry::Sample(_)));
    }
    assert!(samples > 10, "{}", reply.text());
}

#[test]
fn promtool_takes_the_page() {
    let client = Client::over(small_store());
    client.get("/api/v1/labels");
    let page = client.get("/metrics").body;
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut promtool) = promtool.stderr(Stdio::piped()).spawn() else {
        println!("skipped: promtool is not installed");
        return;
    };
    promtool.stdin.take().unwrap().write_all(&page).unwrap();
    let output = promtool.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn discoveries_are_counted_by_kind() {
    let mut stats = narthex_discovery::Stats::default();
    stats.consul.failures = 3;
    stats.consul.services.count = 4;
    stats.consul.services.duration = std::time::Duration::from_millis(2_500);
    let mut page = narthex_exposition::TextWriter::default();
    narthex_server::write_discovery_stats(&mut page, "scrape", &stats);
    let page = page.into_string();
    for line in [
        "prometheus_sd_consul_rpc_failures_total 3\n",
        "prometheus_sd_consul_rpc_duration_seconds_sum{call=\"services\",endpoint=\"catalog\"} 2.5\n",
        "prometheus_sd_consul_rpc_duration_seconds_count{call=\"services\",endpoint=\"catalog\"} 4\n",
        "prometheus_sd_consul_rpc_duration_seconds_count{call=\"service\",endpoint=\"catalog\"} 0\n",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
}

#[cfg(feature = "kubernetes")]
#[test]
fn what_happens_in_kubernetes_is_counted() {
    let mut stats = narthex_discovery::Stats::default();
    stats.kubernetes.failures = 1;
    stats.kubernetes.events.insert(("pod", "add"), 5);
    stats.kubernetes.requests.insert("200".into(), 6);
    let requests = stats.kubernetes.endpoints.entry("/api/v1/pods".into()).or_default();
    requests.count = 6;
    let mut page = narthex_exposition::TextWriter::default();
    narthex_server::write_discovery_stats(&mut page, "scrape", &stats);
    let page = page.into_string();
    let name = "prometheus_sd_kubernetes";
    for line in [
        format!("{name}_failures_total 1\n"),
        format!("{name}_events_total{{event=\"add\",role=\"pod\"}} 5\n"),
        format!("{name}_http_request_total{{status_code=\"200\"}} 6\n"),
        format!("{name}_http_request_duration_seconds_count{{endpoint=\"/api/v1/pods\"}} 6\n"),
    ] {
        assert!(page.contains(&line), "{line}\n{page}");
    }
}
