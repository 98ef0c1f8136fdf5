//! Headers that the configuration adds to every request.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{ClientError, describe, secrets};
use crate::config::{HeaderSources, Headers, ProxyHeaders};

/// Headers that must not reach another host: those that Go's client drops on the way there.
pub(crate) const SENSITIVE: &[&str] = &[
    "authorization",
    "www-authenticate",
    "cookie",
    "cookie2",
    "proxy-authorization",
    "proxy-authenticate",
];

/// The headers of `http_headers`.
#[derive(Clone, Debug)]
pub(crate) struct ExtraHeaders(Vec<(HeaderName, HeaderSources)>);

impl ExtraHeaders {
    pub(crate) fn new(headers: &Headers) -> Result<Self, ClientError> {
        let checked = headers.iter().map(|(name, sources)| {
            let refused = || ClientError::Header { name: name.as_str().into() };
            let parsed = HeaderName::try_from(name).map_err(|_| refused())?;
            let secrets = sources.secrets.iter().map(|secret| secret.expose());
            for value in sources.values.iter().map(String::as_str).chain(secrets) {
                HeaderValue::from_str(value).map_err(|_| refused())?;
            }
            Ok((parsed, sources.clone()))
        });
        checked.collect::<Result<_, _>>().map(Self)
    }

    /// Adds the headers, those in files as they are now. Once a redirect has `left` the host that they
    /// are for, only those are added that are no secret.
    pub(crate) fn add(&self, headers: &mut HeaderMap, left: bool) -> Result<(), String> {
        for (name, sources) in &self.0 {
            if left && SENSITIVE.contains(&name.as_str()) {
                continue;
            }
            for value in &sources.values {
                headers.append(name, value_of(name, value)?);
            }
            if left {
                continue;
            }
            for secret in &sources.secrets {
                headers.append(name, secret_value(name, secret.expose())?);
            }
            for path in &sources.files {
                let secret = secrets::read(path).map_err(|error| {
                    describe::file(path, &error).replacen(
                        "unable to read file",
                        "unable to read headers file",
                        1,
                    )
                })?;
                headers.append(name, secret_value(name, secret.expose())?);
            }
        }
        Ok(())
    }
}

/// Returns the headers for a proxy.
pub(crate) fn for_proxy(headers: &ProxyHeaders) -> Result<HeaderMap, ClientError> {
    let mut map = HeaderMap::new();
    for (name, secrets) in headers {
        let refused = || ClientError::Header { name: name.as_str().into() };
        let parsed = HeaderName::try_from(name).map_err(|_| refused())?;
        for secret in secrets.iter().flatten() {
            let value = secret_value(&parsed, secret.expose()).map_err(|_| refused())?;
            map.append(&parsed, value);
        }
    }
    Ok(map)
}

/// Returns a value that neither logs nor compression remember.
pub(crate) fn secret_value(name: &HeaderName, text: &str) -> Result<HeaderValue, String> {
    let mut value = value_of(name, text)?;
    value.set_sensitive(true);
    Ok(value)
}

fn value_of(name: &HeaderName, text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(text)
        .map_err(|_| format!("net/http: invalid header field value for \"{name}\""))
}
