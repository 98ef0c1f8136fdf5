//! Functions that fold the values of each window in their order, several windows at a time.

use narthex_storage::StorageError;

use super::Fill;
use super::exact::RunningSums;
use super::lanes::fold;
use super::over_time as plain;
use super::pairs::PairCounts;
use crate::QueryError;
use crate::neumaier::{Lanes, add_lanes as add};
use crate::scalar::Scalar;
use crate::window::{BATCH_LEN_MAX, Batch};

impl Fill<'_> {
    /// Fills in the sums.
    pub(super) fn sums(&mut self) -> Result<(), StorageError> {
        let values = self.samples.values;
        if let Some(sums) = RunningSums::new(values) {
            return self.spans(1, |first, end| sums.between(first, end));
        }
        self.batches(1, |batch, results| {
            let start = |_| [[0.0; LANES]; 2];
            let step = |sums, _, [values]: [_; 1]| add(sums, values);
            fold(&batch.spans, [values], 0, start, step, |position, [sums, rests]| {
                for (lane, result) in results[position..][..LANES].iter_mut().enumerate() {
                    // Of a sum that has overflowed, there is no compensation.
                    let sum = sums[lane];
                    *result = if sum.is_finite() { sum + rests[lane] } else { sum };
                }
            });
        })
    }

    /// Fills in the means.
    pub(super) fn means(&mut self) -> Result<(), StorageError> {
        let values = self.samples.values;
        if let Some(sums) = RunningSums::new(values) {
            return self.spans(1, |first, end| sums.between(first, end) / (end - first) as f64);
        }
        self.batches(1, |batch, results| {
            let start = |_| [[0.0; LANES]; 2];
            let step = |sums, _, [values]: [_; 1]| add(sums, values);
            fold(&batch.spans, [values], 0, start, step, |position, [sums, rests]| {
                let counts = counts::<LANES>(batch, position);
                for (lane, result) in results[position..][..LANES].iter_mut().enumerate() {
                    *result = sums[lane] / counts[lane] + rests[lane] / counts[lane];
                }
            });
            // What is finite in the end never overflowed on the way.
            again_unless_finite(batch, results, plain::mean);
        })
    }

    /// Fills in `result` of the population variances: Welford's, with compensated sums.
    pub(super) fn variances(&mut self, result: fn(f64) -> f64) -> Result<(), StorageError> {
        let values = self.samples.values;
        self.batches(1, |batch, results| {
            let start = |_| [[0.0; LANES]; 4];
            fold(&batch.spans, [values], 0, start, add_to_variances, |position, state| {
                let [_, _, squares, rests] = state;
                let counts = counts::<LANES>(batch, position);
                for (lane, result) in results[position..][..LANES].iter_mut().enumerate() {
                    *result = (squares[lane] + rests[lane]) / counts[lane];
                }
            });
            again_unless_finite(batch, results, plain::variance);
            for variance in &mut *results {
                *variance = result(*variance);
            }
        })
    }

    /// Fills in what `result` makes of the line with the least squares: it gets the step, the slope
    /// (in one second) and the value at a time. That is the time of the first sample, or of the step
    /// where `at_step`.
    ///
    /// # Source
    ///
    /// `linearRegression` in Prometheus `promql/functions.go`.
    pub(super) fn lines(
        &mut self,
        at_step: bool,
        result: impl Fn(usize, f64, f64) -> f64,
    ) -> Result<(), StorageError> {
        const LANES: usize = 4;
        let (timestamps_ms, values) = (self.samples.timestamps_ms, self.samples.values);
        let bounds_ms = [timestamps_ms.first(), timestamps_ms.last()].into_iter().flatten();
        let grid = self.windows.grid;
        if !bounds_ms.chain([&grid.start_ms(), &grid.last_ms()]).all(|time_ms| is_exact(*time_ms)) {
            return self.windows(|window| {
                let first_ms = window.timestamps_ms[0];
                let origin_ms = if at_step { grid.time_ms(window.step) } else { first_ms };
                let (slope, value) = plain::line(window, origin_ms)?;
                Some(result(window.step, slope, value))
            });
        }
        // Differences of times are exact then, so that floats will do for them.
        let times_ms: Vec<f64> = timestamps_ms.iter().map(|time_ms| *time_ms as f64).collect();
        let bends = PairCounts::new(values.len(), |index| values[index - 1] != values[index]);
        self.batches(2, |batch, results| {
            let start = |position| {
                let origins = std::array::from_fn(|lane| {
                    let first = batch.spans.firsts()[position + lane];
                    if at_step {
                        grid.time_ms(batch.step + position + lane) as f64
                    } else {
                        times_ms.get(first).copied().unwrap_or_default()
                    }
                });
                let none = [0.0; LANES];
                [origins, none, none, none, none, none, none, none, none]
            };
            fold(&batch.spans, [&times_ms, values], 0, start, add_to_lines, |position, state| {
                let counts = counts::<LANES>(batch, position);
                for lane in 0..LANES {
                    let chosen = position + lane;
                    let (first, end) = (batch.spans.firsts()[chosen], batch.spans.ends()[chosen]);
                    if chosen >= batch.len() || first >= end {
                        continue;
                    }
                    let (slope, value) = if bends.between(first, end) == 0 {
                        plain::flat_line(values[first])
                    } else {
                        let [_, x, x_rest, y, y_rest, xy, xy_rest, xx, xx_rest] =
                            state.map(|lanes| lanes[lane]);
                        let sums = [x + x_rest, y + y_rest, xy + xy_rest, xx + xx_rest];
                        let all_finite = sums.iter().all(|sum| sum.is_finite());
                        match batch.window(chosen) {
                            Some(window) if !all_finite => {
                                let origin_ms = if at_step {
                                    grid.time_ms(window.step)
                                } else {
                                    window.timestamps_ms[0]
                                };
                                plain::line(window, origin_ms).unwrap_or_default()
                            }
                            _ => plain::line_of_sums(sums, counts[lane]),
                        }
                    };
                    results[chosen] = result(batch.step + chosen, slope, value);
                }
            });
        })
    }

    /// Fills in the smoothed values. A factor that is not between 0 and 1 is an error where it meets
    /// a window, and nothing elsewhere.
    ///
    /// # Source
    ///
    /// Holt's method, as `funcDoubleExponentialSmoothing` in Prometheus `promql/functions.go` has it.
    pub(super) fn smoothed(&mut self, params: &[Scalar]) -> Result<(), QueryError> {
        let values = self.samples.values;
        let mut refused = None;
        self.batches(2, |batch, results| {
            for position in crate::bits::ones(&[batch.spans.holding(1)]) {
                let step = batch.step + position;
                for (param, (role, symbol)) in params.iter().zip(SMOOTHING_ROLES) {
                    let value = param.at(step);
                    if value <= 0.0 || value >= 1.0 {
                        refused.get_or_insert(QueryError::SmoothingFactor { role, symbol, value });
                    }
                }
            }
            let start = |position: usize| {
                let last = batch.len() - 1;
                let [smoothing, trend] = [0, 1].map(|param: usize| {
                    std::array::from_fn(|lane| {
                        params[param].at(batch.step + last.min(position + lane))
                    })
                });
                let [first, second] = [0, 1].map(|index| {
                    std::array::from_fn(|lane| {
                        let chosen = position + lane;
                        let (first, end) =
                            (batch.spans.firsts()[chosen], batch.spans.ends()[chosen]);
                        if end - first >= 2 { values[first + index] } else { 0.0 }
                    })
                });
                let slope = std::array::from_fn(|lane| second[lane] - first[lane]);
                // The second value has an estimate of its own for the slope.
                let level = smooth([smoothing, trend, first, slope], second);
                [smoothing, trend, first, level, slope]
            };
            fold(&batch.spans, [values], 2, start, add_to_smoothed, |position, state| {
                results[position..][..LANES].copy_from_slice(&state[3]);
            });
        })?;
        refused.map_or(Ok(()), Err)
    }
}

