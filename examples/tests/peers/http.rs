//! Plain HTTP requests of the tests.

use std::time::Duration;

use serde_json::Value;

/// Returns status and body of a GET, or `None` where nobody answers.
pub(crate) fn get(url: &str) -> Option<(u16, String)> {
    read(agent().get(url).call())
}

/// Returns the JSON answer of a query API call with form parameters. It must be a success.
pub(crate) fn query(url: &str, parameters: &[(&str, &str)]) -> Value {
    let (status, body) = read(agent().post(url).send_form(parameters.iter().copied()))
        .unwrap_or_else(|| panic!("no answer from {url}"));
    let answer: Value = serde_json::from_str(&body)
        .unwrap_or_else(|error| panic!("{url} {parameters:?}: HTTP {status}, {error}: {body}"));
    assert_eq!(answer["status"], "success", "{url} {parameters:?}: HTTP {status}: {body}");
    answer["data"].clone()
}

/// Posts `body` as a remote write request.
pub(crate) fn remote_write(url: &str, body: &[u8]) {
    let request = agent()
        .post(url)
        .header("Content-Type", "application/x-protobuf")
        .header("Content-Encoding", "snappy")
        .header("X-Prometheus-Remote-Write-Version", "0.1.0");
    let (status, text) = read(request.send(body)).unwrap_or_else(|| panic!("no answer from {url}"));
    assert!((200..300).contains(&status), "{url}: HTTP {status}: {text}");
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into()
}

fn read(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Option<(u16, String)> {
    let mut response = result.ok()?;
    let body = response.body_mut().with_config().limit(256 << 20).read_to_string().ok()?;
    Some((response.status().as_u16(), body))
}
