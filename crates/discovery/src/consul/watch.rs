//! Which services are watched, and the watch of each.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use narthex_config::ConsulDiscovery;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::agent::{Agent, AgentError, Indexed, Services};
use super::group::group;
use crate::discovery::Discovery;
use crate::group::TargetGroup;
use crate::updates::Updates;

/// How long to wait after a question without an answer, if the interval is not shorter.
const RETRY_INTERVAL: Duration = Duration::from_secs(15);

/// The most services whose changes are waited for, each with a connection. Where there are more, they are
/// asked about every interval instead, so many at a time.
const WATCHES_MAX: usize = 1_000;

/// What all Consul discoveries of a manager counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsulStats {
    /// Questions without an answer.
    pub failures: u64,
    /// Questions for the list of services.
    pub services: ConsulCallStats,
    /// Questions for the instances of one.
    pub service: ConsulCallStats,
}

/// How often a question was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsulCallStats {
    /// The questions, those without an answer too.
    pub count: u64,
    /// How long the answers took together, most of which is waiting for news.
    pub duration: Duration,
}

/// The counters behind [`ConsulStats`].
#[derive(Debug, Default)]
pub(crate) struct ConsulCounters {
    failures: AtomicU64,
    services: CallCounters,
    service: CallCounters,
}

#[derive(Debug, Default)]
struct CallCounters {
    count: AtomicU64,
    duration_us: AtomicU64,
}

impl ConsulCounters {
    pub(crate) fn snapshot(&self) -> ConsulStats {
        ConsulStats {
            failures: self.failures.load(Ordering::Relaxed),
            services: self.services.snapshot(),
            service: self.service.snapshot(),
        }
    }
}

impl CallCounters {
    fn count(&self, took: Duration) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.duration_us.fetch_add(took_us, Ordering::Relaxed);
    }

    fn snapshot(&self) -> ConsulCallStats {
        ConsulCallStats {
            count: self.count.load(Ordering::Relaxed),
            duration: Duration::from_micros(self.duration_us.load(Ordering::Relaxed)),
        }
    }
}

/// Watches the services of a catalog, each for itself, and makes targets of their instances.
///
/// A service without an answer keeps its targets, and so do all of them where the catalog gives none.
#[derive(Debug)]
pub(crate) struct ConsulWatch {
    config: ConsulDiscovery,
    counters: Arc<ConsulCounters>,
}

impl ConsulWatch {
    pub(crate) fn new(config: &ConsulDiscovery, counters: Arc<ConsulCounters>) -> Self {
        Self { config: config.clone(), counters }
    }
}

impl Discovery for ConsulWatch {
    async fn run(self, updates: Updates) {
        let Self { config, counters } = self;
        let mut common = Common {
            agent: Agent::new(config.clone()),
            datacenter: config.datacenter.clone(),
            config,
            turns: Semaphore::new(WATCHES_MAX),
            watched: AtomicU64::new(0),
            updates,
            counters,
        };
        if common.datacenter.is_empty() {
            common.datacenter = common.ask_for_datacenter().await;
        }
        let common = Arc::new(common);
        let mut watches = Watches { common: Arc::clone(&common), tasks: BTreeMap::new() };
        let ConsulDiscovery { services, tags, filter, .. } = &common.config;
        // Only what is fully named needs no look at the catalog.
        if !services.is_empty() && tags.is_empty() && filter.is_empty() {
            watches.start(services.iter());
            return pending().await;
        }
        watches.follow_catalog().await;
    }
}

/// What the catalog's watch and those of its services share.
#[derive(Debug)]
struct Common {
    config: ConsulDiscovery,
    agent: Agent,
    datacenter: String,
    /// Who may ask about a service just now.
    turns: Semaphore,
    /// The services that are watched.
    watched: AtomicU64,
    updates: Updates,
    counters: Arc<ConsulCounters>,
}

impl Common {
    async fn ask_for_datacenter(&self) -> String {
        loop {
            match self.agent.datacenter().await {
                Ok(datacenter) => return datacenter,
                Err(error) => {
                    if !matches!(error, AgentError::Datacenter { .. }) {
                        self.counters.failures.fetch_add(1, Ordering::Relaxed);
                    }
                    tracing::error!(%error, "Error retrieving datacenter name");
                    tokio::time::sleep(self.retry_interval()).await;
                }
            }
        }
    }

