//! Rules at work in a server: what fails, and what that leaves behind.

use std::sync::Arc;
use std::time::Duration;

use narthex_host::SimClock;
use narthex_model::{Labels, STALE_NAN};
use narthex_promql::{Engine, EngineOptions, Value as Answer};
use narthex_promql_parser::parse;
use narthex_rules::{Manager, Notify, Options, Parts, ReadOptions, RuleFile, Settings};
use narthex_storage::{Appendable as _, MemoryStore, QueryContext, SampleValue, SeriesKey};
use serde_json::{Value, json};

use crate::conformance::{folder, json as read_json};

/// A manager over a store and a clock that are made up.
pub(crate) struct Machine {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) manager: Manager,
}

impl Machine {
    pub(crate) fn new(store: Arc<MemoryStore>, clock: Arc<SimClock>, options: Options) -> Self {
        Self::telling(store, clock, options, Arc::new(()))
    }

    pub(crate) fn telling(
        store: Arc<MemoryStore>,
        clock: Arc<SimClock>,
        options: Options,
        notify: Arc<dyn Notify>,
    ) -> Self {
        let parts = Parts {
            engine: Engine::default(),
            queryable: store.clone(),
            appendable: store.clone(),
            notify,
            clock: clock.clone(),
        };
        Self { manager: Manager::new(parts, options), store, clock }
    }

    pub(crate) fn write(&self, series: &[(&str, &str)], value: f64) {
        let mut appender = self.store.appender();
        let labels = Labels::from_pairs(series.iter().copied());
        let key = SeriesKey::Labels(&labels);
        let now_ms = narthex_host::Clock::now_ms(&*self.clock);
        appender.append(key, now_ms, SampleValue::Float(value)).unwrap();
        appender.commit().unwrap();
    }

    pub(crate) fn query(&self, expr: &str, lookback: Duration) -> Vec<(Labels, f64)> {
        let mut options = EngineOptions::default();
        options.lookback_delta_ms = i64::try_from(lookback.as_millis()).unwrap();
        let now_ms = narthex_host::Clock::now_ms(&*self.clock);
        let expr = parse(expr).unwrap();
        let ctx = QueryContext::default();
        let answer = Engine::new(options).instant(&ctx, &*self.store, &expr, now_ms).unwrap();
        let Answer::Vector(vector) = answer.value else { panic!("no vector") };
        let mut found: Vec<_> =
            vector.iter().map(|(labels, sample)| (labels.clone(), sample.value)).collect();
        found.sort_by(|left, right| left.0.cmp(&right.0));
        found
    }
}

pub(crate) fn rules(groups: &Value) -> RuleFile {
    let text = json!({"groups": groups}).to_string();
    RuleFile::read(&text, &ReadOptions::default()).unwrap()
}

#[test]
fn failures_are_those_that_were_recorded() {
    let Some(folder) = folder() else { return };
    let recorded = read_json(&folder.join("live.json"));
    let clock = Arc::<SimClock>::default();
    clock.set_now_ms(1_700_000_000_123);
    let machine = Machine::new(Arc::default(), clock, Options::default());
    machine.manager.update(&[("rules.yml", rules(&recorded["groups"]))], Settings::default());
    let phases = recorded["phases"].as_array().unwrap();
    assert_eq!(phases.len(), 3);
    for (number, phase) in phases.iter().enumerate() {
        for second in 0..5 {
            machine.write(&[("__name__", "single")], -2.5);
            machine.write(&[("__name__", "lx"), ("i", "1")], 1.0);
            match number {
                1 => machine.write(&[("__name__", "lx"), ("i", "2")], 1.0),
                2 if second == 0 => machine.write(&[("__name__", "lx"), ("i", "2")], STALE_NAN),
                _ => {}
            }
            machine.clock.advance(Duration::from_secs(1));
            machine.manager.run_due();
        }
        let mut expected = phase["rules"].clone();
        for rule in expected.as_array_mut().unwrap() {
            rule.as_object_mut().unwrap().remove("limit");
        }
        assert_eq!(statuses(&machine.manager), expected, "{}", phase["phase"]);
        let series = machine.query(r#"{__name__=~"ALERTS|r:.*"}"#, Duration::from_hours(2));
        let series = series.iter().map(|(labels, value)| json!([map(labels), value.to_string()]));
        assert_eq!(series.collect::<Value>(), phase["series"], "{}", phase["phase"]);
    }
}

fn statuses(manager: &Manager) -> Value {
    let mut all = Vec::new();
    for group in manager.groups() {
        for rule in group.rules {
            let mut shown = json!({
                "group": group.name, "name": rule.rule.name, "query": rule.rule.expr.to_string(),
                "labels": *rule.labels, "health": rule.health.as_str(),
                "lastError": rule.last_error.unwrap_or_default(),
            });
            if rule.rule.is_alerting() {
                let active = rule.alerts.iter().filter(|alert| alert.is_active());
                let active = active.map(|alert| json!([map(&alert.labels), alert.state.as_str()]));
                shown["alerts"] = active.collect();
            }
            all.push(shown);
        }
    }
    all.into()
}

fn map(labels: &Labels) -> Value {
    labels.iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
}
