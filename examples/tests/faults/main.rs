//! Faults that only a whole process can have, against the example server.
//!
//! Short by default; `docs/reliability.md` says how to run them in full, and what came out.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod block_damage;
mod disk_full;
mod hostile_targets;
mod http_abuse;
mod kill;
mod ledger;
mod loading;
mod own_metrics;
mod regex_cost;
mod replay_memory;
mod safe_mode;

/// Returns the number in an environment variable, by which a test runs longer, or `short`.
fn count(variable: &str, short: u32) -> u32 {
    let text = std::env::var(variable).ok();
    text.map_or(short, |text| text.parse().unwrap())
}
