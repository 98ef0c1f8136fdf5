mod access;
mod roles;

use kube::runtime::watcher::Event;
use narthex_config::{KubernetesAttachMetadata, KubernetesRole};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::cluster::{AnyEvent, Change, Cluster, Touched};
use super::roles::View;

/// Returns what a watcher says of an object in JSON, `wrap`ped as `Apply`, `Delete` and so on.
macro_rules! event {
    ($wrap:ident, $object:expr) => {{
        let object: Value = $object;
        match object["kind"].as_str().expect("a kind") {
            "Node" => AnyEvent::Node(Event::$wrap(read(object))),
            "Namespace" => AnyEvent::Namespace(Event::$wrap(read(object))),
            "Pod" => AnyEvent::Pod(Event::$wrap(read(object))),
            "Service" => AnyEvent::Service(Event::$wrap(read(object))),
            "Endpoints" => AnyEvent::Endpoints(Event::$wrap(read(object))),
            "EndpointSlice" => AnyEvent::EndpointSlice(Event::$wrap(read(object))),
            "Ingress" => AnyEvent::Ingress(Event::$wrap(read(object))),
            "ReplicaSet" => AnyEvent::ReplicaSet(Event::$wrap(read(object))),
            "Job" => AnyEvent::Job(Event::$wrap(read(object))),
            other => panic!("no kind {other}"),
        }
    }};
}
use event;

fn read<K: DeserializeOwned>(object: Value) -> K {
    serde_json::from_value(object).expect("an object")
}

/// A cluster, and what is made of it.
struct Known {
    cluster: Cluster,
    view: View,
}

impl Known {
    fn new(role: KubernetesRole, attach: KubernetesAttachMetadata) -> Self {
        Self { cluster: Cluster::default(), view: View { role, attach } }
    }

    /// Takes events and returns the groups that may have changed, a line each: the source, the labels,
    /// the targets, without what all names of labels begin with.
    fn apply(&mut self, events: impl IntoIterator<Item = AnyEvent>) -> String {
        let mut touched = Touched::default();
        for event in events {
            self.cluster.apply(event, &mut touched, |_, _| {});
        }
        let affected = self.view.affected(&self.cluster, &touched);
        let group = |(namespace, name)| {
            let group = self.view.group(&self.cluster, namespace, name)?;
            let targets: String = group.targets.iter().map(|it| format!("\n    {it}")).collect();
            Some(format!("{} {}{targets}", group.source, group.labels))
        };
        let groups: Vec<_> = affected.iter().filter_map(group).collect();
        groups.join("\n").replace("__meta_kubernetes_", "")
    }
}

/// Returns the groups that are made of objects.
fn groups(role: KubernetesRole, attach: KubernetesAttachMetadata, objects: &Value) -> String {
    let objects = objects.as_array().expect("a list").iter();
    Known::new(role, attach).apply(objects.map(|object| event!(InitApply, object.clone())))
}

const NOTHING: KubernetesAttachMetadata = KubernetesAttachMetadata {
    node: false,
    namespace: false,
    deployment: false,
    job: false,
    cronjob: false,
};

const EVERYTHING: KubernetesAttachMetadata = KubernetesAttachMetadata {
    node: true,
    namespace: true,
    deployment: true,
    job: true,
    cronjob: true,
};

/// A list that begins anew takes away what it does not hold, once it is complete.
#[test]
fn lists_replace_what_is_known() {
    let service = |name: &str| {
        serde_json::json!({
            "kind": "Service", "metadata": {"name": name, "namespace": "ns"},
            "spec": {"type": "ClusterIP", "clusterIP": "", "ports": []}
        })
    };
    let mut known = Known::new(KubernetesRole::Service, NOTHING);
    let done = || AnyEvent::Service(Event::InitDone);
    let init = || AnyEvent::Service(Event::Init);
    let group = |name: &str| format!(r#"svc/ns/{name} {{namespace="ns", service_name="{name}"}}"#);
    let two = [init(), event!(InitApply, service("a")), event!(InitApply, service("b")), done()];
    assert_eq!(known.apply(two), format!("{}\n{}", group("a"), group("b")));
    // While the list comes, what was known holds.
    assert_eq!(known.apply([init(), event!(InitApply, service("b"))]), "");
    assert_eq!(known.apply([done()]), r#"svc/ns/a {namespace="ns"}"#);
    assert_eq!(known.apply([event!(Apply, service("b"))]), "");
    assert_eq!(known.apply([event!(Apply, service("c"))]), group("c"));
    assert_eq!(known.apply([event!(Delete, service("b"))]), r#"svc/ns/b {namespace="ns"}"#);
    assert_eq!(known.apply([event!(Delete, service("b"))]), "");
}

/// Every object is counted, whether anything about it changed or not.
#[test]
fn changes_are_counted() {
    let node = |label: &str| {
        let meta = serde_json::json!({"name": "n", "labels": {"a": label}, "resourceVersion": "1"});
        serde_json::json!({"kind": "Node", "metadata": meta})
    };
    let mut cluster = Cluster::default();
    let mut apply = |event| {
        let (mut touched, mut changes) = (Touched::default(), Vec::new());
        cluster.apply(event, &mut touched, |_, change| changes.push(change));
        (changes, !touched.is_empty())
    };
    assert_eq!(apply(event!(InitApply, node("1"))), (vec![Change::Add], true));
    assert_eq!(apply(event!(Apply, node("1"))), (vec![Change::Update], false));
    assert_eq!(apply(event!(Apply, node("2"))), (vec![Change::Update], true));
    assert_eq!(apply(event!(Delete, node("2"))), (vec![Change::Delete], true));
    assert_eq!(apply(event!(Delete, node("2"))), (vec![], false));
    assert_eq!(apply(event!(Apply, node("1"))), (vec![Change::Add], true));
    assert_eq!(apply(AnyEvent::Node(Event::Init)), (vec![], false));
    assert_eq!(apply(AnyEvent::Node(Event::InitDone)), (vec![Change::Delete], true));
}
