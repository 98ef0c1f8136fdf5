//! Exemplars: the newest of all series together, in memory and in the log.

mod ring;

use narthex_model::{Exemplar, Labels, Matcher};
use narthex_storage::{
    ExemplarError, QueryContext, SeriesExemplars, SeriesRef, StorageError, TimeRange,
};

use super::Head;
use super::series::Slot;
use crate::ExemplarStats;
use crate::wal::record::RefExemplar;
pub(super) use ring::ExemplarRing;

/// An exemplar that waits for its commit.
#[derive(Clone, Debug)]
pub(super) struct PendingExemplar {
    pub(super) slot: Slot,
    pub(super) series: Labels,
    pub(super) item: RefExemplar,
    has_own_timestamp: bool,
}

impl PendingExemplar {
    pub(super) fn into_parts(self) -> (Labels, Exemplar) {
        let RefExemplar { timestamp_ms, value, labels, .. } = self.item;
        let has_own_timestamp = self.has_own_timestamp;
        (self.series, Exemplar { labels, value, timestamp_ms, has_own_timestamp })
    }
}

impl Head {
    /// Returns what a commit is to add; nothing where the exemplar is there already, or none are kept.
    pub(super) fn check_exemplar(
        &self,
        series: SeriesRef,
        exemplar: &Exemplar,
    ) -> Result<Option<PendingExemplar>, ExemplarError> {
        if self.exemplars.read().count_max() == 0 {
            return Ok(None);
        }
        let (slot, reference, labels) = {
            let state = self.state.read();
            let slot = state.find_series(series);
            let slot = slot.map_err(|_| ExemplarError::UnknownSeries(series))?;
            (slot, state.table.get(slot).reference, state.table.label_set(slot))
        };
        if !self.exemplars.read().check(&labels, exemplar)? {
            return Ok(None);
        }
        let Exemplar { value, timestamp_ms, has_own_timestamp, .. } = *exemplar;
        let item = RefExemplar { reference, timestamp_ms, value, labels: exemplar.labels.clone() };
        Ok(Some(PendingExemplar { slot, series: labels, item, has_own_timestamp }))
    }

    /// Adds what the log holds now. What another commit overtook is left out.
    pub(super) fn add_exemplars(&self, pending: Vec<PendingExemplar>) {
        if !pending.is_empty() {
            let mut ring = self.exemplars.write();
            for (series, exemplar) in pending.into_iter().map(PendingExemplar::into_parts) {
                // The ring counts what it refuses.
                let _ = ring.add(&series, exemplar);
            }
        }
    }

    /// Returns the exemplars in `range` of the series that meet one of `selectors`.
    pub(crate) fn exemplars(
        &self,
        ctx: &QueryContext,
        range: TimeRange,
        selectors: &[Vec<Matcher>],
    ) -> Result<Vec<SeriesExemplars>, StorageError> {
        ctx.check()?;
        Ok(self.exemplars.read().select(range, selectors))
    }

    /// Changes how many exemplars are kept. Of more than that the oldest go. Returns how many stay.
    pub(crate) fn resize_exemplars(&self, count_max: usize) -> usize {
        self.exemplars.write().resize(count_max)
    }

    pub(crate) fn exemplar_stats(&self) -> ExemplarStats {
        self.exemplars.read().stats()
    }
}
