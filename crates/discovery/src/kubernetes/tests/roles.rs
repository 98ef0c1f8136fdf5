use narthex_config::KubernetesAttachMetadata;
use narthex_config::KubernetesRole::{EndpointSlice, Endpoints, Ingress, Node, Pod, Service};
use serde_json::{Value, json};

use super::{EVERYTHING, NOTHING, groups};

/// Checks the groups that are made of `objects`: each line of `expected` is one, or a target of one where
/// it is indented.
#[track_caller]
fn check(
    role: narthex_config::KubernetesRole,
    attach: KubernetesAttachMetadata,
    objects: Value,
    expected: &[&str],
) {
    assert_eq!(groups(role, attach, &objects), expected.join("\n"));
}

fn namespace() -> Value {
    json!({
        "kind": "Namespace",
        "metadata": {"name": "ns", "labels": {"team": "x"}, "annotations": {"a.b": "c"}}
    })
}

const NAMESPACE: &str = r#"namespace_annotation_a_b="c", namespace_annotationpresent_a_b="true", namespace_label_team="x", namespace_labelpresent_team="true""#;

fn node(name: &str) -> Value {
    json!({
        "kind": "Node",
        "metadata": {"name": name, "labels": {"zone": "z"}, "annotations": {"k8s.io/x": "y"}},
        "spec": {"providerID": "aws:///i-1"},
        "status": {
            "addresses": [
                {"type": "Hostname", "address": "host"}, {"type": "InternalIP", "address": "10.0.0.1"},
                {"type": "InternalIP", "address": "10.0.0.2"}, {"type": "ExternalIP", "address": "8.8.8.8"}
            ],
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "False"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}
        }
    })
}

#[test]
fn nodes() {
    check(
        Node,
        NOTHING,
        json!([node("n1")]),
        &[
            r#"node/n1 {node_annotation_k8s_io_x="y", node_annotationpresent_k8s_io_x="true", node_condition_diskpressure="false", node_condition_ready="true", node_label_zone="z", node_labelpresent_zone="true", node_name="n1", node_provider_id="aws:///i-1"}"#,
            r#"    {__address__="10.0.0.1:10250", node_address_ExternalIP="8.8.8.8", node_address_Hostname="host", node_address_InternalIP="10.0.0.1", instance="n1"}"#,
        ],
    );
    for (addresses, expected) in [
        (json!([{"type": "Hostname", "address": "h"}]), Some("h:0")),
        (
            json!([{"type": "LegacyHostIP", "address": "l"}, {"type": "ExternalDNS", "address": "e"}]),
            Some("e:0"),
        ),
        (
            json!([{"type": "InternalDNS", "address": "d"}, {"type": "ExternalIP", "address": "e"}]),
            Some("d:0"),
        ),
        (json!([{"type": "InternalIP", "address": "fd00::1"}]), Some("[fd00::1]:0")),
        (json!([]), None),
        (Value::Null, None),
    ] {
        let node = json!({
            "kind": "Node", "metadata": {"name": "n"}, "status": {"addresses": addresses}
        });
        let found = groups(Node, NOTHING, &json!([node]));
        let found = found.split_once("__address__=\"").and_then(|(_, rest)| rest.split('"').next());
        assert_eq!(found, expected, "{addresses}");
    }
}

