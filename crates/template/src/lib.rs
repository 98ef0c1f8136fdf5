//! Go's templates, with the functions of Prometheus.
//!
//! Labels and annotations of alerting rules are templates in the language of Go's `text/template`.
//! [`AlertTemplate`] is one of them; [`Templates`] are any others.
//!
//! ```
//! use std::time::Duration;
//! use narthex_model::Labels;
//! use narthex_template::{AlertData, AlertTemplate, Environment};
//!
//! let text = r#"{{ $labels.instance | stripPort }} is {{ if gt $value 0.9 }}full{{ else }}fine{{ end }}"#;
//! let template = AlertTemplate::parse("DiskFull", text)?;
//!
//! let data = AlertData {
//!     labels: &Labels::from_pairs([("instance", "web-1:9100")]),
//!     external_labels: &Labels::empty(),
//!     external_url: "",
//!     value: 0.95.into(),
//! };
//! let clock = || Duration::ZERO;
//! assert_eq!(template.expand(&data, &Environment::new(0, &clock)).unwrap(), "web-1 is full");
//! # Ok::<(), narthex_template::ParseError>(())
//! ```
//!
//! # What it leaves to others
//!
//! Templates read no clock, no file, no network and no environment: the time, the answers to queries
//! and the clock that they are timed with come from an [`Environment`].
//!
//! # Limits
//!
//! What a template prints is at most 1 MiB, it takes at most 1 s, and it asks at most 100 queries:
//! see [`Limits`]. Templates call each other at most [`CALL_DEPTH_MAX`] deep, as in Go; parentheses
//! nest at most [`NESTING_MAX`] deep, and maps [`VALUE_NESTING_MAX`].

#![forbid(unsafe_code)]

mod alert;
mod console;
mod constant;
mod environment;
mod error;
mod escape;
mod exec;
mod format;
mod functions;
mod lex;
mod notification;
mod parse;
mod syntax;
mod templates;
mod unicode;
mod value;

pub use alert::{AlertData, AlertTemplate, ExpandError};
pub use console::{ConsoleData, ConsoleError, ConsolePage};
pub use environment::{Environment, Limits, Query, QuerySample, QueryValue};
pub use error::{EscapeError, ExecuteError, ParseError};
pub use exec::CALL_DEPTH_MAX;
pub use functions::Functions;
pub use notification::{
    NotificationAlert, NotificationData, NotificationError, NotificationTemplates, Pairs,
};
pub use parse::NESTING_MAX;
pub use templates::Templates;
pub use value::{
    Duration, IntType, List, ListType, Map, MapType, Pointer, Struct, StructType, TextType, Time,
    VALUE_NESTING_MAX, Value,
};
