use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use narthex_config::KubernetesRole;
use parking_lot::Mutex;

use super::cluster::Change;

/// What all Kubernetes discoveries of a manager counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KubernetesStats {
    /// Lists and watches that failed, and tries to reach a cluster that did.
    pub failures: u64,
    /// What happened to objects, by the role that they are of and by what it was: `add`, `delete` or
    /// `update`. Every pair is there.
    pub events: BTreeMap<(&'static str, &'static str), u64>,
    /// Requests by the status of their answers; `<error>` for those without.
    pub requests: BTreeMap<Box<str>, u64>,
    /// Requests by their path.
    pub endpoints: BTreeMap<Box<str>, KubernetesRequestStats>,
}

/// Requests for one path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KubernetesRequestStats {
    /// The requests.
    pub count: u64,
    /// How long they took until the head of the answer was there, together.
    pub duration: Duration,
}

/// The counters behind [`KubernetesStats`].
#[derive(Debug, Default)]
pub(crate) struct KubernetesCounters {
    pub(super) failures: AtomicU64,
    events: [[AtomicU64; CHANGES.len()]; ROLES.len()],
    requests: Mutex<Requests>,
}

/// Few: an answer has one of some dozen states, and there are as many paths as watches.
#[derive(Debug, Default)]
struct Requests {
    by_status: BTreeMap<Box<str>, u64>,
    by_path: BTreeMap<Box<str>, KubernetesRequestStats>,
}

const ROLES: [KubernetesRole; 6] = [
    KubernetesRole::EndpointSlice,
    KubernetesRole::Endpoints,
    KubernetesRole::Node,
    KubernetesRole::Pod,
    KubernetesRole::Service,
    KubernetesRole::Ingress,
];

const CHANGES: [(Change, &str); 3] =
    [(Change::Add, "add"), (Change::Delete, "delete"), (Change::Update, "update")];

impl KubernetesCounters {
    pub(super) fn count_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_event(&self, role: KubernetesRole, change: Change) {
        let role = ROLES.iter().zip(&self.events).find(|(of, _)| **of == role);
        let counters = role.into_iter().flat_map(|(_, counters)| CHANGES.iter().zip(counters));
        for (_, counter) in counters.filter(|((of, _), _)| *of == change) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn count_request(&self, path: &str, status: Option<u16>, took: Duration) {
        let status = status.map_or_else(|| "<error>".to_owned(), |status| status.to_string());
        let mut requests = self.requests.lock();
        *requests.by_status.entry(status.into()).or_default() += 1;
        let stats = requests.by_path.entry(path.into()).or_default();
        stats.count += 1;
        stats.duration += took;
    }

    pub(crate) fn snapshot(&self) -> KubernetesStats {
        let mut events = BTreeMap::new();
        for (role, counters) in ROLES.iter().zip(&self.events) {
            for ((_, change), counter) in CHANGES.iter().zip(counters) {
                events.insert((role.as_str(), *change), counter.load(Ordering::Relaxed));
            }
        }
        let requests = self.requests.lock();
        KubernetesStats {
            failures: self.failures.load(Ordering::Relaxed),
            events,
            requests: requests.by_status.clone(),
            endpoints: requests.by_path.clone(),
        }
    }
}
