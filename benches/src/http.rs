//! Plain HTTP requests.

use std::time::Duration;

use narthex_remote::RequestBuilder;

use crate::Result;

/// Returns the body of a GET that succeeds.
///
/// # Errors
///
/// Where nobody answers, or with another status.
pub fn get(url: &str) -> Result<String> {
    body(agent().get(url).call()?)
}

/// Posts a body, and returns what comes back.
///
/// # Errors
///
/// As [`get`].
pub fn post(url: &str, content: &[u8]) -> Result<String> {
    body(agent().post(url).send(content)?)
}

/// Asks for a range of a query, in seconds since the Unix epoch, and returns the answer's JSON.
///
/// # Errors
///
/// As [`get`].
pub fn query_range(
    server: &str,
    query: &str,
    (start_s, end_s): (i64, i64),
    step_s: i64,
) -> Result<String> {
    let (start, end, step) = (start_s.to_string(), end_s.to_string(), step_s.to_string());
    // VictoriaMetrics would answer from its cache of results; the others ignore the parameter.
    let form =
        [("query", query), ("start", &start), ("end", &end), ("step", &step), ("nocache", "1")];
    body(agent().post(format!("{server}/api/v1/query_range")).send_form(form)?)
}

/// Posts a remote write request.
///
/// # Errors
///
/// As [`get`].
pub fn remote_write(server: &str, request: &RequestBuilder) -> Result<()> {
    let post = agent()
        .post(format!("{server}/api/v1/write"))
        .header("Content-Type", "application/x-protobuf")
        .header("Content-Encoding", "snappy")
        .header("X-Prometheus-Remote-Write-Version", "0.1.0");
    body(post.send(&request.compress()[..])?).map(drop)
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(600))).build().into()
}

fn body(mut response: ureq::http::Response<ureq::Body>) -> Result<String> {
    Ok(response.body_mut().with_config().limit(BODY_SIZE_MAX).read_to_string()?)
}

const BODY_SIZE_MAX: u64 = 1 << 30;
