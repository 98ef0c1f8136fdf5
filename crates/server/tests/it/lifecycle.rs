use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use narthex_server::{Lifecycle, Readiness, ServerOptions, ServerState};
use narthex_storage::MemoryStore;

use crate::client::Client;

#[derive(Default)]
struct Counting {
    reloads: AtomicUsize,
    quits: AtomicUsize,
}

impl Lifecycle for Counting {
    fn reload(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match self.reloads.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(()),
            _ => Err("the file is broken".into()),
        }
    }

    fn quit(&self) {
        self.quits.fetch_add(1, Ordering::Relaxed);
    }
}

fn state(enabled: bool) -> (ServerState, Arc<Counting>) {
    let mut options = ServerOptions::default();
    options.lifecycle = enabled;
    let lifecycle = Arc::new(Counting::default());
    let state = ServerState::new(Arc::new(MemoryStore::default()), options);
    (state.with_lifecycle(lifecycle.clone()), lifecycle)
}

#[test]
fn a_server_is_healthy_before_it_is_ready() {
    for (readiness, stopping) in [
        (Readiness::Starting, Some("false")),
        (Readiness::Ready, None),
        (Readiness::Stopping, Some("true")),
    ] {
        let (state, _) = state(false);
        state.set_readiness(readiness);
        let client = Client::new(state);
        let healthy = client.get("/-/healthy");
        assert_eq!(
            (healthy.status.as_u16(), healthy.text()),
            (200, "Prometheus Server is Healthy.\n")
        );
        let ready = client.get("/-/ready");
        let labels = client.get("/api/v1/labels");
        if let Some(stopping) = stopping {
            assert_eq!((ready.status.as_u16(), ready.text()), (503, "Service Unavailable"));
            assert_eq!(ready.header("x-prometheus-stopping"), stopping);
            assert_eq!(labels.status, 503);
        } else {
            assert_eq!(
                (ready.status.as_u16(), ready.text()),
                (200, "Prometheus Server is Ready.\n")
            );
            assert_eq!(labels.status, 200);
        }
        // Its own metrics are worth most while something is wrong.
        assert_eq!(client.get("/metrics").status, 200);
    }
}

#[test]
fn reload_and_quit_are_passed_on() {
    let (state, lifecycle) = state(true);
    let client = Client::new(state);
    let reload = client.method("POST", "/-/reload");
    assert_eq!((reload.status.as_u16(), reload.text()), (200, ""));
    let reload = client.method("PUT", "/-/reload");
    let failed = "failed to reload config: the file is broken\n";
    assert_eq!((reload.status.as_u16(), reload.text()), (500, failed));
    let quit = client.method("POST", "/-/quit");
    let goodbye = "Requesting termination... Goodbye!";
    assert_eq!((quit.status.as_u16(), quit.text()), (200, goodbye));
    assert_eq!(lifecycle.quits.load(Ordering::Relaxed), 1);
}

#[test]
fn reload_and_quit_can_be_off() {
    let (state, lifecycle) = state(false);
    let client = Client::new(state);
    for path in ["/-/reload", "/-/quit"] {
        let reply = client.method("POST", path);
        assert_eq!((reply.status.as_u16(), reply.text()), (403, "Lifecycle API is not enabled."));
        let reply = client.get(path);
        let hint = "Only POST or PUT requests allowed";
        assert_eq!((reply.status.as_u16(), reply.text()), (405, hint));
    }
    assert_eq!(lifecycle.reloads.load(Ordering::Relaxed), 0);
}