    fn retry_interval(&self) -> Duration {
        RETRY_INTERVAL.min(self.config.refresh_interval)
    }

    /// Returns the rhythm of a watch, of which the first beat is an interval away.
    fn ticks(&self) -> Interval {
        let interval = self.config.refresh_interval.max(Duration::from_millis(1));
        let mut ticks = tokio::time::interval_at(Instant::now() + interval, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        ticks
    }

    fn wants(&self, name: &str, tags: &[String]) -> bool {
        let ConsulDiscovery { services, tags: wanted, .. } = &self.config;
        (services.is_empty() || services.iter().any(|service| service == name))
            && wanted.iter().all(|tag| tags.contains(tag))
    }

    /// Watches one service for ever.
    async fn watch(self: Arc<Self>, name: String) {
        let (mut ticks, mut index) = (self.ticks(), 0);
        loop {
            let crowded = self.watched.load(Ordering::Relaxed) > WATCHES_MAX as u64;
            // It is never closed, so this is never refused.
            let turn = self.turns.acquire().await;
            let began = Instant::now();
            let answer = self.agent.instances(&name, if crowded { 0 } else { index }).await;
            drop(turn);
            self.counters.service.count(began.elapsed());
            match answer {
                Ok(answer) => {
                    if let Some(instances) = news(answer, &mut index) {
                        let ConsulDiscovery { tag_separator, .. } = &self.config;
                        let group = group(&name, &self.datacenter, tag_separator, &instances);
                        self.updates.update([group]);
                    }
                }
                Err(error) => {
                    self.counters.failures.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(service = name, %error, "Error refreshing service");
                    tokio::time::sleep(self.retry_interval()).await;
                }
            }
            ticks.tick().await;
        }
    }
}

/// Returns what an answer says that differs from the one before, whose index was `last`.
///
/// An index that went back is of another life of the server: waiting for it to be passed again could
/// take for ever, so the next question does not wait.
pub(super) fn news<T>(answer: Indexed<T>, last: &mut u64) -> Option<T> {
    if answer.index == *last && *last != 0 {
        return None;
    }
    *last = if answer.index < *last { 0 } else { answer.index };
    Some(answer.value)
}

/// The watches of services, by name. Dropping them ends them.
#[derive(Debug)]
struct Watches {
    common: Arc<Common>,
    tasks: BTreeMap<String, JoinHandle<()>>,
}

impl Watches {
    /// Watches the catalog for ever, and starts and ends the watches of services as it says.
    async fn follow_catalog(mut self) {
        let common = Arc::clone(&self.common);
        let (mut ticks, mut index) = (common.ticks(), 0);
        loop {
            let began = Instant::now();
            let answer = common.agent.services(index).await;
            common.counters.services.count(began.elapsed());
            match answer {
                Ok(answer) => {
                    if let Some(services) = news(answer, &mut index) {
                        self.follow(services).await;
                    }
                }
                Err(error) => {
                    common.counters.failures.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(%error, "Error refreshing service list");
                    tokio::time::sleep(common.retry_interval()).await;
                }
            }
            ticks.tick().await;
        }
    }

    /// Watches these services, as far as they are wanted, and no other.
    async fn follow(&mut self, mut services: Services) {
        services.retain(|name, tags| self.common.wants(name, tags.as_deref().unwrap_or_default()));
        let gone = self.tasks.extract_if(.., |name, _| !services.contains_key(name));
        for (name, task) in gone.collect::<Vec<_>>() {
            task.abort();
            // What it says last must not come after what we say.
            let _ = task.await;
            self.common.updates.update([TargetGroup { source: name, ..TargetGroup::default() }]);
        }
        self.start(services.keys());
    }

    /// Watches these services, but those that are watched already.
    fn start<'a>(&mut self, names: impl Iterator<Item = &'a String>) {
        for name in names {
            let watch = || tokio::spawn(Arc::clone(&self.common).watch(name.clone()));
            self.tasks.entry(name.clone()).or_insert_with(watch);
        }
        self.common.watched.store(self.tasks.len() as u64, Ordering::Relaxed);
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        self.tasks.values().for_each(JoinHandle::abort);
    }
}
