//! Functions that make one number of each window: `rate`, `*_over_time` and their like.

mod exact;
mod extended;
mod extended_histograms;
mod extreme;
mod histogram_change;
mod mixed;
mod over_time;
mod rate;
mod start_times;

use narthex_promql_parser::ExtendedRange;
use narthex_storage::{QueryContext, StorageError};

use crate::QueryError;
use crate::block::Column;
use crate::quantile::quantile;
use crate::scalar::Scalar;
use crate::window::{Samples, Window, Windows};
use exact::RunningSums;
pub(crate) use extended::{fill_smoothed, shown_samples};
use extreme::Extremes;
pub(crate) use mixed::{Mixed, Place, fill_smoothed_mixed};
use over_time as kernel;
use rate::Change;
use start_times::Started;
pub(crate) use start_times::count_overlaps;

/// A function over a range vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RangeFn {
    Avg,
    Changes,
    Count,
    Delta,
    Deriv,
    DoubleExponentialSmoothing,
    First,
    Idelta,
    Increase,
    Irate,
    Last,
    Mad,
    Max,
    Min,
    PredictLinear,
    Present,
    Quantile,
    Rate,
    Resets,
    Stddev,
    Stdvar,
    Sum,
    TsOfFirst,
    TsOfLast,
    TsOfMax,
    TsOfMin,
}

impl RangeFn {
    /// Returns the function called `name`, if it is one over a range vector.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "avg_over_time" => Self::Avg,
            "changes" => Self::Changes,
            "count_over_time" => Self::Count,
            "delta" => Self::Delta,
            "deriv" => Self::Deriv,
            "double_exponential_smoothing" => Self::DoubleExponentialSmoothing,
            "first_over_time" => Self::First,
            "idelta" => Self::Idelta,
            "increase" => Self::Increase,
            "irate" => Self::Irate,
            "last_over_time" => Self::Last,
            "mad_over_time" => Self::Mad,
            "max_over_time" => Self::Max,
            "min_over_time" => Self::Min,
            "predict_linear" => Self::PredictLinear,
            "present_over_time" => Self::Present,
            "quantile_over_time" => Self::Quantile,
            "rate" => Self::Rate,
            "resets" => Self::Resets,
            "stddev_over_time" => Self::Stddev,
            "stdvar_over_time" => Self::Stdvar,
            "sum_over_time" => Self::Sum,
            "ts_of_first_over_time" => Self::TsOfFirst,
            "ts_of_last_over_time" => Self::TsOfLast,
            "ts_of_max_over_time" => Self::TsOfMax,
            "ts_of_min_over_time" => Self::TsOfMin,
            _ => return None,
        })
    }

    /// Returns whether the result is a sample of the series, and so keeps its name.
    pub(crate) fn keeps_name(self) -> bool {
        matches!(self, Self::First | Self::Last)
    }

    /// Returns whether the function makes sense for counters alone.
    pub(crate) fn wants_counter(self) -> bool {
        matches!(self, Self::Rate | Self::Increase)
    }

    /// Returns whether the function knows what to do with samples around its windows.
    pub(crate) fn takes_extended(self, kind: ExtendedRange) -> bool {
        match self {
            Self::Delta | Self::Increase | Self::Rate => true,
            Self::Changes | Self::Resets => kind == ExtendedRange::Anchored,
            _ => false,
        }
    }

    /// Fills `out`, which is empty, with the result for each window that has one. Native histograms
    /// count as floats, which they are not: series that have some go through [`Mixed`].
    ///
    /// `params` are the scalar arguments in their order, as many as the function takes.
    ///
    /// # Errors
    ///
    /// Where the query was told to stop, or a window meets a parameter that is refused.
    pub(crate) fn fill(
        self,
        ctx: &QueryContext,
        params: &[Scalar],
        samples: Samples<'_>,
        windows: &Windows,
        out: &mut Column,
    ) -> Result<(), QueryError> {
        // Each arm is its own loop, so that no window pays for the choice.
        let mut fill = Fill { ctx, samples, windows, out };
        let filled = match self {
            Self::Avg => fill.sums(|sum, count| sum / count, kernel::mean),
            Self::Changes => fill.anchored(|window| kernel::changes(window.values)),
            Self::Count => fill.values(|values| values.len() as f64),
            Self::First => fill.values(|values| values[0]),
            Self::Last => fill.values(|values| values[values.len() - 1]),
            Self::Max => fill.extremes(|a, b| a > b, |window, best| window.values[best]),
            Self::Min => fill.extremes(|a, b| a < b, |window, best| window.values[best]),
            Self::Present => fill.values(|_| 1.0),
            Self::Resets => match Started::new(samples) {
                Some(started) => fill.anchored(|window| started.resets(window)),
                None => fill.anchored(|window| kernel::resets(window.values)),
            },
            Self::Stddev => fill.values(|values| kernel::variance(values).sqrt()),
            Self::Stdvar => fill.values(kernel::variance),
            Self::Sum => fill.sums(|sum, _| sum, kernel::sum),
            Self::TsOfFirst => fill.windows(|window| Some(time_s(window, 0))),
            Self::TsOfLast => fill.windows(|window| Some(time_s(window, window.values.len() - 1))),
            Self::TsOfMax => fill.extremes(|a, b| a >= b, time_s),
            Self::TsOfMin => fill.extremes(|a, b| a <= b, time_s),
            Self::Idelta => fill.windows(|window| kernel::last_change(window, false)),
            Self::Irate => match Started::new(samples) {
                Some(started) => fill.windows(|window| started.last_rate(window)),
                None => fill.windows(|window| kernel::last_change(window, true)),
            },
            Self::Deriv => fill.windows(|window| {
                (window.values.len() >= 2)
                    .then(|| kernel::regression(window, window.timestamps_ms[0]).0)
            }),
            Self::PredictLinear => fill.windows(|window| {
                let now_ms = windows.grid.time_ms(window.step);
                (window.values.len() >= 2).then(|| {
                    let (slope, now) = kernel::regression(window, now_ms);
                    slope * params[0].at(window.step) + now
                })
            }),
            Self::DoubleExponentialSmoothing => return smooth(fill, params),
            Self::Quantile => {
                let mut sorted = Vec::new();
                fill.windows(|window| {
                    sorted.clear();
                    sorted.extend_from_slice(window.values);
                    Some(quantile(params[0].at(window.step), &mut sorted))
                })
            }
            Self::Mad => {
                let mut sorted = Vec::new();
                fill.values(|values| median_deviation(values, &mut sorted))
            }
            Self::Rate => fill.change(Change { counter: true, per_second: true }),
            Self::Increase => fill.change(Change { counter: true, per_second: false }),
            Self::Delta => fill.change(Change { counter: false, per_second: false }),
        };
        Ok(filled?)
    }
}

