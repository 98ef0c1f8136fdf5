use narthex_model::{Labels, LabelsBuilder};

use super::super::cluster::{Cluster, Touched};
use super::super::labels::{set, set_given, set_meta, set_topology};
use super::super::objects::{
    Endpoint, EndpointPort, EndpointSlice, Kind, Object, ObjectRef, Service,
};
use super::backends::{Backends, address_uses};
use super::{View, set_node};
use crate::group::ADDRESS_LABEL;
use crate::text::host_port;

/// Returns a target for each port of each address, and those for other ports of the pods there.
pub(super) fn targets(
    view: View,
    cluster: &Cluster,
    slice: &EndpointSlice,
    labels: &mut LabelsBuilder,
) -> Vec<Labels> {
    set(labels, "endpointslice_address_type", &slice.address_type);
    set_meta(labels, "endpointslice", &slice.metadata);
    let name = slice.service_name();
    let service = name.and_then(|name| cluster.services.get(slice.namespace(), name));
    if let Some(service) = service {
        set_meta(labels, "service", &service.metadata);
    }
    if service.is_some_and(|service| is_second_family(service, slice)) {
        return Vec::new();
    }
    let mut backends = Backends::new(view, cluster);
    for endpoint in &slice.endpoints {
        for port in &slice.ports {
            for address in &endpoint.addresses {
                let target = target(view, cluster, endpoint, port, address);
                backends.add(target, endpoint.target_ref.as_ref(), port.port, None);
            }
        }
    }
    backends.finish()
}

/// Returns whether a slice has the addresses of the other family, IPv6 mostly, of what another slice of
/// the service has.
fn is_second_family(service: &Service, slice: &EndpointSlice) -> bool {
    let first = service.spec.ip_families.first();
    service.is_dual_stack() && first.is_some_and(|first| *first != slice.address_type)
}

fn target(
    view: View,
    cluster: &Cluster,
    endpoint: &Endpoint,
    port: &EndpointPort,
    address: &str,
) -> LabelsBuilder {
    let number = port.port.map(|number| number.to_string());
    let flag = |flag: Option<bool>| flag.map(|flag| if flag { "true" } else { "false" });
    let target_ref = endpoint.target_ref.as_ref();
    let mut target = LabelsBuilder::default();
    let host_port = number.as_ref().map(|number| host_port(address, number));
    target.set(ADDRESS_LABEL, host_port.as_deref().unwrap_or(address));
    for (name, value) in [
        ("port_name", port.name.as_deref()),
        ("port_protocol", port.protocol.as_deref()),
        ("port", number.as_deref()),
        ("port_app_protocol", port.app_protocol.as_deref()),
        ("endpoint_conditions_ready", flag(endpoint.conditions.ready)),
        ("endpoint_conditions_serving", flag(endpoint.conditions.serving)),
        ("endpoint_conditions_terminating", flag(endpoint.conditions.terminating)),
        ("endpoint_hostname", endpoint.hostname.as_deref()),
        ("address_target_kind", target_ref.map(|ObjectRef { kind, .. }| &**kind)),
        ("address_target_name", target_ref.map(|ObjectRef { name, .. }| &**name)),
        ("endpoint_node_name", endpoint.node_name.as_deref()),
        ("endpoint_zone", endpoint.zone.as_deref()),
    ] {
        set_given(&mut target, &format!("endpointslice_{name}"), value);
    }
    set_topology(&mut target, &endpoint.deprecated_topology);
    if view.attach.node {
        let by_ref = target_ref.filter(|target_ref| target_ref.kind == "Node");
        let by_ref = by_ref.map(|target_ref| &*target_ref.name);
        set_node(&mut target, cluster, by_ref.or(endpoint.node_name.as_deref()));
    }
    target
}

/// Returns whether the targets may have changed with something else.
pub(super) fn uses(cluster: &Cluster, slice: &EndpointSlice, touched: &Touched) -> bool {
    let service = slice.service_name();
    service.is_some_and(|name| touched.contains(Kind::Service, slice.namespace(), name))
        || slice.endpoints.iter().any(|endpoint| {
            let node_name = endpoint.node_name.as_deref();
            address_uses(cluster, endpoint.target_ref.as_ref(), node_name, touched)
        })
}
