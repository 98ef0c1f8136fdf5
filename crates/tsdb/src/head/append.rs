use std::ops::{Deref, Range};
use std::sync::atomic::Ordering;

use hashbrown::HashMap;
use narthex_model::histogram::{FloatHistogram, Histogram};
use narthex_model::{Exemplar, Labels, Metadata, SampleTime};
use narthex_storage::{
    AppendError, Appender, Committed, ExemplarError, SampleValue, SeriesKey, SeriesRef,
};

use super::exemplars::PendingExemplar;
use super::labels::LABELS_SIZE_MAX;
use super::ooo::Bounds;
use super::series::{Series, Slot};
use super::trail::Trail;
use super::underway::Underway;
use super::value::Kind;
use super::{Head, State};
use crate::sample::{Sample, Value};
use crate::wal::record::{
    RefHistogram, RefSample, encode_exemplars, encode_histograms, encode_metadata, encode_samples,
    encode_samples_with_starts, encode_series,
};
use crate::wal::{Gist, LogRecord, Wal};

/// Gathers samples, writes them to the log as one record of each kind, and then shows them.
pub(crate) struct HeadAppender<'a, H: Deref<Target = Head> = &'a Head> {
    pub(super) head: H,
    /// `None` where samples are to last no longer than the process.
    wal: Option<&'a Wal>,
    /// Set by the first sample.
    bounds: Option<Bounds>,
    /// The time of the oldest sample that may go to the end of its series.
    oldest_ms: i64,
    trail: Trail,
    pub(super) samples: Vec<Pending>,
    /// Whether some series may have more than one of the samples.
    has_repeats: bool,
    batches: Batches,
    pub(super) metadata: Vec<PendingMetadata>,
    pub(super) exemplars: Vec<PendingExemplar>,
}

/// How late a sample may come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Window {
    Configured,
    None,
}

/// A series that the log names: where it is, and by which reference.
pub(super) type NamedSeries = (Slot, u64);

/// A sample that waits for its commit.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) slot: Slot,
    /// Whether the log named the series when the sample was appended: most did, so that a commit need
    /// not look at them.
    is_logged: bool,
    pub(super) reference: u64,
    pub(super) sample: Sample,
}

/// What a metric means, waiting for its commit.
#[derive(Clone, Debug)]
pub(super) struct PendingMetadata {
    pub(super) slot: Slot,
    pub(super) reference: u64,
    pub(super) metadata: Metadata,
}

/// What an appender gathered, to be applied.
#[derive(Debug)]
pub(super) struct Commit<'a> {
    pub(super) samples: &'a mut Vec<Pending>,
    pub(super) metadata: Vec<PendingMetadata>,
    /// The series that the log names now.
    pub(super) named: Vec<NamedSeries>,
    /// Of the samples, where there are any.
    pub(super) bounds: Option<Bounds>,
    /// Whether some series may have more than one of the samples.
    pub(super) has_repeats: bool,
}

/// Where the samples of an appender are split, so that the log can have the floats of each part before
/// its histograms and no sample of a series comes before an older one.
#[derive(Debug, Default)]
struct Batches {
    /// Where all but the first start.
    starts: Vec<usize>,
    /// The series with histograms in the last one.
    kinds: HashMap<Slot, Kind>,
}

impl Batches {
    /// Takes note of the sample `index` of a series.
    ///
    /// # Source
    ///
    /// `getCurrentBatch` in Prometheus' `tsdb/head_append.go`.
    fn add(&mut self, index: usize, slot: Slot, kind: Kind) {
        match self.kinds.get(&slot) {
            None if kind == Kind::Float => return,
            Some(known) if *known == kind => return,
            // Floats come first in a batch, so histograms may follow them.
            None => {}
            Some(_) => {
                self.starts.push(index);
                self.kinds.clear();
            }
        }
        if kind != Kind::Float {
            self.kinds.insert(slot, kind);
        }
    }

