use std::time::Duration;

/// How often something was done, and how long that took together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// How often.
    pub count: u64,
    /// How long.
    pub total: Duration,
}

/// How values spread over ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distribution<const N: usize> {
    /// How many there are from each bound up to the next one, each counted once.
    pub counts: [u64; N],
    /// How many there are, those above all bounds included.
    pub count: u64,
    /// Of all values.
    pub sum: u64,
}

impl Timing {
    pub(crate) fn add(&mut self, duration: Duration) {
        self.count += 1;
        self.total += duration;
    }
}

impl<const N: usize> Distribution<N> {
    /// Counts a value, with the upper bounds of the ranges.
    #[expect(clippy::cast_precision_loss, reason = "bounds are far below 2^53")]
    pub(crate) fn add(&mut self, value: u64, bounds: &[f64; N]) {
        let place = bounds.iter().position(|bound| value as f64 <= *bound);
        if let Some(place) = place {
            self.counts[place] += 1;
        }
        self.count += 1;
        self.sum = self.sum.saturating_add(value);
    }
}

impl<const N: usize> Default for Distribution<N> {
    fn default() -> Self {
        Self { counts: [0; N], count: 0, sum: 0 }
    }
}

/// Returns bounds each of which is `factor` times the one before.
pub(crate) const fn bounds<const N: usize>(first: f64, factor: f64) -> [f64; N] {
    let mut bounds = [first; N];
    let mut index = 1;
    while index < N {
        bounds[index] = bounds[index - 1] * factor;
        index += 1;
    }
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_count_in_the_range_that_they_end() {
        const BOUNDS: [f64; 3] = bounds(4.0, 1.5);
        let mut spread = Distribution::<3>::default();
        [0, 4, 5, 6, 9, 10].into_iter().for_each(|value| spread.add(value, &BOUNDS));
        assert_eq!(BOUNDS, [4.0, 6.0, 9.0]);
        assert_eq!(spread, Distribution { counts: [2, 2, 1], count: 6, sum: 34 });
    }
}
