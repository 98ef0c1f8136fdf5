//! All discoveries: started, shared and stopped as the configuration says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use narthex_config::{Config, DiscoveryConfig, ScrapeConfig, StaticConfig};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::discovery::{Discovery, Run, boxed};
use crate::error::StartError;
use crate::group::TargetGroup;
use crate::kinds::{self, Counters};
use crate::provider::{Owner, Provider};
use crate::stats::{JobStats, RefreshCounters, Stats};
use crate::throttle::Throttle;
use crate::updates::{ProviderId, Updates};

/// The groups of one job, in order of its discoveries and then of their sources.
pub type Groups = Arc<[Arc<TargetGroup>]>;

/// What was discovered, by job. A job that discovers, but found nothing, has an empty list.
///
/// The list of a job that did not change is the same allocation as before.
pub type TargetSets = Arc<BTreeMap<Box<str>, Groups>>;

/// Runs the discoveries of a configuration, and tells its watchers what they find.
///
/// Discoveries of equal settings are one, whichever jobs have them, and go on through a change of
/// the configuration. Dropping the manager stops them all.
#[derive(Debug)]
pub struct Manager {
    shared: Arc<Shared>,
    runtime: Handle,
    sender: AbortHandle,
}

/// What a manager must be told beside its configuration.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The longest time between two sendings of targets, while there is news all the time. The
    /// first news after a quiet time passes at once.
    pub update_interval: Duration,
}

impl Default for Options {
    /// The reference's five seconds.
    fn default() -> Self {
        Self { update_interval: Duration::from_secs(5) }
    }
}

/// What discovers for a job.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The name, unique among jobs.
    pub name: &'a str,
    /// The targets that the configuration itself names: they are counted, but not sent on.
    pub static_configs: &'a [StaticConfig],
    /// Its discoveries.
    pub discovery_configs: &'a [DiscoveryConfig],
}

impl<'a> Job<'a> {
    /// Returns the jobs of all `scrape_configs`.
    pub fn of_config(config: &'a Config) -> impl Iterator<Item = Self> {
        config.scrape_configs.iter().map(Self::from)
    }
}

impl<'a> From<&'a ScrapeConfig> for Job<'a> {
    fn from(config: &'a ScrapeConfig) -> Self {
        Self {
            name: &config.job_name,
            static_configs: &config.static_configs,
            discovery_configs: &config.discovery_configs,
        }
    }
}

impl Manager {
    /// Returns a manager without jobs. Its tasks run on `runtime`, whose timers and sockets must be
    /// enabled.
    #[must_use]
    pub fn new(runtime: Handle, options: Options) -> Self {
        let shared = Arc::new(Shared::default());
        let sender = runtime.spawn(send_on(Arc::clone(&shared), options.update_interval));
        Self { shared, runtime, sender: sender.abort_handle() }
    }

    /// Makes the discoveries those of `jobs`. Ones that are wanted as before go on, with what they
    /// found. Watchers hear at once which jobs there are.
    ///
    /// # Errors
    ///
    /// Where a discovery is of a kind that this program does not have. Nothing has changed then. One
    /// that cannot start for another reason is left out, counted, and named in the log.
    pub fn apply<'a>(&self, jobs: impl IntoIterator<Item = Job<'a>>) -> Result<(), StartError> {
        let jobs = jobs.into_iter().collect::<Vec<_>>();
        let mut state = self.shared.state.lock();
        let mut new = new_discoveries(&jobs, &state, &self.shared.counters)?;
        for provider in &mut state.providers {
            provider.unsubscribe();
        }
        state.failed_configs = 0;
        for (job, config) in wanted(&jobs) {
            if let Some(provider) = state.providers.iter_mut().find(|p| p.finds_for(config)) {
                provider.subscribe(job);
            } else if let Some((_, run)) = new.extract_if(.., |(of, _)| *of == config).next() {
                let owner = Owner::Config(Box::new(config.clone()));
                self.start(&mut state, config.kind(), owner, job, run);
            } else {
                state.failed_configs += 1;
            }
        }
        state.providers.retain(Provider::is_wanted);
        state.static_targets = jobs.iter().map(static_targets).collect();
        self.shared.send(&mut state);
        Ok(())
    }

    /// Adds a discovery of one's own to a job. It runs until the manager is dropped, whatever the
    /// configuration says. `kind` is its name in counts and in the log.
    pub fn add(&self, job: &str, kind: &str, discovery: impl Discovery) {
        let mut state = self.shared.state.lock();
        self.start(&mut state, kind, Owner::Program, job, boxed(discovery));
        self.shared.send(&mut state);
    }

    /// Returns a watch of what is discovered. It holds what is known now; watchers that are slow
    /// skip to the latest.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<TargetSets> {
        self.shared.sets.subscribe()
    }

    /// Returns what was counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let state = self.shared.state.lock();
        let mut stats = Stats {
            failed_configs: state.failed_configs,
            received_updates: self.shared.received_updates.load(Ordering::Relaxed),
            sent_updates: self.shared.sent_updates.load(Ordering::Relaxed),
            delayed_updates: self.shared.delayed_updates.load(Ordering::Relaxed),
            ..Stats::default()
        };
        for (job, &targets) in &state.static_targets {
            stats.jobs.insert(job.clone(), JobStats { targets, last_sent: None });
        }
        for (job, groups) in self.shared.sets.borrow().iter() {
            let found: usize = groups.iter().map(|group| group.targets.len()).sum();
            let stats = stats.jobs.entry(job.clone()).or_default();
            stats.targets += found as u64;
            stats.last_sent = state.last_sent;
        }
        for provider in &state.providers {
            provider.count_into(&mut stats);
        }
        self.shared.counters.count_into(&mut stats);
        stats
    }

    fn start(&self, state: &mut State, kind: &str, owner: Owner, job: &str, run: Run) {
        let id = ProviderId(state.next_id);
        state.next_id += 1;
        let refreshes = Arc::<RefreshCounters>::default();
        let updates = Updates {
            shared: Arc::downgrade(&self.shared),
            provider: id,
            kind: kind.into(),
            refreshes: Arc::clone(&refreshes),
        };
        // What it finds at once waits for the lock that we hold.
        let task = self.runtime.spawn(run(updates)).abort_handle();
        state.providers.push(Provider::new(id, kind, owner, job, refreshes, task));
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        self.sender.abort();
    }
}