    /// Returns the batches of `count` samples.
    fn ranges(&self, count: usize) -> impl Iterator<Item = Range<usize>> {
        let starts = std::iter::once(0).chain(self.starts.iter().copied());
        let ends = self.starts.iter().copied().chain([count]);
        starts.zip(ends).map(|(start, end)| start..end)
    }

    fn clear(&mut self) {
        self.starts.clear();
        self.kinds.clear();
    }
}

impl<'a, H: Deref<Target = Head> + Clone> HeadAppender<'a, H> {
    pub(crate) fn new(head: H, wal: &'a Wal) -> Self {
        let mut appender = Self::without_log(head);
        appender.wal = Some(wal);
        appender
    }

    /// Returns an appender whose samples last no longer than the process.
    pub(crate) fn without_log(head: H) -> Self {
        head.appenders.created.fetch_add(1, Ordering::Relaxed);
        head.appenders.active.fetch_add(1, Ordering::Relaxed);
        Self {
            head,
            wal: None,
            bounds: None,
            oldest_ms: i64::MAX,
            trail: Trail::default(),
            samples: Vec::new(),
            has_repeats: false,
            batches: Batches::default(),
            metadata: Vec::new(),
            exemplars: Vec::new(),
        }
    }

    fn try_append(
        &mut self,
        key: SeriesKey<'_>,
        time: SampleTime,
        value: SampleValue<'_>,
        window: Window,
    ) -> Result<SeriesRef, AppendError> {
        let timestamp_ms = time.timestamp_ms;
        let mut bounds = match self.bounds {
            Some(bounds) => bounds,
            None => *self.bounds.insert(self.head.bounds(timestamp_ms)?),
        };
        if window == Window::None {
            bounds = bounds.without_window();
        }
        bounds.check(timestamp_ms)?;
        let sample = Sample { time, value: Value::new(value)? };
        let head = self.head.clone();
        match key {
            SeriesKey::Labels(labels) => {
                // Found and held in one go, so that the series cannot leave the head in between.
                let (state, slot) = head.series_for(check_labels(labels)?, &mut self.trail);
                self.push(&state, slot, sample, bounds)
            }
            SeriesKey::Ref(series) => {
                let state = head.state.read();
                let slot = state.find_series(series)?;
                self.push(&state, slot, sample, bounds)
            }
        }
    }

    /// Keeps a sample for the commit.
    fn push(
        &mut self,
        state: &State,
        slot: Slot,
        mut sample: Sample,
        bounds: Bounds,
    ) -> Result<SeriesRef, AppendError> {
        if let Some(kind) = self.batches.kinds.get(&slot) {
            sample.value = sample.value.into_end_of(*kind);
        }
        let series = state.table.get(slot);
        self.head.check(series, &sample, bounds, state.table.slab())?;
        // Another appender may hold samples for it too: then it is looked at more closely than needed.
        self.has_repeats |= series.pending.fetch_add(1, Ordering::Relaxed) > 0;
        let Series { reference, is_logged, .. } = *series;
        self.batches.add(self.samples.len(), slot, sample.value.kind());
        if sample.time.timestamp_ms >= bounds.min_valid_ms {
            self.oldest_ms = self.oldest_ms.min(sample.time.timestamp_ms);
        }
        self.samples.push(Pending { slot, is_logged, reference, sample });
        Ok(state.series_ref(slot))
    }

