//! The targets of one job.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::{HashMap, HashSet};
use narthex_config::{Scheme, ScrapeConfig, ScrapeLimits};
use narthex_discovery::{ADDRESS_LABEL, Groups};
use narthex_http::HttpClientConfig;
use narthex_model::{Labels, LabelsBuilder};
use tokio::sync::{mpsc, oneshot, watch};

use crate::fetch::{Fetch, Request};
use crate::schedule::Schedule;
use crate::scraper::Settings;
use crate::stats::JobStats;
use crate::status::{ActiveTarget, DroppedTarget, Status};
use crate::target::{Built, Target};
use crate::task::{Shared, Stop, TargetLimit, Task};

/// The targets of one job, each with a task of its own.
#[derive(Debug)]
pub(crate) struct Pool {
    config: ScrapeConfig,
    fetch: Arc<dyn Fetch>,
    /// What was discovered for it.
    groups: Groups,
    target_limit: Option<TargetLimit>,
    /// In the order of the configuration, and then of the groups.
    active: Vec<Active>,
    dropped: Vec<Labels>,
    dropped_count: usize,
    stats: JobStats,
}

/// A target and the way to stop its task.
#[derive(Debug)]
struct Active {
    target: Arc<Target>,
    status: Arc<Status>,
    stop: oneshot::Sender<Stop>,
}

/// What a pool needs of its manager to start tasks.
#[derive(Clone, Debug)]
pub(crate) struct Launcher {
    pub(crate) shared: Arc<Shared>,
    /// By which the slots of this server differ from those of others.
    pub(crate) seed: u64,
    pub(crate) shutdown: watch::Receiver<()>,
    pub(crate) alive: mpsc::Sender<()>,
}

impl Pool {
    /// Makes the job's targets and starts a task for each. Tasks of `before`, the same job under its
    /// last configuration, are replaced where their target is still there, and else end.
    pub(crate) fn start(
        config: &ScrapeConfig,
        groups: Groups,
        before: Option<Self>,
        launcher: &Launcher,
    ) -> Self {
        let began = Instant::now();
        let settings = Arc::new(Settings::new(config, launcher.shared.features));
        let fetch = match &before {
            Some(before) if before.config.http == config.http => Arc::clone(&before.fetch),
            _ => (launcher.shared.fetchers)(config),
        };
        let (targets, mut pool) = Self::make_targets(config.clone(), fetch, groups);
        let mut stats = JobStats::default();
        let mut known = HashMap::new();
        pool.target_limit = pool.target_limit(targets.len(), launcher);
        let mut keep_tasks = false;
        if let Some(before) = before {
            stats = before.stats;
            keep_tasks = before.config == pool.config && before.target_limit == pool.target_limit;
            let keep_series = same_series(&before.config, &pool.config);
            known = before
                .active
                .into_iter()
                .map(|active| (active.target.hash, (active, keep_series)))
                .collect();
        }
        for target in targets {
            let active = match known.remove(&target.hash) {
                // It may have been found in another way: only that is shown.
                Some((same, _)) if keep_tasks => Active { target: Arc::new(target), ..same },
                before => pool.launch(target, &settings, before, launcher),
            };
            pool.active.push(active);
        }
        for (active, _) in known.into_values() {
            active.end();
        }
        pool.stats.syncs = stats.syncs + 1;
        pool.stats.sync_failed += stats.sync_failed;
        pool.stats.sync_length = stats.sync_length + began.elapsed();
        pool
    }

    /// Ends all targets: the job is gone.
    pub(crate) fn end(self) {
        for active in self.active {
            active.end();
        }
    }

    pub(crate) fn config(&self) -> &ScrapeConfig {
        &self.config
    }

    pub(crate) fn groups(&self) -> &Groups {
        &self.groups
    }

    pub(crate) fn name(&self) -> Box<str> {
        self.config.job_name.as_str().into()
    }

    pub(crate) fn stats(&self) -> JobStats {
        let sizes = self.active.iter().map(|active| active.status.metadata.size());
        let (metadata_entries, metadata_size_bytes) = sizes
            .fold((0, 0), |(entries, bytes), (more, size)| {
                (entries + more as u64, bytes + size as u64)
            });
        JobStats {
            metadata_entries,
            metadata_size_bytes,
            targets: self.active.len() as u64,
            target_limit: self.config.limits.target_limit,
            ..self.stats
        }
    }

    pub(crate) fn dropped_count(&self) -> usize {
        self.dropped_count
    }

    pub(crate) fn dropped_targets(&self) -> impl Iterator<Item = DroppedTarget> {
        self.dropped.iter().map(|discovered_labels| DroppedTarget {
            pool: self.name(),
            discovered_labels: discovered_labels.clone(),
        })
    }

    pub(crate) fn active_targets(&self) -> impl Iterator<Item = ActiveTarget> {
        self.active.iter().map(|Active { target, status, .. }| ActiveTarget {
            pool: self.name(),
            discovered_labels: target.discovered.clone(),
            labels: target.labels.clone(),
            url: target.url.clone(),
            interval: target.interval,
            timeout: target.timeout,
            last: status.last.lock().clone(),
        })
    }