/// Fills in the smoothed values. A factor that is not between 0 and 1 is an error where it meets a
/// window, and nothing elsewhere.
fn smooth(mut fill: Fill<'_>, params: &[Scalar]) -> Result<(), QueryError> {
    let mut refused = None;
    fill.windows(|window| {
        let [smoothing, trend] = [0, 1].map(|index| params[index].at(window.step));
        for (role, symbol, value) in [("smoothing", "sf", smoothing), ("trend", "tf", trend)] {
            if value <= 0.0 || value >= 1.0 {
                refused.get_or_insert(QueryError::SmoothingFactor { role, symbol, value });
            }
        }
        kernel::smoothed(window.values, smoothing, trend)
    })?;
    refused.map_or(Ok(()), Err)
}

struct Fill<'a> {
    ctx: &'a QueryContext,
    samples: Samples<'a>,
    windows: &'a Windows,
    out: &'a mut Column,
}

impl Fill<'_> {
    fn change(&mut self, change: Change) -> Result<(), StorageError> {
        let Self { ctx, samples, windows, .. } = *self;
        if windows.reach.kind.is_some() {
            return change.fill_extended(ctx, samples, windows, self.out);
        }
        match Started::new(samples) {
            Some(started) if change.counter => {
                change.fill_started(ctx, samples, started, windows, self.out)
            }
            _ => change.fill(ctx, samples, windows, self.out),
        }
    }

    fn windows(
        &mut self,
        mut kernel: impl FnMut(Window<'_>) -> Option<f64>,
    ) -> Result<(), StorageError> {
        let out = &mut *self.out;
        self.windows.slide(self.ctx, self.samples, |window| {
            if let Some(value) = kernel(window) {
                out.set(window.step, value);
            }
        })
    }

    /// Fills in what `kernel` makes of each window, of anchored ones from their anchor on.
    fn anchored(&mut self, mut kernel: impl FnMut(Window<'_>) -> f64) -> Result<(), StorageError> {
        match self.windows.reach.kind {
            None => self.windows(|window| Some(kernel(window))),
            Some(_) => self.windows(|window| extended::anchored(window).map(&mut kernel)),
        }
    }

    fn values(&mut self, mut kernel: impl FnMut(&[f64]) -> f64) -> Result<(), StorageError> {
        self.windows(|window| Some(kernel(window.values)))
    }

    /// Fills in what `result` makes of the sample, given by its position in the window, that
    /// `beats` the others.
    fn extremes(
        &mut self,
        beats: impl Fn(f64, f64) -> bool,
        result: impl Fn(Window<'_>, usize) -> f64,
    ) -> Result<(), StorageError> {
        let mut extremes = Extremes::default();
        self.windows(|window| Some(result(window, extremes.slide(window, &beats))))
    }

    /// Fills in what `result` makes of sum and number of the values, where sums are exact; what
    /// `fold` makes of the values elsewhere.
    fn sums(
        &mut self,
        result: impl Fn(f64, f64) -> f64,
        fold: impl Fn(&[f64]) -> f64,
    ) -> Result<(), StorageError> {
        match RunningSums::new(self.samples.values) {
            Some(sums) => {
                self.windows(|window| Some(result(sums.over(window), window.values.len() as f64)))
            }
            None => self.values(fold),
        }
    }
}

/// Returns the time, in seconds, of the sample at a position of a window.
fn time_s(window: Window<'_>, position: usize) -> f64 {
    window.timestamps_ms[position] as f64 / 1000.0
}

/// Returns the median distance from the median; NaN where a value is.
fn median_deviation(values: &[f64], scratch: &mut Vec<f64>) -> f64 {
    if values.iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    scratch.clear();
    scratch.extend_from_slice(values);
    let median = quantile(0.5, scratch);
    for value in scratch.iter_mut() {
        *value = (*value - median).abs();
    }
    quantile(0.5, scratch)
}

#[cfg(test)]
mod tests;
