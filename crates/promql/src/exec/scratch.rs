use std::sync::Arc;

use narthex_model::histogram::{FloatHistogram, ResetHint};
use narthex_model::is_stale_nan;
use narthex_storage::{Columns, Selection};

use super::run::{Allowance, Run};
use crate::block::Row;
use crate::window::Samples;
use crate::{Grid, QueryError};

/// Buffers for one decoded series, used again for the next.
pub(crate) struct Scratch<'a> {
    columns: Columns,
    timestamps_ms: Vec<i64>,
    values: Vec<f64>,
    histograms: Vec<(usize, Arc<FloatHistogram>)>,
    start_timestamps_ms: Vec<i64>,
    /// Whether anybody asks for start timestamps.
    with_starts: bool,
    allowance: Allowance<'a>,
}

impl<'a> Scratch<'a> {
    pub(crate) fn new(run: &'a Run<'a>) -> Self {
        Self {
            columns: Columns::default(),
            timestamps_ms: Vec::new(),
            values: Vec::new(),
            histograms: Vec::new(),
            start_timestamps_ms: Vec::new(),
            with_starts: run.options.use_start_timestamps,
            allowance: run.allowance(),
        }
    }

    /// Reads the samples of a series from the store.
    pub(super) fn decode(
        &mut self,
        run: &Run<'_>,
        selection: &dyn Selection,
        index: usize,
    ) -> Result<(), QueryError> {
        selection.read(run.ctx, index, &mut self.columns)?;
        if let Some(profiler) = run.profiler() {
            profiler.count_read(self.columns.len());
        }
        self.allowance.grow_to(self.columns.len() * (size_of::<i64>() + size_of::<f64>()))
    }

    /// Takes the values at the steps of `grid`.
    pub(super) fn fill(&mut self, grid: Grid, row: Row<'_>) {
        self.columns.clear();
        self.clear();
        for (step, value) in row.iter() {
            if let Some(histogram) = row.histogram(step) {
                self.histograms.push((self.values.len(), without_reset(histogram)));
            }
            self.timestamps_ms.push(grid.time_ms(step));
            self.values.push(value);
        }
    }

    /// Takes the buckets out of the histograms, and finds out about resets before that.
    ///
    /// # Source
    ///
    /// `HistogramStatsIterator` in Prometheus `promql/histogram_stats_iterator.go`.
    pub(super) fn drop_buckets(&mut self) {
        if !self.columns.has_histograms() {
            return;
        }
        let mut totals = Columns::default();
        let mut before: Option<&Arc<FloatHistogram>> = None;
        let mut histograms = self.columns.histograms().iter().peekable();
        for (index, sample) in self.columns.iter().enumerate() {
            match histograms.next_if(|(at, _)| *at == index) {
                None => totals.push(sample.timestamp_ms, sample.value),
                Some((_, histogram)) => {
                    totals.push_histogram(sample.timestamp_ms, total_of(histogram, before));
                    if !histogram.is_stale() {
                        before = Some(histogram);
                    }
                }
            }
            if let Some(starts) = self.columns.start_timestamps_ms() {
                totals.set_last_start_timestamp_ms(starts[index]);
            }
        }
        self.columns = totals;
    }

    fn clear(&mut self) {
        self.timestamps_ms.clear();
        self.values.clear();
        self.histograms.clear();
        self.start_timestamps_ms.clear();
    }

    /// Returns what the store returned last, staleness markers included.
    pub(super) fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Copies the samples that are no staleness markers, where there is a marker.
    pub(super) fn drop_stale(&mut self) {
        self.clear();
        if !self.columns.has_stale() {
            return;
        }
        if let Some(starts) = self.columns.start_timestamps_ms() {
            let kept = starts.iter().zip(self.columns.values());
            let kept = kept.filter(|(_, value)| !is_stale_nan(**value));
            self.start_timestamps_ms.extend(kept.map(|(start, _)| *start));
        }
        let mut histograms = self.columns.histograms().iter().peekable();
        for (index, sample) in self.columns.iter().enumerate() {
            let histogram = histograms.next_if(|(at, _)| *at == index);
            if !is_stale_nan(sample.value) {
                if let Some((_, histogram)) = histogram {
                    self.histograms.push((self.values.len(), Arc::clone(histogram)));
                }
                self.timestamps_ms.push(sample.timestamp_ms);
                self.values.push(sample.value);
            }
        }
    }

    /// Returns the samples that were read last.
    pub(crate) fn samples(&self) -> Samples<'_> {
        if self.columns.is_empty() || self.columns.has_stale() {
            let starts = &self.start_timestamps_ms[..];
            Samples {
                timestamps_ms: &self.timestamps_ms,
                values: &self.values,
                histograms: &self.histograms,
                start_timestamps_ms: (self.with_starts && !starts.is_empty()).then_some(starts),
            }
        } else {
            let columns = &self.columns;
            Samples {
                timestamps_ms: columns.timestamps_ms(),
                values: columns.values(),
                histograms: columns.histograms(),
                start_timestamps_ms: columns.start_timestamps_ms().filter(|_| self.with_starts),
            }
        }
    }
}

/// Returns count and sum of a histogram, and whether a reset lies between it and the one before.
fn total_of(
    histogram: &FloatHistogram,
    before: Option<&Arc<FloatHistogram>>,
) -> Arc<FloatHistogram> {
    let reset_hint = match before {
        Some(before) if histogram.reset_hint == ResetHint::Unknown && !histogram.is_stale() => {
            if histogram.detect_reset(before) {
                ResetHint::Reset
            } else {
                ResetHint::NotReset
            }
        }
        _ => histogram.reset_hint,
    };
    let &FloatHistogram { schema, count, sum, .. } = histogram;
    Arc::new(FloatHistogram { reset_hint, schema, count, sum, ..FloatHistogram::default() })
}

/// Returns a histogram of which it is not known whether a reset lies before it: what was known may
/// be about samples that a subquery leaves out or repeats.
fn without_reset(histogram: &Arc<FloatHistogram>) -> Arc<FloatHistogram> {
    match histogram.reset_hint {
        ResetHint::Unknown | ResetHint::Gauge => Arc::clone(histogram),
        ResetHint::Reset | ResetHint::NotReset => Arc::new(FloatHistogram {
            reset_hint: ResetHint::Unknown,
            ..FloatHistogram::clone(histogram)
        }),
    }
}
