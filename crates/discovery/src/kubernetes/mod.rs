//! Targets from the objects of a Kubernetes cluster.

mod access;
mod cluster;
mod kubeconfig;
mod labels;
mod objects;
mod roles;
mod stats;
mod transport;
mod watch;

pub(crate) use stats::KubernetesCounters;
pub use stats::{KubernetesRequestStats, KubernetesStats};
pub(crate) use watch::KubernetesWatch;

#[cfg(test)]
mod tests;
