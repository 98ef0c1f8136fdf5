use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use crate::state::ServerState;
use crate::{api, layers, lifecycle, metrics, page, write};

/// Returns every route of the server, ready to be served, or mounted in another application.
///
/// ```
/// use std::sync::Arc;
///
/// use narthex_server::{ServerOptions, ServerState, router};
/// use narthex_storage::MemoryStore;
///
/// let store = Arc::new(MemoryStore::default());
/// let state = Arc::new(ServerState::new(store, ServerOptions::default()));
/// let application: axum::Router = axum::Router::new().nest("/monitoring", router(state));
/// ```
///
/// # Panics
///
/// Where the option `route_prefix` is no plain path: it holds a brace, or a segment that begins
/// with a star or a colon.
pub fn router(state: Arc<ServerState>) -> Router {
    let api = Router::new()
        .merge(api::routes())
        .route("/write", allow(post(write::write), POST))
        .fallback(no_endpoint)
        .layer(from_fn_with_state(Arc::clone(&state), lifecycle::when_ready))
        .merge(api::routes_at_any_time())
        .layer(from_fn_with_state(Arc::clone(&state), layers::share_across_origins));
    let routes = Router::new()
        .nest("/api/v1", api)
        .merge(lifecycle::routes())
        .merge(page::routes())
        .route("/metrics", allow(get(metrics::page), GET))
        .route("/version", allow(get(api::version), GET))
        .route("/", allow(get(home), GET))
        .fallback(not_found)
        .layer(from_fn(layers::contain_panics))
        .layer(from_fn_with_state(Arc::clone(&state), layers::count_requests));
    let prefix = state.options.route_prefix.trim_end_matches('/').to_owned();
    if prefix.is_empty() {
        return routes.with_state(state);
    }
    // A nested route does not take the slash behind the prefix.
    Router::new()
        .route("/", allow(get(home), GET))
        .route(&format!("{prefix}/"), allow(get(home), GET))
        .nest(&prefix, routes)
        .fallback(not_found)
        .with_state(state)
}

async fn home(State(state): State<Arc<ServerState>>) -> Response {
    let path = external_path(&state.options.external_url);
    redirect(&format!("{path}/query"))
}

/// Returns the path of a URL without the slash at its end.
pub(crate) fn external_path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("", |start| rest[start..].trim_end_matches('/'))
}

pub(crate) fn redirect(location: &str) -> Response {
    let mut response = text(StatusCode::FOUND, format!("<a href=\"{location}\">Found</a>.\n\n"));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(location) = HeaderValue::from_str(location) {
        headers.insert(LOCATION, location);
    }
    response
}

/// Returns a plain text.
pub(crate) fn text(status: StatusCode, text: impl Into<String>) -> Response {
    let content_type = [(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))];
    (status, content_type, text.into()).into_response()
}

async fn not_found() -> Response {
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// Below the API, browsers may ask of every path what is allowed.
async fn no_endpoint(request: Request) -> Response {
    if request.method() == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    not_found().await
}

/// Refuses methods without a route and says which ones have one. `HEAD` is among those refused, as
/// in the reference; axum alone would answer it like `GET`.
pub(crate) fn allow(
    routes: MethodRouter<Arc<ServerState>>,
    methods: &'static str,
) -> MethodRouter<Arc<ServerState>> {
    allow_head(routes.head(move || not_allowed(methods)), methods)
}

/// [`allow`] for routes that answer `HEAD`.
pub(crate) fn allow_head(
    routes: MethodRouter<Arc<ServerState>>,
    methods: &'static str,
) -> MethodRouter<Arc<ServerState>> {
    let options = move || async move { (StatusCode::NO_CONTENT, [(ALLOW, methods)]) };
    routes.options(options).fallback(move || not_allowed(methods))
}

async fn not_allowed(methods: &'static str) -> Response {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

pub(crate) const GET: &str = "GET, OPTIONS";
pub(crate) const GET_HEAD: &str = "GET, HEAD, OPTIONS";
pub(crate) const GET_POST: &str = "GET, OPTIONS, POST";
pub(crate) const LIFECYCLE: &str = "GET, OPTIONS, POST, PUT";
const POST: &str = "OPTIONS, POST";
