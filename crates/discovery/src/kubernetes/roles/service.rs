use narthex_model::{Labels, LabelsBuilder};

use super::super::labels::{set, set_meta};
use super::super::objects::{Object, Service, ServicePort};
use crate::group::ADDRESS_LABEL;
use crate::text::host_port;

/// Returns a target for each port of a service.
pub(super) fn targets(service: &Service, labels: &mut LabelsBuilder) -> Vec<Labels> {
    set_meta(labels, "service", &service.metadata);
    let spec = &service.spec;
    let host = format!("{}.{}.svc", service.name(), service.namespace());
    let target = |port: &ServicePort| {
        let mut target = LabelsBuilder::default();
        target.set(ADDRESS_LABEL, &host_port(&host, port.port));
        set(&mut target, "service_port_name", &port.name);
        set(&mut target, "service_port_number", &port.port.to_string());
        set(&mut target, "service_port_protocol", &port.protocol);
        set(&mut target, "service_type", &spec.r#type);
        if spec.r#type == "ExternalName" {
            set(&mut target, "service_external_name", &spec.external_name);
        } else {
            set(&mut target, "service_cluster_ip", &spec.cluster_ip);
        }
        if spec.r#type == "LoadBalancer" {
            set(&mut target, "service_loadbalancer_ip", &load_balancer_ips(service));
        }
        target.build()
    };
    spec.ports.iter().map(target).collect()
}

/// Returns the addresses that a service got, or the one that it asked for.
fn load_balancer_ips(service: &Service) -> String {
    let ingress = service.status.load_balancer.ingress.iter();
    let ips: Vec<_> = ingress.map(|ingress| &*ingress.ip).filter(|ip| !ip.is_empty()).collect();
    if ips.is_empty() { service.spec.load_balancer_ip.clone() } else { ips.join(",") }
}
