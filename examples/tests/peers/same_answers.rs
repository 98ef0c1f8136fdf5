//! The same samples sent by remote write to the real Prometheus and to ours, and the same queries.

use std::collections::BTreeMap;

use narthex_examples::{Server, http, peer, start_prometheus};
use serde_json::Value;

use crate::dataset::{self, START_MS};

const EMPTY_CONFIG: &str = "global: {scrape_interval: 15s}\n";

/// Relative difference up to which two values are the same: the peer sums without compensation.
const TOLERANCE: f64 = 1e-9;

/// Queries whose answers changed after the peer's version, with the changelog entry. Ours are those
/// of 3.14, which the recorded answers check; here the two must only hold the same series.
const CHANGED_SINCE: &[(&str, &str)] = &[(
    "rate(flaky[3m])",
    "2.51.0 [BUGFIX] PromQL: Constrain extrapolation in rate() to half of sample interval #13725",
)];

const QUERIES: &[&str] = &[
    // Selectors, lookback, staleness.
    "temperature_celsius",
    r#"http_requests_total{job="api", code=~"4..|5.."}"#,
    r#"{__name__=~"flaky|queue_length", instance!~"host-[1-3].*"}"#,
    "queue_length",
    "flaky offset 7m",
    "http_requests_total offset -3m",
    "queue_length @ 1700001800.5",
    "flaky @ start()",
    "temperature_celsius @ end() offset 1m",
    // Counters.
    "rate(http_requests_total[5m])",
    "increase(http_requests_total[17m])",
    "irate(http_requests_total[2m])",
    "resets(http_requests_total[30m])",
    "sum by (job, code) (rate(http_requests_total[5m]))",
    "sum without (instance, method) (increase(http_requests_total[10m]))",
    "rate(flaky[3m])",
    // Gauges.
    "delta(temperature_celsius[10m])",
    "idelta(temperature_celsius[10m])",
    "deriv(temperature_celsius[20m])",
    "predict_linear(temperature_celsius[20m], 3600)",
    "changes(queue_length[15m])",
    "avg_over_time(temperature_celsius[10m])",
    "sum_over_time(queue_length[10m])",
    "min_over_time(flaky[20m])",
    "max_over_time(flaky[20m])",
    "count_over_time(queue_length[10m])",
    "stddev_over_time(temperature_celsius[10m])",
    "stdvar_over_time(temperature_celsius[10m])",
    "last_over_time(flaky[10m])",
    "present_over_time(flaky[2m])",
    "quantile_over_time(0.3, temperature_celsius[10m])",
    // Histograms.
    "histogram_quantile(0.9, rate(latency_seconds_bucket[5m]))",
    r#"histogram_quantile(0.5, sum by (le, job) (rate(latency_seconds_bucket[10m])))"#,
    "rate(latency_seconds_sum[5m]) / rate(latency_seconds_count[5m])",
    // Aggregations.
    "avg by (room) (temperature_celsius)",
    "min by (job) (temperature_celsius)",
    "max(temperature_celsius)",
    "count by (job) (flaky)",
    "group by (room) (temperature_celsius)",
    "stddev by (room) (temperature_celsius)",
    "stdvar(temperature_celsius)",
    "topk by (job) (2, temperature_celsius)",
    "bottomk(5, temperature_celsius)",
    "quantile by (room) (0.75, temperature_celsius)",
    r#"count_values("length", queue_length)"#,
    // Operators and matching.
    "temperature_celsius * 1.8 + 32",
    "-temperature_celsius",
    "temperature_celsius > 20",
    "temperature_celsius >= bool 20",
    "queue_length % 7",
    "(temperature_celsius - 15) ^ 2",
    "http_requests_total / on (instance, job) group_left sum by (instance, job) (http_requests_total)",
    r#"http_requests_total{code="500"} / ignoring (code) http_requests_total{code="200"}"#,
    "flaky and on (instance) queue_length > 100",
    "flaky or queue_length",
    "temperature_celsius unless on (instance) flaky > 50",
    "vector(1) atan2 vector(2)",
    "sum(queue_length) > bool 1000",
    // Functions of instant vectors and labels.
    "abs(temperature_celsius - 20)",
    "ceil(temperature_celsius)",
    "floor(temperature_celsius)",
    "round(temperature_celsius, 0.25)",
    "clamp(temperature_celsius, 19, 21)",
    "clamp_min(temperature_celsius, 20)",
    "clamp_max(temperature_celsius, 20)",
    "sort_desc(avg by (room) (temperature_celsius))",
    "timestamp(flaky)",
    "time() - timestamp(queue_length)",
    "scalar(sum(flaky)) + vector(1)",
    r#"label_replace(flaky, "host", "$1", "instance", "(.*):.*")"#,
    r#"label_join(flaky, "place", "/", "job", "instance")"#,
    r#"absent(flaky{instance="nowhere"})"#,
    r#"absent_over_time(queue_length{instance="nowhere"}[5m])"#,
    // Subqueries.
    "max_over_time(rate(http_requests_total[2m])[20m:1m])",
    "avg_over_time((flaky > 50)[30m:45s])",
    "sum_over_time(temperature_celsius[10m:30s] offset 5m)",
];

