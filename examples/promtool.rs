//! Tooling for Prometheus.
//!
//! ```text
//! cargo run --release --example promtool -- test promql crates/promqltest/tests/data/*.test
//! ```
//!
//! runs test scripts and ends with the line `N passed, N failed`, and
//!
//! ```text
//! cargo run --release --example promtool -- tsdb analyze data
//! ```
//!
//! tells what the newest block in a data directory holds. `--help` names the other commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    narthex_cli::promtool::main()
}
