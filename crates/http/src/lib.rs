//! HTTP for monitoring programs, configured as Prometheus configures it.
//!
//! - [`HttpClientConfig`] is what a configuration says of a client: authentication, TLS, proxies,
//!   redirects, headers. [`HttpClientKeys`] reads it from among the keys of another section.
//! - [`Client`] sends requests as such a configuration says.
//! - [`serve`] listens, with limits, and a [`WebGuard`] lets in whom the web configuration file says.
//! - [`Secret`] is a text that cannot be printed.
//!
//! ```
//! use narthex_http::{Auth, HttpClientConfig};
//!
//! let text = "authorization: {credentials: hunter2}\nenable_http2: false\n";
//! let config: HttpClientConfig = narthex_yaml::from_str(text).unwrap();
//! assert!(matches!(&config.auth, Some(Auth::Authorization(auth)) if &*auth.kind == "Bearer"));
//! assert!(!format!("{config:?}").contains("hunter2"));
//!
//! let text = "bearer_token: a\nbearer_token_file: b\n";
//! let error = narthex_yaml::from_str::<HttpClientConfig>(text).unwrap_err();
//! assert_eq!(
//!     error.message(),
//!     "at most one of bearer_token & bearer_token_file must be configured"
//! );
//! ```
//!
//! # Limits
//!
//! Redirects, headers, handshakes and connections are limited by [`ClientOptions`] and [`ServeLimits`]; the
//! answer of an OAuth2 server to 1 MiB, a file with a secret to 4 MiB. A body has the limit that its reader
//! gives to [`Response::read`].

#![forbid(unsafe_code)]

mod client;
mod config;
mod secret;
mod web;

pub use client::{BodyError, Client, ClientError, ClientOptions, RequestError, Response};
pub use config::*;
pub use secret::Secret;
pub use web::*;