/// Makes sure that all discoveries of `jobs` are of kinds that this program has.
///
/// # Errors
///
/// [`StartError::Unknown`] with the first that is not.
pub fn check<'a>(jobs: impl IntoIterator<Item = Job<'a>>) -> Result<(), StartError> {
    let jobs = jobs.into_iter().collect::<Vec<_>>();
    new_discoveries(&jobs, &State::default(), &Counters::default()).map(drop)
}

/// Returns each discovery of each job.
fn wanted<'a>(jobs: &[Job<'a>]) -> impl Iterator<Item = (&'a str, &'a DiscoveryConfig)> {
    jobs.iter().flat_map(|job| job.discovery_configs.iter().map(|config| (job.name, config)))
}

/// Returns the discoveries that do not run yet and can be started, one for equal settings.
fn new_discoveries<'a>(
    jobs: &[Job<'a>],
    state: &State,
    counters: &Counters,
) -> Result<Vec<(&'a DiscoveryConfig, Run)>, StartError> {
    let mut new = Vec::<(&DiscoveryConfig, Run)>::new();
    for (job, config) in wanted(jobs) {
        let runs = state.providers.iter().any(|provider| provider.finds_for(config));
        if runs || new.iter().any(|(other, _)| *other == config) {
            continue;
        }
        let unknown = || StartError::Unknown { kind: config.kind(), job: job.into() };
        new.push((config, kinds::start(config, counters).ok_or_else(unknown)?));
    }
    Ok(new)
}

fn static_targets(job: &Job<'_>) -> (Box<str>, u64) {
    let count: usize = job.static_configs.iter().map(|group| group.targets.len()).sum();
    (job.name.into(), count as u64)
}

/// What a manager, its discoveries and its sender share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Told when a discovery found something.
    news: Notify,
    sets: watch::Sender<TargetSets>,
    received_updates: AtomicU64,
    sent_updates: AtomicU64,
    delayed_updates: AtomicU64,
    counters: Counters,
}

#[derive(Debug, Default)]
struct State {
    providers: Vec<Provider>,
    next_id: u64,
    failed_configs: u64,
    /// By job.
    static_targets: BTreeMap<Box<str>, u64>,
    last_sent: Option<SystemTime>,
    /// Whether a discovery found something since then.
    has_news: bool,
}

impl Shared {
    /// Takes what a provider found. One that is gone already is not heard.
    pub(crate) fn update(
        &self,
        provider: ProviderId,
        groups: impl IntoIterator<Item = TargetGroup>,
        replace: bool,
    ) {
        // Made before the lock is taken: it may be long, and runs foreign code.
        let groups = groups.into_iter().collect::<Vec<_>>();
        let mut state = self.state.lock();
        let Some(provider) = state.providers.iter_mut().find(|p| p.id == provider) else { return };
        self.received_updates.fetch_add(1, Ordering::Relaxed);
        if provider.update(groups, replace) {
            state.has_news = true;
            self.news.notify_one();
        }
    }

    pub(crate) fn has(&self, provider: ProviderId) -> bool {
        self.state.lock().providers.iter().any(|p| p.id == provider)
    }

    /// Sends on what is known now.
    fn send(&self, state: &mut State) {
        let mut found = BTreeMap::<&str, Vec<Arc<TargetGroup>>>::new();
        for provider in &state.providers {
            for job in provider.jobs() {
                found.entry(job).or_default().extend(provider.groups());
            }
        }
        let before = Arc::clone(&self.sets.borrow());
        let keep_or_make = |(job, groups): (&str, Vec<Arc<TargetGroup>>)| {
            let groups = match before.get(job) {
                Some(before) if **before == *groups => Arc::clone(before),
                _ => groups.into(),
            };
            (job.into(), groups)
        };
        let sets = found.into_iter().map(keep_or_make).collect();
        self.sets.send_replace(Arc::new(sets));
        self.sent_updates.fetch_add(1, Ordering::Relaxed);
        state.last_sent = Some(SystemTime::now());
        state.has_news = false;
    }
}

/// Sends on what discoveries find, as often as it may.
async fn send_on(shared: Arc<Shared>, update_interval: Duration) {
    let mut throttle = Throttle::new(update_interval);
    loop {
        shared.news.notified().await;
        // What came while we waited has been sent along with what we waited for.
        if !shared.state.lock().has_news {
            continue;
        }
        let wait = throttle.wait(Instant::now());
        if !wait.is_zero() {
            shared.delayed_updates.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(wait).await;
        }
        throttle.passed(Instant::now());
        shared.send(&mut shared.state.lock());
    }
}

#[cfg(test)]
mod tests;
