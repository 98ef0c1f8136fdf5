//! The watches of a cluster, and what is made of what they say.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{BoxStream, SelectAll, StreamExt, TryStreamExt};
use kube::Api;
use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use kube::runtime::watcher::{self, watcher};
use kube::runtime::{WatchStreamExt, watcher::Event};
use narthex_config::{
    KubernetesDiscovery, KubernetesNamespaces, KubernetesRole, KubernetesSelector,
};
use tokio::time::Instant;

use super::access::{Access, AccessError};
use super::cluster::{AnyEvent, Change, Cluster, Touched};
use super::objects::{Kind, Object};
use super::roles::View;
use super::stats::KubernetesCounters;
use crate::discovery::Discovery;
use crate::updates::Updates;

/// How long to collect changes before groups are made anew. Objects mostly change several at a time.
const BATCH_TIME: Duration = Duration::from_millis(100);

/// How long to wait before another try, where there is no way to the cluster at all.
const RETRY_INTERVAL: Duration = Duration::from_secs(15);

/// Watches the objects of a cluster and makes targets of them.
///
/// While the API server cannot be reached, what was known of the cluster stays.
#[derive(Debug)]
pub(crate) struct KubernetesWatch {
    config: KubernetesDiscovery,
    counters: Arc<KubernetesCounters>,
}

impl KubernetesWatch {
    pub(crate) fn new(config: &KubernetesDiscovery, counters: Arc<KubernetesCounters>) -> Self {
        Self { config: config.clone(), counters }
    }

    /// Returns what to watch, each by connections of its own: one for each namespace, so that one that
    /// we may not look into does not keep the others waiting.
    async fn scopes(&self, updates: &Updates) -> Result<Vec<Scope>, AccessError> {
        let access = Access::of(&self.config).await?;
        let namespaces = match self.config.role {
            KubernetesRole::Node => BTreeSet::from([None]),
            _ => namespaces(&self.config.namespaces, access.own_namespace.clone()),
        };
        let scope = |namespace| {
            Ok(Scope {
                view: View { role: self.config.role, attach: self.config.attach_metadata },
                namespace,
                selectors: self.config.selectors.clone(),
                client: access.client(Arc::clone(&self.counters))?,
                counters: Arc::clone(&self.counters),
                updates: updates.clone(),
            })
        };
        namespaces.into_iter().map(scope).collect()
    }
}

impl Discovery for KubernetesWatch {
    async fn run(self, updates: Updates) {
        loop {
            match self.scopes(&updates).await {
                Ok(scopes) => {
                    join_all(scopes.iter().map(Scope::follow)).await;
                    return;
                }
                Err(error) => {
                    self.counters.count_failure();
                    tracing::error!(%error, "Cannot reach the Kubernetes cluster");
                    tokio::time::sleep(RETRY_INTERVAL).await;
                }
            }
        }
    }
}

/// Returns the namespaces to watch, where none stands for all of them.
fn namespaces(
    config: &KubernetesNamespaces,
    own_namespace: Option<String>,
) -> BTreeSet<Option<String>> {
    if config.names.is_empty() && !config.own_namespace {
        return BTreeSet::from([None]);
    }
    config.names.iter().cloned().chain(own_namespace).map(Some).collect()
}

/// What is watched of one namespace, or of the cluster as a whole.
struct Scope {
    view: View,
    namespace: Option<String>,
    selectors: Vec<KubernetesSelector>,
    client: kube::Client,
    counters: Arc<KubernetesCounters>,
    updates: Updates,
}

type Events = BoxStream<'static, Result<AnyEvent, watcher::Error>>;

