use narthex_model::{Labels, LabelsBuilder};

use super::super::labels::{set, set_meta};
use super::super::objects::Node;
use crate::group::ADDRESS_LABEL;
use crate::text::{host_port, sanitize_label_name};

/// Which address is the node's, the best first.
const ADDRESS_TYPES: [&str; 6] =
    ["InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname"];

/// Returns the target that a node is: its kubelet. One without an address is none yet.
pub(super) fn target(node: &Node, labels: &mut LabelsBuilder) -> Option<Labels> {
    set(labels, "node_provider_id", &node.spec.provider_id);
    for condition in &node.status.conditions {
        let name = sanitize_label_name(&condition.r#type.to_lowercase());
        set(labels, &format!("node_condition_{name}"), &condition.status.to_lowercase());
    }
    set_meta(labels, "node", &node.metadata);

    let addresses = &node.status.addresses;
    let of_type = |wanted: &&str| addresses.iter().find(|address| address.r#type == *wanted);
    let Some(address) = ADDRESS_TYPES.iter().find_map(of_type) else {
        tracing::warn!(node = node.metadata.name, "No node address found");
        return None;
    };
    let port = node.status.daemon_endpoints.kubelet_endpoint.port;
    let mut target = LabelsBuilder::default();
    target.set(ADDRESS_LABEL, &host_port(&address.address, port));
    target.set("instance", node.metadata.name.as_deref().unwrap_or_default());
    // Of several addresses of one type the first counts, so it comes last.
    for address in addresses.iter().rev() {
        let name = sanitize_label_name(&address.r#type);
        set(&mut target, &format!("node_address_{name}"), &address.address);
    }
    Some(target.build())
}
