use narthex_model::{Labels, Metadata};

use super::Head;
use crate::wal::LiveSeries;

impl LiveSeries for Head {
    fn visit(
        &self,
        from: usize,
        take: &mut dyn FnMut(u64, &Labels, Option<&Metadata>),
    ) -> Option<usize> {
        let state = self.state.read();
        let mut slots = state.table.slots().skip(from);
        for slot in slots.by_ref().take(SERIES_PER_VISIT) {
            if state.table.has(slot) && state.table.get(slot).is_logged {
                let metadata = state.metadata.by_slot.get(&slot);
                let reference = state.table.get(slot).reference;
                take(reference, &state.table.label_set(slot), metadata.map(|metadata| &**metadata));
            }
        }
        slots.next().map(|_| from + SERIES_PER_VISIT)
    }

    fn has(&self, reference: u64) -> bool {
        self.state.read().table.find_reference(reference).is_some()
    }

    fn has_left(&self, reference: u64) -> bool {
        self.state.read().departed.contains_key(&reference)
    }

    fn has_late(&self, reference: u64) -> bool {
        let state = self.state.read();
        state.table.find_reference(reference).is_some_and(|slot| state.out_of_order.has(slot))
    }

    fn has_labels(&self, labels: &Labels) -> bool {
        self.state.read().table.find(labels).is_some()
    }
}

/// How many series are visited before commits have their turn.
const SERIES_PER_VISIT: usize = 1_000;
