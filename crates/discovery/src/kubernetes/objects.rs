//! The objects of a cluster, as far as labels are made of them.
//!
//! Not those of `k8s-openapi`: an object of these types keeps a small part of what the API server sends,
//! and there is one of each object in memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;

use kube::Resource;
use kube::api::ObjectMeta;
use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::text::null_as_default;

/// A kind of objects that is watched.
pub(super) trait Object:
    Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + PartialEq + Send + Sync + 'static
{
    /// What the kind is called here.
    const KIND: Kind;

    /// Returns the namespace, which is empty for what has none.
    fn namespace(&self) -> &str {
        self.meta().namespace.as_deref().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.meta().name.as_deref().unwrap_or_default()
    }

    /// Returns the kind and the name of what made the object and keeps it as it should be.
    fn controller(&self) -> Option<(&str, &str)> {
        let owners = self.meta().owner_references.iter().flatten();
        let mut controllers = owners.filter(|owner| owner.controller == Some(true));
        controllers.next().map(|owner| (&*owner.kind, &*owner.name))
    }

    /// Drops what no label is made of.
    #[must_use]
    fn stripped(mut self) -> Self {
        let meta = std::mem::take(self.meta_mut());
        *self.meta_mut() = ObjectMeta {
            name: meta.name,
            namespace: meta.namespace,
            uid: meta.uid,
            labels: meta.labels,
            annotations: meta.annotations,
            owner_references: meta.owner_references,
            ..ObjectMeta::default()
        };
        self
    }
}

/// The kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Node,
    Namespace,
    Pod,
    Service,
    Endpoints,
    EndpointSlice,
    Ingress,
    ReplicaSet,
    Job,
}

/// Makes a kind: a struct of its parts beside the metadata, and where the API server has it.
macro_rules! object {
    ($kind:ident, $group:literal, $plural:literal, $scope:ty, { $($field:ident: $part:ty),* $(,)? }) => {
        #[derive(Clone, Debug, Default, PartialEq, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub(super) struct $kind {
            #[serde(default)]
            pub(super) metadata: ObjectMeta,
            $(
                #[serde(default, deserialize_with = "null_as_default")]
                pub(super) $field: $part,
            )*
        }

        impl Resource for $kind {
            type DynamicType = ();
            type Scope = $scope;

            fn kind(_: &()) -> Cow<'_, str> {
                stringify!($kind).into()
            }

            fn group(_: &()) -> Cow<'_, str> {
                $group.into()
            }

            fn version(_: &()) -> Cow<'_, str> {
                "v1".into()
            }

            fn plural(_: &()) -> Cow<'_, str> {
                $plural.into()
            }

            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }

        impl Object for $kind {
            const KIND: Kind = Kind::$kind;
        }
    };
}

object!(Node, "", "nodes", ClusterResourceScope, { spec: NodeSpec, status: NodeStatus });
object!(Namespace, "", "namespaces", ClusterResourceScope, {});
object!(Pod, "", "pods", NamespaceResourceScope, { spec: PodSpec, status: PodStatus });
object!(Service, "", "services", NamespaceResourceScope, {
    spec: ServiceSpec,
    status: ServiceStatus,
});
object!(Endpoints, "", "endpoints", NamespaceResourceScope, { subsets: Vec<EndpointSubset> });
object!(EndpointSlice, "discovery.k8s.io", "endpointslices", NamespaceResourceScope, {
    address_type: String,
    endpoints: Vec<Endpoint>,
    ports: Vec<EndpointPort>,
});
object!(Ingress, "networking.k8s.io", "ingresses", NamespaceResourceScope, { spec: IngressSpec });
object!(ReplicaSet, "apps", "replicasets", NamespaceResourceScope, {});
object!(Job, "batch", "jobs", NamespaceResourceScope, {});

