//! Whether the server is alive and ready, and the requests to reload or end it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};

use crate::answer::with_sources;
use crate::routes::{GET_HEAD, LIFECYCLE, allow_head, text};
use crate::state::{Readiness, ServerState, WalReplay};

/// Returns the routes under `/-/`.
pub(crate) fn routes() -> Router<Arc<ServerState>> {
    Router::new()
        .route("/-/healthy", allow_head(get(healthy), GET_HEAD))
        .route("/-/ready", allow_head(get(ready), GET_HEAD))
        .route("/-/reload", post_or_put(post(reload).put(reload)))
        .route("/-/quit", post_or_put(post(quit).put(quit)))
}

/// A `GET` of these routes is told what to do instead.
fn post_or_put(routes: MethodRouter<Arc<ServerState>>) -> MethodRouter<Arc<ServerState>> {
    let hint =
        || async { text(StatusCode::METHOD_NOT_ALLOWED, "Only POST or PUT requests allowed") };
    crate::routes::allow(routes.get(hint), LIFECYCLE)
}

async fn healthy() -> Response {
    text(StatusCode::OK, "Prometheus Server is Healthy.\n")
}

async fn ready(State(state): State<Arc<ServerState>>) -> Response {
    if let Some(refusal) = refuse_unless_ready(&state) {
        return refusal;
    }
    match what_is_missing(&state) {
        Some(message) => text(StatusCode::SERVICE_UNAVAILABLE, message),
        None => text(StatusCode::OK, "Prometheus Server is Ready.\n"),
    }
}

/// Returns what a server lacks that answers requests.
fn what_is_missing(state: &ServerState) -> Option<String> {
    if let Some(reason) = state.status.append_failure() {
        return Some(format!("Samples cannot be stored: {reason}\n"));
    }
    let WalReplay { first, last, current, is_underway } = state.status.wal_replay();
    let message = format!(
        "Recent data is still loading: segment {current} of {first} to {last} of the write-ahead log\n"
    );
    is_underway.then_some(message)
}

/// Returns whether a load balancer should send requests here: whether `/-/ready` says so.
pub(crate) fn is_ready(state: &ServerState) -> bool {
    state.readiness() == Readiness::Ready && what_is_missing(state).is_none()
}

/// Answers 503 in place of every route behind it while the server is not ready.
pub(crate) async fn when_ready(
    State(state): State<Arc<ServerState>>,
    request: Request,
    next: Next,
) -> Response {
    match refuse_unless_ready(&state) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    }
}

fn refuse_unless_ready(state: &ServerState) -> Option<Response> {
    let stopping = match state.readiness() {
        Readiness::Ready => return None,
        Readiness::Starting => "false",
        Readiness::Stopping => "true",
    };
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
    response.headers_mut().insert("x-prometheus-stopping", stopping.parse().ok()?);
    Some(response)
}

async fn reload(State(state): State<Arc<ServerState>>) -> Response {
    let Some(lifecycle) = enabled(&state) else {
        return text(StatusCode::FORBIDDEN, DISABLED);
    };
    match tokio::task::spawn_blocking(move || lifecycle.reload()).await {
        Ok(Ok(())) => text(StatusCode::OK, ""),
        Ok(Err(error)) => {
            let message = format!("failed to reload config: {}\n", with_sources(&*error));
            text(StatusCode::INTERNAL_SERVER_ERROR, message)
        }
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "failed to reload config: it panicked\n"),
    }
}

async fn quit(State(state): State<Arc<ServerState>>) -> Response {
    let Some(lifecycle) = enabled(&state) else {
        return text(StatusCode::FORBIDDEN, DISABLED);
    };
    if state.readiness() == Readiness::Stopping {
        return text(StatusCode::OK, "Termination already in progress.");
    }
    lifecycle.quit();
    text(StatusCode::OK, "Requesting termination... Goodbye!")
}

fn enabled(state: &ServerState) -> Option<Arc<dyn crate::Lifecycle>> {
    state.lifecycle.clone().filter(|_| state.options.lifecycle)
}

const DISABLED: &str = "Lifecycle API is not enabled.";
