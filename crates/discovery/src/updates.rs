use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::group::TargetGroup;
use crate::manager::Shared;
use crate::stats::RefreshCounters;

/// Where a discovery puts the targets that it finds.
///
/// Nothing here waits: groups are taken at once, and sent on by the manager as often as it may.
#[derive(Clone)]
pub struct Updates {
    pub(crate) shared: Weak<Shared>,
    pub(crate) provider: ProviderId,
    pub(crate) kind: Arc<str>,
    pub(crate) refreshes: Arc<RefreshCounters>,
}

/// Tells the providers of one manager apart, for its whole life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProviderId(pub(crate) u64);

impl Updates {
    /// Takes the groups that changed. Those of other sources stay as they are.
    pub fn update(&self, groups: impl IntoIterator<Item = TargetGroup>) {
        if let Some(shared) = self.shared.upgrade() {
            shared.update(self.provider, groups, false);
        }
    }

    /// Takes all groups that there are. Those of other sources are gone.
    pub fn replace(&self, groups: impl IntoIterator<Item = TargetGroup>) {
        if let Some(shared) = self.shared.upgrade() {
            shared.update(self.provider, groups, true);
        }
    }

    /// Returns whether nobody wants the targets any more. A discovery that found them in a thread of
    /// its own, rather than in its future, should end then.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        !self.shared.upgrade().is_some_and(|shared| shared.has(self.provider))
    }

    /// Counts one look for targets: how long it took, and why it failed if it did. That goes
    /// to the log, too.
    pub fn refreshed(&self, took: Duration, error: Option<&dyn fmt::Display>) {
        self.refreshes.count(took, error.is_some());
        if let Some(error) = error {
            let discovery = &*self.kind;
            tracing::error!(discovery, %error, "Unable to refresh target groups");
        }
    }
}

impl fmt::Debug for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates").field("kind", &self.kind).finish_non_exhaustive()
    }
}
