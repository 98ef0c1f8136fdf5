use std::sync::Arc;
use std::time::Duration;

use narthex_host::SimClock;
use narthex_model::Labels;
use narthex_promql::Engine;
use narthex_rules::{Manager, Options, Parts, ReadOptions, RuleFile, Settings};
use narthex_server::{ServerOptions, ServerState, write_rule_stats};
use narthex_storage::{Appendable as _, MemoryStore, SampleValue, SeriesKey};
use serde_json::{Value, json};

use crate::client::Client;

const FIRST: &str = r#"
groups:
- name: a
  interval: 10s
  limit: 5
  rules:
  - record: r:x
    expr: sum(x)
    labels: {team: t}
  - alert: X
    expr: x > 0
    for: 1m
    keep_firing_for: 90s
    labels: {severity: page}
    annotations: {summary: "{{ $labels.i }} is {{ $value }}"}
- name: b
  rules:
  - record: r:broken
    expr: x + on() x
"#;

const SECOND: &str = "groups: [{name: a, rules: [{alert: Always, expr: vector(1.5)}]}]";

/// Returns a client of a server whose rules were evaluated for five minutes.
fn client() -> Client {
    let (store, clock) = (Arc::<MemoryStore>::default(), Arc::<SimClock>::default());
    let parts = Parts {
        engine: Engine::default(),
        queryable: store.clone(),
        appendable: store.clone(),
        notify: Arc::new(()),
        clock: clock.clone(),
    };
    let manager = Arc::new(Manager::new(parts, Options::default()));
    let read = |text| RuleFile::read(text, &ReadOptions::default()).unwrap();
    manager.update(&[("1.yml", read(FIRST)), ("2.yml", read(SECOND))], Settings::default());
    let series = ["p", "q"].map(|i| Labels::from_pairs([("__name__", "x"), ("i", i)]));
    for second in 0..300 {
        let mut appender = store.appender();
        for labels in &series {
            let key = SeriesKey::Labels(labels);
            appender.append(key, second * 1_000, SampleValue::Float(2.0)).unwrap();
        }
        appender.commit().unwrap();
        clock.advance(Duration::from_secs(1));
        manager.run_due();
    }
    let counted = Arc::clone(&manager);
    let state = ServerState::new(store, ServerOptions::default()).with_rules(manager);
    Client::new(
        state.with_collector(Box::new(move |page| write_rule_stats(page, &counted.stats()))),
    )
}

fn groups(client: &Client, parameters: &str) -> Value {
    client.get(&format!("/api/v1/rules{parameters}")).json()["data"].clone()
}

/// Returns the names of the rules in an answer.
fn names(data: &Value) -> Vec<String> {
    let groups = data["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    rules.map(|rule| rule["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn rules_and_alerts_are_shown() {
    let client = client();
    let data = groups(&client, "?rule_group[]=a&file[]=1.yml");
    let [group] = &data["groups"].as_array().unwrap()[..] else { panic!("{data}") };
    assert_eq!(
        [&group["name"], &group["file"], &group["interval"], &group["limit"]],
        [&json!("a"), &json!("1.yml"), &json!(10), &json!(5)]
    );
    let recording = &group["rules"][0];
    assert_eq!(recording["type"], "recording");
    assert_eq!(recording["labels"], json!({"team": "t"}));
    assert_eq!(recording["health"], "ok");
    let alerting = &group["rules"][1];
    assert_eq!(alerting["state"], "firing");
    assert_eq!([&alerting["duration"], &alerting["keepFiringFor"]], [&json!(60), &json!(90)]);
    assert_eq!(alerting["annotations"]["summary"], "{{ $labels.i }} is {{ $value }}");
    let alert = &alerting["alerts"][0];
    assert_eq!(alert["labels"], json!({"alertname": "X", "i": "p", "severity": "page"}));
    assert_eq!(alert["annotations"], json!({"summary": "p is 2"}));
    assert_eq!([&alert["state"], &alert["value"]], [&json!("firing"), &json!("2e+00")]);
    assert!(alert["activeAt"].as_str().unwrap().starts_with("1970-01-01T00:00:"));

    let alerts = client.get("/api/v1/alerts").json()["data"]["alerts"].clone();
    assert_eq!(alerts.as_array().unwrap().len(), 3);
    let broken = &groups(&client, "?rule_name[]=r:broken")["groups"][0]["rules"][0];
    assert_eq!(broken["health"], "err");
    assert!(broken["lastError"].as_str().unwrap().starts_with("found duplicate series"));
}

#[test]
fn a_request_names_the_rules_that_it_wants() {
    let client = client();
    for (parameters, expected) in [
        ("", &["r:x", "X", "r:broken", "Always"][..]),
        ("?type=alert", &["X", "Always"]),
        ("?type=RECORD", &["r:x", "r:broken"]),
        ("?rule_name[]=X&rule_name[]=Always", &["X", "Always"]),
        ("?file[]=2.yml", &["Always"]),
        ("?match[]=%7Bteam=%22t%22%7D&match[]=%7Bseverity=%22page%22%7D", &["r:x", "X"]),
        ("?rule_group[]=none", &[]),
    ] {
        assert_eq!(names(&groups(&client, parameters)), expected, "{parameters}");
    }
    let without = groups(&client, "?exclude_alerts=true&rule_name[]=X");
    assert_eq!(without["groups"][0]["rules"][0]["alerts"], Value::Null);
}

#[test]
fn groups_come_in_pages() {
    let client = client();
    let mut seen = Vec::new();
    let mut parameters = "?group_limit=1".to_owned();
    loop {
        let page = groups(&client, &parameters);
        seen.extend(names(&page));
        let Some(token) = page["groupNextToken"].as_str() else { break };
        assert_eq!(token.len(), 64);
        parameters = format!("?group_limit=1&group_next_token={token}");
    }
    assert_eq!(seen, ["r:x", "X", "r:broken", "Always"]);
    for (parameters, expected) in [
        (
            "group_next_token=x",
            "group_limit needs to be present in order to paginate over the groups",
        ),
        ("group_limit=0", "group_limit needs to be greater than 0"),
        (
            "group_limit=x",
            "group_limit needs to be a valid number: strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
        (
            "group_limit=1&group_next_token=x",
            "invalid group_next_token 'x'. were rule groups changed?",
        ),
        (
            "exclude_alerts=x",
            "error converting exclude_alerts: strconv.ParseBool: parsing \"x\": invalid syntax",
        ),
    ] {
        let reply = client.get(&format!("/api/v1/rules?{parameters}"));
        assert_eq!(reply.status, 400, "{parameters}");
        let error = reply.json()["error"].as_str().unwrap().to_owned();
        assert!(error.ends_with(expected), "{error}");
    }
}

#[test]
fn evaluations_are_counted() {
    let page = client().get("/metrics").text().to_owned();
    for line in [
        "prometheus_rule_evaluations_total{rule_group=\"1.yml;a\"} 60\n",
        "prometheus_rule_evaluation_failures_total{rule_group=\"1.yml;b\"} 5\n",
        "prometheus_rule_group_iterations_missed_total{rule_group=\"1.yml;a\"} 0\n",
        "prometheus_rule_group_rules{rule_group=\"1.yml;a\"} 2\n",
        "prometheus_rule_group_interval_seconds{rule_group=\"2.yml;a\"} 60\n",
        "prometheus_rule_group_last_evaluation_samples{rule_group=\"1.yml;a\"} 5\n",
        "prometheus_rule_evaluation_duration_seconds_count 70\n",
    ] {
        assert!(page.contains(line), "{line}{page}");
    }
}
