//! Runs the example programs, and the real ones beside them, for tests and benchmarks.
//!
//! Every program listens on a loopback port of its own and is ended by its own process id.

#![expect(clippy::print_stderr, reason = "skips and the logs of failed tests are told there")]

pub mod http;
mod program;
mod target;

pub use program::{Program, Server, free_port, peer, start_prometheus, wait_for};
pub use target::{Answer, Target};
