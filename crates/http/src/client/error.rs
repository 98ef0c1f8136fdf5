use narthex_model::quote::Quoted;

use crate::config::UrlError;

/// Why a client could not be made. The texts are the reference's where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// A secret is with a manager, and there is none.
    #[error("unable to use {what}: cannot use secret ref without manager")]
    NoManager {
        /// What the secret is for.
        what: &'static str,
    },
    /// A file could not be read.
    #[error("unable to read {what}: {cause}")]
    Unreadable {
        /// What the file is for.
        what: &'static str,
        /// Which file, and why not.
        cause: Box<str>,
    },
    /// The certificates of authorities are none.
    #[error("unable to use specified CA cert {description}")]
    Authorities {
        /// Where they came from.
        description: Box<str>,
    },
    /// The client's certificate, or its key, is none, or they do not belong together.
    #[error("unable to use specified client cert ({certificate}) & key ({key}): {cause}")]
    Identity {
        /// Where the certificate came from.
        certificate: Box<str>,
        /// Where the key came from.
        key: Box<str>,
        /// What is wrong.
        cause: Box<str>,
    },
    /// Only versions of TLS are left that nothing here speaks.
    #[error("TLS before version 1.2 is not supported")]
    OldTls,
    /// A header has a name or a value that cannot be sent.
    #[error("invalid header {}", Quoted(name))]
    Header {
        /// Its name.
        name: Box<str>,
    },
    /// The proxy's address is none.
    #[error("proxy: {0}")]
    Proxy(Box<str>),
    /// An address is none.
    #[error(transparent)]
    Url(#[from] UrlError),
}

/// Why there was no answer: `Get "http://localhost:9090/metrics": dial tcp …`. Neither the address nor
/// the cause shows a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{method} {}: {cause}", Quoted(url))]
pub struct RequestError {
    method: Box<str>,
    url: Box<str>,
    cause: Box<str>,
}

impl RequestError {
    pub(crate) fn new(method: &http::Method, url: &str, cause: impl Into<Box<str>>) -> Self {
        // As Go's client writes it: `Get`.
        let mut letters = method.as_str().chars();
        let first = letters.next().map(String::from).unwrap_or_default();
        let method = first + &letters.as_str().to_ascii_lowercase();
        let url = crate::config::redacted(url);
        Self { method: method.into(), url: url.into(), cause: cause.into() }
    }

    /// Returns the address that was asked last, after redirects.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns what went wrong, in the words of Go's client where people look for them.
    #[must_use]
    pub fn cause(&self) -> &str {
        &self.cause
    }
}
