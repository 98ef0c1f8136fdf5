/// The number of samples up to a time that only moves on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Edge {
    pub(crate) index: usize,
    /// How far it moved last.
    stride: usize,
}

impl Edge {
    #[inline]
    pub(crate) fn move_to(&mut self, timestamps_ms: &[i64], time_ms: i64) {
        // PERF: samples are mostly as far apart as steps are, or a whole number of times.
        let guess = self.index + self.stride;
        let before_is_in =
            guess == 0 || timestamps_ms.get(guess - 1).is_some_and(|known| *known <= time_ms);
        if before_is_in && timestamps_ms.get(guess).is_none_or(|known| *known > time_ms) {
            self.index = guess;
            return;
        }
        let from = self.index;
        while timestamps_ms.get(self.index).is_some_and(|known| *known <= time_ms) {
            self.index += 1;
        }
        self.stride = self.index - from;
    }
}
