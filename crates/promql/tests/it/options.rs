//! What the options of an engine change, each case with the option off and on.

use narthex_model::Labels;
use narthex_model::histogram::FloatHistogram;
use narthex_promql::{Engine, EngineOptions, Severity, Value};
use narthex_promql_parser::{ParseOptions, parse_with};
use narthex_storage::{Appendable, MemoryStore, QueryContext, SampleTime, SampleValue, SeriesKey};

/// Counters that rise by 60 a minute, from their start 30 seconds before their first sample on; a
/// target with its info series; a histogram with an observation of NaN.
fn store() -> MemoryStore {
    let store = MemoryStore::default();
    let mut appender = store.appender();
    for (name, metric_type) in [("requests_total", "gauge"), ("load", "counter")] {
        let labels = Labels::from_pairs([("__name__", name), ("__type__", metric_type)]);
        for minute in 1..=3_i64 {
            let time = SampleTime { timestamp_ms: minute * 60_000, start_timestamp_ms: 30_000 };
            let value = SampleValue::Float(50.0 + (minute - 1) as f64 * 60.0);
            appender.append_with_start(SeriesKey::Labels(&labels), time, value).unwrap();
        }
    }
    let nan = FloatHistogram { count: 1.0, sum: f64::NAN, ..FloatHistogram::default() };
    for (series, value) in [
        (&[("__name__", "up"), ("job", "app")][..], SampleValue::Float(1.0)),
        (&[("__name__", "target_info"), ("job", "app"), ("version", "2")], SampleValue::Float(1.0)),
        (&[("__name__", "nan_seconds")], SampleValue::FloatHistogram(&nan)),
    ] {
        let labels = Labels::from_pairs(series.iter().copied());
        appender.append(SeriesKey::Labels(&labels), 120_000, value).unwrap();
    }
    appender.commit().unwrap();
    drop(appender);
    store
}

/// Returns the answer three minutes after the epoch: series, then annotations.
fn answer(options: EngineOptions, query: &str) -> String {
    let expr = parse_with(query, &ParseOptions::experimental()).unwrap();
    let engine = Engine::new(options);
    let answer = match engine.instant(&QueryContext::default(), &store(), &expr, 180_000) {
        Ok(answer) => answer,
        Err(error) => return format!("error: {error}"),
    };
    let Value::Vector(vector) = &answer.value else { panic!("{query} is a vector") };
    let series = vector.iter().map(|(labels, it)| format!("{} {}", labels.as_series(), it.value));
    series.chain(answer.annotations.texts(Severity::Info, query, 0)).collect::<Vec<_>>().join("; ")
}

fn check(set: fn(&mut EngineOptions), query: &str, off: &str, on: &str) {
    let mut options = EngineOptions::default();
    assert_eq!(answer(options.clone(), query), off, "{query}, off");
    set(&mut options);
    assert_eq!(answer(options, query), on, "{query}, on");
}

#[test]
fn names_go_at_once_or_at_the_end() {
    let set = |options: &mut EngineOptions| options.delayed_name_removal = true;
    check(set, "abs(load)", "{} 170", "{} 170");
    let query = r#"label_replace(abs(load), "from", "$1", "__name__", "(.+)")"#;
    check(set, query, "{} 170", r#"{from="load"} 170"#);
    let query = r#"sum(abs({__name__=~"load|requests_total"}))"#;
    let equal = "error: vector cannot contain metrics with the same labelset";
    check(set, query, equal, "{} 340");
}

#[test]
fn counters_are_told_by_name_or_by_type() {
    let set = |options: &mut EngineOptions| options.type_and_unit_labels = true;
    let info = "PromQL info: metric might not be a counter, ";
    check(
        set,
        "increase(load[2m])",
        &format!(
            "{{}} 120; {info}name does not end in _total/_sum/_count/_bucket: \"load\" (1:10)"
        ),
        "{} 120",
    );
    check(
        set,
        "increase(requests_total[2m])",
        "{} 120",
        &format!(
            "{{}} 120; {info}__type__ label is not set to \"counter\" or \"histogram\", got \
             \"gauge\": \"requests_total\" (1:10)"
        ),
    );
}

#[test]
fn start_timestamps_count_or_do_not() {
    let set = |options: &mut EngineOptions| options.use_start_timestamps = true;
    // The counter begins within the window, so all that it counted is its increase.
    check(set, "increase(requests_total[5m])", "{} 150", "{} 170");
    let query = r#"start_timestamp({__type__="gauge"})"#;
    check(set, query, "", "{} 30");
    check(set, "start_timestamp(requests_total + 0)", "", "");
}

#[test]
fn the_version_after_3_14_answers_otherwise() {
    let set = |options: &mut EngineOptions| options.unreleased_changes = true;
    check(
        set,
        "last_over_time(info(up @ 120)[1m:] offset -10m)",
        r#"up{job="app"} 1"#,
        r#"up{job="app", version="2"} 1"#,
    );
    let remark = "PromQL info: input to histogram_fraction has NaN observations, which are \
                  excluded from all fractions";
    check(
        set,
        "histogram_fraction(0, 1, nan_seconds)",
        &format!("{{}} 0; {remark} (1:20)"),
        &format!("{{}} 0; {remark} (1:26)"),
    );
}
