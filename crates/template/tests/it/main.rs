//! Templates recorded from Prometheus and Alertmanager, and what hostile ones cost.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that fails tells where")]

mod alerts;
mod consoles;
mod hostile;
mod notifications;
mod recorded;
mod world;
