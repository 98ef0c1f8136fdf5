//! What the process is and how it was started.

use std::collections::BTreeMap;
use std::time::SystemTime;

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::Call;
use crate::answer::{Answer, ApiError};
use crate::build_info::{COMPATIBLE_VERSION, VERSION};
use crate::routes::text;
use crate::state::WalReplay;
use crate::time::Rfc3339;

/// `GET /api/v1/status/config`.
pub(super) async fn config(call: Call) -> Result<Answer, ApiError> {
    #[derive(Serialize)]
    struct Config {
        yaml: String,
    }
    Answer::of(&Config { yaml: call.state.status.config_yaml() })
}

/// `GET /api/v1/status/flags`.
pub(super) async fn flags(call: Call) -> Result<Answer, ApiError> {
    Answer::of(&call.state.status.flags().into_iter().collect::<BTreeMap<_, _>>())
}

/// `GET /api/v1/status/buildinfo`. Clients such as Grafana read from the version what they may ask
/// for, so it is that of the reference whose API this is; ours stands in the revision.
pub(super) async fn build_info(_: Call) -> Result<Answer, ApiError> {
    Answer::of(&BuildInfo::this())
}

/// `GET /version`: the same without the envelope, and as text, as the reference has it.
pub(crate) async fn version() -> Response {
    match serde_json::to_string(&BuildInfo::this()) {
        Ok(json) => text(StatusCode::OK, json),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildInfo {
    version: &'static str,
    revision: String,
    branch: &'static str,
    build_user: &'static str,
    build_date: &'static str,
    go_version: &'static str,
}

impl BuildInfo {
    fn this() -> Self {
        Self {
            version: COMPATIBLE_VERSION,
            revision: format!("narthex-{VERSION}"),
            branch: "",
            build_user: "",
            build_date: "",
            go_version: "",
        }
    }
}

/// `GET /api/v1/status/walreplay`. It is answered while the server starts, too.
pub(super) async fn wal_replay(call: Call) -> Result<Answer, ApiError> {
    #[derive(Serialize)]
    struct Replay {
        min: u64,
        max: u64,
        current: u64,
    }
    let WalReplay { first, last, current, .. } = call.state.status.wal_replay();
    Answer::of(&Replay { min: first, max: last, current })
}

/// `GET /api/v1/status/runtimeinfo`. Fields that only a Go process has hold what comes nearest.
pub(super) async fn runtime_info(call: Call) -> Result<Answer, ApiError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct RuntimeInfo {
        start_time: String,
        #[serde(rename = "CWD")]
        working_directory: String,
        hostname: String,
        server_time: String,
        reload_config_success: bool,
        last_config_time: String,
        corruption_count: u64,
        goroutine_count: usize,
        #[serde(rename = "GOMAXPROCS")]
        threads_max: usize,
        #[serde(rename = "GOMEMLIMIT")]
        memory_max: i64,
        #[serde(rename = "GOGC")]
        gc: &'static str,
        #[serde(rename = "GODEBUG")]
        debug: &'static str,
        storage_retention: String,
    }
    let state = call.state;
    let reload = state.status.last_reload();
    let working_directory = std::env::current_dir();
    Answer::of(&RuntimeInfo {
        start_time: Rfc3339::from(state.started).to_string(),
        working_directory: working_directory.map_or_else(
            |_| "<error retrieving current working directory>".to_owned(),
            |path| path.display().to_string(),
        ),
        hostname: crate::hostname(),
        server_time: Rfc3339::from(SystemTime::now()).to_string(),
        reload_config_success: reload.successful,
        last_config_time: reload.last_success.map_or(Rfc3339::ZERO, Rfc3339::from).to_string(),
        corruption_count: 0,
        goroutine_count: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        threads_max: std::thread::available_parallelism().map_or(1, usize::from),
        memory_max: i64::MAX,
        gc: "",
        debug: "",
        storage_retention: state.status.storage_retention(),
    })
}
