//! What is known of a cluster, and which of it changed.

use std::collections::{BTreeMap, BTreeSet};

use kube::runtime::watcher::Event;

use super::objects::{
    EndpointSlice, Endpoints, Ingress, Job, Kind, Namespace, Node, Object, Pod, ReplicaSet, Service,
};

/// Objects of one kind, by namespace and name.
#[derive(Debug)]
pub(super) struct Store<K> {
    objects: BTreeMap<Box<str>, BTreeMap<Box<str>, K>>,
    /// What a list that is under way has brought so far.
    listed: Names,
    /// Whether a list came to its end.
    pub(super) is_complete: bool,
}

/// Names by namespace.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<Box<str>, BTreeSet<Box<str>>>);

impl Names {
    pub(super) fn insert(&mut self, namespace: &str, name: &str) {
        // The names are mostly there already where many things of a namespace change.
        if !self.contains(namespace, name) {
            self.0.entry(namespace.into()).or_default().insert(name.into());
        }
    }

    pub(super) fn contains(&self, namespace: &str, name: &str) -> bool {
        self.0.get(namespace).is_some_and(|names| names.contains(name))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .flat_map(|(namespace, names)| names.iter().map(|name| (&**namespace, &**name)))
    }
}

/// What changed, by kind.
#[derive(Debug, Default)]
pub(super) struct Touched(BTreeMap<Kind, Names>);

impl Touched {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, kind: Kind, namespace: &str, name: &str) -> bool {
        self.0.get(&kind).is_some_and(|names| names.contains(namespace, name))
    }

    /// Returns what changed of one kind.
    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = (&str, &str)> {
        self.0.get(&kind).into_iter().flat_map(Names::iter)
    }

    /// Returns whether anything changed of another kind.
    pub(super) fn is_beyond(&self, kind: Kind) -> bool {
        self.0.keys().any(|other| *other != kind)
    }

    pub(super) fn insert(&mut self, kind: Kind, namespace: &str, name: &str) {
        self.0.entry(kind).or_default().insert(namespace, name);
    }
}

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    Add,
    Update,
    Delete,
}

impl<K> Default for Store<K> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), listed: Names::default(), is_complete: false }
    }
}

impl<K: Object> Store<K> {
    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<&K> {
        self.objects.get(namespace)?.get(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &K> {
        self.objects.values().flat_map(BTreeMap::values)
    }

    /// Takes what a watcher says. What differs by it is noted in `touched`, and `count` is told of
    /// each object.
    pub(super) fn apply(
        &mut self,
        event: Event<K>,
        touched: &mut Touched,
        mut count: impl FnMut(Change),
    ) {
        match event {
            Event::Apply(object) => count(self.insert(object, touched)),
            Event::Delete(object) => {
                let (namespace, name) = (object.namespace(), object.name());
                if self.remove(namespace, name, touched) {
                    count(Change::Delete);
                }
            }
            Event::Init => self.listed = Names::default(),
            Event::InitApply(object) => {
                self.listed.insert(object.namespace(), object.name());
                count(self.insert(object, touched));
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                let is_gone = |object: &&K| !listed.contains(object.namespace(), object.name());
                let key = |object: &K| (object.namespace().to_owned(), object.name().to_owned());
                for (namespace, name) in self.iter().filter(is_gone).map(key).collect::<Vec<_>>() {
                    self.remove(&namespace, &name, touched);
                    count(Change::Delete);
                }
                self.is_complete = true;
            }
        }
    }

    fn insert(&mut self, object: K, touched: &mut Touched) -> Change {
        let object = object.stripped();
        let names = self.objects.entry(object.namespace().into()).or_default();
        let known = names.get(object.name());
        let change = if known.is_some() { Change::Update } else { Change::Add };
        // Much of what changes is of no label: when a node was last heard of, say.
        if known != Some(&object) {
            touched.insert(K::KIND, object.namespace(), object.name());
            names.insert(object.name().into(), object);
        }
        change
    }

    fn remove(&mut self, namespace: &str, name: &str, touched: &mut Touched) -> bool {
        let Some(names) = self.objects.get_mut(namespace) else { return false };
        let was_there = names.remove(name).is_some();
        if names.is_empty() {
            self.objects.remove(namespace);
        }
        if was_there {
            touched.insert(K::KIND, namespace, name);
        }
        was_there
    }
}

/// All that is watched, for one namespace or for all of them.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    pub(super) nodes: Store<Node>,
    pub(super) namespaces: Store<Namespace>,
    pub(super) pods: Store<Pod>,
    pub(super) services: Store<Service>,
    pub(super) endpoints: Store<Endpoints>,
    pub(super) endpoint_slices: Store<EndpointSlice>,
    pub(super) ingresses: Store<Ingress>,
    pub(super) replica_sets: Store<ReplicaSet>,
    pub(super) jobs: Store<Job>,
}

/// What a watcher of any kind says.
#[derive(Debug)]
pub(super) enum AnyEvent {
    Node(Event<Node>),
    Namespace(Event<Namespace>),
    Pod(Event<Pod>),
    Service(Event<Service>),
    Endpoints(Event<Endpoints>),
    EndpointSlice(Event<EndpointSlice>),
    Ingress(Event<Ingress>),
    ReplicaSet(Event<ReplicaSet>),
    Job(Event<Job>),
}

impl Cluster {
    /// Takes what a watcher says, as [`Store::apply`] does.
    pub(super) fn apply(
        &mut self,
        event: AnyEvent,
        touched: &mut Touched,
        mut count: impl FnMut(Kind, Change),
    ) {
        use AnyEvent as E;
        match event {
            E::Node(event) => self.nodes.apply(event, touched, |it| count(Kind::Node, it)),
            E::Namespace(event) => {
                self.namespaces.apply(event, touched, |it| count(Kind::Namespace, it));
            }
            E::Pod(event) => self.pods.apply(event, touched, |it| count(Kind::Pod, it)),
            E::Service(event) => self.services.apply(event, touched, |it| count(Kind::Service, it)),
            E::Endpoints(event) => {
                self.endpoints.apply(event, touched, |it| count(Kind::Endpoints, it));
            }
            E::EndpointSlice(event) => {
                self.endpoint_slices.apply(event, touched, |it| count(Kind::EndpointSlice, it));
            }
            E::Ingress(event) => {
                self.ingresses.apply(event, touched, |it| count(Kind::Ingress, it))
            }
            E::ReplicaSet(event) => {
                self.replica_sets.apply(event, touched, |it| count(Kind::ReplicaSet, it));
            }
            E::Job(event) => self.jobs.apply(event, touched, |it| count(Kind::Job, it)),
        }
    }

    /// Returns whether all objects of a kind that there were when its watch began are here.
    pub(super) fn has_all(&self, kind: Kind) -> bool {
        match kind {
            Kind::Node => self.nodes.is_complete,
            Kind::Namespace => self.namespaces.is_complete,
            Kind::Pod => self.pods.is_complete,
            Kind::Service => self.services.is_complete,
            Kind::Endpoints => self.endpoints.is_complete,
            Kind::EndpointSlice => self.endpoint_slices.is_complete,
            Kind::Ingress => self.ingresses.is_complete,
            Kind::ReplicaSet => self.replica_sets.is_complete,
            Kind::Job => self.jobs.is_complete,
        }
    }
}
