//! The states of alerts and the series of rules, step by step.

use std::fs;
use std::time::Duration;

use narthex_model::{Labels, duration, float};
use narthex_promql_parser::{ParseOptions, parse_series_description, parse_with};
use narthex_rules::{ReadOptions, RuleFile, RuleTest, RuleTestError, TestOptions};
use narthex_storage::{Columns, QueryContext, Queryable as _, SelectHints, TimeRange};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::conformance::{folder, json as read_json};

#[derive(Deserialize)]
struct TestFile {
    evaluation_interval: String,
    #[serde(default)]
    group_eval_order: Vec<Box<str>>,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    interval: Option<String>,
    #[serde(default)]
    input_series: Vec<Series>,
    #[serde(default)]
    external_labels: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    external_url: Box<str>,
    start_timestamp: Option<String>,
}

#[derive(Deserialize)]
struct Series {
    series: String,
    values: String,
}

#[test]
fn states_are_those_that_were_recorded() {
    let Some(folder) = folder() else { return };
    let recorded = read_json(&folder.join("state.json.gz"));
    let recorded = recorded.as_object().unwrap();
    let mut wrong = Vec::new();
    for (name, expected) in recorded {
        let read = |kind: &str| {
            fs::read_to_string(folder.join(format!("state/{name}.{kind}.yml"))).unwrap()
        };
        let mut got = run(&read("rules"), &read("test"), expected);
        // The message is that of a program that was not told of its own flag.
        if name == "experimental_function" {
            assert_eq!(got["errors"], json!([]));
            continue;
        }
        // The recorded program cannot say its own URL: `externalURL` fails in it.
        if name == "annotations_external" {
            for (got, expected) in zip_mut(&mut got["alerts"], &expected["alerts"]) {
                let failed = &expected["firing"][0]["annotations"]["u"];
                assert!(failed.as_str().unwrap().contains("nil pointer dereference"));
                let shown = &mut got["firing"][0]["annotations"]["u"];
                assert_eq!(*shown, "http://p.example.com/pre http://p.example.com/pre /pre");
                *shown = failed.clone();
            }
        }
        for part in ["errors", "steps", "alerts", "written"] {
            let expected = expected.get(part).cloned().unwrap_or(json!([]));
            if got[part] != expected {
                wrong.push(format!(
                    "{name} {part}:\n  got      {}\n  expected {expected}",
                    got[part]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(recorded.len(), 63);
}

fn zip_mut<'a>(
    left: &'a mut Value,
    right: &'a Value,
) -> impl Iterator<Item = (&'a mut Value, &'a Value)> {
    left.as_array_mut().unwrap().iter_mut().zip(right.as_array().unwrap())
}

fn run(rules: &str, test: &str, expected: &Value) -> Value {
    let feature = expected.get("enable_feature").and_then(Value::as_str).unwrap_or_default();
    let mut read = ReadOptions::default();
    if feature == "promql-experimental-functions" {
        read.parse = ParseOptions::experimental();
    }
    let rules = RuleFile::read(rules, &read).unwrap();
    let file: TestFile = narthex_yaml::from_str(test).unwrap();
    let [case] = &file.tests[..] else { panic!("one test a file") };
    let mut options = TestOptions::default();
    options.interval = duration::parse(&file.evaluation_interval).unwrap();
    options.group_order = file.group_eval_order;
    options.external_labels = Labels::from_pairs(&case.external_labels);
    options.external_url = case.external_url.clone();
    options.engine.delayed_name_removal = feature == "promql-delayed-name-removal";
    // 2024-02-29T23:58:00Z
    options.start_ms = if case.start_timestamp.is_some() { 1_709_251_080_000 } else { 0 };
    let start_ms = options.start_ms;
    let step = case.interval.as_deref().unwrap_or(&file.evaluation_interval);
    let step = duration::parse(step).unwrap();
    let mut test = RuleTest::new(&[("rules.yml", rules)], options);
    for series in &case.input_series {
        let text = format!("{} {}", series.series, series.values);
        test.load(parse_series_description(&text).unwrap(), step);
    }
    let steps = expected["steps"].as_array().unwrap();
    let end = steps.iter().map(|step| step["t"].as_u64().unwrap()).max();
    let mut outcome = json!({"errors": [], "steps": [], "alerts": [], "written": []});
    let mut alerts = Vec::new();
    // Where a rule fails nothing else was recorded.
    let end = end.unwrap_or(600_000);
    loop {
        let time_ms = match test.step() {
            Ok(time_ms) => time_ms - start_ms,
            Err(RuleTestError::Rules(failures)) => {
                let errors = failures.iter().map(|failure| {
                    let time = go_duration(failure.time_ms);
                    let text =
                        format!("    rule: {}, time: {time}, err: {}", failure.rule, failure.error);
                    json!({"error": text})
                });
                return json!({"errors": errors.collect::<Vec<_>>(), "steps": [], "alerts": [], "written": []});
            }
            Err(error) => panic!("{error}"),
        };
        alerts.extend(firing(&test, time_ms));
        if time_ms.unsigned_abs() >= end {
            break;
        }
    }
    if feature == "promql-experimental-functions" {
        return outcome;
    }
    outcome["alerts"] = alerts.into();
    outcome["steps"] = steps.iter().map(|step| answers(&test, step)).collect();
    outcome["written"] = written(&test, start_ms);
    outcome
}

fn firing(test: &RuleTest, time_ms: i64) -> Vec<Value> {
    let rules = test.groups().into_iter().flat_map(|group| group.rules);
    let mut names: Vec<_> =
        rules.filter(|rule| rule.rule.is_alerting()).map(|rule| rule.rule.name.clone()).collect();
    names.dedup();
    let mut all = Vec::new();
    for name in names {
        let mut firing = test.firing(&name);
        firing.sort_by(|left, right| left.labels.cmp(&right.labels));
        let firing: Vec<_> = firing
            .iter()
            .map(|alert| {
                json!({"labels": map(&alert.labels), "annotations": map(&alert.annotations)})
            })
            .collect();
        if !firing.is_empty() {
            all.push(json!({"t": time_ms, "alertname": name, "firing": firing}));
        }
    }
    all
}

fn map(labels: &Labels) -> Value {
    labels.iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
}

const ALL: &str = r#"{__name__=~"ALERTS|ALERTS_FOR_STATE|.*:.*"}"#;

fn answers(test: &RuleTest, step: &Value) -> Value {
    let time = Duration::from_millis(step["t"].as_u64().unwrap());
    let mut answer = json!({"t": step["t"], "series": answer(test, ALL, time)});
    if let Some(exprs) = step.get("exprs") {
        let exprs = exprs.as_object().unwrap();
        let all: serde_json::Map<_, _> =
            exprs.keys().map(|expr| (expr.clone(), self::answer(test, expr, time))).collect();
        answer["exprs"] = all.into();
    }
    answer
}

fn answer(test: &RuleTest, expr: &str, time: Duration) -> Value {
    let expr = parse_with(expr, &ParseOptions::default()).unwrap();
    let mut samples = test.query(&expr, time).unwrap();
    samples.sort_by(|left, right| left.labels.cmp(&right.labels));
    let samples = samples.iter().map(|sample| {
        let value = match &sample.histogram {
            Some(histogram) => histogram.test_expression().to_string(),
            None => number(sample.value),
        };
        json!([map(&sample.labels), value])
    });
    samples.collect()
}

/// Prints a number as the recorder did: with a fraction, always.
fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let mut text = format!("{value:?}");
    // Rust writes 1e100, the recorder 1e+100.
    if let Some((digits, exponent)) = text.split_once('e')
        && !exponent.starts_with('-')
    {
        text = format!("{digits}e+{exponent}");
    }
    text
}

fn written(test: &RuleTest, start_ms: i64) -> Value {
    let ctx = QueryContext::default();
    let querier = test.store().querier(TimeRange::ALL).unwrap();
    let matcher = narthex_model::Matcher::new(
        narthex_model::MatchOp::Regex,
        "__name__",
        "ALERTS|ALERTS_FOR_STATE|.*:.*",
    );
    let selection = querier.select(&ctx, &[matcher.unwrap()], &SelectHints::default()).unwrap();
    let mut all = Vec::new();
    let mut columns = Columns::default();
    for series in 0..selection.len() {
        selection.read(&ctx, series, &mut columns).unwrap();
        let samples: Vec<_> = columns
            .iter()
            .enumerate()
            .filter(|(_, sample)| {
                sample.timestamp_ms != start_ms && !narthex_model::is_stale_nan(sample.value)
            })
            .map(|(index, sample)| {
                let value = match columns.histogram(index) {
                    Some(histogram) => histogram.to_string(),
                    None => number(sample.value),
                };
                json!([sample.timestamp_ms, value])
            })
            .collect();
        if !samples.is_empty() {
            let labels = selection.series_labels(series);
            all.push((labels.clone(), json!({"labels": map(&labels), "samples": samples})));
        }
    }
    all.sort_by(|left, right| left.0.cmp(&right.0));
    all.into_iter().map(|(_, series)| series).collect()
}

/// Prints a duration as Go does.
fn go_duration(ms: i64) -> String {
    let mut out = String::new();
    let seconds = ms / 1_000;
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    if hours > 0 {
        out += &format!("{hours}h");
    }
    if hours > 0 || minutes > 0 {
        out += &format!("{minutes}m");
    }
    let mut rest = String::new();
    float::write_general(&mut rest, (ms % 60_000) as f64 / 1_000.0).unwrap();
    out + &rest + "s"
}
