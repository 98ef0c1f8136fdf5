//! Flags as structs and commands as functions, so that the programs themselves are one line.
//!
//! [`server`] is the Prometheus server, [`promtool`] its tool. Flags have the reference's names, defaults and meanings;
//! those that are not here yet are refused.
//!
//! ```
//! use clap::Parser as _;
//! use narthex_cli::server::ServerFlags;
//!
//! let flags = ServerFlags::try_parse_from(["server", "--web.listen-address=127.0.0.1:0"])?;
//! assert_eq!(&*flags.config_file, "prometheus.yml");
//! # Ok::<(), clap::Error>(())
//! ```
//!
//! Logs go to standard error, as lines of `time=… level=INFO msg=…` or of JSON.

#![forbid(unsafe_code)]

mod config_file;
mod logs;
mod negation;
pub mod promtool;
pub mod server;

pub use logs::{LogFormat, LogLevel};
