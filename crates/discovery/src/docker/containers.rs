//! From containers and their networks to targets.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use narthex_model::Labels;
use serde::Deserialize;

use crate::group::ADDRESS_LABEL;
use crate::text::{host_port, null_as_default, sanitize_label_name};

/// A container that runs.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Container {
    id: String,
    #[serde(deserialize_with = "null_as_default")]
    names: Vec<String>,
    image: String,
    #[serde(rename = "ImageID")]
    image_id: String,
    #[serde(deserialize_with = "null_as_default")]
    ports: Vec<Port>,
    #[serde(deserialize_with = "null_as_default")]
    labels: BTreeMap<String, String>,
    host_config: HostConfig,
    #[serde(deserialize_with = "null_as_default")]
    network_settings: NetworkSettings,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Port {
    #[serde(rename = "IP")]
    ip: String,
    private_port: u16,
    public_port: u16,
    r#type: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HostConfig {
    network_mode: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NetworkSettings {
    #[serde(deserialize_with = "null_as_default")]
    networks: Endpoints,
}

/// Where a container is in its networks, by their names.
type Endpoints = BTreeMap<String, Option<Endpoint>>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Endpoint {
    #[serde(rename = "NetworkID")]
    network_id: String,
    #[serde(rename = "IPAddress")]
    ip_address: String,
    #[serde(rename = "GlobalIPv6Address")]
    global_ipv6_address: String,
}

/// A network of the daemon.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Network {
    id: String,
    name: String,
    scope: String,
    internal: bool,
    ingress: bool,
    #[serde(deserialize_with = "null_as_default")]
    labels: BTreeMap<String, String>,
}

/// What the configuration says of targets.
#[derive(Debug)]
pub(super) struct Rules {
    /// The port of containers that open none.
    pub(super) port: i64,
    /// The address of containers that share the network of their host.
    pub(super) host_networking_host: Box<str>,
    /// Whether only the first network of a container counts.
    pub(super) match_first_network: bool,
}

/// Names and values of labels.
type Pairs = Vec<(String, String)>;

/// Returns a target for each port that a container opens in each of its networks, and one for each network
/// in which it opens none.
///
/// # Source
///
/// `discovery/moby/docker.go` of Prometheus.
pub(super) fn targets(
    containers: &[Container],
    networks: &[Network],
    rules: &Rules,
) -> Vec<Labels> {
    let by_id: HashMap<&str, &Container> = containers.iter().map(|c| (&*c.id, c)).collect();
    let networks: HashMap<&str, Pairs> =
        networks.iter().map(|network| (&*network.id, network.labels())).collect();
    let mut targets = Vec::new();
    for container in containers {
        let Some(name) = container.names.first() else { continue };
        let common = container.labels(name);
        for endpoint in container.endpoints(&by_id, rules.match_first_network) {
            let of_network = networks.get(&*endpoint.network_id).map(Vec::as_slice);
            let shared = common.iter().chain(of_network.unwrap_or_default()).cloned();
            for own in container.addresses(endpoint, rules) {
                targets.push(Labels::from_pairs(own.into_iter().chain(shared.clone())));
            }
        }
    }
    targets
}

impl Container {
    /// Returns the labels that all targets of the container have.
    fn labels(&self, name: &str) -> Pairs {
        let mut pairs = pairs([
            ("__meta_docker_container_id", &*self.id),
            ("__meta_docker_container_name", name),
            ("__meta_docker_container_network_mode", &self.host_config.network_mode),
            ("__meta_docker_container_image", &self.image),
            ("__meta_docker_container_image_id", &self.image_id),
        ]);
        pairs.extend(prefixed("__meta_docker_container_label_", &self.labels));
        pairs
    }

    /// Returns where the container is to be found. One that uses the network of another container is
    /// where that one is.
    fn endpoints<'a>(
        &'a self,
        by_id: &HashMap<&str, &'a Self>,
        first_only: bool,
    ) -> impl Iterator<Item = &'a Endpoint> {
        let mut holder = self;
        // No more steps than containers, for they may be in a circle.
        for _ in 0..by_id.len() {
            if !holder.network_settings.networks.is_empty() {
                break;
            }
            let mode = &holder.host_config.network_mode;
            let other = mode.strip_prefix("container:").and_then(|id| by_id.get(id));
            let Some(other) = other else { break };
            holder = other;
        }
        // In order of their names.
        let found = holder.network_settings.networks.values().flatten();
        found.take(if first_only { 1 } else { usize::MAX })
    }

    /// Returns the labels that tell the targets in one network apart.
    fn addresses(&self, endpoint: &Endpoint, rules: &Rules) -> Vec<Pairs> {
        let ip = [&endpoint.ip_address, &endpoint.global_ipv6_address]
            .into_iter()
            .map(|text| ip(text))
            .find(|ip| !ip.is_empty())
            .unwrap_or_default();
        let open = self.ports.iter().filter(|port| port.r#type == "tcp");
        let mut addresses: Vec<_> = open.map(|port| port.labels(&ip)).collect();
        if addresses.is_empty() {
            let address = if self.host_config.network_mode == "host" {
                rules.host_networking_host.to_string()
            } else {
                host_port(&ip, rules.port)
            };
            addresses.push(pairs([(ADDRESS_LABEL, &*address), ("__meta_docker_network_ip", &ip)]));
        }
        addresses
    }
}

impl Port {
    fn labels(&self, ip: &str) -> Pairs {
        let private = self.private_port.to_string();
        let mut labels = pairs([
            (ADDRESS_LABEL, &*host_port(ip, &private)),
            ("__meta_docker_network_ip", ip),
            ("__meta_docker_port_private", &private),
        ]);
        if self.public_port > 0 {
            labels.extend(pairs([
                ("__meta_docker_port_public", &*self.public_port.to_string()),
                ("__meta_docker_port_public_ip", &self::ip(&self.ip)),
            ]));
        }
        labels
    }
}

impl Network {
    fn labels(&self) -> Pairs {
        let mut pairs = pairs([
            ("__meta_docker_network_id", &*self.id),
            ("__meta_docker_network_name", &self.name),
            ("__meta_docker_network_scope", &self.scope),
            ("__meta_docker_network_internal", &self.internal.to_string()),
            ("__meta_docker_network_ingress", &self.ingress.to_string()),
        ]);
        pairs.extend(prefixed("__meta_docker_network_label_", &self.labels));
        pairs
    }
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Pairs {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn prefixed(
    prefix: &str,
    labels: &BTreeMap<String, String>,
) -> impl Iterator<Item = (String, String)> {
    let name = move |key: &String| format!("{prefix}{}", sanitize_label_name(key));
    labels.iter().map(move |(key, value)| (name(key), value.clone()))
}

/// Returns an address as it is commonly written, or nothing for what is none.
fn ip(text: &str) -> String {
    text.parse::<IpAddr>().map(|ip| ip.to_string()).unwrap_or_default()
}
