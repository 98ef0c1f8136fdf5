use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use narthex_http::{HttpClientConfig, HttpClientKeys, Secret};
use narthex_yaml::{Position, deserialize_inline, null_as_default};
use serde::{Deserialize, Deserializer};

use super::{DiscoveryConfig, DiscoveryProblem, DiscoverySection};
use crate::error::{ConfigProblem, Flaw};
use crate::text::{self, DurationText};

/// Targets from the services of a Consul catalog.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ConsulDiscovery {
    /// The agent to ask, `host:port`, which may begin with a scheme: `localhost:8500` by default.
    pub server: String,
    /// What stands before the path of each request; empty for nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path_prefix: String,
    /// Consul's own token; empty for none.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub token: Secret,
    /// The datacenter: that of the agent where it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub datacenter: String,
    /// The namespace, of Consul Enterprise; empty for that of the token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The admin partition, of Consul Enterprise; empty for that of the agent.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub partition: String,
    /// What stands between, before and after the tags of a service in their label: a comma by default.
    pub tag_separator: String,
    /// How to reach a server that is given without a scheme: `http` by default.
    pub scheme: String,
    /// Whether any server of the cluster may answer, which may lag behind its leader: true by default.
    pub allow_stale: bool,
    /// The shortest time between two questions about the same thing: 30s by default. Never zero.
    #[serde(serialize_with = "text::write_duration")]
    pub refresh_interval: Duration,
    /// The services; none stands for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// Tags that each instance must have, all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Metadata that the nodes must have, all of it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_meta: BTreeMap<String, String>,
    /// Which services of the catalog are looked at, in Consul's own language; empty for all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filter: String,
    /// Which instances of a service are looked at, in Consul's own language; empty for all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub health_filter: String,
    /// How to reach the agent. What the file gives as `username` and `password` is basic authentication
    /// here.
    #[serde(flatten)]
    pub http: HttpClientConfig,
}

impl Default for ConsulDiscovery {
    /// All services of the agent on this machine.
    fn default() -> Self {
        Self {
            server: "localhost:8500".to_owned(),
            path_prefix: String::new(),
            token: Secret::default(),
            datacenter: String::new(),
            namespace: String::new(),
            partition: String::new(),
            tag_separator: ",".to_owned(),
            scheme: "http".to_owned(),
            allow_stale: true,
            refresh_interval: Duration::from_secs(30),
            services: Vec::new(),
            tags: Vec::new(),
            node_meta: BTreeMap::new(),
            filter: String::new(),
            health_filter: String::new(),
            http: HttpClientConfig::default(),
        }
    }
}

impl ConsulDiscovery {
    pub(super) fn resolve_paths(&mut self, directory: &Path) {
        self.http.set_directory(directory);
    }
}

/// The section as a file writes it, with the keys of an HTTP client among its own.
pub(crate) struct ConsulSection {
    own: OwnKeys,
    http: HttpClientKeys,
}

impl<'de> Deserialize<'de> for ConsulSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut http = HttpClientKeys::default();
        Ok(Self { own: deserialize_inline(deserializer, &mut http)?, http })
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OwnKeys {
    server: Option<String>,
    path_prefix: Option<String>,
    token: Option<Secret>,
    datacenter: Option<String>,
    namespace: Option<String>,
    partition: Option<String>,
    tag_separator: Option<String>,
    scheme: Option<String>,
    username: Option<Secret>,
    password: Option<Secret>,
    allow_stale: Option<bool>,
    refresh_interval: Option<DurationText>,
    #[serde(deserialize_with = "null_as_default")]
    services: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    tags: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    node_meta: BTreeMap<String, String>,
    filter: Option<String>,
    health_filter: Option<String>,
}

impl DiscoverySection for ConsulSection {
    fn resolve(self, position: Position) -> Result<DiscoveryConfig, Flaw> {
        let default = ConsulDiscovery::default();
        let Self { own, mut http } = self;
        let server = own.server.unwrap_or(default.server);
        let token = own.token.unwrap_or_default();
        check(&server, &token, own.username, own.password, &mut http)
            .map_err(|problem| Flaw::new(position, problem))?;
        let http = HttpClientConfig::try_from(http)
            .map_err(|error| Flaw::new(position, ConfigProblem::Http(error)))?;
        Ok(DiscoveryConfig::Consul(Box::new(ConsulDiscovery {
            server,
            path_prefix: own.path_prefix.unwrap_or_default(),
            token,
            datacenter: own.datacenter.unwrap_or_default(),
            namespace: own.namespace.unwrap_or_default(),
            partition: own.partition.unwrap_or_default(),
            tag_separator: own.tag_separator.unwrap_or(default.tag_separator),
            scheme: own.scheme.filter(|scheme| !scheme.is_empty()).unwrap_or(default.scheme),
            allow_stale: own.allow_stale.unwrap_or(default.allow_stale),
            refresh_interval: text::nonzero(own.refresh_interval)
                .unwrap_or(default.refresh_interval),
            services: own.services,
            tags: own.tags,
            node_meta: own.node_meta,
            filter: own.filter.unwrap_or_default(),
            health_filter: own.health_filter.unwrap_or_default(),
            http,
        })))
    }
}

/// Checks who the client is, in the reference's order, and moves a user to where `http` has its own.
fn check(
    server: &str,
    token: &Secret,
    username: Option<Secret>,
    password: Option<Secret>,
    http: &mut HttpClientKeys,
) -> Result<(), DiscoveryProblem> {
    if server.trim().is_empty() {
        return Err(DiscoveryProblem::NoConsulServer);
    }
    let given = |secret: &Option<Secret>| secret.as_ref().is_some_and(|it| !it.is_empty());
    if (given(&username) || given(&password)) && !http.set_basic_auth(username, password) {
        return Err(DiscoveryProblem::ConsulUsers);
    }
    if !token.is_empty() && http.has_authorization() {
        return Err(DiscoveryProblem::ConsulToken);
    }
    Ok(())
}
