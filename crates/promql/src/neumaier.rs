//! Sums with the error of each addition carried along, as the reference sums floats.

/// A running sum and its compensation.
///
/// # Source
///
/// Neumaier's variant of Kahan's summation, with the rule of `util/kahansum` in Prometheus: the
/// compensation becomes zero when the sum overflows. The order of the operations decides the last
/// bits, so it is the reference's.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    pub(crate) value: f64,
    pub(crate) compensation: f64,
}

impl Sum {
    /// Adds one number.
    #[inline]
    pub(crate) fn add(&mut self, number: f64) {
        (self.value, self.compensation) = add(self.value, self.compensation, number);
    }

    /// Returns the sum with its compensation.
    pub(crate) fn total(self) -> f64 {
        self.value + self.compensation
    }
}

/// Returns a sum and its compensation after `number` was added.
#[inline]
pub(crate) fn add(sum: f64, compensation: f64, number: f64) -> (f64, f64) {
    let total = sum + number;
    if total.is_infinite() {
        return (total, 0.0);
    }
    let lost =
        if sum.abs() >= number.abs() { (sum - total) + number } else { (number - total) + sum };
    (total, compensation + lost)
}

/// Numbers that do not wait for each other: one instruction takes several of them.
pub(crate) type Lanes<const L: usize> = [f64; L];

/// Adds a number to each of some compensated sums.
///
/// The compensation of a sum that has overflowed is left undefined, which costs less than to reset
/// it each time: it is never looked at, since such a sum is not finite ever again.
#[inline(always)]
pub(crate) fn add_lanes<const L: usize>(
    [sums, compensations]: [Lanes<L>; 2],
    numbers: Lanes<L>,
) -> [Lanes<L>; 2] {
    let mut totals = [0.0; L];
    let mut next = [0.0; L];
    for lane in 0..L {
        let (sum, number) = (sums[lane], numbers[lane]);
        let total = sum + number;
        let sum_is_large = sum.abs() >= number.abs();
        let large = if sum_is_large { sum } else { number };
        let small = if sum_is_large { number } else { sum };
        totals[lane] = total;
        next[lane] = compensations[lane] + ((large - total) + small);
    }
    [totals, next]
}

/// A running mean that survives the overflow of its sum.
///
/// # Source
///
/// `avg` and `avg_over_time` in Prometheus `promql/engine.go` and `functions.go`: the mean of a
/// compensated sum, until the sum overflows; from there on an incremental mean.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mean {
    /// The sum, or the mean once the sum has overflowed.
    pub(crate) sum: Sum,
    pub(crate) count: f64,
    pub(crate) incremental: bool,
}

impl Mean {
    /// Adds one number.
    #[inline]
    pub(crate) fn add(&mut self, number: f64) {
        self.count += 1.0;
        if self.count == 1.0 {
            self.sum.value = number;
            return;
        }
        if !self.incremental {
            let mut sum = self.sum;
            sum.add(number);
            if !sum.value.is_infinite() {
                self.sum = sum;
                return;
            }
            self.incremental = true;
            self.sum.value /= self.count - 1.0;
            self.sum.compensation /= self.count - 1.0;
        }
        let share = (self.count - 1.0) / self.count;
        let (mean, compensation) =
            add(share * self.sum.value, share * self.sum.compensation, number / self.count);
        self.sum = Sum { value: mean, compensation };
    }

    /// Returns the mean of the numbers so far.
    pub(crate) fn mean(self) -> f64 {
        if self.incremental {
            self.sum.total()
        } else {
            self.sum.value / self.count + self.sum.compensation / self.count
        }
    }
}
