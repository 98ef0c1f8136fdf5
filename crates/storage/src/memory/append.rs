use std::sync::Arc;

use narthex_model::Metadata;
use narthex_model::histogram::{FloatHistogram, HistogramError};

use super::run::{continues, kept_hint, share_buckets};
use super::{MemoryStore, Series};
use crate::{
    AppendError, Appendable, Appender, Committed, SampleTime, SampleValue, SeriesKey, SeriesRef,
};

/// What a sample was when it was appended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Float,
    Histogram,
    FloatHistogram,
}

/// A sample that waits for its commit.
struct Pending {
    series: SeriesRef,
    time: SampleTime,
    kind: Kind,
    /// The value, or the histogram's sum.
    value: f64,
    histogram: Option<FloatHistogram>,
}

impl Appendable for MemoryStore {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(MemoryAppender { store: self, pending: Vec::new() })
    }
}

struct MemoryAppender<'a> {
    store: &'a MemoryStore,
    pending: Vec<Pending>,
}

impl Appender for MemoryAppender<'_> {
    fn append(
        &mut self,
        key: SeriesKey<'_>,
        timestamp_ms: i64,
        value: SampleValue<'_>,
    ) -> Result<SeriesRef, AppendError> {
        self.append_with_start(key, SampleTime { timestamp_ms, start_timestamp_ms: 0 }, value)
    }

    fn append_with_start(
        &mut self,
        key: SeriesKey<'_>,
        time: SampleTime,
        value: SampleValue<'_>,
    ) -> Result<SeriesRef, AppendError> {
        let mut pending = Pending::new(time, value).map_err(AppendError::InvalidHistogram)?;
        let mut state = self.store.state.write();
        pending.series = match key {
            SeriesKey::Ref(series) => series,
            SeriesKey::Labels(labels) => state.series_for(labels),
        };
        let Some(stored) = state.series_mut(pending.series) else {
            return Err(AppendError::UnknownSeries(pending.series));
        };
        stored.check_order(&pending)?;
        let series = pending.series;
        self.pending.push(pending);
        Ok(series)
    }

    fn set_metadata(&mut self, _: SeriesRef, _: &Metadata) -> Result<(), AppendError> {
        Ok(())
    }

    fn commit(&mut self) -> Result<Committed, AppendError> {
        let mut state = self.store.state.write();
        let mut committed = Committed::default();
        for pending in self.pending.drain(..) {
            let stored = state.series_mut(pending.series).expect("an append found it");
            // Another appender may have been faster, or this one holds a time twice.
            if stored.newest_ms().is_none_or(|newest_ms| newest_ms < pending.time.timestamp_ms) {
                stored.push(pending);
                committed.samples += 1;
            }
        }
        Ok(committed)
    }

    fn rollback(&mut self) {
        self.pending.clear();
    }
}

impl Pending {
    fn new(time: SampleTime, value: SampleValue<'_>) -> Result<Self, HistogramError> {
        let (kind, value, histogram) = match value {
            SampleValue::Float(value) => (Kind::Float, value, None),
            SampleValue::Histogram(histogram) => {
                histogram.validate()?;
                (Kind::Histogram, histogram.sum, Some(histogram.to_float()))
            }
            SampleValue::FloatHistogram(histogram) => {
                histogram.validate()?;
                (Kind::FloatHistogram, histogram.sum, Some(histogram.clone()))
            }
        };
        Ok(Self { series: SeriesRef(0), time, kind, value, histogram })
    }
}

impl Series {
    fn newest_ms(&self) -> Option<i64> {
        self.samples.timestamps_ms().last().copied()
    }

    fn newest_histogram(&self) -> Option<&FloatHistogram> {
        let newest = self.samples.len().checked_sub(1)?;
        self.samples.histogram(newest).map(Arc::as_ref)
    }

    fn check_order(&self, pending: &Pending) -> Result<(), AppendError> {
        let Some(newest_ms) = self.newest_ms() else { return Ok(()) };
        if pending.time.timestamp_ms < newest_ms {
            return Err(AppendError::OutOfOrder);
        }
        let is_equal = || {
            let value = self.samples.values().last().copied().unwrap_or_default();
            self.newest == pending.kind
                && value.to_bits() == pending.value.to_bits()
                && self.newest_histogram() == pending.histogram.as_ref()
        };
        if pending.time.timestamp_ms == newest_ms && !is_equal() {
            return Err(AppendError::DuplicateTimestamp);
        }
        Ok(())
    }

    fn push(&mut self, pending: Pending) {
        let Pending { time, kind, value, histogram, .. } = pending;
        match histogram {
            Some(histogram) => self.push_histogram(time.timestamp_ms, kind, histogram),
            None => Arc::make_mut(&mut self.samples).push(time.timestamp_ms, value),
        }
        self.newest = kind;
        Arc::make_mut(&mut self.samples).set_last_start_timestamp_ms(time.start_timestamp_ms);
    }

    fn push_histogram(&mut self, timestamp_ms: i64, kind: Kind, mut histogram: FloatHistogram) {
        let previous = self.newest_histogram().filter(|_| self.newest == kind);
        let continues = previous.is_some_and(|previous| continues(previous, &histogram));
        histogram.reset_hint = kept_hint(&histogram, continues);
        let samples = Arc::make_mut(&mut self.samples);
        if continues {
            share_buckets(samples.histograms_mut(self.run_start), &mut histogram);
        } else {
            self.run_start = samples.len();
        }
        samples.push_histogram(timestamp_ms, Arc::new(histogram));
    }
}
