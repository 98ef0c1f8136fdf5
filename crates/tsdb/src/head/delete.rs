use narthex_model::Matcher;
use narthex_storage::TimeRange;

use super::Head;
use super::series::Slot;
use crate::WalError;
use crate::wal::Wal;
use crate::wal::record::{Tombstone, encode_tombstones};

impl Head {
    /// Deletes the samples in `range` of the series that meet all `matchers`. Later samples are not
    /// touched, nor those that come later.
    pub(crate) fn delete(
        &self,
        range: TimeRange,
        matchers: &[Matcher],
        wal: &Wal,
    ) -> Result<(), WalError> {
        let deleted = self.tombstones(range, matchers);
        if deleted.is_empty() {
            return Ok(());
        }
        let mut record = Vec::new();
        encode_tombstones(deleted.iter().map(|(_, tombstone)| *tombstone), &mut record);
        wal.commit(vec![record], || {
            let mut state = self.state.write();
            for (slot, Tombstone { reference, min_ms, max_ms }) in deleted {
                if state.table.get(slot).reference == reference {
                    state.tombstones.entry(slot).or_default().push((min_ms, max_ms));
                }
            }
        })
    }

    /// Returns what is to be deleted of which series, no more than there is.
    fn tombstones(&self, range: TimeRange, matchers: &[Matcher]) -> Vec<(Slot, Tombstone)> {
        let state = self.state.read();
        let table = &state.table;
        let series = state.index.select(matchers, table).to_vec().into_iter();
        let tombstone = |slot: Slot| {
            let series = table.get(slot);
            let late = state.out_of_order.get(slot).and_then(|late| late.bounds());
            let bounds = series.bounds(table.slab()).into_iter().chain(late);
            let (oldest_ms, newest_ms) = bounds.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
            let (min_ms, max_ms) = (range.min_ms.max(oldest_ms), range.max_ms.min(newest_ms));
            let tombstone = Tombstone { reference: series.reference, min_ms, max_ms };
            (min_ms <= max_ms).then_some((slot, tombstone))
        };
        series.filter_map(tombstone).collect()
    }
}
