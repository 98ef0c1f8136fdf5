//! Functions that make one number of each window: `rate`, `*_over_time` and their like.

mod exact;
mod extended;
mod extended_histograms;
mod extreme;
mod fill;
mod folded;
mod histogram_change;
mod lanes;
mod mixed;
mod order;
mod over_time;
mod pairs;
mod rate;
mod start_times;

use narthex_promql_parser::ExtendedRange;
use narthex_storage::QueryContext;

use crate::QueryError;
use crate::block::Column;
use crate::scalar::Scalar;
use crate::window::{Samples, Window, Windows};
pub(crate) use extended::{fill_smoothed, shown_samples};
use fill::Fill;
pub(crate) use mixed::{Mixed, Place, fill_smoothed_mixed};
use order::SortedWindow;
use over_time as plain;
use pairs::PairCounts;
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

    /// Returns how many scalar parameters the function takes.
    pub(crate) fn param_count(self) -> usize {
        match self {
            Self::DoubleExponentialSmoothing => 2,
            Self::PredictLinear | Self::Quantile => 1,
            _ => 0,
        }
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
        let Samples { timestamps_ms, values, .. } = samples;
        let filled = match self {
            Self::Avg => fill.means(),
            Self::Changes => fill.pairs(&PairCounts::changes(values)),
            Self::Count => fill.spans(1, |first, end| (end - first) as f64),
            Self::First => fill.spans(1, |first, _| values[first]),
            Self::Last => fill.spans(1, |_, end| values[end - 1]),
            Self::Max => fill.extremes(|a, b| a > b, |window, best| window.values[best]),
            Self::Min => fill.extremes(|a, b| a < b, |window, best| window.values[best]),
            Self::Present => fill.spans(1, |_, _| 1.0),
            Self::Resets => fill.pairs(&match Started::new(samples) {
                Some(started) => PairCounts::new(values.len(), |index| started.is_reset(index)),
                None => PairCounts::new(values.len(), |index| values[index] < values[index - 1]),
            }),
            Self::Stddev => fill.variances(f64::sqrt),
            Self::Stdvar => fill.variances(|variance| variance),
            Self::Sum => fill.sums(),
            Self::TsOfFirst => fill.spans(1, |first, _| timestamps_ms[first] as f64 / 1000.0),
            Self::TsOfLast => fill.spans(1, |_, end| timestamps_ms[end - 1] as f64 / 1000.0),
            Self::TsOfMax => fill.extremes(|a, b| a >= b, time_s),
            Self::TsOfMin => fill.extremes(|a, b| a <= b, time_s),
            Self::Idelta => fill.windows(|window| plain::last_change(window, false)),
            Self::Irate => match Started::new(samples) {
                Some(started) => fill.windows(|window| started.last_rate(window)),
                None => fill.windows(|window| plain::last_change(window, true)),
            },
            Self::Deriv => fill.lines(false, |_, slope, _| slope),
            Self::PredictLinear => {
                fill.lines(true, |step, slope, now| slope * params[0].at(step) + now)
            }
            Self::DoubleExponentialSmoothing => return fill.smoothed(params),
            Self::Quantile => {
                fill.sorted(|sorted, window| sorted.quantile(params[0].at(window.step), window))
            }
            Self::Mad => fill.sorted(SortedWindow::median_deviation),
            Self::Rate => fill.change(Change { counter: true, per_second: true }),
            Self::Increase => fill.change(Change { counter: true, per_second: false }),
            Self::Delta => fill.change(Change { counter: false, per_second: false }),
        };
        Ok(filled?)
    }
}

/// Returns the time, in seconds, of the sample at a position of a window.
fn time_s(window: Window<'_>, position: usize) -> f64 {
    window.timestamps_ms[position] as f64 / 1000.0
}

#[cfg(test)]
mod tests;
