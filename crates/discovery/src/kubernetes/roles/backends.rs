//! What endpoints and endpoint slices have in common: addresses, most of which are pods.

use std::collections::BTreeMap;

use narthex_model::{Labels, LabelsBuilder};

use super::super::cluster::{Cluster, Touched};
use super::super::labels::set;
use super::super::objects::{Container, ContainerPort, Kind, Object, ObjectRef, Pod};
use super::{View, pod};
use crate::group::ADDRESS_LABEL;
use crate::text::host_port;

/// The targets of one object as they come together.
#[derive(Debug)]
pub(super) struct Backends<'a> {
    view: View,
    cluster: &'a Cluster,
    targets: Vec<Labels>,
    /// The pods among the addresses by their names, each with the ports that are targets already.
    pods: BTreeMap<(&'a str, &'a str), (&'a Pod, Vec<i64>)>,
}

impl<'a> Backends<'a> {
    pub(super) fn new(view: View, cluster: &'a Cluster) -> Self {
        Self { view, cluster, targets: Vec::new(), pods: BTreeMap::new() }
    }

    /// Adds a target, which is a port of the pod that `target_ref` names, if it does. The protocol of the
    /// pod's port is that of the container where none is given.
    pub(super) fn add(
        &mut self,
        mut target: LabelsBuilder,
        target_ref: Option<&'a ObjectRef>,
        port: Option<i64>,
        protocol: Option<&str>,
    ) {
        if let Some(pod) = pod_of(self.cluster, target_ref) {
            pod::set_pod(&mut target, self.view, self.cluster, pod);
            for (container, is_init) in pod::containers(pod) {
                let mut ports = container.ports.iter();
                if let Some(of_pod) = ports.find(|of_pod| port == Some(of_pod.container_port)) {
                    let protocol = protocol.unwrap_or(&of_pod.protocol);
                    set_container_port(&mut target, container, is_init, of_pod, protocol);
                }
            }
            let (_, seen) =
                self.pods.entry((pod.namespace(), pod.name())).or_insert_with(|| (pod, Vec::new()));
            seen.extend(port);
        }
        self.targets.push(target.build());
    }

    /// Returns all targets, those for ports of the pods included that the object does not name.
    pub(super) fn finish(self) -> Vec<Labels> {
        let Self { view, cluster, mut targets, pods } = self;
        for (pod, seen) in pods.into_values() {
            if pod.status.pod_ip.is_empty() {
                continue;
            }
            for (container, is_init) in pod::containers(pod) {
                let ports = container.ports.iter();
                for port in ports.filter(|port| !seen.contains(&port.container_port)) {
                    let mut target = LabelsBuilder::default();
                    target.set(ADDRESS_LABEL, &host_port(&pod.status.pod_ip, port.container_port));
                    pod::set_pod(&mut target, view, cluster, pod);
                    set_container_port(&mut target, container, is_init, port, &port.protocol);
                    targets.push(target.build());
                }
            }
        }
        targets
    }
}

fn set_container_port(
    labels: &mut LabelsBuilder,
    container: &Container,
    is_init: bool,
    port: &ContainerPort,
    protocol: &str,
) {
    for (name, value) in [
        ("pod_container_name", &*container.name),
        ("pod_container_image", &container.image),
        ("pod_container_port_name", &port.name),
        ("pod_container_port_number", &port.container_port.to_string()),
        ("pod_container_port_protocol", protocol),
        ("pod_container_init", if is_init { "true" } else { "false" }),
    ] {
        set(labels, name, value);
    }
}

fn pod_of<'a>(cluster: &'a Cluster, target_ref: Option<&ObjectRef>) -> Option<&'a Pod> {
    let target_ref = target_ref.filter(|target_ref| target_ref.kind == "Pod")?;
    cluster.pods.get(&target_ref.namespace, &target_ref.name)
}

/// Returns whether the labels of an address may have changed with something else.
pub(super) fn address_uses(
    cluster: &Cluster,
    target_ref: Option<&ObjectRef>,
    node_name: Option<&str>,
    touched: &Touched,
) -> bool {
    let by_ref = target_ref.is_some_and(|ObjectRef { kind, namespace, name }| match &**kind {
        "Pod" => touched.contains(Kind::Pod, namespace, name),
        "Node" => touched.contains(Kind::Node, "", name),
        _ => false,
    });
    by_ref
        || node_name.is_some_and(|name| touched.contains(Kind::Node, "", name))
        || pod_of(cluster, target_ref).is_some_and(|pod| pod::owner_is_touched(pod, touched))
}
