//! Which objects become targets, and how.
//!
//! # Source
//!
//! The file of each role in `discovery/kubernetes` of Prometheus.

mod backends;
mod endpoint_slice;
mod endpoints;
mod ingress;
mod node;
mod pod;
mod service;

use narthex_config::{KubernetesAttachMetadata, KubernetesRole};
use narthex_model::LabelsBuilder;

use super::cluster::{Cluster, Names, Touched};
use super::labels::{set, set_maps, set_meta};
use super::objects::{Kind, Object};
use crate::group::TargetGroup;

/// A role, and whose labels its targets get, too.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) role: KubernetesRole,
    pub(super) attach: KubernetesAttachMetadata,
}

impl View {
    /// Returns the kind of objects that become groups of targets, one each.
    pub(super) fn main_kind(self) -> Kind {
        match self.role {
            KubernetesRole::Node => Kind::Node,
            KubernetesRole::Pod => Kind::Pod,
            KubernetesRole::Service => Kind::Service,
            KubernetesRole::Endpoints => Kind::Endpoints,
            KubernetesRole::EndpointSlice => Kind::EndpointSlice,
            KubernetesRole::Ingress => Kind::Ingress,
        }
    }

    /// Returns the kinds of objects to watch.
    pub(super) fn kinds(self) -> Vec<Kind> {
        let KubernetesAttachMetadata { node, namespace, deployment, job, cronjob } = self.attach;
        let has_backends =
            matches!(self.role, KubernetesRole::Endpoints | KubernetesRole::EndpointSlice);
        let has_pods = has_backends || self.role == KubernetesRole::Pod;
        let has_namespace = self.role != KubernetesRole::Node;
        let more = [
            (has_backends, Kind::Service),
            (has_backends, Kind::Pod),
            (has_pods && node, Kind::Node),
            (has_namespace && namespace, Kind::Namespace),
            (has_pods && deployment, Kind::ReplicaSet),
            (has_pods && (job || cronjob), Kind::Job),
        ];
        let more = more.into_iter().filter_map(|(wanted, kind)| wanted.then_some(kind));
        [self.main_kind()].into_iter().chain(more).collect()
    }

    /// Returns what tells the group of an object apart.
    pub(super) fn source(self, namespace: &str, name: &str) -> String {
        match self.role {
            KubernetesRole::Node => format!("node/{name}"),
            KubernetesRole::Service => format!("svc/{namespace}/{name}"),
            role => format!("{}/{namespace}/{name}", role.as_str()),
        }
    }

    /// Returns the objects whose groups may not be any more what they were.
    pub(super) fn affected(self, cluster: &Cluster, touched: &Touched) -> Names {
        let mut affected = Names::default();
        for (namespace, name) in touched.of(self.main_kind()) {
            affected.insert(namespace, name);
        }
        if !touched.is_beyond(self.main_kind()) {
            return affected;
        }
        match self.role {
            KubernetesRole::Node => {}
            KubernetesRole::Pod => {
                add(&mut affected, cluster.pods.iter(), touched, pod::uses);
            }
            KubernetesRole::Service => {
                add(&mut affected, cluster.services.iter(), touched, |_, _| false);
            }
            KubernetesRole::Endpoints => {
                let uses = |it: &_, touched: &_| endpoints::uses(cluster, it, touched);
                add(&mut affected, cluster.endpoints.iter(), touched, uses);
            }
            KubernetesRole::EndpointSlice => {
                let uses = |it: &_, touched: &_| endpoint_slice::uses(cluster, it, touched);
                add(&mut affected, cluster.endpoint_slices.iter(), touched, uses);
            }
            KubernetesRole::Ingress => {
                add(&mut affected, cluster.ingresses.iter(), touched, |_, _| false);
            }
        }
        affected
    }

    /// Returns the group of an object: one without targets where there is no such object, and none at all
    /// where nothing can be said of it.
    pub(super) fn group(
        self,
        cluster: &Cluster,
        namespace: &str,
        name: &str,
    ) -> Option<TargetGroup> {
        let mut group =
            TargetGroup { source: self.source(namespace, name), ..TargetGroup::default() };
        let mut labels = LabelsBuilder::default();
        if self.role != KubernetesRole::Node {
            set(&mut labels, "namespace", namespace);
        }
        if let Some(namespace) = cluster.namespaces.get("", namespace) {
            set_maps(&mut labels, "namespace", &namespace.metadata);
        }
        group.targets = match self.role {
            KubernetesRole::Node => match cluster.nodes.get("", name) {
                Some(node) => vec![node::target(node, &mut labels)?],
                None => Vec::new(),
            },
            KubernetesRole::Pod => {
                let pod = cluster.pods.get(namespace, name);
                pod.map(|pod| pod::targets(self, cluster, pod, &mut labels)).unwrap_or_default()
            }
            KubernetesRole::Service => {
                let service = cluster.services.get(namespace, name);
                service.map(|it| service::targets(it, &mut labels)).unwrap_or_default()
            }
            KubernetesRole::Endpoints => {
                let all = cluster.endpoints.get(namespace, name);
                all.map(|it| endpoints::targets(self, cluster, it, &mut labels)).unwrap_or_default()
            }
            KubernetesRole::EndpointSlice => {
                let slice = cluster.endpoint_slices.get(namespace, name);
                slice
                    .map(|it| endpoint_slice::targets(self, cluster, it, &mut labels))
                    .unwrap_or_default()
            }
            KubernetesRole::Ingress => {
                let ingress = cluster.ingresses.get(namespace, name);
                ingress.map(|it| ingress::targets(it, &mut labels)).unwrap_or_default()
            }
        };
        group.labels = labels.build();
        Some(group)
    }
}

/// Adds the objects that lie in a namespace which changed, or use something else that did.
fn add<'a, K: Object>(
    affected: &mut Names,
    objects: impl Iterator<Item = &'a K>,
    touched: &Touched,
    uses: impl Fn(&K, &Touched) -> bool,
) {
    for object in objects {
        if touched.contains(Kind::Namespace, "", object.namespace()) || uses(object, touched) {
            affected.insert(object.namespace(), object.name());
        }
    }
}

/// Sets the labels of a node, if it is there and asked for.
fn set_node(labels: &mut LabelsBuilder, cluster: &Cluster, name: Option<&str>) {
    if let Some(node) = name.and_then(|name| cluster.nodes.get("", name)) {
        set_meta(labels, "node", &node.metadata);
    }
}