    /// Begins the commit. `None` where the head takes some of its samples no more.
    fn enter<'h>(&mut self, head: &'h Head) -> Option<Underway<'h>> {
        loop {
            if let Some(underway) = head.enter_commit(self.oldest_ms) {
                return Some(underway);
            }
            // They are out of order by now.
            let bounds = self.bounds.as_mut().filter(|bounds| bounds.has_window())?;
            bounds.min_valid_ms = bounds.min_valid_ms.max(head.sealed_ms());
            let times = self.samples.iter().map(|pending| pending.sample.time.timestamp_ms);
            let in_order = times.filter(|time| *time >= bounds.min_valid_ms);
            self.oldest_ms = in_order.min().unwrap_or(i64::MAX);
        }
    }

    /// Returns the log's records, but for the one that names series.
    fn encode(&self) -> Vec<LogRecord> {
        let mut records = Vec::new();
        if !self.metadata.is_empty() {
            let metadata = self.metadata.iter().map(|item| (item.reference, &item.metadata));
            records.push(encoded(|out| encode_metadata(metadata, out)));
        }
        for range in self.batches.ranges(self.samples.len()) {
            let batch = &self.samples[range];
            encode_batch(batch, self.head.rules.keeps_starts, &mut records);
        }
        if !self.exemplars.is_empty() {
            // Behind the samples: who forwards the log sends the series before what refers to it.
            let exemplars = self.exemplars.iter().map(|pending| &pending.item);
            records.push(encoded(|out| encode_exemplars(exemplars, out)));
        }
        records
    }

    /// Returns the series that the log may not name yet, each once.
    fn unnamed(&self) -> Vec<NamedSeries> {
        let samples = self.samples.iter().filter(|sample| !sample.is_logged);
        let samples = samples.map(|sample| (sample.slot, sample.reference));
        let metadata = self.metadata.iter().map(|item| (item.slot, item.reference));
        let exemplars = self.exemplars.iter().map(|item| (item.slot, item.item.reference));
        let mut unnamed = samples.chain(metadata).chain(exemplars).collect::<Vec<_>>();
        unnamed.sort_unstable();
        unnamed.dedup();
        unnamed
    }
}

impl<H: Deref<Target = Head>> Drop for HeadAppender<'_, H> {
    fn drop(&mut self) {
        self.clear();
        self.head.appenders.active.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<H: Deref<Target = Head> + Clone> Appender for HeadAppender<'_, H> {
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
        let appended = self.try_append(key, time, value, Window::Configured);
        appended.inspect_err(|error| self.head.count_refusal(error))
    }

    fn append_in_order(
        &mut self,
        key: SeriesKey<'_>,
        time: SampleTime,
        value: SampleValue<'_>,
    ) -> Result<SeriesRef, AppendError> {
        let appended = self.try_append(key, time, value, Window::None);
        appended.inspect_err(|error| self.head.count_refusal(error))
    }

    fn set_metadata(&mut self, series: SeriesRef, metadata: &Metadata) -> Result<(), AppendError> {
        let state = self.head.state.read();
        let slot = state.find_series(series)?;
        if state.metadata.by_slot.get(&slot).is_none_or(|known| **known != *metadata) {
            let reference = state.table.get(slot).reference;
            self.metadata.push(PendingMetadata { slot, reference, metadata: metadata.clone() });
        }
        Ok(())
    }

    fn append_exemplar(
        &mut self,
        series: SeriesRef,
        exemplar: &Exemplar,
    ) -> Result<(), ExemplarError> {
        self.exemplars.extend(self.head.check_exemplar(series, exemplar)?);
        Ok(())
    }

    fn commit(&mut self) -> Result<Committed, AppendError> {
        let is_empty = self.samples.is_empty() && self.metadata.is_empty();
        if is_empty && self.exemplars.is_empty() {
            self.rollback();
            return Ok(Committed::default());
        }
        let head = self.head.clone();
        let head = &*head;
        let Some(_underway) = self.enter(head) else {
            self.rollback();
            return Err(AppendError::OutOfBounds);
        };
        let records = self.wal.map(|_| self.encode()).unwrap_or_default();
        let touched = self.wal.map(|_| self.unnamed()).unwrap_or_default();
        let metadata = std::mem::take(&mut self.metadata);
        let exemplars = std::mem::take(&mut self.exemplars);
        let (bounds, has_repeats) = (self.bounds, self.has_repeats);
        let samples = &mut self.samples;
        let name = |records: &mut Vec<LogRecord>| head.name_series(touched, records);
        let apply = |named: Vec<NamedSeries>| {
            let commit = Commit { samples, metadata, named, bounds, has_repeats };
            let applied = head.apply(commit);
            head.add_exemplars(exemplars);
            applied
        };
        let outcome = match self.wal {
            Some(wal) => wal.commit_with(records, name, apply).flatten(),
            None => apply(Vec::new()),
        };
        let outcome = outcome.map(|samples| Committed { samples });
        let outcome = outcome.map_err(|error| AppendError::Store(Box::new(error)));
        self.rollback();
        head.spill();
        outcome
    }

    fn rollback(&mut self) {
        self.clear();
    }
}