#[inline(always)]
fn add_to_variances(
    [mean, mean_rest, squares, squares_rest]: [Lanes<LANES>; 4],
    count: f64,
    [values]: [Lanes<LANES>; 1],
) -> [Lanes<LANES>; 4] {
    let mut deltas = [0.0; LANES];
    let mut shares = [0.0; LANES];
    for lane in 0..LANES {
        deltas[lane] = values[lane] - (mean[lane] + mean_rest[lane]);
        shares[lane] = deltas[lane] / count;
    }
    let [mean, mean_rest] = add([mean, mean_rest], shares);
    let mut products = [0.0; LANES];
    for lane in 0..LANES {
        products[lane] = deltas[lane] * (values[lane] - (mean[lane] + mean_rest[lane]));
    }
    let [squares, squares_rest] = add([squares, squares_rest], products);
    [mean, mean_rest, squares, squares_rest]
}

#[inline(always)]
fn add_to_lines<const L: usize>(
    [origins, x, x_rest, y, y_rest, xy, xy_rest, xx, xx_rest]: [Lanes<L>; 9],
    _: f64,
    [times_ms, values]: [Lanes<L>; 2],
) -> [Lanes<L>; 9] {
    let mut times_s = [0.0; L];
    let mut products = [0.0; L];
    let mut squares = [0.0; L];
    for lane in 0..L {
        times_s[lane] = (times_ms[lane] - origins[lane]) / 1e3;
        products[lane] = times_s[lane] * values[lane];
        squares[lane] = times_s[lane] * times_s[lane];
    }
    let [x, x_rest] = add([x, x_rest], times_s);
    let [y, y_rest] = add([y, y_rest], values);
    let [xy, xy_rest] = add([xy, xy_rest], products);
    let [xx, xx_rest] = add([xx, xx_rest], squares);
    [origins, x, x_rest, y, y_rest, xy, xy_rest, xx, xx_rest]
}

