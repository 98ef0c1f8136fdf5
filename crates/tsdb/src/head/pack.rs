use super::Head;
use super::series::Slot;

impl Head {
    /// Moves open chunks together, so that memory can go that hardly any needs. Series that began at one
    /// time outgrow buffers of a size together, but for a few.
    pub(crate) fn pack(&self) {
        self.state.write().table.start_packing();
        let slots = self.state.read().table.slots();
        for first in slots.step_by(SERIES_AT_A_TIME as usize) {
            self.state.write().table.pack(first..first.saturating_add(SERIES_AT_A_TIME));
        }
    }
}

/// Nobody else can use the head while so many are moved.
const SERIES_AT_A_TIME: Slot = 1_024;
