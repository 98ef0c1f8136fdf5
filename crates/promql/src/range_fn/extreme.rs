//! Greatest and least values over sliding windows.

use crate::window::Window;

/// The samples of the window so far that may be its extreme: each one is beaten by none after it.
///
/// A sample enters and leaves once, so that a step costs the same however long its window is.
#[derive(Debug, Default)]
pub(super) struct Extremes {
    /// Positions in the series, rising. Those before `first` have left the window.
    candidates: Vec<usize>,
    first: usize,
    /// The position of the next sample to enter.
    next: usize,
}

impl Extremes {
    /// Returns the position in the window of the sample that `beats` all others; the first of
    /// several where equal ones do not beat each other. Windows come in rising order.
    ///
    /// Numbers beat NaN; of nothing but NaN, it is the last one.
    pub(super) fn slide(&mut self, window: Window<'_>, beats: impl Fn(f64, f64) -> bool) -> usize {
        let end = window.first + window.values.len();
        for position in self.next.max(window.first)..end {
            self.enter(position, window, &beats);
        }
        self.next = end;
        while self.candidates.get(self.first).is_some_and(|position| *position < window.first) {
            self.first += 1;
        }
        let best = self.candidates.get(self.first);
        best.map_or(window.values.len() - 1, |position| position - window.first)
    }

    fn enter(&mut self, position: usize, window: Window<'_>, beats: impl Fn(f64, f64) -> bool) {
        let value = window.values[position - window.first];
        if value.is_nan() {
            return;
        }
        while self.candidates.len() > self.first {
            let last = self.candidates[self.candidates.len() - 1];
            // Those that have left the window are beaten by anything.
            if last >= window.first && !beats(value, window.values[last - window.first]) {
                break;
            }
            self.candidates.pop();
        }
        self.candidates.push(position);
    }
}
