//! What the races between whole servers share: which servers there are, and how each is started.
//!
//! The kernels' benchmarks need none of this: they call the crates.

#![expect(clippy::print_stdout, reason = "a benchmark reports there")]

mod engine;
mod sink;

use std::error::Error;

pub use engine::{Engine, Kind};
use narthex_examples::Target;
pub use sink::Sink;

/// Whatever can go wrong in a benchmark ends it.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Returns whether the benchmark was only asked whether it starts, as `cargo test --benches` does.
#[must_use]
pub fn is_only_asked_to_start() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

/// Returns a number from the environment, so that a race can be made shorter or longer.
///
/// # Panics
///
/// Where the variable holds something else.
#[must_use]
pub fn number_from_env(name: &str, default: usize) -> usize {
    let parse = |text: String| text.parse().unwrap_or_else(|_| panic!("{name} is no number"));
    std::env::var(name).map_or(default, parse)
}

/// Prints what runs here, for the head of a table.
///
/// # Errors
///
/// Where a program that is there does not say its version.
pub fn print_versions(kinds: &[Kind]) -> Result<()> {
    for kind in kinds {
        println!("{:<16} {}", kind.name(), kind.version()?);
    }
    Ok(())
}

/// Returns a configuration that scrapes all `targets`.
#[must_use]
pub fn scrape_config(targets: &[Target], interval: &str) -> String {
    let addresses: Vec<String> = targets.iter().map(|t| format!("'{}'", t.address)).collect();
    format!(
        "global: {{scrape_interval: {interval}, scrape_timeout: {interval}}}\n\
         scrape_configs: [{{job_name: race, static_configs: [{{targets: [{}]}}]}}]\n",
        addresses.join(", ")
    )
}
