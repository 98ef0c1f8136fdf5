//! How out-of-order samples of a commit get to the log and then to their series.

use std::sync::Arc;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use narthex_chunk::Encoding;

use super::{Bounds, OutOfOrder};
use crate::WalError;
use crate::head::append::{Pending, encode_batch};
use crate::head::series::Slot;
use crate::head::value::Kind;
use crate::head::{Head, State};
use crate::sample::Value;
use crate::wal::LogRecord;
use crate::wal::record::{MmapMarker, encode_markers};

/// Out-of-order samples that the log has, and nobody sees yet.
#[derive(Debug, Default)]
pub(in crate::head) struct Staged {
    series: HashMap<Slot, StagedSeries>,
    sample_count: usize,
    /// The series of the samples, each as often as it has some.
    held: Vec<Slot>,
}

#[derive(Debug)]
struct StagedSeries {
    /// With the new samples.
    samples: Arc<OutOfOrder>,
    /// What the newest sample in order is.
    newest_kind: Kind,
    /// The last of the log's groups that has samples of the series.
    group: Option<usize>,
}

/// Records for the log: groups of markers, and then samples.
#[derive(Debug, Default)]
struct Records {
    records: Vec<LogRecord>,
    markers: Vec<MmapMarker>,
    samples: Vec<Pending>,
    /// How many groups there were before.
    group: usize,
    with_starts: bool,
}

impl Head {
    /// Takes the samples out of a commit that cannot go to the end of their series. Those that the
    /// window does not cover are counted and go.
    ///
    /// Nobody else may append meanwhile. `has_repeats` is whether a series may come twice.
    pub(in crate::head) fn take_late(
        &self,
        samples: &mut Vec<Pending>,
        bounds: Bounds,
        has_repeats: bool,
    ) -> Vec<Pending> {
        if !bounds.has_window() {
            return Vec::new();
        }
        let state = self.state.read();
        let mut newest = HashMap::new();
        let is_late = |pending: &mut Pending| {
            let (slot, time) = (pending.slot, pending.sample.time.timestamp_ms);
            let of_commit = newest.get(&slot).copied().unwrap_or(i64::MIN);
            let newest_ms = state.table.extent(slot).newest_ms.max(of_commit);
            let is_late = time < bounds.min_valid_ms || time < newest_ms;
            if has_repeats && !is_late {
                newest.insert(slot, time);
            }
            is_late
        };
        let mut late = samples.extract_if(.., is_late).collect::<Vec<_>>();
        late.retain_mut(|pending| {
            let checked = bounds.check_late(pending.sample.time.timestamp_ms);
            let checked = checked.inspect_err(|error| self.count_refusal(error));
            checked.is_ok() || {
                state.table.get(pending.slot).release();
                false
            }
        });
        late
    }

    /// Logs out-of-order samples. On an error nothing of them stays.
    ///
    /// # Source
    ///
    /// `commitFloats` and `collectOOORecords` in Prometheus' `tsdb/head_append.go`. Unlike there, a
    /// failure of the log is one of the commit, and samples are seen once they are logged.
    pub(in crate::head) fn log_late(&self, late: Vec<Pending>) -> Result<Staged, WalError> {
        let mut staged = Staged::default();
        let Some(log) = self.window.log().filter(|_| !late.is_empty()) else { return Ok(staged) };
        let mut records = Records { with_starts: self.rules.keeps_starts, ..Records::default() };
        staged.held = late.iter().map(|pending| pending.slot).collect();
        for pending in late {
            self.stage(pending, &mut staged, &mut records);
        }
        let records = records.finish();
        if records.is_empty() {
            return Ok(staged);
        }
        match log.commit(records, || ()) {
            Ok(()) => Ok(staged),
            Err(error) => {
                let state = self.state.read();
                staged.held.iter().for_each(|slot| state.table.get(*slot).release());
                Err(error)
            }
        }
    }

    fn stage(&self, mut pending: Pending, staged: &mut Staged, records: &mut Records) {
        let Pending { slot, reference, ref mut sample, .. } = pending;
        let series = match staged.series.entry(slot) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let state = self.state.read();
                let samples = state.out_of_order.get(slot).cloned().unwrap_or_default();
                let newest_kind = state.table.get(slot).newest_kind();
                entry.insert(StagedSeries { samples, newest_kind, group: None })
            }
        };
        let value = std::mem::replace(&mut sample.value, Value::Float(0.0));
        sample.value = value.into_end_of(series.newest_kind);
        sample.time = self.rules().chunk_time(sample);
        let samples = Arc::make_mut(&mut series.samples);
        if samples.is_full(self.window.sample_count_max) {
            samples.cut(self.float_encoding());
            if let Some(files) = &self.files {
                samples.spill(reference, files);
            }
            if series.group == Some(records.group) {
                records.end_group();
            }
            let markers = samples.mark().into_iter().map(|place| place.0);
            let marker = |chunk_reference| MmapMarker { reference, chunk_reference };
            records.markers.extend(markers.map(marker));
        }
        if samples.insert(sample.clone()) {
            series.group = Some(records.group);
            staged.sample_count += 1;
            records.samples.push(pending);
        }
    }

    /// Returns how chunks of out-of-order floats are encoded.
    pub(super) fn float_encoding(&self) -> Encoding {
        self.rules().floats
    }
}

impl Records {
    /// Makes records of what is there, so that what follows comes behind it.
    fn end_group(&mut self) {
        if !self.markers.is_empty() {
            let mut record = Vec::new();
            encode_markers(self.markers.drain(..), &mut record);
            self.records.push(record.into());
        }
        encode_batch(&self.samples, self.with_starts, &mut self.records);
        self.samples.clear();
        self.group += 1;
    }

    fn finish(mut self) -> Vec<LogRecord> {
        self.end_group();
        self.records
    }
}

impl State {
    /// Shows out-of-order samples of the commit that began last. Returns how many.
    pub(in crate::head) fn publish(&mut self, staged: Staged, has_readers: bool) -> usize {
        staged.held.iter().for_each(|slot| self.table.get(*slot).release());
        for (slot, StagedSeries { samples, .. }) in staged.series {
            if !self.has_samples(slot) {
                self.index.add(slot, &self.table);
            }
            self.set_out_of_order(slot, samples, has_readers);
        }
        self.counts.out_of_order_samples += staged.sample_count as u64;
        staged.sample_count
    }

    /// Returns whether a series has any samples.
    pub(in crate::head) fn has_samples(&self, slot: Slot) -> bool {
        !self.table.extent(slot).is_empty() || self.out_of_order.has(slot)
    }

    /// Puts out-of-order samples of a series in place of others, as a part of the commit that began
    /// last.
    pub(super) fn set_out_of_order(
        &mut self,
        slot: Slot,
        samples: Arc<OutOfOrder>,
        has_readers: bool,
    ) {
        let chunk_count = samples.chunk_count();
        let before = self.out_of_order.set(slot, samples);
        let count_before = before.as_ref().map_or(0, |before| before.chunk_count());
        self.counts.chunks = self.counts.chunks + chunk_count as u64 - count_before as u64;
        self.counts.chunks_created += chunk_count.saturating_sub(count_before) as u64;
        if has_readers {
            self.commits.note_out_of_order(slot, before);
        }
    }
}
