//! What an aggregation keeps of a group at one step, and how a value changes it.

use super::histograms::Histograms;
use crate::neumaier::{self, Lanes, Mean, add_lanes};

/// An aggregation that folds one value after the other, with `N` numbers as its state.
///
/// Steps do not wait for each other, so that several are folded side by side.
pub(crate) trait Accumulator<const N: usize> {
    /// What becomes of native histograms.
    const HISTOGRAMS: Histograms;
    /// The state before the first value; folding that value into it gives the same bits as starting
    /// with it.
    const START: [f64; N];

    /// Folds a value into each of some states.
    fn add<const L: usize>(states: [Lanes<L>; N], values: Lanes<L>) -> [Lanes<L>; N];

    /// Returns the result of a state that holds a value.
    fn finish(state: [f64; N]) -> f64;
}

/// The compensated sum: the sum and its compensation.
pub(crate) struct Sum;

impl Accumulator<2> for Sum {
    const HISTOGRAMS: Histograms = Histograms::Summed;
    /// Minus zero is the number that, added to any other one, gives the other one's bits.
    const START: [f64; 2] = [-0.0, 0.0];

    #[inline(always)]
    fn add<const L: usize>(sums: [Lanes<L>; 2], values: Lanes<L>) -> [Lanes<L>; 2] {
        add_lanes(sums, values)
    }

    #[inline]
    fn finish([sum, compensation]: [f64; 2]) -> f64 {
        // Of a sum that has overflowed, there is no compensation.
        if sum.is_finite() { sum + compensation } else { sum }
    }
}

/// The mean: sum, compensation and number of the values. The number is negative once the sum has
/// overflowed; mean and compensation of the mean take their places then.
pub(crate) struct Avg;

impl Avg {
    fn mean([value, compensation, count]: [f64; 3]) -> Mean {
        let sum = neumaier::Sum { value, compensation };
        Mean { sum, count: count.abs(), incremental: count < 0.0 }
    }

    /// Folds values into states of which one has overflowed, or does now.
    #[cold]
    fn add_overflowing<const L: usize>(
        mut states: [Lanes<L>; 3],
        values: Lanes<L>,
    ) -> [Lanes<L>; 3] {
        for lane in 0..L {
            let mut mean = Self::mean(states.map(|numbers| numbers[lane]));
            mean.add(values[lane]);
            let count = if mean.incremental { -mean.count } else { mean.count };
            let next = [mean.sum.value, mean.sum.compensation, count];
            for (numbers, next) in states.iter_mut().zip(next) {
                numbers[lane] = next;
            }
        }
        states
    }
}

impl Accumulator<3> for Avg {
    const HISTOGRAMS: Histograms = Histograms::Averaged;
    const START: [f64; 3] = [-0.0, 0.0, 0.0];

    #[inline(always)]
    fn add<const L: usize>(states: [Lanes<L>; 3], values: Lanes<L>) -> [Lanes<L>; 3] {
        let [sums, compensations, mut counts] = states;
        let [sums, compensations] = add_lanes([sums, compensations], values);
        let mut regular = true;
        for lane in 0..L {
            // A sum that is NaN stays so in either way to make a mean.
            regular &= !sums[lane].is_infinite() & (counts[lane] >= 0.0);
        }
        if !regular {
            return Self::add_overflowing(states, values);
        }
        for count in &mut counts {
            *count += 1.0;
        }
        [sums, compensations, counts]
    }

    #[inline]
    fn finish(state: [f64; 3]) -> f64 {
        Self::mean(state).mean()
    }
}

/// How many values there are.
pub(crate) struct Count;

impl Accumulator<1> for Count {
    const HISTOGRAMS: Histograms = Histograms::Counted;
    const START: [f64; 1] = [0.0];

    #[inline(always)]
    fn add<const L: usize>([counts]: [Lanes<L>; 1], _: Lanes<L>) -> [Lanes<L>; 1] {
        [counts.map(|count| count + 1.0)]
    }

    fn finish([count]: [f64; 1]) -> f64 {
        count
    }
}

/// One, where there is a value.
pub(crate) struct One;

impl Accumulator<0> for One {
    const HISTOGRAMS: Histograms = Histograms::Counted;
    const START: [f64; 0] = [];

    fn add<const L: usize>([]: [Lanes<L>; 0], _: Lanes<L>) -> [Lanes<L>; 0] {
        []
    }

    fn finish([]: [f64; 0]) -> f64 {
        1.0
    }
}

/// The first of the greatest numbers; NaN where there is no number.
pub(crate) struct Max;

impl Accumulator<1> for Max {
    const HISTOGRAMS: Histograms = Histograms::Ignored;
    const START: [f64; 1] = [f64::NAN];

    #[inline(always)]
    fn add<const L: usize>([mut best]: [Lanes<L>; 1], values: Lanes<L>) -> [Lanes<L>; 1] {
        for (best, value) in best.iter_mut().zip(values) {
            *best = if (*best < value) | best.is_nan() { value } else { *best };
        }
        [best]
    }

    fn finish([best]: [f64; 1]) -> f64 {
        best
    }
}

/// The first of the least numbers; NaN where there is no number.
pub(crate) struct Min;

impl Accumulator<1> for Min {
    const HISTOGRAMS: Histograms = Histograms::Ignored;
    const START: [f64; 1] = [f64::NAN];

    #[inline(always)]
    fn add<const L: usize>([mut best]: [Lanes<L>; 1], values: Lanes<L>) -> [Lanes<L>; 1] {
        for (best, value) in best.iter_mut().zip(values) {
            *best = if (*best > value) | best.is_nan() { value } else { *best };
        }
        [best]
    }

    fn finish([best]: [f64; 1]) -> f64 {
        best
    }
}

/// The population variance by Welford's method, without compensation, as the reference has it: the
/// number of values, their mean, and the sum of the squares of their distances from it.
pub(crate) struct Stdvar;

impl Accumulator<3> for Stdvar {
    const HISTOGRAMS: Histograms = Histograms::Ignored;
    const START: [f64; 3] = [0.0; 3];

    #[inline(always)]
    fn add<const L: usize>(
        [mut counts, mut means, mut squares]: [Lanes<L>; 3],
        values: Lanes<L>,
    ) -> [Lanes<L>; 3] {
        for lane in 0..L {
            counts[lane] += 1.0;
            let delta = values[lane] - means[lane];
            means[lane] += delta / counts[lane];
            squares[lane] += delta * (values[lane] - means[lane]);
        }
        [counts, means, squares]
    }

    fn finish([count, _, squares]: [f64; 3]) -> f64 {
        squares / count
    }
}

/// The square root of [`Stdvar`].
pub(crate) struct Stddev;

impl Accumulator<3> for Stddev {
    const HISTOGRAMS: Histograms = Histograms::Ignored;
    const START: [f64; 3] = Stdvar::START;

    #[inline(always)]
    fn add<const L: usize>(states: [Lanes<L>; 3], values: Lanes<L>) -> [Lanes<L>; 3] {
        Stdvar::add(states, values)
    }

    fn finish(state: [f64; 3]) -> f64 {
        Stdvar::finish(state).sqrt()
    }
}
