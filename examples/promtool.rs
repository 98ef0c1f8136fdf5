//! Tooling for Prometheus.
//!
//! ```text
//! cargo run --release --example promtool -- test promql crates/promqltest/tests/data/*.test
//! ```
//!
//! runs test scripts and ends with the line `N passed, N failed`.

use std::process::ExitCode;

fn main() -> ExitCode {
    narthex_cli::promtool::main()
}
