//! The endpoints under `/api/v1`.

mod exemplars;
mod labels;
mod query;
mod query_stats;
mod rules;
mod status;
mod syntax;
mod targets;

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};

pub(crate) use status::version;

use crate::answer::{Answer, ApiError};
use crate::params::Params;
use crate::routes::{GET, GET_POST, allow};
use crate::state::ServerState;

/// What an endpoint knows: the server and the parameters.
pub(crate) struct Call {
    pub(crate) state: Arc<ServerState>,
    pub(crate) params: Params,
}

/// Returns the endpoints of the API that answer with JSON.
pub(crate) fn routes() -> Router<Arc<ServerState>> {
    Router::new()
        .route("/query", get_post(endpoint(query::instant)))
        .route("/query_range", get_post(endpoint(query::range)))
        .route("/query_exemplars", get_post(endpoint(exemplars::query)))
        .route("/format_query", get_post(endpoint(syntax::format)))
        .route("/parse_query", get_post(endpoint(syntax::parse)))
        .route("/labels", get_post(endpoint(labels::names)))
        .route("/series", get_post(endpoint(labels::series)))
        .route("/label/{name}/values", get_only(values))
        .route("/targets", get_only(endpoint(targets::targets)))
        .route("/targets/metadata", get_only(endpoint(targets::target_metadata)))
        .route("/scrape_pools", get_only(endpoint(targets::scrape_pools)))
        .route("/metadata", get_only(endpoint(targets::metadata)))
        .route("/rules", get_only(endpoint(rules::rules)))
        .route("/alerts", get_only(endpoint(rules::alerts)))
        .route("/status/config", get_only(endpoint(status::config)))
        .route("/status/flags", get_only(endpoint(status::flags)))
        .route("/status/buildinfo", get_only(endpoint(status::build_info)))
        .route("/status/runtimeinfo", get_only(endpoint(status::runtime_info)))
}

/// Returns those that also answer before the server is ready.
pub(crate) fn routes_at_any_time() -> Router<Arc<ServerState>> {
    Router::new().route("/status/walreplay", get_only(endpoint(status::wal_replay)))
}

/// The one endpoint with a part of its path as a parameter.
async fn values(
    State(state): State<Arc<ServerState>>,
    Path(name): Path<String>,
    params: Params,
) -> Response {
    run(|call| labels::values(call, name), Call { state, params }).await
}

fn get_only<H, T>(handler: H) -> MethodRouter<Arc<ServerState>>
where
    H: Handler<T, Arc<ServerState>>,
    T: 'static,
{
    allow(get(handler), GET)
}

fn get_post<H, T>(handler: H) -> MethodRouter<Arc<ServerState>>
where
    H: Handler<T, Arc<ServerState>>,
    T: 'static,
{
    allow(get(handler.clone()).post(handler), GET_POST)
}

/// Makes a handler of an endpoint: it reads the parameters, and writes answer or error.
fn endpoint<F>(
    answer: fn(Call) -> F,
) -> impl Fn(State<Arc<ServerState>>, Params) -> EndpointFuture + Clone
where
    F: Future<Output = Result<Answer, ApiError>> + Send + 'static,
{
    move |State(state), params| Box::pin(async move { run(answer, Call { state, params }).await })
}

async fn run<F>(answer: impl FnOnce(Call) -> F, call: Call) -> Response
where
    F: Future<Output = Result<Answer, ApiError>>,
{
    let accepts_gzip = call.params.accepts_gzip;
    match answer(call).await {
        Ok(answer) => answer.into_response(accepts_gzip),
        Err(error) => error.into_response(),
    }
}

type EndpointFuture = Pin<Box<dyn Future<Output = Response> + Send>>;
