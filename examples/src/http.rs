//! Plain HTTP requests.

use std::time::Duration;

use serde_json::Value;

/// Returns status and body of a GET, or `None` where nobody answers.
#[must_use]
pub fn get(url: &str) -> Option<(u16, String)> {
    read(agent().get(url).call())
}

/// Returns status and body of a POST, or `None` where nobody answers.
#[must_use]
pub fn post(url: &str, body: &[u8]) -> Option<(u16, String)> {
    read(agent().post(url).send(body))
}

/// Returns status and body of a POST of form parameters, or `None` where nobody answers.
#[must_use]
pub fn post_form(url: &str, parameters: &[(&str, &str)]) -> Option<(u16, String)> {
    read(agent().post(url).send_form(parameters.iter().copied()))
}

/// Returns the data of a query API call with form parameters.
///
/// # Panics
///
/// Where it is no success.
#[must_use]
pub fn query(url: &str, parameters: &[(&str, &str)]) -> Value {
    let (status, body) =
        post_form(url, parameters).unwrap_or_else(|| panic!("no answer from {url}"));
    let answer: Value = serde_json::from_str(&body)
        .unwrap_or_else(|error| panic!("{url} {parameters:?}: HTTP {status}, {error}: {body}"));
    assert_eq!(answer["status"], "success", "{url} {parameters:?}: HTTP {status}: {body}");
    answer["data"].clone()
}

/// What became of a remote write request.
#[derive(Debug)]
pub struct WriteAnswer {
    /// The HTTP status.
    pub status: u16,
    /// After how many seconds to try again, where the server says so.
    pub retry_after: Option<String>,
    /// What it says else.
    pub body: String,
}

impl WriteAnswer {
    /// Returns whether everything was stored.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Posts `body` as a remote write request. Returns `None` where nobody answers.
#[must_use]
pub fn remote_write(server: &str, body: &[u8]) -> Option<WriteAnswer> {
    let request = agent()
        .post(format!("{server}/api/v1/write"))
        .header("Content-Type", "application/x-protobuf")
        .header("Content-Encoding", "snappy")
        .header("X-Prometheus-Remote-Write-Version", "0.1.0");
    let answer = request.send(body);
    let header = answer.as_ref().ok().and_then(|answer| answer.headers().get("retry-after"));
    let retry_after = header.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (status, body) = read(answer)?;
    Some(WriteAnswer { status, retry_after, body })
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_mins(10)))
        .build()
        .into()
}

fn read(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Option<(u16, String)> {
    let mut response = result.ok()?;
    let body = response.body_mut().with_config().limit(BODY_SIZE_MAX).read_to_string().ok()?;
    Some((response.status().as_u16(), body))
}

const BODY_SIZE_MAX: u64 = 1 << 30;
