use narthex_config::DockerDiscovery;

use super::containers::{Rules, targets};
use super::daemon::{Daemon, DaemonError};
use crate::group::TargetGroup;
use crate::refresh::{Refresh, Refreshing};
use crate::updates::Updates;

/// Asks a Docker daemon for its containers, all of which are one group.
///
/// A look without an answer keeps the targets of the last one.
#[derive(Debug)]
pub(crate) struct DockerLookup {
    daemon: Daemon,
    rules: Rules,
}

impl DockerLookup {
    pub(crate) fn refreshing(config: &DockerDiscovery) -> Refreshing<Self> {
        let rules = Rules {
            port: config.port,
            host_networking_host: config.host_networking_host.as_str().into(),
            match_first_network: config.match_first_network,
        };
        let interval = config.refresh_interval;
        Refreshing::new(Self { daemon: Daemon::new(config), rules }, interval)
    }
}

/// What could not be had of the daemon. The messages are the reference's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    #[error("error while listing containers: {0}")]
    Containers(DaemonError),
    #[error("error while computing network labels: {0}")]
    Networks(DaemonError),
}

impl Refresh for DockerLookup {
    type Error = LookupError;

    async fn refresh(&mut self, updates: &Updates) -> Result<(), LookupError> {
        let containers = self.daemon.containers().await.map_err(LookupError::Containers)?;
        let networks = self.daemon.networks().await.map_err(LookupError::Networks)?;
        let targets = targets(&containers, &networks, &self.rules);
        updates.replace([TargetGroup {
            source: "Docker".to_owned(),
            targets,
            ..TargetGroup::default()
        }]);
        Ok(())
    }
}
