//! All jobs: started, changed and stopped as the configuration says.

use std::collections::BTreeMap;
use std::mem;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use narthex_config::{Config, ScrapeConfig};
use narthex_discovery::{Groups, TargetSets};
use narthex_model::{Labels, Metadata};
use narthex_storage::Appendable;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, watch};

use crate::failure_log::FailureLog;
use crate::fetch::Fetch;
use crate::pool::{Launcher, Pool};
use crate::schedule;
use crate::scraper::Features;
use crate::series_limit::SeriesLimit;
use crate::stats::{Counters, Stats};
use crate::status::{Status, Targets};
use crate::task::{BufferPool, Shared};

/// Scrapes the targets of a configuration into a store, each in a task of its own.
///
/// Dropping it stops all scrapes; [`Manager::shutdown`] also waits for their end.
#[derive(Debug)]
pub struct Manager {
    host_name: Box<str>,
    shared: Arc<Shared>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// In the order of the configuration.
    pools: Vec<Pool>,
    /// What was discovered last.
    discovered: TargetSets,
    /// By which the slots of this server differ from those of others.
    seed: u64,
    /// `None` after the shutdown.
    running: Option<Running>,
}

/// How tasks and their manager learn of each other's end.
#[derive(Debug)]
struct Running {
    /// Never sent to, but dropped: every receiver then sees an error.
    shutdown: watch::Sender<()>,
    /// Every task holds a clone.
    alive: mpsc::Sender<()>,
    /// Ends when the last clone is gone.
    all_ended: mpsc::Receiver<()>,
}

/// What a manager must be told beside its configuration.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The machine's name. Servers with other names scrape the same target at other times.
    pub host_name: Box<str>,
    /// How far from its slot a scrape may begin and still get the slot's timestamp.
    pub timestamp_tolerance: Duration,
    /// What scrapes do beyond what the jobs say.
    pub features: Features,
    /// The most series of one target; 0 for any number. Samples of more are left out, and those that
    /// the target had before go on.
    pub target_series_max: u64,
    /// The most series of all targets together; 0 for any number.
    pub series_max: u64,
    /// Where failed scrapes are told of jobs that name a file for them; `None` to tell nobody.
    pub failure_log: Option<Arc<dyn FailureLog>>,
}

impl Default for Options {
    /// No name, the reference's tolerance of two milliseconds, no features, no log, and
    /// [`TARGET_SERIES_MAX_DEFAULT`].
    fn default() -> Self {
        Self {
            host_name: Box::default(),
            timestamp_tolerance: Duration::from_millis(2),
            features: Features::default(),
            target_series_max: TARGET_SERIES_MAX_DEFAULT,
            series_max: 0,
            failure_log: None,
        }
    }
}

/// The most series of one target, unless [`Options::target_series_max`] says otherwise.
pub const TARGET_SERIES_MAX_DEFAULT: u64 = 200_000;

impl Manager {
    /// Returns a manager without jobs. `fetchers` gives a job what its pages are fetched with, mostly
    /// [`HttpFetch::for_job`](crate::HttpFetch::for_job), and is asked again when the job's HTTP settings
    /// change. Tasks run on `runtime`, whose timers and sockets must be enabled.
    #[must_use]
    pub fn new(
        store: Arc<dyn Appendable>,
        fetchers: impl Fn(&ScrapeConfig) -> Arc<dyn Fetch> + Send + Sync + 'static,
        runtime: Handle,
        options: Options,
    ) -> Self {
        let Options {
            host_name,
            timestamp_tolerance,
            features,
            target_series_max,
            series_max,
            failure_log,
        } = options;
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let shared = Shared {
            store,
            fetchers: Box::new(fetchers),
            runtime,
            counters: Counters::default(),
            timestamp_tolerance,
            features,
            failure_log,
            series: Arc::new(SeriesLimit::new(target_series_max, series_max)),
            appends: Arc::new(Semaphore::new(cores)),
            buffers: BufferPool::default(),
        };
        let (alive, all_ended) = mpsc::channel(1);
        let running = Running { shutdown: watch::Sender::new(()), alive, all_ended };
        Self {
            host_name,
            shared: Arc::new(shared),
            state: Mutex::new(State {
                pools: Vec::new(),
                discovered: TargetSets::default(),
                seed: 0,
                running: Some(running),
            }),
        }
    }

