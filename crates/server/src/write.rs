//! `POST /api/v1/write`: remote write 1.0.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{
    CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use axum::response::{IntoResponse, Response};
use narthex_remote::{Post, ReceiveLimits, Received, WriteError, receive};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::answer::with_sources;
use crate::params::BODY_TIMEOUT;
use crate::routes::text;
use crate::state::ServerState;
use crate::throttle::Throttle;
use crate::time::now_ms;

/// What was received by remote write.
#[derive(Debug)]
pub(crate) struct Writes {
    pub(crate) samples: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) invalid_labels: AtomicU64,
    /// Of what the store could not take: on a full disk every request fails.
    failures: Mutex<Throttle>,
    slots: Arc<Semaphore>,
}

impl Default for Writes {
    fn default() -> Self {
        Self {
            samples: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            invalid_labels: AtomicU64::new(0),
            failures: Mutex::default(),
            slots: Arc::new(Semaphore::new(CONCURRENCY_MAX)),
        }
    }
}

/// Applies the body to the store.
pub(crate) async fn write(State(state): State<Arc<ServerState>>, request: Request) -> Response {
    if !state.options.remote_write_receiver {
        return text(StatusCode::NOT_FOUND, DISABLED);
    }
    let (head, body) = request.into_parts();
    let body = match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, BODY_SIZE_MAX)).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) => {
            let status = if is_too_large(&error) {
                StatusCode::PAYLOAD_TOO_LARGE
            } else {
                StatusCode::BAD_REQUEST
            };
            return text(status, format!("read the request body: {error}\n"));
        }
        Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the body took too long\n"),
    };
    let Ok(slot) = Arc::clone(&state.writes.slots).acquire_owned().await else {
        return text(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping\n");
    };
    let stored = tokio::task::spawn_blocking(move || {
        // Held until the end, also where the client does not wait for it.
        let _slot = slot;
        match store(&state, &head.headers, &body) {
            Ok(_) => StatusCode::NO_CONTENT.into_response(),
            Err(error) => refuse(&state, &error),
        }
    });
    match stored.await {
        Ok(answer) => answer,
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "unexpected error: the write panicked\n"),
    }
}

fn store(state: &ServerState, headers: &HeaderMap, body: &Bytes) -> Result<Received, WriteError> {
    let header = |name: &HeaderName| {
        headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let post = Post {
        content_encoding: header(&CONTENT_ENCODING),
        content_type: header(&CONTENT_TYPE),
        body,
    };
    let mut limits = ReceiveLimits::default();
    limits.lead_max_ms = state.options.write_lead_max_ms;
    let answer = receive(&*state.store, post, &limits, now_ms());
    let count = |counter: &AtomicU64, n: usize| counter.fetch_add(n as u64, Ordering::Relaxed);
    match &answer {
        Ok(received) => {
            count(&state.writes.samples, received.samples);
            let num_dropped = received.exemplars_refused;
            if num_dropped > 0 {
                tracing::warn!(num_dropped, "Exemplars of a remote write request were refused");
            }
        }
        Err(WriteError::Rejected(rejections)) => {
            count(&state.writes.samples, rejections.written);
            count(&state.writes.rejected, rejections.rejected);
            count(&state.writes.invalid_labels, rejections.invalid_labels);
        }
        Err(_) => {}
    }
    answer
}

fn refuse(state: &ServerState, error: &WriteError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut message = error.to_string();
    if status.is_server_error() {
        message = with_sources(error);
        let admitted = state.writes.failures.lock().admit(Instant::now());
        if let Some(left_out) = admitted {
            tracing::error!(
                err = message,
                left_out,
                "Error while storing the remote write request"
            );
        }
    } else {
        tracing::warn!(err = message, "Refused a remote write request");
    }
    message.push('\n');
    let mut response = text(status, message);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        // Long enough for somebody to make space, short enough to lose no time once there is some.
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// A body that is cut off at the limit names that limit as the source of its error.
fn is_too_large(error: &axum::Error) -> bool {
    let source = std::error::Error::source(error);
    source.is_some_and(|source| source.is::<http_body_util::LengthLimitError>())
}

const DISABLED: &str =
    "remote write receiver needs to be enabled with --web.enable-remote-write-receiver\n";
/// The largest compressed body. Senders keep below a megabyte.
const BODY_SIZE_MAX: usize = 32 << 20;
/// How many requests are decompressed and stored at a time, which bounds the memory they take.
const CONCURRENCY_MAX: usize = 8;
