//! The keys of an HTTP client, as the reference's configuration has them.

mod auth;
mod client;
mod error;
mod headers;
mod oauth2;
mod proxy;
mod source;
mod tls;
mod url;

pub use auth::{Auth, Authorization, BasicAuth};
pub use client::{HttpClientConfig, HttpClientKeys};
pub use error::HttpConfigError;
pub use headers::{HeaderSources, Headers};
pub(crate) use oauth2::GRANT_JWT_BEARER;
pub use oauth2::{Grant, JwtBearer, OAuth2, SignatureAlgorithm};
pub use proxy::{ProxyChoice, ProxyConfig, ProxyHeaders};
pub use source::{SecretSource, join};
pub use tls::{TlsConfig, TlsIdentity, TlsVersion};
pub(crate) use url::redacted;
pub use url::{Url, UrlError};

#[cfg(test)]
mod tests;
