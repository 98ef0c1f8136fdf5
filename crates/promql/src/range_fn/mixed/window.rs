use std::sync::Arc;

use narthex_model::histogram::FloatHistogram;

use crate::range_fn::extended::anchored;
use crate::range_fn::start_times::Started;
use crate::window::Window;

/// A window that holds a histogram.
#[derive(Clone, Copy)]
pub(in crate::range_fn) struct MixedWindow<'a> {
    pub(in crate::range_fn) window: Window<'a>,
    /// The histograms, each with the index of its sample in the series.
    pub(super) histograms: &'a [(usize, Arc<FloatHistogram>)],
    pub(super) started: Option<Started<'a>>,
}

impl<'a> MixedWindow<'a> {
    /// Returns the part of an anchored window that counts, if there is one.
    pub(super) fn anchored(self) -> Option<Self> {
        let window = anchored(self.window)?;
        let from = self.histograms.partition_point(|(index, _)| *index < window.first);
        Some(Self { window, histograms: &self.histograms[from..], ..self })
    }

    /// Returns whether the start of the sample at a position says that the counter began anew.
    pub(in crate::range_fn) fn starts_anew(&self, position: usize) -> bool {
        self.started.is_some_and(|started| started.starts_anew(self.window.first + position))
    }

    /// Returns since when the first sample counts, where that lies within the window.
    pub(super) fn start_inside(&self) -> Option<i64> {
        let start_ms = self.started?.starts_ms[self.window.first];
        let inside = start_ms != 0
            && start_ms > self.window.start_ms
            && start_ms < self.window.timestamps_ms[0];
        inside.then_some(start_ms)
    }

    pub(super) fn has_floats(&self) -> bool {
        self.histograms.len() < self.window.values.len()
    }

    pub(in crate::range_fn) fn histograms(
        &self,
    ) -> impl ExactSizeIterator<Item = &'a FloatHistogram> + use<'a> {
        self.histograms.iter().map(|(_, histogram)| &**histogram)
    }

    /// Returns whether the last two samples are floats.
    pub(super) fn ends_with_floats(&self) -> bool {
        let count = self.window.values.len();
        count >= 2 && (count - 2..count).all(|position| self.histogram(position).is_none())
    }

    /// Returns the histogram at a position of the window, if there is one.
    pub(in crate::range_fn) fn histogram(
        &self,
        position: usize,
    ) -> Option<&'a Arc<FloatHistogram>> {
        let index = self.window.first + position;
        let found = self.histograms.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        Some(&self.histograms[found].1)
    }
}
