use narthex_storage::{StorageError, TimeRange};

use super::parts::Parts;
use super::series::Slot;
use super::{Head, State};
use crate::{SeriesChunks, compact};

impl Head {
    /// Returns the series with samples in `range`, rising by their labels, with their chunks as a block
    /// holds them: cut to the range, and without what was deleted.
    ///
    /// Each series is read when it is asked for. Nobody may append to the range or truncate it
    /// meanwhile.
    pub(crate) fn series_chunks(
        &self,
        range: TimeRange,
        on_damage: OnDamage,
    ) -> impl Iterator<Item = Result<SeriesChunks, StorageError>> + '_ {
        let slots = self.slots_by_labels(range);
        let series = slots.into_iter().map(move |slot| self.chunks_of(slot, range, on_damage));
        series.filter(|series| series.as_ref().map_or(true, |series| !series.chunks.is_empty()))
    }

    /// Returns the names and values of all labels, sorted, each once.
    pub(crate) fn label_texts(&self) -> Vec<Box<str>> {
        let state = self.state.read();
        let mut texts = state.table.labels().texts().collect::<Vec<_>>();
        texts.sort_unstable();
        texts.dedup();
        texts.into_iter().map(Box::from).collect()
    }

    fn slots_by_labels(&self, range: TimeRange) -> Vec<Slot> {
        let state = self.state.read();
        let table = &state.table;
        let slots = table.slots();
        let slots = slots.filter(|slot| table.has(*slot) && table.overlaps(*slot, range));
        let mut slots = slots.collect::<Vec<_>>();
        state.sort_by_labels(&mut slots);
        slots
    }

    pub(super) fn chunks_of(
        &self,
        slot: Slot,
        range: TimeRange,
        on_damage: OnDamage,
    ) -> Result<SeriesChunks, StorageError> {
        let (labels, parts, tombstones) = {
            let state = self.state.read();
            let parts = Parts::new(&state.table, slot, range);
            let tombstones = state.tombstones.get(&slot).map_or_else(Vec::new, Clone::clone);
            (state.table.label_set(slot), parts, tombstones)
        };
        let mut chunks = Vec::new();
        for chunk in parts.encoded(self.files.as_ref()) {
            let outcome = chunk.and_then(|chunk| {
                compact::cut(chunk, range, &tombstones, &mut chunks)
                    .map_err(|error| StorageError::Store(Box::new(error)))
            });
            match outcome {
                Err(error) if on_damage == OnDamage::LeaveOut => {
                    tracing::error!(series = %labels, %error, "damaged chunk is left out");
                }
                outcome => outcome?,
            }
        }
        Ok(SeriesChunks { labels, chunks })
    }
}

impl State {
    /// Puts series in order of their labels.
    pub(super) fn sort_by_labels(&self, slots: &mut [Slot]) {
        let table = &self.table;
        // Comparing the places of labels among all labels, nobody looks at a text twice.
        let places = table.labels().places();
        let place = |slot: &Slot| table.label_ids(*slot).map(|label| places[label as usize]);
        slots.sort_unstable_by(|a, b| place(a).cmp(place(b)));
    }
}

/// What becomes of chunks that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnDamage {
    /// They are errors.
    Fail,
    /// They are passed over, and logged.
    LeaveOut,
}