#[test]
fn services() {
    let service = |spec: Value, status: Value| {
        json!({
            "kind": "Service", "spec": spec, "status": status,
            "metadata": {"name": "web", "namespace": "ns", "labels": {"app-name": "w"}}
        })
    };
    let labels = r#"{namespace="ns", service_label_app_name="w", service_labelpresent_app_name="true", service_name="web"}"#;
    for (spec, status, target) in [
        (
            json!({"type": "ClusterIP", "clusterIP": "10.0.0.1", "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}),
            Value::Null,
            r#"service_cluster_ip="10.0.0.1", service_port_name="http", service_port_number="80", service_port_protocol="TCP", service_type="ClusterIP""#,
        ),
        (
            json!({"type": "ExternalName", "externalName": "e.example", "ports": [{"port": 80}]}),
            Value::Null,
            r#"service_external_name="e.example", service_port_number="80", service_type="ExternalName""#,
        ),
        (
            json!({"type": "LoadBalancer", "loadBalancerIP": "1.1.1.1", "ports": [{"port": 80}]}),
            json!({"loadBalancer": {"ingress": [{"ip": "2.2.2.2"}, {"hostname": "h"}, {"ip": "3.3.3.3"}]}}),
            r#"service_loadbalancer_ip="2.2.2.2,3.3.3.3", service_port_number="80", service_type="LoadBalancer""#,
        ),
        (
            json!({"type": "LoadBalancer", "loadBalancerIP": "1.1.1.1", "ports": [{"port": 80}]}),
            json!({"loadBalancer": {"ingress": null}}),
            r#"service_loadbalancer_ip="1.1.1.1", service_port_number="80", service_type="LoadBalancer""#,
        ),
    ] {
        check(
            Service,
            NOTHING,
            json!([service(spec, status)]),
            &[
                &format!("svc/ns/web {labels}"),
                &format!(r#"    {{__address__="web.ns.svc:80", {target}}}"#),
            ],
        );
    }
    let plain = json!({"kind": "Service", "metadata": {"name": "a", "namespace": "ns"}});
    check(
        Service,
        EVERYTHING,
        json!([namespace(), plain]),
        &[&format!(r#"svc/ns/a {{namespace="ns", {NAMESPACE}, service_name="a"}}"#)],
    );
}

fn pod(name: &str, owner: Value) -> Value {
    json!({
        "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "ns", "uid": "u1", "labels": {"app": "w"},
            "ownerReferences": owner
        },
        "spec": {
            "nodeName": "n1",
            "containers": [
                {"name": "c1", "image": "i:1", "ports": [
                    {"name": "http", "containerPort": 80, "protocol": "TCP"},
                    {"name": "dns", "containerPort": 53, "protocol": "UDP"}
                ]},
                {"name": "c2", "image": "i:2"}
            ],
            "initContainers": [{"name": "c0", "image": "i:0", "ports": null}]
        },
        "status": {
            "podIP": "10.1.0.1", "hostIP": "10.0.0.1", "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "c1", "containerID": "docker://1"}],
            "initContainerStatuses": [{"name": "c0", "containerID": "docker://0"}]
        }
    })
}

fn owned_by(kind: &str, name: &str) -> Value {
    json!([
        {"kind": "Other", "name": "o", "apiVersion": "v1", "uid": "1"},
        {"kind": kind, "name": name, "apiVersion": "v1", "uid": "2", "controller": true}
    ])
}

const POD: &str = r#"pod_host_ip="10.0.0.1", pod_ip="10.1.0.1", pod_label_app="w", pod_labelpresent_app="true", pod_name="p", pod_node_name="n1", pod_phase="Running", pod_ready="true", pod_uid="u1""#;

const CONTAINERS: [&str; 4] = [
    r#"    {__address__="10.1.0.1:80", pod_container_id="docker://1", pod_container_image="i:1", pod_container_init="false", pod_container_name="c1", pod_container_port_name="http", pod_container_port_number="80", pod_container_port_protocol="TCP"}"#,
    r#"    {__address__="10.1.0.1:53", pod_container_id="docker://1", pod_container_image="i:1", pod_container_init="false", pod_container_name="c1", pod_container_port_name="dns", pod_container_port_number="53", pod_container_port_protocol="UDP"}"#,
    r#"    {__address__="10.1.0.1", pod_container_image="i:2", pod_container_init="false", pod_container_name="c2"}"#,
    r#"    {__address__="10.1.0.1", pod_container_id="docker://0", pod_container_image="i:0", pod_container_init="true", pod_container_name="c0"}"#,
];

#[test]
fn pods() {
    let mut expected = vec![format!(r#"pod/ns/p {{namespace="ns", {POD}}}"#)];
    expected.extend(CONTAINERS.map(str::to_owned));
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    check(Pod, NOTHING, json!([pod("p", Value::Null)]), &expected);

    // Before it has an address, or on a node that is left out, a pod is no target.
    let starting = json!({
        "kind": "Pod", "metadata": {"name": "p", "namespace": "ns"},
        "spec": {"nodeName": "n1", "containers": [{"name": "c"}]}, "status": {"phase": "Pending"}
    });
    check(Pod, NOTHING, json!([starting]), &[r#"pod/ns/p {namespace="ns"}"#]);
    check(Pod, EVERYTHING, json!([pod("p", Value::Null)]), &[r#"pod/ns/p {namespace="ns"}"#]);
}

#[test]
fn pods_have_labels_of_what_they_belong_to() {
    let owned = |kind: &str, name: &str, owner: Value| {
        let metadata = json!({"name": name, "namespace": "ns", "ownerReferences": owner});
        json!({"kind": kind, "metadata": metadata})
    };
    let node_labels = r#"node_annotation_k8s_io_x="y", node_annotationpresent_k8s_io_x="true", node_label_zone="z", node_labelpresent_zone="true", node_name="n1""#;
    for (owner, other, labels) in [
        (
            owned_by("ReplicaSet", "web-1"),
            owned("ReplicaSet", "web-1", owned_by("Deployment", "web")),
            r#"pod_controller_kind="ReplicaSet", pod_controller_name="web-1", pod_deployment_name="web", "#,
        ),
        (
            owned_by("Job", "backup-1"),
            owned("Job", "backup-1", owned_by("CronJob", "backup")),
            r#"pod_controller_kind="Job", pod_controller_name="backup-1", pod_cronjob_name="backup", "#,
        ),
        (
            owned_by("DaemonSet", "d"),
            owned("Job", "d", Value::Null),
            r#"pod_controller_kind="DaemonSet", pod_controller_name="d", "#,
        ),
    ] {
        let objects = json!([namespace(), node("n1"), other, pod("p", owner)]);
        let rest = POD.replace(r#"pod_name="p", "#, r#"pod_name="p", pod_node_name="n1", "#);
        let found = groups(Pod, EVERYTHING, &objects);
        let found = found.lines().next().expect("a group");
        let mut expected: Vec<_> = format!("{NAMESPACE}, {node_labels}, {labels}{rest}")
            .split(", ")
            .map(str::to_owned)
            .collect();
        if labels.contains("cronjob") {
            expected.push(r#"pod_job_name="backup-1""#.to_owned());
        }
        expected.push(r#"namespace="ns""#.to_owned());
        expected.sort_unstable();
        expected.dedup();
        let mut found: Vec<_> = found
            .strip_prefix("pod/ns/p {")
            .and_then(|found| found.strip_suffix('}'))
            .expect("labels")
            .split(", ")
            .map(str::to_owned)
            .collect();
        found.sort_unstable();
        assert_eq!(found, expected);
    }
}

#[test]
fn endpoints() {
    let service = json!({
        "kind": "Service", "metadata": {"name": "web", "namespace": "ns", "labels": {"s": "1"}}
    });
    let endpoints = json!({
        "kind": "Endpoints",
        "metadata": {"name": "web", "namespace": "ns", "annotations": {"e": "2"}},
        "subsets": [
            {
                "addresses": [
                    {"ip": "10.1.0.1", "nodeName": "n1", "hostname": "h", "targetRef":
                        {"kind": "Pod", "namespace": "ns", "name": "p"}},
                    {"ip": "10.2.0.1"}
                ],
                "notReadyAddresses": [{"ip": "10.0.0.1", "targetRef": {"kind": "Node", "name": "n1"}}],
                "ports": [{"name": "web", "port": 80, "protocol": "TCP"}]
            },
            {"addresses": null, "ports": null}
        ]
    });
    let objects = json!([service, endpoints, pod("p", Value::Null), node("n1"), namespace()]);
    let node_labels = r#"node_annotation_k8s_io_x="y", node_annotationpresent_k8s_io_x="true", node_label_zone="z", node_labelpresent_zone="true", node_name="n1""#;
    let pod_start =
        r#"pod_container_image="i:1", pod_container_init="false", pod_container_name="c1""#;
    check(
        Endpoints,
        EVERYTHING,
        objects,
        &[
            &format!(
                r#"endpoints/ns/web {{endpoints_annotation_e="2", endpoints_annotationpresent_e="true", endpoints_name="web", namespace="ns", {NAMESPACE}, service_label_s="1", service_labelpresent_s="true", service_name="web"}}"#
            ),
            &format!(
                r#"    {{__address__="10.1.0.1:80", endpoint_address_target_kind="Pod", endpoint_address_target_name="p", endpoint_hostname="h", endpoint_node_name="n1", endpoint_port_name="web", endpoint_port_protocol="TCP", endpoint_ready="true", {node_labels}, {pod_start}, pod_container_port_name="http", pod_container_port_number="80", pod_container_port_protocol="TCP", {POD}}}"#
            ),
            r#"    {__address__="10.2.0.1:80", endpoint_port_name="web", endpoint_port_protocol="TCP", endpoint_ready="true"}"#,
            &format!(
                r#"    {{__address__="10.0.0.1:80", endpoint_address_target_kind="Node", endpoint_address_target_name="n1", endpoint_port_name="web", endpoint_port_protocol="TCP", endpoint_ready="false", {node_labels}}}"#
            ),
            // A port of the pod that the service does not have.
            &format!(
                r#"    {{__address__="10.1.0.1:53", {pod_start}, pod_container_port_name="dns", pod_container_port_number="53", pod_container_port_protocol="UDP", {POD}}}"#
            ),
        ],
    );
}

fn slice(address_type: &str) -> Value {
    json!({
        "kind": "EndpointSlice", "addressType": address_type,
        "metadata": {"name": "web-1", "namespace": "ns", "labels": {"kubernetes.io/service-name": "web"}},
        "endpoints": [
            {
                "addresses": ["10.1.0.1"], "nodeName": "n1", "zone": "z1", "hostname": "h",
                "conditions": {"ready": true, "serving": true, "terminating": false},
                "targetRef": {"kind": "Pod", "namespace": "ns", "name": "p"},
                "deprecatedTopology": {"topology.kubernetes.io/region": "r"}
            },
            {"addresses": ["fd00::1"]}
        ],
        "ports": [{"name": "web", "port": 80, "protocol": "TCP", "appProtocol": "http"}]
    })
}

#[test]
fn endpoint_slices() {
    let service = |families: Value, policy: &str| {
        json!({
            "kind": "Service", "metadata": {"name": "web", "namespace": "ns"},
            "spec": {"ipFamilies": families, "ipFamilyPolicy": policy}
        })
    };
    let labels = r#"endpointslice_address_type="IPv4", endpointslice_label_kubernetes_io_service_name="web", endpointslice_labelpresent_kubernetes_io_service_name="true", endpointslice_name="web-1", namespace="ns""#;
    let pod_start =
        r#"pod_container_image="i:1", pod_container_init="false", pod_container_name="c1""#;
    let single = service(json!(["IPv4"]), "SingleStack");
    check(
        EndpointSlice,
        NOTHING,
        json!([single, slice("IPv4"), pod("p", Value::Null)]),
        &[
            &format!(r#"endpointslice/ns/web-1 {{{labels}, service_name="web"}}"#),
            &format!(
                r#"    {{__address__="10.1.0.1:80", endpointslice_address_target_kind="Pod", endpointslice_address_target_name="p", endpointslice_endpoint_conditions_ready="true", endpointslice_endpoint_conditions_serving="true", endpointslice_endpoint_conditions_terminating="false", endpointslice_endpoint_hostname="h", endpointslice_endpoint_node_name="n1", endpointslice_endpoint_topology_present_topology_kubernetes_io_region="true", endpointslice_endpoint_topology_topology_kubernetes_io_region="r", endpointslice_endpoint_zone="z1", endpointslice_port="80", endpointslice_port_app_protocol="http", endpointslice_port_name="web", endpointslice_port_protocol="TCP", {pod_start}, pod_container_port_name="http", pod_container_port_number="80", pod_container_port_protocol="TCP", {POD}}}"#
            ),
            r#"    {__address__="[fd00::1]:80", endpointslice_port="80", endpointslice_port_app_protocol="http", endpointslice_port_name="web", endpointslice_port_protocol="TCP"}"#,
            &format!(
                r#"    {{__address__="10.1.0.1:53", {pod_start}, pod_container_port_name="dns", pod_container_port_number="53", pod_container_port_protocol="UDP", {POD}}}"#
            ),
        ],
    );
    // Without a service it goes by itself.
    let alone = groups(EndpointSlice, NOTHING, &json!([slice("IPv4")]));
    assert_eq!(alone.lines().next(), Some(&*format!("endpointslice/ns/web-1 {{{labels}}}")));
    for (policy, families, address_type, targets) in [
        ("PreferDualStack", json!(["IPv4", "IPv6"]), "IPv4", 2),
        ("PreferDualStack", json!(["IPv4", "IPv6"]), "IPv6", 0),
        ("RequireDualStack", json!(["IPv6", "IPv4"]), "IPv4", 0),
        ("RequireDualStack", json!([]), "IPv4", 2),
        ("SingleStack", json!(["IPv6"]), "IPv4", 2),
    ] {
        let objects = json!([service(families, policy), slice(address_type)]);
        let found = groups(EndpointSlice, NOTHING, &objects).lines().count() - 1;
        assert_eq!(found, targets, "{policy} {address_type}");
    }
}

#[test]
fn ingresses() {
    let ingress = json!({
        "kind": "Ingress",
        "metadata": {"name": "i", "namespace": "ns", "annotations": {"a": "b"}},
        "spec": {
            "ingressClassName": "nginx",
            "tls": [{"hosts": ["*.example", "x"]}, {"hosts": null}],
            "rules": [
                {"host": "a.example", "http": {"paths": [{"path": "/p"}, {"path": ""}]}},
                {"host": "plain", "http": null},
                {"host": "none", "http": {"paths": []}},
                {}
            ]
        }
    });
    let meta = r#"ingress_annotation_a="b", ingress_annotationpresent_a="true", ingress_class_name="nginx", ingress_name="i", namespace="ns""#;
    check(
        Ingress,
        EVERYTHING,
        json!([ingress, namespace()]),
        &[
            &format!("ingress/ns/i {{{meta}, {NAMESPACE}}}"),
            r#"    {__address__="a.example", ingress_host="a.example", ingress_path="/p", ingress_scheme="https"}"#,
            r#"    {__address__="a.example", ingress_host="a.example", ingress_path="/", ingress_scheme="https"}"#,
            r#"    {__address__="plain", ingress_host="plain", ingress_path="/", ingress_scheme="http"}"#,
            r#"    {ingress_path="/", ingress_scheme="http"}"#,
        ],
    );
}

/// What is made of an object follows all that it is made of.
#[test]
fn groups_follow_what_they_use() {
    use super::{AnyEvent, Known, event, read};
    use kube::runtime::watcher::Event;

    let service = json!({"kind": "Service", "metadata": {"name": "web", "namespace": "ns"}});
    let endpoints = json!({
        "kind": "Endpoints", "metadata": {"name": "web", "namespace": "ns"},
        "subsets": [{"addresses": [{"ip": "10.1.0.1", "nodeName": "n1",
            "targetRef": {"kind": "Pod", "namespace": "ns", "name": "p"}}], "ports": [{"port": 80}]}]
    });
    let replica_set = json!({"kind": "ReplicaSet", "metadata": {"name": "r", "namespace": "ns"}});
    let job = json!({"kind": "Job", "metadata": {"name": "r", "namespace": "ns"}});
    let pod = pod("p", owned_by("ReplicaSet", "r"));
    let others = [service, node("n1"), namespace(), pod.clone(), replica_set];
    for (role, main) in [(Endpoints, endpoints), (EndpointSlice, slice("IPv4")), (Pod, pod)] {
        let mut known = Known::new(role, EVERYTHING);
        let source = known.apply([event!(Apply, main.clone())]);
        let source = source.split(' ').next().expect("a source").to_owned();
        for other in &others {
            let found = known.apply([event!(Apply, other.clone())]);
            let is_used = role != Pod || (other["kind"] != "Service" && *other != main);
            assert_eq!(found.starts_with(&source), is_used, "{source} {other} {found}");
        }
        assert_eq!(known.apply([event!(Apply, job.clone())]), "");
        assert_eq!(known.apply([event!(Apply, node("n2"))]), "");
    }
}