    /// Makes the jobs those of `config`. Jobs that did not change are not touched; targets of
    /// changed ones keep their state where they are still the same. It returns at once: scrapes that
    /// are under way finish first, and series of targets that are gone end two intervals later.
    pub fn apply(&self, config: &Config) {
        let mut state = self.state.lock();
        let State { pools, discovered, seed, running } = &mut *state;
        let Some(running) = running else { return };
        *seed = schedule::seed(&self.host_name, &config.global.external_labels);
        let launcher = self.launcher(running, *seed);
        let mut before = mem::take(pools)
            .into_iter()
            .map(|pool| (pool.config().job_name.clone(), pool))
            .collect::<BTreeMap<_, _>>();
        for job in &config.scrape_configs {
            pools.push(match before.remove(&job.job_name) {
                Some(unchanged) if unchanged.config() == job => unchanged,
                before => {
                    let counters = &self.shared.counters;
                    let (is_reload, began) = (before.is_some(), Instant::now());
                    let groups = groups(discovered, &job.job_name);
                    let pool = Pool::start(job, groups, before, &launcher);
                    if is_reload {
                        counters.pool_reloads.add(1);
                        counters.observe_reload(job.scrape_interval, began.elapsed());
                    } else {
                        counters.pools_created.add(1);
                    }
                    pool
                }
            });
        }
        for gone in before.into_values() {
            gone.end();
        }
    }

    /// Takes what was discovered for the jobs, beside the targets that the configuration names. Jobs
    /// whose groups did not change are not touched, and neither are targets that are still there.
    pub fn discovered(&self, sets: &TargetSets) {
        let mut state = self.state.lock();
        let State { pools, discovered, seed, running } = &mut *state;
        let Some(running) = running else { return };
        *discovered = Arc::clone(sets);
        let launcher = self.launcher(running, *seed);
        for pool in mem::take(pools) {
            let groups = groups(discovered, &pool.config().job_name);
            pools.push(if *pool.groups() == groups {
                pool
            } else {
                let config = pool.config().clone();
                Pool::start(&config, groups, Some(pool), &launcher)
            });
        }
    }

    fn launcher(&self, running: &Running, seed: u64) -> Launcher {
        Launcher {
            shared: Arc::clone(&self.shared),
            seed,
            shutdown: running.shutdown.subscribe(),
            alive: running.alive.clone(),
        }
    }

    /// Returns all targets and how they are doing.
    #[must_use]
    pub fn targets(&self) -> Targets {
        let state = self.state.lock();
        let mut targets = Targets::default();
        for pool in &state.pools {
            targets.active.extend(pool.active_targets());
            targets.dropped.extend(pool.dropped_targets());
            targets.dropped_counts.push((pool.name(), pool.dropped_count()));
        }
        targets
    }

    /// Calls `visit` with what each target says of the family `metric`, or of all its families:
    /// with the target's labels, the family's name and its metadata.
    pub fn visit_metadata(
        &self,
        metric: Option<&str>,
        mut visit: impl FnMut(&Labels, &str, &Metadata),
    ) {
        for (labels, status) in self.statuses() {
            match metric {
                Some(metric) => {
                    if let Some(metadata) = status.metadata.get(metric) {
                        visit(&labels, metric, &metadata);
                    }
                }
                None => {
                    for (family, metadata) in status.metadata.list() {
                        visit(&labels, &family, &metadata);
                    }
                }
            }
        }
    }

    /// Returns what was counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = self.shared.counters.snapshot();
        let state = self.state.lock();
        stats.series = self.shared.series.total();
        stats.pools = state.pools.len() as u64;
        stats.jobs = state.pools.iter().map(|pool| (pool.name(), pool.stats())).collect();
        stats
    }

    /// Stops all scrapes and waits until none writes to the store any more. Series do not end: the
    /// server will most likely come back and go on with them.
    pub async fn shutdown(&self) {
        let running = {
            let mut state = self.state.lock();
            state.pools.clear();
            state.running.take()
        };
        let Some(Running { shutdown, alive, mut all_ended }) = running else { return };
        drop((shutdown, alive));
        while all_ended.recv().await.is_some() {}
    }

    /// Returns the labels of each target and how it is doing, for long use without the lock.
    fn statuses(&self) -> Vec<(Labels, Arc<Status>)> {
        let state = self.state.lock();
        let statuses = state.pools.iter().flat_map(Pool::statuses);
        statuses.map(|(labels, status)| (labels.clone(), Arc::clone(status))).collect()
    }
}

fn groups(discovered: &TargetSets, job: &str) -> Groups {
    discovered.get(job).map(Arc::clone).unwrap_or_default()
}