impl Scope {
    /// Watches for ever. Nothing is said of any object before all that there are were seen.
    async fn follow(&self) {
        let kinds = self.view.kinds();
        let mut events: SelectAll<Events> = kinds.iter().map(|kind| self.events(*kind)).collect();
        let (mut cluster, mut touched) = (Cluster::default(), Touched::default());
        let mut due = None;
        loop {
            let event = match due {
                Some(due) if Instant::now() >= due => None,
                Some(due) => tokio::time::timeout_at(due, events.next()).await.ok(),
                None => Some(events.next().await),
            };
            match event {
                None => {
                    self.tell(&cluster, &std::mem::take(&mut touched));
                    due = None;
                }
                Some(None) => return,
                Some(Some(Ok(event))) => {
                    cluster.apply(event, &mut touched, |kind, change| self.count(kind, change));
                    let is_known = due.is_some() || kinds.iter().all(|kind| cluster.has_all(*kind));
                    if is_known && !touched.is_empty() {
                        due.get_or_insert_with(|| Instant::now() + BATCH_TIME);
                    }
                }
                Some(Some(Err(error))) => {
                    self.counters.count_failure();
                    let error = with_sources(&error);
                    tracing::error!(error, "Failed to watch Kubernetes objects");
                }
            }
        }
    }

    /// Says what the groups are that may have changed.
    fn tell(&self, cluster: &Cluster, touched: &Touched) {
        let affected = self.view.affected(cluster, touched);
        let groups = affected.iter().filter_map(|it| self.view.group(cluster, it.0, it.1));
        self.updates.update(groups.collect::<Vec<_>>());
    }

    /// Counts what the reference counts: what happens to what targets are made of, but not to what they
    /// get labels of.
    fn count(&self, kind: Kind, change: Change) {
        let role = match kind {
            _ if kind == self.view.main_kind() => self.view.role,
            Kind::Service => KubernetesRole::Service,
            Kind::Pod if change == Change::Update => KubernetesRole::Pod,
            _ => return,
        };
        self.counters.count_event(role, change);
    }

    fn events(&self, kind: Kind) -> Events {
        match kind {
            Kind::Node => self.of_cluster(Some(KubernetesRole::Node), AnyEvent::Node),
            Kind::Namespace => self.of_cluster(None, AnyEvent::Namespace),
            Kind::Pod => self.of_namespace(Some(KubernetesRole::Pod), AnyEvent::Pod),
            Kind::Service => self.of_namespace(Some(KubernetesRole::Service), AnyEvent::Service),
            Kind::Endpoints => {
                self.of_namespace(Some(KubernetesRole::Endpoints), AnyEvent::Endpoints)
            }
            Kind::EndpointSlice => {
                self.of_namespace(Some(KubernetesRole::EndpointSlice), AnyEvent::EndpointSlice)
            }
            Kind::Ingress => self.of_namespace(Some(KubernetesRole::Ingress), AnyEvent::Ingress),
            Kind::ReplicaSet => self.of_namespace(None, AnyEvent::ReplicaSet),
            Kind::Job => self.of_namespace(None, AnyEvent::Job),
        }
    }

    fn of_cluster<K: Object<Scope = ClusterResourceScope>>(
        &self,
        selected_by: Option<KubernetesRole>,
        wrap: fn(Event<K>) -> AnyEvent,
    ) -> Events {
        self.watch(Api::all(self.client.clone()), selected_by, wrap)
    }

    fn of_namespace<K: Object<Scope = NamespaceResourceScope>>(
        &self,
        selected_by: Option<KubernetesRole>,
        wrap: fn(Event<K>) -> AnyEvent,
    ) -> Events {
        let api = match &self.namespace {
            None => Api::all(self.client.clone()),
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
        };
        self.watch(api, selected_by, wrap)
    }

    /// Lists and watches objects, and does so again where that ends, in growing intervals where it fails.
    fn watch<K: Object>(
        &self,
        api: Api<K>,
        selected_by: Option<KubernetesRole>,
        wrap: fn(Event<K>) -> AnyEvent,
    ) -> Events {
        let mut config = watcher::Config::default();
        let mut selectors = self.selectors.iter();
        if let Some(selector) = selectors.find(|selector| Some(selector.role) == selected_by) {
            let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
            config.label_selector = given(&selector.label);
            config.field_selector = given(&selector.field);
        }
        watcher(api, config).default_backoff().map_ok(wrap).boxed()
    }
}

/// Returns an error with all that it came from, in one line.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        // Some say what they came from themselves.
        if !text.ends_with(&cause) {
            text += &format!(": {cause}");
        }
        source = error.source();
    }
    text
}
