//! Windows over series with native histograms.
//!
//! The floats of such a series go through the kernels for floats, by themselves. What is here looks
//! again at the windows that hold a histogram.

mod combine;
mod pairs;
mod remarks;
mod window;

use std::sync::Arc;

use narthex_model::histogram::FloatHistogram;
use narthex_storage::{QueryContext, StorageError};

use super::RangeFn;
use super::extended_histograms::smoothed_at;
use super::rate;
use super::start_times::Started;
use crate::QueryError;
use crate::annotations::Annotation;
use crate::block::Column;
use crate::scalar::Scalar;
use crate::window::{Samples, Windows};
use combine::combine;
use pairs::{CHANGE, RESET, count};
pub(crate) use remarks::Place;
pub(super) use remarks::Remarks;
pub(super) use window::MixedWindow;

/// A function over a series with histograms, in the making.
#[derive(Debug)]
pub(crate) struct Mixed<'a> {
    ctx: &'a QueryContext,
    params: &'a [Scalar],
    samples: Samples<'a>,
    windows: &'a Windows,
    remarks: Remarks<'a>,
}

impl<'a> Mixed<'a> {
    pub(crate) fn new(
        ctx: &'a QueryContext,
        params: &'a [Scalar],
        samples: Samples<'a>,
        windows: &'a Windows,
        place: Place<'a>,
    ) -> Self {
        Self { ctx, params, samples, windows, remarks: Remarks::new(place) }
    }

    /// Fills `out`, which is empty, as [`RangeFn::fill`] does. Returns what there is to remark.
    ///
    /// # Errors
    ///
    /// As [`RangeFn::fill`].
    pub(crate) fn fill(
        mut self,
        function: RangeFn,
        out: &mut Column,
    ) -> Result<Vec<Annotation>, QueryError> {
        let extended = self.windows.reach.kind;
        match function {
            RangeFn::Count | RangeFn::Present | RangeFn::TsOfFirst | RangeFn::TsOfLast => {
                function.fill(self.ctx, self.params, self.samples, self.windows, out)?;
            }
            RangeFn::First | RangeFn::Last | RangeFn::Changes | RangeFn::Resets => {
                function.fill(self.ctx, self.params, self.samples, self.windows, out)?;
                self.each_mixed(|window, _| match function {
                    RangeFn::First => choose(window, 0, out),
                    RangeFn::Last => choose(window, window.window.values.len() - 1, out),
                    RangeFn::Changes => count(window, extended, &CHANGE, out),
                    _ => count(window, extended, &RESET, out),
                })?;
            }
            RangeFn::Avg
            | RangeFn::Delta
            | RangeFn::Idelta
            | RangeFn::Increase
            | RangeFn::Irate
            | RangeFn::Rate
            | RangeFn::Sum => {
                self.fill_floats(function, out)?;
                let range_s = rate::seconds(self.windows.range_ms);
                self.each_mixed(|window, remarks| {
                    combine(function, window, (range_s, extended), remarks, out);
                })?;
            }
            RangeFn::Deriv
            | RangeFn::DoubleExponentialSmoothing
            | RangeFn::Mad
            | RangeFn::Max
            | RangeFn::Min
            | RangeFn::PredictLinear
            | RangeFn::Quantile
            | RangeFn::Stddev
            | RangeFn::Stdvar
            | RangeFn::TsOfMax
            | RangeFn::TsOfMin => {
                self.fill_floats(function, out)?;
                self.each_mixed(|window, remarks| {
                    if window.has_floats() {
                        remarks.named(Annotation::ignored_in_mixed_range);
                    }
                })?;
            }
        }
        Ok(self.remarks.list)
    }

    /// Fills `out` with what the function makes of the floats alone.
    fn fill_floats(&self, function: RangeFn, out: &mut Column) -> Result<(), QueryError> {
        let (mut timestamps_ms, mut values, mut starts_ms) = (Vec::new(), Vec::new(), Vec::new());
        let mut histograms = self.samples.histograms.iter().peekable();
        let samples = self.samples.timestamps_ms.iter().zip(self.samples.values);
        for (index, (timestamp_ms, value)) in samples.enumerate() {
            if histograms.next_if(|(at, _)| *at == index).is_none() {
                timestamps_ms.push(*timestamp_ms);
                values.push(*value);
                starts_ms.extend(self.samples.start_timestamps_ms.map(|starts| starts[index]));
            }
        }
        let floats = Samples {
            timestamps_ms: &timestamps_ms,
            values: &values,
            histograms: &[],
            start_timestamps_ms: self.samples.start_timestamps_ms.map(|_| &*starts_ms),
        };
        function.fill(self.ctx, self.params, floats, self.windows, out)
    }

    /// Calls `visit` for each window that holds a histogram.
    fn each_mixed(
        &mut self,
        mut visit: impl FnMut(MixedWindow<'a>, &mut Remarks<'a>),
    ) -> Result<(), StorageError> {
        let all = self.samples.histograms;
        let remarks = &mut self.remarks;
        let started = Started::new(self.samples);
        self.windows.slide(self.ctx, self.samples, |window| {
            let end = window.first + window.values.len();
            let from = all.partition_point(|(index, _)| *index < window.first);
            let to = all.partition_point(|(index, _)| *index < end);
            if from < to {
                visit(MixedWindow { window, histograms: &all[from..to], started }, remarks);
            }
        })
    }
}

/// Sets the result to the sample at a position of the window.
fn choose(window: MixedWindow<'_>, position: usize, out: &mut Column) {
    if let Some(histogram) = window.histogram(position) {
        out.set_histogram(window.window.step, Arc::clone(histogram));
    }
}

/// Fills `out` with what a smoothed instant selector shows of a series with histograms. Returns
/// what there is to remark.
///
/// # Errors
///
/// Where the query was told to stop.
pub(crate) fn fill_smoothed_mixed(
    ctx: &QueryContext,
    samples: Samples<'_>,
    lookups: &Windows,
    place: Place<'_>,
    out: &mut Column,
) -> Result<Vec<Annotation>, StorageError> {
    super::fill_smoothed(ctx, samples, lookups, out)?;
    let mut mixed = Mixed::new(ctx, &[], samples, lookups, place);
    mixed.each_mixed(|window, remarks| {
        let step = window.window.step;
        out.clear(step);
        if window.has_floats() {
            remarks.named(Annotation::mixed_floats_histograms);
            return;
        }
        let times = window.window.timestamps_ms.iter().copied();
        let points: Vec<(i64, &FloatHistogram)> = times.zip(window.histograms()).collect();
        if let Some(histogram) = smoothed_at(&points, window.window.end_ms, remarks) {
            out.set_histogram(step, histogram);
        }
    })?;
    Ok(mixed.remarks.list)
}