/// Makes a part of an object, in which any key may be absent or null.
macro_rules! part {
    ($part:ident { $($(#[$meta:meta])* $field:ident: $type:ty),* $(,)? }) => {
        #[derive(Clone, Debug, Default, PartialEq, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub(super) struct $part {
            $(
                #[serde(default, deserialize_with = "null_as_default")]
                $(#[$meta])*
                pub(super) $field: $type,
            )*
        }
    };
}

part!(NodeSpec {
    #[serde(rename = "providerID")]
    provider_id: String,
});
part!(NodeStatus {
    addresses: Vec<NodeAddress>,
    conditions: Vec<Condition>,
    daemon_endpoints: DaemonEndpoints,
});
part!(NodeAddress { r#type: String, address: String });
part!(Condition { r#type: String, status: String });
part!(DaemonEndpoints { kubelet_endpoint: DaemonEndpoint });
part!(DaemonEndpoint {
    #[serde(rename = "Port")]
    port: i64,
});

part!(PodSpec { node_name: String, containers: Vec<Container>, init_containers: Vec<Container> });
part!(Container { name: String, image: String, ports: Vec<ContainerPort> });
part!(ContainerPort { name: String, container_port: i64, protocol: String });
part!(PodStatus {
    phase: String,
    conditions: Vec<Condition>,
    #[serde(rename = "hostIP")]
    host_ip: String,
    #[serde(rename = "podIP")]
    pod_ip: String,
    container_statuses: Vec<ContainerStatus>,
    init_container_statuses: Vec<ContainerStatus>,
});
part!(ContainerStatus {
    name: String,
    #[serde(rename = "containerID")]
    container_id: String,
});

part!(ServiceSpec {
    r#type: String,
    #[serde(rename = "clusterIP")]
    cluster_ip: String,
    external_name: String,
    #[serde(rename = "loadBalancerIP")]
    load_balancer_ip: String,
    ip_family_policy: String,
    ip_families: Vec<String>,
    ports: Vec<ServicePort>,
});
part!(ServicePort { name: String, port: i64, protocol: String });
part!(ServiceStatus { load_balancer: LoadBalancer });
part!(LoadBalancer { ingress: Vec<LoadBalancerIngress> });
part!(LoadBalancerIngress { ip: String });

part!(EndpointSubset {
    addresses: Vec<EndpointAddress>,
    not_ready_addresses: Vec<EndpointAddress>,
    ports: Vec<EndpointPort>,
});
part!(EndpointAddress {
    ip: String,
    hostname: String,
    node_name: Option<String>,
    target_ref: Option<ObjectRef>,
});
part!(EndpointPort {
    name: Option<String>,
    port: Option<i64>,
    protocol: Option<String>,
    app_protocol: Option<String>,
});
part!(ObjectRef { kind: String, namespace: String, name: String });

part!(Endpoint {
    addresses: Vec<String>,
    conditions: EndpointConditions,
    hostname: Option<String>,
    node_name: Option<String>,
    zone: Option<String>,
    target_ref: Option<ObjectRef>,
    deprecated_topology: BTreeMap<String, String>,
});
part!(EndpointConditions {
    ready: Option<bool>,
    serving: Option<bool>,
    terminating: Option<bool>,
});

part!(IngressSpec {
    ingress_class_name: Option<String>,
    rules: Vec<IngressRule>,
    tls: Vec<IngressTls>,
});
part!(IngressRule { host: String, http: Option<IngressHttp> });
part!(IngressHttp { paths: Vec<IngressPath> });
part!(IngressPath { path: String });
part!(IngressTls { hosts: Vec<String> });

impl Service {
    pub(super) fn is_dual_stack(&self) -> bool {
        matches!(&*self.spec.ip_family_policy, "PreferDualStack" | "RequireDualStack")
    }
}

impl EndpointSlice {
    /// Returns the name of the service that the slice is of.
    pub(super) fn service_name(&self) -> Option<&str> {
        self.metadata.labels.as_ref()?.get("kubernetes.io/service-name").map(String::as_str)
    }
}
