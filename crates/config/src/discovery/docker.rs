use std::path::Path;
use std::time::Duration;

use narthex_http::{HttpClientConfig, HttpClientKeys, Url};
use narthex_yaml::{Position, deserialize_inline, null_as_default};
use serde::{Deserialize, Deserializer};

use super::{DiscoveryConfig, DiscoveryProblem, DiscoverySection};
use crate::error::{ConfigProblem, Flaw};
use crate::text::{self, DurationText};

/// Targets from the containers of a Docker daemon.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct DockerDiscovery {
    /// How to reach a daemon whose address begins with `http` or `https`; others take no settings.
    #[serde(flatten)]
    pub http: HttpClientConfig,
    /// The address of the daemon: `unix:///var/run/docker.sock`, `tcp://host:2375`, `http://host:2375`.
    pub host: Url,
    /// The port of containers that open none: 80 by default.
    pub port: i64,
    /// What the containers must have in common, for the daemon to look at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<DockerFilter>,
    /// The address of containers that share the network of their host: `localhost` by default.
    pub host_networking_host: String,
    /// How often to ask: 60s by default. Never zero.
    #[serde(serialize_with = "text::write_duration")]
    pub refresh_interval: Duration,
    /// Whether a container with several networks is found in the first of them alone, by name: true by
    /// default.
    pub match_first_network: bool,
}

impl DockerDiscovery {
    /// Returns the settings that hold for the daemon at `host` where a file says nothing else.
    #[must_use]
    pub fn new(host: Url) -> Self {
        Self {
            http: HttpClientConfig::default(),
            host,
            port: 80,
            filters: Vec::new(),
            host_networking_host: "localhost".to_owned(),
            refresh_interval: Duration::from_secs(60),
            match_first_network: true,
        }
    }

    pub(super) fn resolve_paths(&mut self, directory: &Path) {
        self.http.set_directory(directory);
    }
}

/// An element of `filters`, as `docker ps --filter` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DockerFilter {
    /// What is looked at, such as `label`.
    pub name: String,
    /// What it may be.
    #[serde(deserialize_with = "null_as_default")]
    pub values: Vec<String>,
}

/// The section as a file writes it, with the keys of an HTTP client among its own.
pub(crate) struct DockerSection {
    own: OwnKeys,
    http: HttpClientKeys,
}

impl<'de> Deserialize<'de> for DockerSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut http = HttpClientKeys::default();
        Ok(Self { own: deserialize_inline(deserializer, &mut http)?, http })
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OwnKeys {
    host: Option<String>,
    port: Option<i64>,
    #[serde(deserialize_with = "null_as_default")]
    filters: Vec<DockerFilter>,
    host_networking_host: Option<String>,
    refresh_interval: Option<DurationText>,
    match_first_network: Option<bool>,
}

impl DiscoverySection for DockerSection {
    fn resolve(self, position: Position) -> Result<DiscoveryConfig, Flaw> {
        let flaw = |problem: DiscoveryProblem| Flaw::new(position, problem);
        let Self { own, http } = self;
        let Some(host) = own.host.filter(|host| !host.is_empty()) else {
            return Err(flaw(DiscoveryProblem::NoDockerHost));
        };
        let host = host.parse().map_err(|error| flaw(DiscoveryProblem::Url { error }))?;
        let default = DockerDiscovery::new(host);
        let http = HttpClientConfig::try_from(http)
            .map_err(|error| Flaw::new(position, ConfigProblem::Http(error)))?;
        Ok(DiscoveryConfig::Docker(Box::new(DockerDiscovery {
            http,
            port: own.port.unwrap_or(default.port),
            filters: own.filters,
            host_networking_host: own.host_networking_host.unwrap_or(default.host_networking_host),
            refresh_interval: text::nonzero(own.refresh_interval)
                .unwrap_or(default.refresh_interval),
            match_first_network: own.match_first_network.unwrap_or(default.match_first_network),
            host: default.host,
        })))
    }
}
