//! Targets from the catalog of Consul.

mod agent;
mod group;
mod watch;

pub use watch::{ConsulCallStats, ConsulStats};
pub(crate) use watch::{ConsulCounters, ConsulWatch};

#[cfg(test)]
mod tests;