#[inline(always)]
fn add_to_smoothed(
    [smoothing, trend, before, level, slope]: [Lanes<LANES>; 5],
    _: f64,
    [values]: [Lanes<LANES>; 1],
) -> [Lanes<LANES>; 5] {
    let mut next_slope = [0.0; LANES];
    for lane in 0..LANES {
        next_slope[lane] =
            trend[lane] * (level[lane] - before[lane]) + (1.0 - trend[lane]) * slope[lane];
    }
    let next = smooth([smoothing, trend, level, next_slope], values);
    [smoothing, trend, level, next, next_slope]
}

/// Returns the next level.
#[inline(always)]
fn smooth([smoothing, _, level, slope]: [Lanes<LANES>; 4], values: Lanes<LANES>) -> Lanes<LANES> {
    let mut next = [0.0; LANES];
    for lane in 0..LANES {
        let expected = level[lane] + slope[lane];
        next[lane] = smoothing[lane] * values[lane] + (1.0 - smoothing[lane]) * expected;
    }
    next
}

/// Returns the numbers of samples of the windows from a position on.
fn counts<const L: usize>(batch: &Batch<'_, '_>, position: usize) -> Lanes<L> {
    std::array::from_fn(|lane| {
        let chosen = position + lane;
        (batch.spans.ends()[chosen] - batch.spans.firsts()[chosen]) as f64
    })
}

/// Puts what `plain` makes of a window in the place of each result that is not finite.
fn again_unless_finite(
    batch: &Batch<'_, '_>,
    results: &mut [f64; BATCH_LEN_MAX],
    plain: fn(&[f64]) -> f64,
) {
    for (position, result) in results[..batch.len()].iter_mut().enumerate() {
        if !result.is_finite()
            && let Some(window) = batch.window(position)
        {
            *result = plain(window.values);
        }
    }
}

/// Returns whether a time is a float, and so are its differences to others.
fn is_exact(time_ms: i64) -> bool {
    time_ms.unsigned_abs() < 1 << 52
}

const LANES: usize = 8;
/// What the parameters of smoothing are called.
const SMOOTHING_ROLES: [(&str, &str); 2] = [("smoothing", "sf"), ("trend", "tf")];