#[test]
fn prometheus_and_our_server_answer_alike() {
    let Some(prometheus) = peer("prometheus") else { return };
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(ours.path(), EMPTY_CONFIG);
    let (_prometheus, reference) = start_prometheus(&prometheus, theirs.path(), EMPTY_CONFIG);
    load(&[&server.url, &reference]);

    let queries = QUERIES;
    let mut differences = Vec::new();
    let mut series = 0;
    for query in queries {
        for (path, parameters) in requests(query) {
            let ask = |url: &str| http::query(&format!("{url}/api/v1/{path}"), &parameters);
            let (got, expected) = (ask(&server.url), ask(&reference));
            series += expected["result"].as_array().map_or(0, Vec::len);
            let entry = CHANGED_SINCE.iter().find(|(changed, _)| changed == query);
            let tolerance = if entry.is_some() { f64::MAX } else { TOLERANCE };
            if let Err(difference) = compare(&got, &expected, tolerance) {
                differences.push(format!("{path} {query}: {difference}"));
            }
            // The peak depends on the order of series, and on the version where there are aggregations.
            let samples = |answer: &Value| {
                answer["stats"]["samples"]["totalQueryableSamples"].as_u64().expect("a count")
            };
            if samples(&got) != samples(&expected) {
                let (got, expected) = (samples(&got), samples(&expected));
                differences.push(format!("{path} {query}: {got} samples instead of {expected}"));
            }
        }
    }
    for (query, entry) in CHANGED_SINCE {
        println!("values of `{query}` are not compared: {entry}");
    }
    println!("{} queries, instant and range, {series} series compared", queries.len());
    assert!(queries.len() >= 60);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Sends the data set to each server, in slices of five minutes.
fn load(urls: &[&str]) {
    const SLICE_MS: i64 = 300_000;
    let all = dataset::series();
    assert!(all.len() >= 2_000, "{} series", all.len());
    for slice in 0..12 {
        let from_ms = START_MS + slice * SLICE_MS;
        let in_slice = |timestamp_ms: i64| (from_ms..from_ms + SLICE_MS).contains(&timestamp_ms);
        let mut request = narthex_remote::RequestBuilder::default();
        for series in &all {
            let samples: Vec<_> =
                series.samples.iter().copied().filter(|s| in_slice(s.timestamp_ms)).collect();
            if !samples.is_empty() {
                request.push_series(&series.labels, &samples);
            }
        }
        let body = request.compress();
        for url in urls {
            let answer = http::remote_write(url, &body).expect("an answer");
            assert!(answer.is_success(), "{url}: {answer:?}");
        }
    }
}

/// Returns the calls for one query: two instants and one range, none on a sample.
fn requests(query: &str) -> [(&'static str, Vec<(&'static str, &str)>); 3] {
    [
        ("query", vec![("query", query), ("time", "1700002400.5"), ("stats", "all")]),
        ("query", vec![("query", query), ("time", "1700003599.25"), ("stats", "all")]),
        (
            "query_range",
            vec![
                ("query", query),
                ("start", "1700001200.5"),
                ("end", "1700003500"),
                ("step", "60"),
                ("stats", "all"),
            ],
        ),
    ]
}

fn compare(got: &Value, expected: &Value, tolerance: f64) -> Result<(), String> {
    if got["resultType"] != expected["resultType"] {
        return Err(format!("{} instead of {}", got["resultType"], expected["resultType"]));
    }
    let (got, expected) = (by_labels(&got["result"]), by_labels(&expected["result"]));
    for labels in got.keys().chain(expected.keys()) {
        let (Some(got), Some(expected)) = (got.get(labels), expected.get(labels)) else {
            let side = if got.contains_key(labels) { "only ours has" } else { "ours lacks" };
            return Err(format!("{side} {labels}"));
        };
        compare_points(got, expected, tolerance)
            .map_err(|difference| format!("{labels}: {difference}"))?;
    }
    Ok(())
}

/// Returns each series' points, `(time, value)`, by its labels.
fn by_labels(result: &Value) -> BTreeMap<String, Vec<(f64, f64)>> {
    let point = |pair: &Value| {
        let value = pair[1].as_str().expect("values are strings").parse().expect("a number");
        (pair[0].as_f64().expect("times are numbers"), value)
    };
    let mut all = BTreeMap::new();
    for series in result.as_array().expect("a list of series") {
        let points = match series.get("values") {
            Some(values) => values.as_array().expect("a list").iter().map(point).collect(),
            None => vec![point(&series["value"])],
        };
        all.insert(series["metric"].to_string(), points);
    }
    all
}

fn compare_points(
    got: &[(f64, f64)],
    expected: &[(f64, f64)],
    tolerance: f64,
) -> Result<(), String> {
    if got.len() != expected.len() {
        return Err(format!("{} points instead of {}", got.len(), expected.len()));
    }
    for (got, expected) in got.iter().zip(expected) {
        let same_time = (got.0 - expected.0).abs() < 1e-3;
        if !same_time || !same_value(got.1, expected.1, tolerance) {
            return Err(format!("{got:?} instead of {expected:?}"));
        }
    }
    Ok(())
}

fn same_value(got: f64, expected: f64, tolerance: f64) -> bool {
    got.to_bits() == expected.to_bits()
        || (got.is_nan() && expected.is_nan())
        || (got - expected).abs() <= tolerance * expected.abs().max(got.abs())
}
