//! The evaluator from outside: recorded answers of the reference, and limits.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that fails tells where")]

mod cancel;
mod conformance;
mod explain;
mod limits;
mod options;
mod oracle;
mod queries;
mod random;
mod stats;
mod store;
