//! Headers that a section adds to its requests, and the ones that it must leave alone.

use std::collections::BTreeMap;

use crate::error::ConfigProblem;

/// Headers by their names, as they are written. They are shown in full, as in the reference.
pub type HeaderMap = BTreeMap<String, String>;

/// Checks the headers of remote storage.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), ConfigProblem> {
    check_unless(headers, ConfigProblem::AuthorizationHeader)
}

/// Checks the headers of spans.
pub(crate) fn check_tracing(headers: &HeaderMap) -> Result<(), ConfigProblem> {
    check_unless(headers, ConfigProblem::TracingAuthorizationHeader)
}

fn check_unless(headers: &HeaderMap, authorization: ConfigProblem) -> Result<(), ConfigProblem> {
    for name in headers.keys() {
        let lower = name.to_ascii_lowercase();
        if lower == "authorization" {
            return Err(authorization);
        }
        if RESERVED.contains(&lower.as_str()) {
            return Err(ConfigProblem::ReservedHeader { header: name.as_str().into() });
        }
    }
    Ok(())
}

/// What requests set themselves, in small letters.
const RESERVED: [&str; 16] = [
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
    // Those of requests that are signed for Amazon.
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
];
