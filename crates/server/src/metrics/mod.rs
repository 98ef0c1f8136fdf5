//! The server's own metrics: `GET /metrics`.
//!
//! The cores count into plain structs; here they get the names, types and help texts that the
//! reference gives the same things. What only narthex has is called `narthex_…`.

mod blocks;
mod compaction;
mod discovery;
mod head;
mod http;
mod log;
mod process;
mod rules;
mod scrape;
mod tsdb;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use narthex_exposition::{TEXT_CONTENT_TYPE, TextWriter};
use narthex_model::MetricType::{Counter, Gauge};

pub use compaction::write_retention;
pub use discovery::write_discovery_stats;
pub(crate) use http::HttpStats;
pub use rules::write_rule_stats;
pub use scrape::write_scrape_stats;
pub use tsdb::write_tsdb_stats;

use crate::answer::{Pieces, respond};
use crate::build_info::{COMPATIBLE_VERSION, VERSION};
use crate::lifecycle::is_ready;
use crate::params::accepts_gzip;
use crate::routes::text;
use crate::state::ServerState;

/// `GET /metrics`.
pub(crate) async fn page(State(state): State<Arc<ServerState>>, headers: HeaderMap) -> Response {
    // Collectors may walk every series of a store.
    match tokio::task::spawn_blocking(move || write_page(&state)).await {
        Ok(page) => respond(Box::new(Page(page)), TEXT_CONTENT_TYPE, accepts_gzip(&headers)),
        Err(_) => {
            text(StatusCode::INTERNAL_SERVER_ERROR, "unexpected error: a collector panicked\n")
        }
    }
}

fn write_page(state: &ServerState) -> String {
    let mut page = TextWriter::default();
    write_build_info(&mut page);
    write_configuration(&mut page, state);
    state.queries.write_stats(&mut page);
    state.http.write(&mut page, &state.options.route_prefix);
    write_remote_write(&mut page, state);
    process::write(&mut page);
    for collector in &state.collectors {
        collector(&mut page);
    }
    page.into_string()
}

struct Page(String);

impl Pieces for Page {
    fn write_piece(&mut self, out: &mut String) -> bool {
        out.push_str(&self.0);
        false
    }
}

fn write_build_info(page: &mut TextWriter) {
    let revision = format!("narthex-{VERSION}");
    page.family(
        "prometheus_build_info",
        Gauge,
        "A metric with a constant '1' value labeled by the version of Prometheus whose API this is, and by our own as the revision.",
    )
    .sample(
        &[
            ("branch", ""),
            ("goarch", std::env::consts::ARCH),
            ("goos", std::env::consts::OS),
            ("goversion", ""),
            ("revision", &revision),
            ("tags", ""),
            ("version", COMPATIBLE_VERSION),
        ],
        1.0,
    );
}

fn write_configuration(page: &mut TextWriter, state: &ServerState) {
    page.family(
        "prometheus_ready",
        Gauge,
        "Whether Prometheus startup was fully completed and the server is ready for normal operation.",
    )
    .sample(&[], f64::from(u8::from(is_ready(state))));
    let reload = state.status.last_reload();
    page.family(
        "prometheus_config_last_reload_successful",
        Gauge,
        "Whether the last configuration reload attempt was successful.",
    )
    .sample(&[], f64::from(u8::from(reload.successful)));
    page.family(
        "prometheus_config_last_reload_success_timestamp_seconds",
        Gauge,
        "Timestamp of the last successful configuration reload.",
    )
    .sample(&[], reload.last_success.map_or(0.0, unix_seconds));
}

fn write_remote_write(page: &mut TextWriter, state: &ServerState) {
    if !state.options.remote_write_receiver {
        return;
    }
    let writes = &state.writes;
    for (name, help, count) in [
        (
            "prometheus_api_remote_write_invalid_labels_samples_total",
            "The total number of received remote write samples and histogram samples which were rejected due to invalid labels.",
            &writes.invalid_labels,
        ),
        (
            "narthex_remote_write_samples_total",
            "Samples stored from remote write requests.",
            &writes.samples,
        ),
        (
            "narthex_remote_write_rejected_samples_total",
            "Samples of remote write requests that were not stored.",
            &writes.rejected,
        ),
    ] {
        counter(page, name, help, count.load(Ordering::Relaxed));
    }
}

fn counter(page: &mut TextWriter, name: &str, help: &str, value: u64) {
    page.family(name, Counter, help).sample(&[], value as f64);
}

fn gauge(page: &mut TextWriter, name: &str, help: &str, value: f64) {
    page.family(name, Gauge, help).sample(&[], value);
}

fn unix_seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