    /// Returns the labels of each target and how it is doing.
    pub(crate) fn statuses(&self) -> impl Iterator<Item = (&Labels, &Arc<Status>)> {
        self.active.iter().map(|active| (&active.target.labels, &active.status))
    }

    /// Returns the distinct targets of a job, and its pool without tasks.
    fn make_targets(
        config: ScrapeConfig,
        fetch: Arc<dyn Fetch>,
        groups: Groups,
    ) -> (Vec<Target>, Self) {
        let mut pool = Self {
            config,
            fetch,
            groups,
            target_limit: None,
            active: Vec::new(),
            dropped: Vec::new(),
            dropped_count: 0,
            stats: JobStats::default(),
        };
        let config = &pool.config;
        let kept_max = match config.limits.keep_dropped_targets {
            0 => DROPPED_TARGETS_MAX,
            limit => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        let mut targets = Vec::new();
        let mut seen = HashSet::new();
        let mut add = |found: &Labels| match Target::build(config, found) {
            Ok(Built::Target(target)) if seen.insert(target.hash) => targets.push(*target),
            Ok(Built::Target(_)) => {}
            Ok(Built::Dropped(discovered)) => {
                pool.dropped_count += 1;
                if pool.dropped.len() < kept_max {
                    pool.dropped.push(discovered);
                }
            }
            Err(error) => {
                pool.stats.sync_failed += 1;
                let job = &config.job_name;
                tracing::error!(job, labels = %found, %error, "creating target failed");
            }
        };
        let mut labels = LabelsBuilder::default();
        for group in &config.static_configs {
            for address in &group.targets {
                labels.reset(&group.labels);
                add(&labels.set(ADDRESS_LABEL, address).build());
            }
        }
        for group in pool.groups.iter() {
            for target in &group.targets {
                labels.reset(&group.labels);
                for (name, value) in target {
                    labels.set(name, value);
                }
                add(&labels.build());
            }
        }
        (targets, pool)
    }

    fn target_limit(&self, target_count: usize, launcher: &Launcher) -> Option<TargetLimit> {
        let limit = self.config.limits.target_limit;
        let exceeded = limit > 0 && target_count as u64 > limit;
        launcher.shared.counters.exceeded_target_limit.add(u64::from(exceeded));
        exceeded.then_some(TargetLimit { target_count, limit })
    }

    fn launch(
        &self,
        target: Target,
        settings: &Arc<Settings>,
        before: Option<(Active, bool)>,
        launcher: &Launcher,
    ) -> Active {
        let target = Arc::new(target);
        let (stop, stopped) = oneshot::channel();
        let (status, predecessor) = match before {
            None => (Arc::default(), None),
            Some((before, keep_series)) => {
                let (successor, predecessor) = oneshot::channel();
                // A task that is gone already leaves nothing to take over.
                let _ = before.stop.send(Stop::Replace { successor, keep_series });
                (before.status, Some(predecessor))
            }
        };
        let task = Task {
            shared: Arc::clone(&launcher.shared),
            target: Arc::clone(&target),
            status: Arc::clone(&status),
            settings: Arc::clone(settings),
            fetch: Arc::clone(&self.fetch),
            request: Request::new(&self.config, &target, launcher.shared.features),
            schedule: Schedule::new(target.interval, target.hash, launcher.seed),
            target_limit: self.target_limit,
            shutdown: launcher.shutdown.clone(),
            alive: launcher.alive.clone(),
        };
        launcher.shared.runtime.spawn(task.run(stopped, predecessor));
        Active { target, status, stop }
    }
}

impl Active {
    fn end(self) {
        // A task that is gone already has ended.
        let _ = self.stop.send(Stop::End);
    }
}

/// Returns whether a target that has the same labels under both configurations makes the same
/// series under both.
fn same_series(before: &ScrapeConfig, after: &ScrapeConfig) -> bool {
    // What is listed here has no part in it. Whatever else there is counts.
    let essence = |config: &ScrapeConfig| ScrapeConfig {
        scrape_interval: Duration::ZERO,
        scrape_timeout: Duration::ZERO,
        scrape_protocols: Vec::new(),
        metrics_path: String::new(),
        scheme: Scheme::Http,
        http: HttpClientConfig::default(),
        params: Default::default(),
        enable_compression: true,
        limits: ScrapeLimits {
            body_size_limit: 0,
            sample_limit: 0,
            target_limit: 0,
            keep_dropped_targets: 0,
            ..config.limits
        },
        relabel_configs: Vec::new(),
        static_configs: Vec::new(),
        ..config.clone()
    };
    essence(before) == essence(after)
}

/// The most dropped targets of a job that are kept for display where the job does not say.
const DROPPED_TARGETS_MAX: usize = 100_000;
