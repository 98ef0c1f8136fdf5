use std::sync::Arc;

use narthex_host::Simulation;
use narthex_model::{Labels, Sample};
use narthex_remote::RequestBuilder;
use narthex_server::{ServerOptions, ServerState, write_tsdb_stats};
use narthex_tsdb::{Db, Options};

use crate::client::Client;

/// Samples that come late by remote write are taken within the window, and refused for what they are.
#[test]
fn late_samples_are_taken_counted_and_refused() {
    let mut storage = Options::default();
    storage.out_of_order_window_ms = 1_800_000;
    let db = Arc::new(Db::open_with(Simulation::new(1).host(), "data", storage).unwrap());
    let mut options = ServerOptions::default();
    options.remote_write_receiver = true;
    let stats = db.clone();
    let state = ServerState::new(db, options)
        .with_collector(Box::new(move |page| write_tsdb_stats(page, &stats.stats())));
    let client = Client::new(state);
    let labels = Labels::from_pairs([("__name__", "late")]);
    for (timestamp_ms, value, status, text) in [
        (7_200_000, 1.0, 204, ""),
        (6_500_000, 1.0, 204, ""),
        (5_400_000, 1.0, 204, ""),
        (5_399_999, 1.0, 400, "too old sample"),
        (7_200_000, 2.0, 400, "duplicate sample for timestamp"),
    ] {
        let mut request = RequestBuilder::default();
        request.push_series(&labels, &[Sample { timestamp_ms, value }]);
        let reply = client.send(
            axum::http::Request::post("/api/v1/write")
                .header("content-encoding", "snappy")
                .header("content-type", "application/x-protobuf")
                .body(axum::body::Body::from(request.compress()))
                .unwrap(),
        );
        assert_eq!(reply.status, status, "{}", reply.text());
        assert!(reply.text().contains(text), "{}", reply.text());
    }
    let page = client.get("/metrics").text().to_owned();
    for line in [
        "head_out_of_order_samples_appended_total{type=\"float\"} 2\n",
        "too_old_samples_total{type=\"float\"} 1\n",
        "sample_ooo_delta_bucket{le=\"600\"} 0\n",
        "sample_ooo_delta_bucket{le=\"1800\"} 2\n",
        "sample_ooo_delta_bucket{le=\"3600\"} 3\n",
        "sample_ooo_delta_count 3\n",
        "head_stale_series 0\n",
        "head_appenders_created_total 5\n",
        "head_active_appenders 0\n",
        "isolation_high_watermark 3\n",
        "compaction_chunk_samples_bucket{le=\"13.5\"} 0\n",
        "compaction_duration_seconds_bucket{le=\"8192\"} 0\n",
        "wal_truncate_duration_seconds_count 0\n",
        "wal_fsync_duration_seconds_count 0\n",
        "out_of_order_wbl_writes_failed_total 0\n",
    ] {
        let line = format!("\nprometheus_tsdb_{line}");
        assert!(page.contains(&line), "{line}\n{page}");
    }
}
