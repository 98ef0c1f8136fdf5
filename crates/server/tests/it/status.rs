use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use narthex_server::{Reload, ServerOptions, ServerState, Status};
use narthex_storage::MemoryStore;
use serde_json::json;

use crate::client::Client;

struct Process;

impl Status for Process {
    fn config_yaml(&self) -> String {
        "global:\n  scrape_interval: 15s\n".to_owned()
    }

    fn flags(&self) -> Vec<(Box<str>, Box<str>)> {
        vec![("web.listen-address".into(), "127.0.0.1:9090".into())]
    }

    fn last_reload(&self) -> Reload {
        let last_success = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        Reload { successful: true, last_success: Some(last_success) }
    }
}

fn client() -> Client {
    let state = ServerState::new(Arc::new(MemoryStore::default()), ServerOptions::default());
    Client::new(state.with_status(Arc::new(Process)))
}

#[test]
fn the_process_tells_of_itself() {
    let client = client();
    let data = |name: &str| client.get(&format!("/api/v1/status/{name}")).json()["data"].clone();
    assert_eq!(data("config"), json!({"yaml": "global:\n  scrape_interval: 15s\n"}));
    assert_eq!(data("flags"), json!({"web.listen-address": "127.0.0.1:9090"}));
    assert_eq!(data("buildinfo")["version"], "3.14.0");
    let runtime = data("runtimeinfo");
    assert_eq!(runtime["reloadConfigSuccess"], true);
    assert_eq!(runtime["lastConfigTime"], "2023-11-14T22:13:20Z");
    let start = runtime["startTime"].as_str().unwrap();
    assert!(start.ends_with('Z') && start.starts_with("20"), "{start}");
}

#[test]
fn the_last_reload_is_a_metric() {
    let page = client().get("/metrics").text().to_owned();
    for line in [
        "prometheus_config_last_reload_successful 1\n",
        "prometheus_config_last_reload_success_timestamp_seconds 1.7e+09\n",
    ] {
        assert!(page.contains(line), "{line}");
    }
}

#[test]
fn a_server_that_scrapes_nothing_has_no_targets() {
    let client = client();
    for (path, data) in [
        ("targets", json!({"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}})),
        (
            "targets?state=active",
            json!({"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": null}),
        ),
        ("targets/metadata", json!([])),
        ("metadata", json!({})),
        ("scrape_pools", json!({"scrapePools": []})),
    ] {
        assert_eq!(client.get(&format!("/api/v1/{path}")).json()["data"], data, "{path}");
    }
}
