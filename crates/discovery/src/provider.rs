//! One discovery that runs, and what it found.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;

use narthex_config::DiscoveryConfig;
use tokio::task::AbortHandle;

use crate::group::TargetGroup;
use crate::stats::{RefreshCounters, Stats};
use crate::updates::ProviderId;

/// One discovery that runs, for one job or several. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) id: ProviderId,
    kind: Box<str>,
    owner: Owner,
    jobs: BTreeSet<Box<str>>,
    /// By source, each with targets.
    groups: BTreeMap<Box<str>, Arc<TargetGroup>>,
    refreshes: Arc<RefreshCounters>,
    task: AbortHandle,
}

/// Who wanted a provider.
#[derive(Debug)]
pub(crate) enum Owner {
    /// The configuration: it goes when these settings do.
    Config(Box<DiscoveryConfig>),
    /// The program around us, for good.
    Program,
}

impl Provider {
    pub(crate) fn new(
        id: ProviderId,
        kind: &str,
        owner: Owner,
        job: &str,
        refreshes: Arc<RefreshCounters>,
        task: AbortHandle,
    ) -> Self {
        Self {
            id,
            kind: kind.into(),
            owner,
            jobs: BTreeSet::from([job.into()]),
            groups: BTreeMap::new(),
            refreshes,
            task,
        }
    }

    /// Returns whether it runs with these settings.
    pub(crate) fn finds_for(&self, config: &DiscoveryConfig) -> bool {
        matches!(&self.owner, Owner::Config(own) if **own == *config)
    }

    /// Forgets the jobs that it finds for, if the configuration wanted it.
    pub(crate) fn unsubscribe(&mut self) {
        if matches!(self.owner, Owner::Config(_)) {
            self.jobs.clear();
        }
    }

    pub(crate) fn subscribe(&mut self, job: &str) {
        self.jobs.insert(job.into());
    }

    pub(crate) fn is_wanted(&self) -> bool {
        !self.jobs.is_empty()
    }

    pub(crate) fn jobs(&self) -> impl Iterator<Item = &str> {
        self.jobs.iter().map(|job| &**job)
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = Arc<TargetGroup>> {
        self.groups.values().map(Arc::clone)
    }

    /// Takes groups: all there are, or those that changed. Returns whether that changes anything.
    pub(crate) fn update(&mut self, groups: Vec<TargetGroup>, replace: bool) -> bool {
        let mut before = BTreeMap::new();
        if replace {
            mem::swap(&mut before, &mut self.groups);
        }
        let mut changed = false;
        for group in groups {
            let source = &*group.source;
            let known = before.remove(source).or_else(|| self.groups.remove(source));
            // An equal group stays the allocation that it is, so that nobody looks into it again.
            let group = match known {
                Some(known) if *known == group => known,
                None if group.targets.is_empty() => continue,
                _ => {
                    changed = true;
                    Arc::new(group)
                }
            };
            if !group.targets.is_empty() {
                self.groups.insert(group.source.as_str().into(), group);
            }
        }
        changed || !before.is_empty()
    }

    /// Adds how looking for targets went to `stats`, under its kind and its first job.
    pub(crate) fn count_into(&self, stats: &mut Stats) {
        let refreshes = self.refreshes.snapshot();
        if let Some(job) = self.jobs.first().filter(|_| refreshes.count > 0) {
            stats.refreshes.entry((self.kind.clone(), job.clone())).or_default().add(refreshes);
        }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}
