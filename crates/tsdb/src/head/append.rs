use narthex_model::{Labels, Metadata};
use narthex_storage::{AppendError, Appender, Committed, SampleValue, SeriesKey, SeriesRef};

use super::labels::LABELS_SIZE_MAX;
use super::series::{Series, Slot};
use super::{Head, State};
use crate::wal::Wal;
use crate::wal::record::{RefSample, encode_metadata, encode_samples, encode_series};

/// Gathers samples, writes them to the log as one record, and then shows them.
pub(crate) struct HeadAppender<'a> {
    head: &'a Head,
    wal: &'a Wal,
    /// Set by the first sample.
    min_valid_ms: Option<i64>,
    samples: Vec<Pending>,
    metadata: Vec<(Slot, Metadata)>,
}

/// A sample that waits for its commit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) slot: Slot,
    /// Whether the log named the series when the sample was appended: most did, so that a commit need
    /// not look at them.
    is_logged: bool,
    reference: u64,
    pub(super) timestamp_ms: i64,
    pub(super) value: f64,
}

impl<'a> HeadAppender<'a> {
    pub(crate) fn new(head: &'a Head, wal: &'a Wal) -> Self {
        Self { head, wal, min_valid_ms: None, samples: Vec::new(), metadata: Vec::new() }
    }

    fn try_append(
        &mut self,
        key: SeriesKey<'_>,
        timestamp_ms: i64,
        value: f64,
    ) -> Result<SeriesRef, AppendError> {
        let min_valid_ms =
            *self.min_valid_ms.get_or_insert_with(|| self.head.min_valid_ms(timestamp_ms));
        if timestamp_ms < min_valid_ms {
            return Err(AppendError::OutOfBounds);
        }
        let head = self.head;
        match key {
            SeriesKey::Labels(labels) => {
                let slot = head.series_for(check_labels(labels)?);
                self.push(&head.state.read(), slot, timestamp_ms, value)
            }
            SeriesKey::Ref(series) => {
                let state = head.state.read();
                let slot = state.find_series(series)?;
                self.push(&state, slot, timestamp_ms, value)
            }
        }
    }

    /// Keeps a sample for the commit.
    fn push(
        &mut self,
        state: &State,
        slot: Slot,
        timestamp_ms: i64,
        value: f64,
    ) -> Result<SeriesRef, AppendError> {
        let series = state.table.get(slot);
        series.check(timestamp_ms, value)?;
        let Series { reference, is_logged, .. } = *series;
        self.samples.push(Pending { slot, is_logged, reference, timestamp_ms, value });
        Ok(SeriesRef(slot.into()))
    }

    /// Returns the log's records, and the series that it had not named before.
    fn encode(&self) -> (Vec<Vec<u8>>, Vec<Slot>) {
        let mut records = Vec::new();
        let unlogged = {
            let state = self.head.state.read();
            let table = &state.table;
            let touched = self.samples.iter().filter(|sample| !sample.is_logged);
            let touched = touched.map(|sample| sample.slot);
            let touched = touched.chain(self.metadata.iter().map(|(slot, _)| *slot));
            let mut unlogged =
                touched.filter(|slot| !table.get(*slot).is_logged).collect::<Vec<_>>();
            unlogged.sort_unstable();
            unlogged.dedup();
            let reference = |slot: Slot| table.get(slot).reference;
            if !unlogged.is_empty() {
                let series = unlogged.iter().map(|slot| (reference(*slot), table.label_set(*slot)));
                let series = series.collect::<Vec<_>>();
                let series = series.iter().map(|(reference, labels)| (*reference, labels));
                records.push(encoded(|out| encode_series(series, out)));
            }
            if !self.metadata.is_empty() {
                let metadata = self.metadata.iter().map(|(slot, item)| (reference(*slot), item));
                records.push(encoded(|out| encode_metadata(metadata, out)));
            }
            if !self.samples.is_empty() {
                let samples = self.samples.iter().map(|pending| RefSample {
                    reference: pending.reference,
                    timestamp_ms: pending.timestamp_ms,
                    start_timestamp_ms: 0,
                    value: pending.value,
                });
                records.push(encoded(|out| encode_samples(samples, out)));
            }
            unlogged
        };
        (records, unlogged)
    }
}

impl Appender for HeadAppender<'_> {
    fn append(
        &mut self,
        key: SeriesKey<'_>,
        timestamp_ms: i64,
        value: SampleValue<'_>,
    ) -> Result<SeriesRef, AppendError> {
        let SampleValue::Float(value) = value else {
            return Err(AppendError::NoHistograms);
        };
        self.try_append(key, timestamp_ms, value)
            .inspect_err(|error| self.head.count_refusal(error))
    }

    fn set_metadata(&mut self, series: SeriesRef, metadata: &Metadata) -> Result<(), AppendError> {
        let state = self.head.state.read();
        let slot = state.find_series(series)?;
        if state.metadata.by_slot.get(&slot).is_none_or(|known| **known != *metadata) {
            self.metadata.push((slot, metadata.clone()));
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<Committed, AppendError> {
        if self.samples.is_empty() && self.metadata.is_empty() {
            self.rollback();
            return Ok(Committed::default());
        }
        let (records, logged) = self.encode();
        let metadata = std::mem::take(&mut self.metadata);
        let apply = || self.head.apply(&self.samples, metadata, &logged);
        let outcome = match self.wal.commit(records, apply) {
            Ok(samples) => Ok(Committed { samples }),
            Err(error) => Err(AppendError::Store(Box::new(error))),
        };
        self.rollback();
        outcome
    }

    fn rollback(&mut self) {
        self.samples.clear();
        self.metadata.clear();
        self.min_valid_ms = None;
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

fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut record = Vec::new();
    encode(&mut record);
    record
}
