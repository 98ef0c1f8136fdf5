//! HTTP for monitoring programs, configured as Prometheus configures it.
//!
//! - [`HttpClientConfig`] is what a configuration says of a client: authentication, TLS, proxies,
//!   redirects, headers. [`HttpClientKeys`] reads it from among the keys of another section.
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

#![forbid(unsafe_code)]

mod config;
mod secret;

pub use config::*;
pub use secret::Secret;