impl<H: Deref<Target = Head>> HeadAppender<'_, H> {
    /// Forgets everything since the last commit.
    fn clear(&mut self) {
        if !self.samples.is_empty() {
            let state = self.head.state.read();
            for pending in self.samples.drain(..) {
                state.table.get(pending.slot).release();
            }
        }
        self.batches.clear();
        self.metadata.clear();
        self.exemplars.clear();
        self.bounds = None;
        self.oldest_ms = i64::MAX;
        self.has_repeats = false;
    }
}

impl Head {
    /// Puts a record in front that names those of the series that the log does not name yet, and
    /// returns them.
    fn name_series(
        &self,
        mut series: Vec<NamedSeries>,
        records: &mut Vec<LogRecord>,
    ) -> Vec<NamedSeries> {
        if series.is_empty() {
            return series;
        }
        let state = self.state.read();
        let table = &state.table;
        // Nothing keeps a series that has no sample here: it may have gone.
        series.retain(|(slot, reference)| {
            let found = table.get(*slot);
            found.reference == *reference && !found.is_logged
        });
        if !series.is_empty() {
            let items = series.iter().map(|(slot, reference)| (*reference, table.label_set(*slot)));
            let items = items.collect::<Vec<_>>();
            let items = items.iter().map(|(reference, labels)| (*reference, labels));
            records.insert(0, encoded(|out| encode_series(items, out)));
        }
        series
    }
}

/// Adds the records of one batch: floats, then histograms of either kind.
pub(super) fn encode_batch(batch: &[Pending], with_starts: bool, records: &mut Vec<LogRecord>) {
    let mut gist = Gist::default();
    let floats = batch.iter().filter_map(|pending| match pending.sample.value {
        Value::Float(value) => Some(RefSample {
            reference: pending.reference,
            timestamp_ms: pending.sample.time.timestamp_ms,
            start_timestamp_ms: pending.sample.time.start_timestamp_ms,
            value,
        }),
        _ => None,
    });
    let mut floats = floats.inspect(|sample| gist.add(sample)).peekable();
    if floats.peek().is_some() {
        let record = encoded(|out| match with_starts {
            true => encode_samples_with_starts(floats, out),
            false => encode_samples(floats, out),
        });
        records.push(LogRecord { gist: Some(gist), ..record });
    }
    let mut others = Vec::new();
    let histograms = batch.iter().filter_map(|pending| match &pending.sample.value {
        Value::Histogram(histogram) => Some(pending.with_histogram::<Histogram>(histogram)),
        _ => None,
    });
    encode_histograms(histograms, with_starts, &mut others);
    let histograms = batch.iter().filter_map(|pending| match &pending.sample.value {
        Value::FloatHistogram(histogram) => {
            Some(pending.with_histogram::<FloatHistogram>(histogram))
        }
        _ => None,
    });
    encode_histograms(histograms, with_starts, &mut others);
    records.extend(others.into_iter().map(LogRecord::from));
}

impl Pending {
    fn with_histogram<'a, H>(&self, histogram: &'a H) -> RefHistogram<&'a H> {
        let SampleTime { timestamp_ms, start_timestamp_ms } = self.sample.time;
        RefHistogram { reference: self.reference, timestamp_ms, start_timestamp_ms, histogram }
    }
}

fn check_labels(labels: &Labels) -> Result<&Labels, AppendError> {
    let reason = match labels.as_bytes().len() {
        0 => "empty labelset",
        1..=LABELS_SIZE_MAX => return Ok(labels),
        _ => "more than 8 MiB of labels",
    };
    Err(AppendError::InvalidLabels { labels: labels.clone(), reason })
}

fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> LogRecord {
    let mut record = Vec::new();
    encode(&mut record);
    record.into()
}
