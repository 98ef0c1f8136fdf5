use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{
    AUTHORIZATION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Response, StatusCode};
use parking_lot::Mutex;
use rustls::ServerConfig;

use super::config::{RateLimit, WebConfig, WebConfigError};
use super::passwords::Passwords;
use super::tls;

/// Lets in whom a web configuration file lets in. The file, and the certificates that it names, are read
/// again for every request and every connection, so that a change takes effect at once.
#[derive(Debug, Default)]
pub struct WebGuard {
    path: Option<PathBuf>,
    read: Mutex<Option<Read>>,
    /// The configuration without a file.
    open: Arc<WebConfig>,
    passwords: Passwords,
    bucket: Option<Mutex<Bucket>>,
    /// Whether connections are secure, which is settled at the start.
    secure: bool,
    /// Whether clients had to say who they are at the start.
    asks_who: bool,
}

/// The file as it was when it was last read.
#[derive(Clone, Debug)]
struct Read {
    text: Arc<str>,
    config: Arc<WebConfig>,
}

/// Tokens for requests: one each `interval`, at most `burst`.
#[derive(Debug)]
struct Bucket {
    limit: RateLimit,
    tokens: f64,
    filled: Instant,
}

impl WebGuard {
    /// Returns a guard that follows a file; without one, everybody is let in, without TLS.
    ///
    /// # Errors
    ///
    /// Where the file, or what it names, is refused now. Later that fails a request alone.
    pub fn new(path: Option<&Path>) -> Result<Self, WebConfigError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let config = WebConfig::load(path)?;
        let bucket = config.rate_limit.map(|limit| {
            let tokens = f64::from(limit.burst);
            Mutex::new(Bucket { limit, tokens, filled: Instant::now() })
        });
        Ok(Self {
            path: Some(path.to_owned()),
            secure: config.tls.is_some(),
            asks_who: !config.users.is_empty()
                || config.tls.is_some_and(|tls| tls.client_auth.is_verified()),
            bucket,
            ..Self::default()
        })
    }

    /// Returns whether connections are secure.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Returns whether clients had to say who they are, by a password or a certificate, when the file was
    /// first read.
    #[must_use]
    pub fn asks_who(&self) -> bool {
        self.asks_who
    }

    /// Returns how to speak TLS with the next connection, where TLS is spoken.
    pub(crate) fn tls(&self) -> Result<Option<Arc<ServerConfig>>, WebConfigError> {
        if !self.secure {
            return Ok(None);
        }
        let config = self.config()?;
        let tls = config
            .tls
            .as_ref()
            .ok_or_else(|| WebConfigError::Tls("TLS config is not present".into()))?;
        tls::server_config(tls, config.http2).map(Some)
    }

    /// Decides about a request by its headers: those that its answer gets, or the answer that refuses
    /// it.
    pub(crate) async fn admit(
        &self,
        headers: &HeaderMap,
    ) -> Result<Arc<WebConfig>, Box<Response<&'static str>>> {
        let config = self.config().map_err(|error| {
            tracing::error!(err = %error, "Unable to parse configuration");
            Box::new(refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error\n"))
        })?;
        if self.bucket.as_ref().is_some_and(|bucket| !bucket.lock().take(Instant::now())) {
            return Err(Box::new(refusal(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests\n")));
        }
        if config.users.is_empty() || self.is_user(&config, headers).await {
            return Ok(config);
        }
        let mut response = refusal(StatusCode::UNAUTHORIZED, "Unauthorized\n");
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
        response.headers_mut().extend(config.headers.iter().cloned());
        Err(Box::new(response))
    }

    async fn is_user(&self, config: &WebConfig, headers: &HeaderMap) -> bool {
        let Some((user, password)) = headers.get(AUTHORIZATION).and_then(credentials) else {
            return false;
        };
        self.passwords.check(&config.users, &user, &password).await
    }

    /// Returns the configuration as it is now. It is parsed again only where the text is another.
    fn config(&self) -> Result<Arc<WebConfig>, WebConfigError> {
        let Some(path) = &self.path else { return Ok(Arc::clone(&self.open)) };
        let text = fs::read_to_string(path).map_err(|error| WebConfigError::Read {
            path: path.display().to_string().into(),
            cause: error.to_string().into(),
        })?;
        if let Some(read) = &*self.read.lock()
            && *read.text == *text
        {
            return Ok(Arc::clone(&read.config));
        }
        let directory = path.parent().unwrap_or(Path::new(""));
        let config = Arc::new(WebConfig::parse(&text, directory)?);
        *self.read.lock() = Some(Read { text: text.into(), config: Arc::clone(&config) });
        Ok(config)
    }
}

impl Bucket {
    /// Takes a token, if there is one.
    fn take(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        let gained = elapsed / self.limit.interval.as_secs_f64();
        self.tokens = (self.tokens + gained).min(f64::from(self.limit.burst));
        let taken = self.tokens >= 1.0;
        if taken {
            self.tokens -= 1.0;
        }
        taken
    }
}

/// Returns the name and the password of a header `Basic …`.
fn credentials(value: &HeaderValue) -> Option<(String, String)> {
    let (kind, pair) = value.to_str().ok()?.split_once(' ')?;
    if !kind.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64_STANDARD.decode(pair.trim()).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn refusal(status: StatusCode, text: &'static str) -> Response<&'static str> {
    let mut response = Response::new(text);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_fills_up_to_its_burst() {
        let start = Instant::now();
        let limit = RateLimit { burst: 2, interval: Duration::from_secs(10) };
        let mut bucket = Bucket { limit, tokens: 2.0, filled: start };
        for (at_s, expected) in [
            (0, true),
            (0, true),
            (0, false),
            (9, false),
            (10, true),
            (10, false),
            (99, true),
            (99, true),
            (99, false),
        ] {
            assert_eq!(bucket.take(start + Duration::from_secs(at_s)), expected, "{at_s}");
        }
    }

    #[test]
    fn basic_credentials_are_read() {
        for (text, expected) in [
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Some(("Aladdin", "open sesame"))),
            ("basic YTpiOmM=", Some(("a", "b:c"))),
            ("Basic YQ==", None),
            ("Basic !", None),
            ("Bearer YTpi", None),
            ("", None),
        ] {
            let found = credentials(&HeaderValue::from_static(text));
            let found = found.as_ref().map(|(user, password)| (&**user, &**password));
            assert_eq!(found, expected, "{text}");
        }
    }
}
