//! From the instances of a service to targets.

use std::collections::BTreeMap;

use narthex_model::Labels;
use serde::Deserialize;

use crate::group::{ADDRESS_LABEL, TargetGroup};
use crate::text::{host_port, null_as_default, sanitize_label_name};

/// An instance of a service: where it runs, what it is, and how it is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ServiceEntry {
    #[serde(deserialize_with = "null_as_default")]
    node: Node,
    #[serde(deserialize_with = "null_as_default")]
    service: Service,
    #[serde(deserialize_with = "null_as_default")]
    checks: Vec<Check>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Node {
    node: String,
    address: String,
    #[serde(deserialize_with = "null_as_default")]
    tagged_addresses: BTreeMap<String, String>,
    #[serde(deserialize_with = "null_as_default")]
    meta: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Service {
    #[serde(rename = "ID")]
    id: String,
    #[serde(deserialize_with = "null_as_default")]
    tags: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    meta: BTreeMap<String, String>,
    port: i64,
    address: String,
    namespace: String,
    partition: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Check {
    #[serde(rename = "CheckID")]
    id: String,
    #[serde(rename = "Status")]
    status: String,
}

/// Returns the targets that the instances of a service are.
///
/// # Source
///
/// `discovery/consul/consul.go` of Prometheus.
pub(super) fn group(
    service: &str,
    datacenter: &str,
    tag_separator: &str,
    instances: &[ServiceEntry],
) -> TargetGroup {
    TargetGroup {
        source: service.to_owned(),
        labels: Labels::from_pairs([
            ("__meta_consul_service", service),
            ("__meta_consul_dc", datacenter),
        ]),
        targets: instances.iter().map(|instance| instance.labels(tag_separator)).collect(),
    }
}

impl ServiceEntry {
    fn labels(&self, tag_separator: &str) -> Labels {
        let Self { node, service, checks } = self;
        // A service may have been registered by way of a node that it does not run on.
        let own_address = !service.address.is_empty();
        let host = if own_address { &service.address } else { &node.address };
        // Separators around all of it, so that a pattern need not care where in the list a tag stands.
        let tags = service.tags.join(tag_separator);
        let mut pairs: Vec<(String, String)> = [
            (ADDRESS_LABEL, host_port(host, service.port)),
            ("__meta_consul_address", node.address.clone()),
            ("__meta_consul_node", node.node.clone()),
            ("__meta_consul_namespace", service.namespace.clone()),
            ("__meta_consul_partition", service.partition.clone()),
            ("__meta_consul_tags", format!("{tag_separator}{tags}{tag_separator}")),
            ("__meta_consul_service_address", service.address.clone()),
            ("__meta_consul_service_port", service.port.to_string()),
            ("__meta_consul_service_id", service.id.clone()),
            ("__meta_consul_health", health(checks).to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        for (prefix, map) in [
            ("__meta_consul_metadata_", &node.meta),
            ("__meta_consul_service_metadata_", &service.meta),
            ("__meta_consul_tagged_address_", &node.tagged_addresses),
        ] {
            pairs.extend(map.iter().map(|(key, value)| {
                (format!("{prefix}{}", sanitize_label_name(key)), value.clone())
            }));
        }
        Labels::from_pairs(pairs)
    }
}

/// Returns the worst of all checks, or nothing where one is in a state that we do not know.
fn health(checks: &[Check]) -> &'static str {
    let mut worst = 0;
    for Check { id, status } in checks {
        let maintained = id == "_node_maintenance" || id.starts_with("_service_maintenance:");
        worst = worst.max(match status.as_str() {
            _ if maintained => 3,
            "passing" => 0,
            "warning" => 1,
            "critical" => 2,
            _ => return "",
        });
    }
    ["passing", "warning", "critical", "maintenance"][worst]
}
