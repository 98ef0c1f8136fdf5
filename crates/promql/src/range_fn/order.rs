//! The values of sliding windows in their order, for quantiles.

use crate::quantile::{Rank, quantile};
use crate::window::Window;

/// The values of a window, sorted, from one window to the next.
///
/// A value enters and leaves once, at the price of a search and a move of those between, where
/// sorting each window anew would look at every value many times.
#[derive(Debug, Default)]
pub(super) struct SortedWindow {
    /// The values as numbers whose order is that of the values; see [`key`].
    keys: Vec<i64>,
    /// The samples of the series whose values these are.
    first: usize,
    end: usize,
    /// For what is sorted as the reference sorts it.
    scratch: Vec<f64>,
}

impl SortedWindow {
    /// Moves on to a window, of a series with these `values`. Windows come in rising order.
    pub(super) fn slide(&mut self, values: &[f64], window: Window<'_>) {
        let (first, end) = (window.first, window.first + window.values.len());
        let leaving = &values[self.first..first.min(self.end)];
        let entering = &values[self.end.max(first)..end];
        if leaving.len() + entering.len() > window.values.len() {
            self.keys.clear();
            self.keys.extend(window.values.iter().map(|value| key(*value)));
            self.keys.sort_unstable();
        } else {
            let both = leaving.len().min(entering.len());
            for (old, new) in leaving.iter().zip(entering) {
                self.replace(key(*old), key(*new));
            }
            for old in &leaving[both..] {
                let at = self.position(key(*old));
                self.keys.remove(at);
            }
            for new in &entering[both..] {
                let at = self.position(key(*new));
                self.keys.insert(at, key(*new));
            }
        }
        (self.first, self.end) = (first, end);
    }

    /// Returns the `q`-quantile of the window.
    ///
    /// # Source
    ///
    /// `quantile` in Prometheus `promql/quantile.go`.
    pub(super) fn quantile(&mut self, q: f64, window: Window<'_>) -> f64 {
        let rank = match Rank::new(q, self.keys.len()) {
            Ok(rank) => rank,
            Err(result) => return result,
        };
        let (lower, upper) = (self.keys[rank.lower], self.keys[rank.upper]);
        if self.is_vague(lower) || self.is_vague(upper) {
            return quantile(q, self.unsorted(window));
        }
        rank.between(value(lower), value(upper))
    }

    /// Returns the median distance from the median; NaN where a value is.
    pub(super) fn median_deviation(&mut self, window: Window<'_>) -> f64 {
        if self.keys.first() == Some(&NAN_KEY) {
            return f64::NAN;
        }
        let Ok(rank) = Rank::new(0.5, self.keys.len()) else { return f64::NAN };
        // The sign of a zero does not matter to distances.
        let median = rank.between(value(self.keys[rank.lower]), value(self.keys[rank.upper]));
        if !median.is_finite() {
            // Distances from it are NaN for some values, and in no order.
            let distances = self.unsorted(window);
            for distance in &mut *distances {
                *distance = (*distance - median).abs();
            }
            return quantile(0.5, distances);
        }
        rank.between(self.distance(rank.lower, median), self.distance(rank.upper, median))
    }

    /// Returns the distance from `center` that `nearer` values do not reach.
    ///
    /// That many and one are the nearest ones, and stand side by side; the distance is that of the
    /// outer one of their ends.
    fn distance(&self, nearer: usize, center: f64) -> f64 {
        let (mut low, mut high) = (0, self.keys.len() - 1 - nearer);
        while low < high {
            let middle = usize::midpoint(low, high);
            let below = center - value(self.keys[middle]);
            let above = value(self.keys[middle + nearer + 1]) - center;
            if below > above {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let ends = [low, low + nearer].map(|end| (value(self.keys[end]) - center).abs());
        ends[0].max(ends[1])
    }

    /// Returns whether the reference's sort decides about the bits of the value that stands here:
    /// it leaves zeros of both signs, and any NaN, in whatever order.
    fn is_vague(&self, key: i64) -> bool {
        match key {
            NAN_KEY | NEGATIVE_ZERO_KEY => true,
            0 => self.keys.binary_search(&NEGATIVE_ZERO_KEY).is_ok(),
            _ => false,
        }
    }

    /// Returns the values of the window as they came.
    fn unsorted(&mut self, window: Window<'_>) -> &mut [f64] {
        self.scratch.clear();
        self.scratch.extend_from_slice(window.values);
        &mut self.scratch
    }

    /// Returns how many keys are less than `key`.
    fn position(&self, key: i64) -> usize {
        if self.keys.len() <= COUNTED_LEN_MAX {
            return self.keys.iter().filter(|other| **other < key).count();
        }
        self.keys.partition_point(|other| *other < key)
    }

    /// Puts one key in the place of another, which is there.
    fn replace(&mut self, old: i64, new: i64) {
        let (from, to) = (self.position(old), self.position(new));
        if from < to {
            self.keys.copy_within(from + 1..to, from);
            self.keys[to - 1] = new;
        } else {
            self.keys.copy_within(to..from, to + 1);
            self.keys[to] = new;
        }
    }
}

/// Returns a number that stands to those of other values as the value does to them. Every NaN is
/// the least value, and minus zero is less than zero.
fn key(value: f64) -> i64 {
    if value.is_nan() {
        return NAN_KEY;
    }
    flip(value.to_bits().cast_signed())
}

/// Returns the value with a key.
fn value(key: i64) -> f64 {
    if key == NAN_KEY { f64::NAN } else { f64::from_bits(flip(key).cast_unsigned()) }
}

/// Negative floats fall where their bits rise.
fn flip(bits: i64) -> i64 {
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

const NAN_KEY: i64 = i64::MIN;
const NEGATIVE_ZERO_KEY: i64 = -1;
/// Up to here it is quicker to compare all keys than to look for the place.
const COUNTED_LEN_MAX: usize = 32;
