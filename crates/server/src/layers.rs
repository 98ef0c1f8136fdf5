//! What happens around every request.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue, ORIGIN, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::Next;
use axum::response::Response;

use crate::routes::text;
use crate::state::ServerState;

/// Counts requests by route and status. Unknown paths are not counted, so that a client cannot make
/// new series.
pub(crate) async fn count_requests(
    State(state): State<Arc<ServerState>>,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let start = Instant::now();
    let mut response = next.run(request).await;
    if let Some(route) = route {
        state.http.count(route.as_str(), response.status().as_u16(), start.elapsed());
    }
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Lets pages of the allowed origins read the answer.
pub(crate) async fn share_across_origins(
    State(state): State<Arc<ServerState>>,
    request: Request,
    next: Next,
) -> Response {
    let allowed = |origin: &HeaderValue| {
        origin.to_str().is_ok_and(|origin| state.options.cors_origin.is_match(origin))
    };
    let origin = request.headers().get(ORIGIN).filter(|origin| allowed(origin)).cloned();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        for (name, value) in [
            (ACCESS_CONTROL_ALLOW_HEADERS, "Accept, Authorization, Content-Type, Origin"),
            (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
            (ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

/// Turns a panic of a handler into status 500.
pub(crate) async fn contain_panics(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    match Contained(Box::pin(next.run(request))).await {
        Ok(response) => response,
        Err(panic) => {
            tracing::error!(path, err = panic_text(&*panic), "Request handler panicked");
            text(StatusCode::INTERNAL_SERVER_ERROR, "unexpected error: the handler panicked\n")
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("unknown")
}

/// A future whose panic is its result.
struct Contained<F>(Pin<Box<F>>);

impl<F: Future> Future for Contained<F> {
    type Output = Result<F::Output, Box<dyn Any + Send>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // After a panic the future is dropped and never polled again.
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_result() {
        assert_eq!(Contained(Box::pin(async { 1 })).await.ok(), Some(1));
        let panic = Contained(Box::pin(async { panic!("broken") })).await;
        assert_eq!(panic_text(&*panic.unwrap_err()), "broken");
    }
}
