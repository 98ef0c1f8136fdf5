//! The Prometheus server.
//!
//! ```text
//! cargo run --release --example server
//! ```
//!
//! scrapes itself as `examples/prometheus.yml` says, keeps the samples in `./data`, and answers on
//! <http://127.0.0.1:9090>. `--help` lists the flags.

use std::process::ExitCode;

fn main() -> ExitCode {
    narthex_cli::server::main("examples/prometheus.yml")
}
