//! YAML for configuration files: text into serde types, with errors that name line and column.
//!
//! What Prometheus' users rely on holds here: a key that is given twice is an error, a key that
//! the type does not know is one (with `#[serde(deny_unknown_fields)]`), merge keys (`<<`) and
//! anchors work, `yes` and `on` are booleans, and a number is taken as text where text is due.
//!
//! - [`from_str`] reads, [`to_string`] writes;
//! - [`Spanned`] keeps where a value stands, for checks that come after reading;
//! - [`deserialize_inline`] reads two types from one map, as strictly;
//! - [`null_as_default`] treats `key:` without a value as though the key were absent;
//! - [`first_document`] takes the first of several documents;
//! - [`snippet`] shows a position with a caret below it.
//!
//! ```
//! use narthex_yaml::Spanned;
//!
//! #[derive(Debug, serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Job {
//!     job_name: Spanned<String>,
//!     #[serde(default, deserialize_with = "narthex_yaml::null_as_default")]
//!     sample_limit: u64,
//! }
//!
//! let jobs: Vec<Job> = narthex_yaml::from_str("- job_name: node\n  sample_limit:\n")?;
//! assert_eq!(jobs[0].job_name.value, "node");
//! assert_eq!(jobs[0].job_name.position.column, 13);
//! assert_eq!(jobs[0].sample_limit, 0);
//!
//! let error = narthex_yaml::from_str::<Vec<Job>>("- job_name: node\n  limit: 1\n").unwrap_err();
//! assert_eq!(error.to_string(), "line 2, column 3: [0]: unknown field `limit`");
//! # Ok::<(), narthex_yaml::YamlError>(())
//! ```
//!
//! # Limits
//!
//! A document holds at most [`NODES_MAX`] nodes, nested at most [`DEPTH_MAX`] deep, and
//! aliases add at most [`ALIASED_NODES_MAX`]. An error never repeats a value of the document, which may be
//! a secret, unless the type's own `Deserialize` puts it there.

#![forbid(unsafe_code)]

mod document;
mod error;
mod inline;
mod nearest;
mod read;
mod spanned;
mod write;

pub use document::first_document;
pub use error::{Position, YamlError, snippet};
pub use inline::{Inline, KnownKey, deserialize_inline};
pub use read::{ALIASED_NODES_MAX, DEPTH_MAX, NODES_MAX, from_str, null_as_default};
pub use spanned::Spanned;
pub use write::{YamlWriteError, to_string};

#[cfg(test)]
mod tests;
