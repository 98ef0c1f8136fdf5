//! Faults that only a whole process can have, against the example server.
//!
//! Short by default; `docs/reliability.md` says how to run them in full, and what came out.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod block_damage;
mod disk_full;
mod hostile_targets;
mod kill;
mod ledger;
mod loading;
mod replay_memory;
mod safe_mode;
