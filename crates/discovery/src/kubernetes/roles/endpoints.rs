use narthex_model::{Labels, LabelsBuilder};

use super::super::cluster::{Cluster, Touched};
use super::super::labels::{set, set_given, set_meta};
use super::super::objects::{EndpointAddress, EndpointPort, Endpoints, Kind, Object, ObjectRef};
use super::backends::{Backends, address_uses};
use super::{View, set_node};
use crate::group::ADDRESS_LABEL;
use crate::text::host_port;

/// Returns a target for each port of each address, and those for other ports of the pods there.
pub(super) fn targets(
    view: View,
    cluster: &Cluster,
    endpoints: &Endpoints,
    labels: &mut LabelsBuilder,
) -> Vec<Labels> {
    if let Some(service) = cluster.services.get(endpoints.namespace(), endpoints.name()) {
        set_meta(labels, "service", &service.metadata);
    }
    set_meta(labels, "endpoints", &endpoints.metadata);
    warn_of_capacity(endpoints);
    let mut backends = Backends::new(view, cluster);
    for subset in &endpoints.subsets {
        for port in &subset.ports {
            let ready = subset.addresses.iter().map(|address| (address, "true"));
            let others = subset.not_ready_addresses.iter().map(|address| (address, "false"));
            for (address, ready) in ready.chain(others) {
                let target = target(view, cluster, address, port, ready);
                let protocol = port.protocol.as_deref().unwrap_or_default();
                let number = Some(port.port.unwrap_or_default());
                backends.add(target, address.target_ref.as_ref(), number, Some(protocol));
            }
        }
    }
    backends.finish()
}

fn target(
    view: View,
    cluster: &Cluster,
    address: &EndpointAddress,
    port: &EndpointPort,
    ready: &str,
) -> LabelsBuilder {
    let mut target = LabelsBuilder::default();
    target.set(ADDRESS_LABEL, &host_port(&address.ip, port.port.unwrap_or_default()));
    set_given(&mut target, "endpoint_port_name", port.name.as_deref());
    set_given(&mut target, "endpoint_port_protocol", port.protocol.as_deref());
    set(&mut target, "endpoint_ready", ready);
    if let Some(ObjectRef { kind, name, .. }) = &address.target_ref {
        set(&mut target, "endpoint_address_target_kind", kind);
        set(&mut target, "endpoint_address_target_name", name);
    }
    set_given(&mut target, "endpoint_node_name", address.node_name.as_deref());
    set(&mut target, "endpoint_hostname", &address.hostname);
    if view.attach.node {
        let by_ref = address.target_ref.as_ref().filter(|target_ref| target_ref.kind == "Node");
        let by_ref = by_ref.map(|target_ref| &*target_ref.name);
        set_node(&mut target, cluster, address.node_name.as_deref().or(by_ref));
    }
    target
}

fn warn_of_capacity(endpoints: &Endpoints) {
    let annotations = endpoints.metadata.annotations.as_ref();
    let capacity = annotations.and_then(|it| it.get("endpoints.kubernetes.io/over-capacity"));
    if matches!(capacity.map(String::as_str), Some("truncated" | "warning")) {
        let endpoints = endpoints.name();
        tracing::warn!(
            endpoints,
            "Number of endpoints in one Endpoints object exceeds 1000, please use \"role: \
             endpointslice\" instead"
        );
    }
}

/// Returns whether the targets may have changed with something else.
pub(super) fn uses(cluster: &Cluster, endpoints: &Endpoints, touched: &Touched) -> bool {
    let addresses = endpoints
        .subsets
        .iter()
        .flat_map(|subset| subset.addresses.iter().chain(&subset.not_ready_addresses));
    touched.contains(Kind::Service, endpoints.namespace(), endpoints.name())
        || addresses.into_iter().any(|address| {
            let node_name = address.node_name.as_deref();
            address_uses(cluster, address.target_ref.as_ref(), node_name, touched)
        })
}
