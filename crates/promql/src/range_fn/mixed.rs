//! Windows over series with native histograms.
//!
//! The floats of such a series go through the kernels for floats, by themselves. What is here looks
//! again at the windows that hold a histogram.

use std::sync::Arc;

use narthex_model::histogram::{
    Added, FloatHistogram, HistogramError, HistogramMean, HistogramSum, ResetHint,
};
use narthex_promql_parser::{ExtendedRange, Span};
use narthex_storage::{QueryContext, StorageError};

use super::RangeFn;
use super::extended::anchored;
use super::extended_histograms::{extended_change, smoothed_at};
use super::histogram_change::{change, last_change};
use super::rate::{self, Change};
use super::start_times::{Started, extrapolation_to_end};
use crate::QueryError;
use crate::annotations::{Annotation, HistogramOperation};
use crate::block::Column;
use crate::scalar::Scalar;
use crate::window::{Samples, Window, Windows};

/// What remarks name: the metric, and where it stands in the query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) metric_name: &'a str,
    pub(crate) span: Span,
}

/// A function over a series with histograms, in the making.
#[derive(Debug)]
pub(crate) struct Mixed<'a> {
    ctx: &'a QueryContext,
    params: &'a [Scalar],
    samples: Samples<'a>,
    windows: &'a Windows,
    remarks: Remarks<'a>,
}

/// What there is to remark, each once.
#[derive(Debug)]
pub(super) struct Remarks<'a> {
    pub(super) place: Place<'a>,
    list: Vec<Annotation>,
}

impl<'a> Remarks<'a> {
    pub(super) fn new(place: Place<'a>) -> Self {
        Self { place, list: Vec::new() }
    }

    pub(super) fn add(&mut self, remark: Annotation) {
        if !self.list.contains(&remark) {
            self.list.push(remark);
        }
    }

    pub(super) fn named(&mut self, make: fn(&str, Span) -> Annotation) {
        self.add(make(self.place.metric_name, self.place.span));
    }

    /// Adds to a histogram or subtracts from it. `None` where they do not go together.
    pub(super) fn combine(
        &mut self,
        histogram: &mut FloatHistogram,
        other: &FloatHistogram,
        operation: HistogramOperation,
    ) -> Option<()> {
        let combined = match operation {
            HistogramOperation::Subtraction => histogram.sub(other),
            HistogramOperation::Addition | HistogramOperation::Aggregation => histogram.add(other),
        };
        match combined {
            Ok(added) => {
                if added.bounds_differed {
                    self.add(Annotation::mismatched_bounds(operation, self.place.span));
                }
                Some(())
            }
            Err(_) => {
                self.named(Annotation::mixed_exponential_custom);
                None
            }
        }
    }

    /// Forgets what was said, and says that histograms do not go together.
    pub(super) fn incompatible(&mut self) {
        self.list.clear();
        self.named(Annotation::mixed_exponential_custom);
    }

    /// Takes over what was said elsewhere.
    fn absorb(&mut self, other: Self) {
        for remark in other.list {
            self.add(remark);
        }
    }
}

/// A window that holds a histogram.
#[derive(Clone, Copy)]
pub(super) struct MixedWindow<'a> {
    pub(super) window: Window<'a>,
    /// The histograms, each with the index of its sample in the series.
    histograms: &'a [(usize, Arc<FloatHistogram>)],
    started: Option<Started<'a>>,
}

impl<'a> MixedWindow<'a> {
    /// Returns the part of an anchored window that counts, if there is one.
    fn anchored(self) -> Option<Self> {
        let window = anchored(self.window)?;
        let from = self.histograms.partition_point(|(index, _)| *index < window.first);
        Some(Self { window, histograms: &self.histograms[from..], ..self })
    }

    /// Returns whether the start of the sample at a position says that the counter began anew.
    pub(super) fn starts_anew(&self, position: usize) -> bool {
        self.started.is_some_and(|started| started.starts_anew(self.window.first + position))
    }

    /// Returns since when the first sample counts, where that lies within the window.
    fn start_inside(&self) -> Option<i64> {
        let start_ms = self.started?.starts_ms[self.window.first];
        let inside = start_ms != 0
            && start_ms > self.window.start_ms
            && start_ms < self.window.timestamps_ms[0];
        inside.then_some(start_ms)
    }

    fn has_floats(&self) -> bool {
        self.histograms.len() < self.window.values.len()
    }

    pub(super) fn histograms(&self) -> impl ExactSizeIterator<Item = &'a FloatHistogram> + use<'a> {
        self.histograms.iter().map(|(_, histogram)| &**histogram)
    }

    /// Returns whether the last two samples are floats.
    fn ends_with_floats(&self) -> bool {
        let count = self.window.values.len();
        count >= 2 && (count - 2..count).all(|position| self.histogram(position).is_none())
    }

    /// Returns the histogram at a position of the window, if there is one.
    pub(super) fn histogram(&self, position: usize) -> Option<&'a Arc<FloatHistogram>> {
        let index = self.window.first + position;
        let found = self.histograms.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        Some(&self.histograms[found].1)
    }
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

/// What two samples that follow one another can be to each other.
struct Relation {
    floats: fn(f64, f64) -> bool,
    histograms: fn(&FloatHistogram, &FloatHistogram) -> bool,
    /// Whether it also holds where a start timestamp says that a counter began anew.
    heeds_starts: bool,
}

