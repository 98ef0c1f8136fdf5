//! Alerts over a restart.

use std::sync::Arc;
use std::time::Duration;

use narthex_host::{Clock as _, SimClock};
use narthex_model::{Labels, STALE_NAN};
use narthex_rules::{Options, Settings};
use narthex_storage::{Appendable as _, MemoryStore, SampleValue, SeriesKey};
use serde_json::{Value, json};

use crate::conformance::{folder, json as read_json};
use crate::live::{Machine, rules};

#[test]
fn alerts_are_restored_as_was_recorded() {
    let Some(folder) = folder() else { return };
    let recorded = read_json(&folder.join("restart.json"));
    let recorded = recorded.as_object().unwrap();
    for (name, case) in recorded {
        assert_eq!(restart(name, case), case["after_restart"], "{name}");
    }
    assert_eq!(recorded.len(), 16);
}

const NOW_MS: i64 = 1_700_000_000_000;

/// Starts over a store that a server left behind, and returns the alerts a while later.
fn restart(name: &str, case: &Value) -> Value {
    let store = Arc::<MemoryStore>::default();
    leave_behind(&store, name, case);
    let clock = Arc::<SimClock>::default();
    clock.set_now_ms(NOW_MS);
    let machine = Machine::new(store, clock, Options::default());
    let mut rule = json!({
        "alert": name, "expr": case["expr"], "for": format!("{}s", case["for_seconds"]),
        "labels": case["rule_labels"],
    });
    if let Some(keep) = case["keep_firing_for"].as_str() {
        rule["keep_firing_for"] = keep.into();
    }
    let group = json!([{"name": "g", "interval": "1s", "rules": [rule]}]);
    machine.manager.update(&[("rules.yml", rules(&group))], Settings::default());
    for _ in 0..6 {
        machine.write(&[("__name__", "rx"), ("i", "a")], 1.0);
        machine.manager.run_due();
        machine.clock.advance(Duration::from_secs(1));
    }
    let alerts = machine.manager.alerts();
    let now_ms = machine.clock.now_ms();
    let shown = alerts.iter().map(|alert| {
        let labels: serde_json::Map<_, _> = alert
            .labels
            .iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        let rounded = (now_ms - alert.active_at_ms + 15_000).div_euclid(30_000) * 30;
        json!({"labels": labels, "state": alert.state.as_str(), "active_seconds_ago": rounded})
    });
    shown.collect()
}

/// Writes the state of the alert before the restart.
fn leave_behind(store: &MemoryStore, name: &str, case: &Value) {
    let before = &case["ALERTS_FOR_STATE"];
    let Some(labels) = before["labels"].as_object() else { return };
    let ms = |key: &str| NOW_MS - before[key].as_i64().unwrap() * 1_000;
    let (began_ms, last_ms) = (ms("began_seconds_ago"), ms("last_sample_seconds_ago"));
    let own = labels.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
    let labels = Labels::from_pairs(
        [("__name__", "ALERTS_FOR_STATE"), ("alertname", name)].into_iter().chain(own),
    );
    let mut appender = store.appender();
    let mut write = |time_ms: i64, value: f64| {
        let key = SeriesKey::Labels(&labels);
        appender.append(key, time_ms, SampleValue::Float(value)).unwrap();
    };
    let active_at_s = (began_ms / 1_000) as f64;
    let mut time_ms = began_ms;
    while time_ms <= last_ms {
        write(time_ms, active_at_s);
        time_ms += 60_000;
    }
    if time_ms - 60_000 < last_ms {
        write(last_ms, active_at_s);
    }
    if before["then_stale"] == true {
        write(last_ms + 1_000, STALE_NAN);
    }
    appender.commit().unwrap();
}
