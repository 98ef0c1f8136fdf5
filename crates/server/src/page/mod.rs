//! The page: a query with its answer as a table and a graph, the targets, and the status.
//!
//! It is three files without a build step, and it talks to the API like any other client. Nothing
//! that comes from data is ever HTML: the script sets text only, and the content policy forbids
//! scripts and styles that are not these files.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::routes::{GET, allow, redirect};
use crate::state::ServerState;

/// Returns the routes of the page and its files.
pub(crate) fn routes() -> Router<Arc<ServerState>> {
    let mut routes = Router::new().route("/graph", allow(get(graph), GET));
    for path in ["/query", "/targets", "/status"] {
        routes = routes.route(path, allow(get(index), GET));
    }
    for (path, content_type, content) in FILES {
        routes = routes.route(path, allow(get(move || file(content_type, content)), GET));
    }
    routes
}

async fn index() -> Response {
    file("text/html; charset=utf-8", include_str!("index.html")).await
}

async fn file(content_type: &'static str, content: &'static str) -> Response {
    let mut response = content.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        // The files change with the program, and they are small.
        (CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Where the page was in older versions; links with a query in them still lead to it.
async fn graph(State(state): State<Arc<ServerState>>, RawQuery(query): RawQuery) -> Response {
    let path = crate::routes::external_path(&state.options.external_url);
    // Only what a URL holds gets this far, so it cannot end the attribute.
    redirect(&format!("{path}/query?{}", query.unwrap_or_default()))
}

const FILES: [(&str, &str, &str); 3] = [
    ("/assets/page.css", "text/css; charset=utf-8", include_str!("page.css")),
    ("/assets/page.js", "text/javascript; charset=utf-8", include_str!("page.js")),
    ("/favicon.svg", "image/svg+xml", include_str!("favicon.svg")),
];

const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'; object-src 'none'";
