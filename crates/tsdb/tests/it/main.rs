//! A database as its users see it.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod append;
mod select;
mod support;
