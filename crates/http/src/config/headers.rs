use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::HttpConfigError;
use super::source::join;
use crate::Secret;

/// Headers to send with every request, by name.
pub type Headers = BTreeMap<String, HeaderSources>;

/// Where the values of a header come from. All of them are sent, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeaderSources {
    /// Values that may be shown.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Values that may not.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    /// Files with one value each, which are read for every request; space around it is dropped.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PathBuf>,
}

impl HeaderSources {
    /// Lets relative paths start at `directory`.
    pub fn set_directory(&mut self, directory: &Path) {
        for file in &mut self.files {
            *file = join(directory, file);
        }
    }
}

fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

pub(crate) fn check(headers: &Headers) -> Result<(), HttpConfigError> {
    let names = headers.keys().map(|name| canonical(name));
    match names.into_iter().find(|name| RESERVED.contains(&&**name)) {
        Some(name) => Err(HttpConfigError::ReservedHeader { name: name.into() }),
        None => Ok(()),
    }
}

/// Returns a header's name with capitals as Go sends it: `x-amz-date` is `X-Amz-Date`. What could be no
/// name stays as it is.
fn canonical(name: &str) -> String {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.bytes().all(is_token) {
        return name.to_owned();
    }
    let mut upper = true;
    let letter = |c: char| {
        let cased = if upper { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        upper = c == '-';
        cased
    };
    name.chars().map(letter).collect()
}

/// The headers that the client, or the program, sets itself.
///
/// # Source
///
/// `ReservedHeaders` of `github.com/prometheus/common/config`.
const RESERVED: &[&str] = &[
    "Authorization",
    "Host",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "User-Agent",
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Www-Authenticate",
    "Accept-Encoding",
    "X-Prometheus-Remote-Write-Version",
    "X-Prometheus-Remote-Read-Version",
    "X-Prometheus-Scrape-Timeout-Seconds",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "X-Amz-Content-Sha256",
];
