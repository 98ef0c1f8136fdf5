use narthex_config::KubernetesAttachMetadata;
use narthex_model::{Labels, LabelsBuilder};

use super::super::cluster::{Cluster, Touched};
use super::super::labels::{set, set_meta};
use super::super::objects::{Container, ContainerStatus, Kind, Object, Pod};
use super::{View, set_node};
use crate::group::ADDRESS_LABEL;
use crate::text::host_port;

/// Returns a target for each port of each container, and one for each container that has none.
pub(super) fn targets(
    view: View,
    cluster: &Cluster,
    pod: &Pod,
    labels: &mut LabelsBuilder,
) -> Vec<Labels> {
    // It has no address before it starts, or once it is evicted. And one on a node that the selectors
    // leave out is left out, too.
    let on_node = || cluster.nodes.get("", &pod.spec.node_name).is_some();
    if pod.status.pod_ip.is_empty() || (view.attach.node && !on_node()) {
        return Vec::new();
    }
    set_pod(labels, view, cluster, pod);
    if view.attach.node {
        set_node(labels, cluster, Some(&pod.spec.node_name));
    }
    let mut targets = Vec::new();
    for (container, is_init) in containers(pod) {
        let statuses = if is_init {
            &pod.status.init_container_statuses
        } else {
            &pod.status.container_statuses
        };
        let id = container_id(statuses, &container.name);
        let target = |address: &str| {
            let mut target = LabelsBuilder::default();
            target.set(ADDRESS_LABEL, address);
            set(&mut target, "pod_container_name", &container.name);
            set(&mut target, "pod_container_id", id);
            set(&mut target, "pod_container_image", &container.image);
            set(&mut target, "pod_container_init", &is_init.to_string());
            target
        };
        if container.ports.is_empty() {
            // Whoever wants to scrape it adds a port by relabelling.
            targets.push(target(&pod.status.pod_ip).build());
        }
        for port in &container.ports {
            let mut target = target(&host_port(&pod.status.pod_ip, port.container_port));
            set(&mut target, "pod_container_port_number", &port.container_port.to_string());
            set(&mut target, "pod_container_port_name", &port.name);
            set(&mut target, "pod_container_port_protocol", &port.protocol);
            targets.push(target.build());
        }
    }
    targets
}

/// Returns the containers of a pod, and whether each runs before the others alone.
pub(super) fn containers(pod: &Pod) -> impl Iterator<Item = (&Container, bool)> {
    let usual = pod.spec.containers.iter().map(|container| (container, false));
    usual.chain(pod.spec.init_containers.iter().map(|container| (container, true)))
}

fn container_id<'a>(statuses: &'a [ContainerStatus], name: &str) -> &'a str {
    let status = statuses.iter().find(|status| status.name == name);
    status.map_or("", |status| &*status.container_id)
}

/// Sets the labels that all targets of a pod have.
pub(super) fn set_pod(labels: &mut LabelsBuilder, view: View, cluster: &Cluster, pod: &Pod) {
    let mut conditions = pod.status.conditions.iter();
    let ready = conditions.find(|condition| condition.r#type == "Ready");
    let ready = ready.map_or("unknown".to_owned(), |condition| condition.status.to_lowercase());
    for (name, value) in [
        ("pod_ip", &*pod.status.pod_ip),
        ("pod_ready", &ready),
        ("pod_phase", &pod.status.phase),
        ("pod_node_name", &pod.spec.node_name),
        ("pod_host_ip", &pod.status.host_ip),
        ("pod_uid", pod.metadata.uid.as_deref().unwrap_or_default()),
    ] {
        set(labels, name, value);
    }
    set_meta(labels, "pod", &pod.metadata);
    let Some((kind, name)) = pod.controller() else { return };
    set(labels, "pod_controller_kind", kind);
    set(labels, "pod_controller_name", name);
    let KubernetesAttachMetadata { deployment, job, cronjob, .. } = view.attach;
    if kind == "ReplicaSet" && deployment {
        let set_of_pod = cluster.replica_sets.get(pod.namespace(), name);
        if let Some(("Deployment", name)) = set_of_pod.and_then(Object::controller) {
            set(labels, "pod_deployment_name", name);
        }
    }
    if kind == "Job" && job {
        set(labels, "pod_job_name", name);
    }
    if kind == "Job" && cronjob {
        let job_of_pod = cluster.jobs.get(pod.namespace(), name);
        if let Some(("CronJob", name)) = job_of_pod.and_then(Object::controller) {
            set(labels, "pod_cronjob_name", name);
        }
    }
}

/// Returns whether the labels of a pod may have changed with something else.
pub(super) fn uses(pod: &Pod, touched: &Touched) -> bool {
    touched.contains(Kind::Node, "", &pod.spec.node_name) || owner_is_touched(pod, touched)
}

/// Returns whether what keeps the pod running changed.
pub(super) fn owner_is_touched(pod: &Pod, touched: &Touched) -> bool {
    match pod.controller() {
        Some(("ReplicaSet", name)) => touched.contains(Kind::ReplicaSet, pod.namespace(), name),
        Some(("Job", name)) => touched.contains(Kind::Job, pod.namespace(), name),
        _ => false,
    }
}