const CHANGE: Relation = Relation {
    floats: |before, now| before != now && !(before.is_nan() && now.is_nan()),
    histograms: |before, now| before != now,
    heeds_starts: false,
};
const RESET: Relation = Relation {
    floats: |before, now| now < before,
    histograms: |before, now| now.detect_reset(before),
    heeds_starts: true,
};

/// Sets the result to how many samples stand in the relation to the one before. A float and a
/// histogram always do.
fn count(
    window: MixedWindow<'_>,
    reach: Option<ExtendedRange>,
    relation: &Relation,
    out: &mut Column,
) {
    let counted = if reach.is_some() { window.anchored() } else { Some(window) };
    let Some(counted) = counted else { return };
    let values = counted.window.values;
    let holds =
        |position: &usize| match (counted.histogram(position - 1), counted.histogram(*position)) {
            (Some(before), Some(now)) => {
                (relation.heeds_starts && counted.starts_anew(*position))
                    || (relation.histograms)(before, now)
            }
            (None, None) => {
                (relation.heeds_starts && counted.starts_anew(*position))
                    || (relation.floats)(values[position - 1], values[*position])
            }
            _ => true,
        };
    out.set(window.window.step, (1..values.len()).filter(holds).count() as f64);
}

/// Sets the result of a function for which floats and histograms do not go together.
fn combine(
    function: RangeFn,
    window: MixedWindow<'_>,
    (range_s, reach): (f64, Option<ExtendedRange>),
    remarks: &mut Remarks<'_>,
    out: &mut Column,
) {
    // What is said of this window may be taken back.
    let mut said = Remarks::new(remarks.place);
    let step = window.window.step;
    let is_last_change = matches!(function, RangeFn::Irate | RangeFn::Idelta);
    if is_last_change && window.ends_with_floats() {
        return;
    }
    out.clear(step);
    let result =
        match function {
            RangeFn::Irate | RangeFn::Idelta => {
                last_change(window, function == RangeFn::Irate, &mut said)
            }
            _ if window.has_floats() => {
                said.named(Annotation::mixed_floats_histograms);
                None
            }
            RangeFn::Sum => fold(window, HistogramSum::new, HistogramSum::add, &mut said)
                .map(HistogramSum::total),
            RangeFn::Avg => fold(window, HistogramMean::new, HistogramMean::add, &mut said)
                .map(HistogramMean::mean),
            _ => {
                let counter = function != RangeFn::Delta;
                let per_second = function == RangeFn::Rate;
                let change = Change { counter, per_second };
                match reach {
                    None => extrapolated(window, change, range_s, &mut said),
                    Some(kind) => {
                        let smoothed = kind == ExtendedRange::Smoothed;
                        extended_change(window, change, smoothed, range_s, &mut said)
                    }
                }
            }
        };
    if let Some(result) = result {
        out.set_histogram(step, Arc::new(result));
    }
    remarks.absorb(said);
}

/// Folds the histograms of a window.
fn fold<T>(
    window: MixedWindow<'_>,
    begin: fn(FloatHistogram) -> T,
    add: fn(&mut T, &FloatHistogram) -> Result<Added, HistogramError>,
    remarks: &mut Remarks<'_>,
) -> Option<T> {
    let span = remarks.place.span;
    let mut histograms = window.histograms();
    let mut folded = begin(histograms.next()?.clone());
    let mut bounds_differed = false;
    for histogram in histograms {
        match add(&mut folded, histogram) {
            Ok(added) => bounds_differed |= added.bounds_differed,
            Err(_) => {
                remarks.incompatible();
                return None;
            }
        }
    }
    let any = |hint| window.histograms().any(|histogram| histogram.reset_hint == hint);
    if any(ResetHint::Reset) && any(ResetHint::NotReset) {
        remarks.add(Annotation::reset_collision(HistogramOperation::Aggregation, span));
    }
    if bounds_differed {
        remarks.add(Annotation::mismatched_bounds(HistogramOperation::Aggregation, span));
    }
    Some(folded)
}

/// Returns the change over a window of histograms, extrapolated to its ends.
fn extrapolated(
    window: MixedWindow<'_>,
    kind: Change,
    range_s: f64,
    remarks: &mut Remarks<'_>,
) -> Option<FloatHistogram> {
    let histograms: Vec<&FloatHistogram> = window.histograms().collect();
    let start_ms = window.start_inside().filter(|_| kind.counter);
    let change = match histograms.len() {
        1 => None,
        _ => {
            let starts_anew = |position| window.starts_anew(position);
            Some(change(&histograms, kind.counter, starts_anew, remarks)?)
        }
    };
    let (mut change, mut factor) = match (change, start_ms) {
        (Some(change), None) => {
            let first = histograms[0].count;
            let factor = kind.extrapolation(window.window, first, change.count);
            (change, factor)
        }
        (Some(mut change), Some(start_ms)) => {
            remarks.combine(&mut change, histograms[0], HistogramOperation::Addition)?;
            (change, extrapolation_to_end(window.window, start_ms))
        }
        (None, Some(start_ms)) => {
            (histograms[0].clone(), extrapolation_to_end(window.window, start_ms))
        }
        (None, None) => return None,
    };
    if kind.per_second {
        factor /= range_s;
    }
    change.mul(factor);
    Some(change)
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
