//! A column of results in the making.

use narthex_storage::{QueryContext, StorageError};

use super::extended;
use super::extreme::Extremes;
use super::order::SortedWindow;
use super::pairs::PairCounts;
use super::rate::Change;
use super::start_times::Started;
use crate::block::Column;
use crate::window::{BATCH_LEN_MAX, Batch, Samples, Window, Windows};

/// Fills a column with results over the windows of a series.
pub(super) struct Fill<'a> {
    pub(super) ctx: &'a QueryContext,
    pub(super) samples: Samples<'a>,
    pub(super) windows: &'a Windows,
    pub(super) out: &'a mut Column,
}

impl<'a> Fill<'a> {
    pub(super) fn change(&mut self, change: Change) -> Result<(), StorageError> {
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

    /// Fills in what `kernel` makes of the windows with at least `count` samples, many at a time.
    /// What it makes of the others is left out.
    #[inline]
    pub(super) fn batches(
        &mut self,
        count: usize,
        mut kernel: impl FnMut(&Batch<'_, '_>, &mut [f64; BATCH_LEN_MAX]),
    ) -> Result<(), StorageError> {
        let mut results = [0.0; BATCH_LEN_MAX];
        let out = &mut *self.out;
        self.windows.batches(self.ctx, self.samples, |batch| {
            kernel(batch, &mut results);
            out.store(batch.step, &results[..batch.len()], batch.spans.holding(count));
        })
    }

    /// Fills in what `kernel` makes of each window with at least `count` samples, from the index of
    /// its first sample and the index behind its last.
    #[inline]
    pub(super) fn spans(
        &mut self,
        count: usize,
        kernel: impl Fn(usize, usize) -> f64,
    ) -> Result<(), StorageError> {
        self.batches(count, |batch, results| {
            for (position, result) in results[..batch.len()].iter_mut().enumerate() {
                let (first, end) = (batch.spans.firsts()[position], batch.spans.ends()[position]);
                if end - first >= count {
                    *result = kernel(first, end);
                }
            }
        })
    }

    /// Fills in what `kernel` makes of each window that holds a sample, where it makes something.
    #[inline]
    pub(super) fn windows(
        &mut self,
        mut kernel: impl FnMut(Window<'a>) -> Option<f64>,
    ) -> Result<(), StorageError> {
        let mut results = [0.0; BATCH_LEN_MAX];
        let out = &mut *self.out;
        self.windows.batches(self.ctx, self.samples, |batch| {
            let mut present = 0;
            for (position, place) in results[..batch.len()].iter_mut().enumerate() {
                if let Some(result) = batch.window(position).and_then(&mut kernel) {
                    *place = result;
                    present |= 1 << position;
                }
            }
            out.store(batch.step, &results[..batch.len()], present);
        })
    }

    /// Fills in how many samples of each window stand in the counted relation to the one before, of
    /// anchored windows from their anchor on.
    pub(super) fn pairs(&mut self, counts: &PairCounts) -> Result<(), StorageError> {
        match self.windows.reach.kind {
            None => self.spans(1, |first, end| counts.between(first, end) as f64),
            Some(_) => self.windows(|window| {
                let window = extended::anchored(window)?;
                Some(counts.within(window) as f64)
            }),
        }
    }

    /// Fills in what `result` makes of the sample, given by its position in the window, that
    /// `beats` the others.
    #[inline]
    pub(super) fn extremes(
        &mut self,
        beats: impl Fn(f64, f64) -> bool,
        result: impl Fn(Window<'_>, usize) -> f64,
    ) -> Result<(), StorageError> {
        let mut extremes = Extremes::default();
        self.windows(|window| Some(result(window, extremes.slide(window, &beats))))
    }

    /// Fills in what `result` makes of the sorted values of each window.
    pub(super) fn sorted(
        &mut self,
        result: impl Fn(&mut SortedWindow, Window<'_>) -> f64,
    ) -> Result<(), StorageError> {
        let mut sorted = SortedWindow::default();
        let values = self.samples.values;
        self.windows(|window| {
            sorted.slide(values, window);
            Some(result(&mut sorted, window))
        })
    }
}
