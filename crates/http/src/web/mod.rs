//! The server side: the web configuration file, and listening as it says.

mod config;
mod guard;
mod passwords;
mod serve;
mod tls;

pub use config::{ClientAuth, RateLimit, WebConfig, WebConfigError, WebTlsConfig};
pub use guard::WebGuard;
pub use serve::{ServeLimits, serve};
