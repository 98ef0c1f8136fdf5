//! The way of out-of-order samples to blocks of their own.

use std::sync::Arc;

use narthex_chunk::Encoding;
use narthex_storage::{StorageError, TimeRange};

use super::OutOfOrder;
use super::chain::{Run, Runs};
use crate::compact::{self, ChunkEncoder};
use crate::head::export::OnDamage;
use crate::head::parts::{PartError, to_storage};
use crate::head::series::Slot;
use crate::head::{Head, State};
use crate::{EncodedChunk, SeriesChunks, WalError};

/// All out-of-order samples at one moment, in full chunks.
#[derive(Debug)]
pub(crate) struct OutOfOrderChunks {
    /// In order of their labels.
    series: Vec<(Slot, Arc<OutOfOrder>)>,
    /// The times of the oldest and the newest sample.
    pub(crate) bounds: (i64, i64),
    /// The segment of their log that has none of them, nor have those behind it.
    segment: u64,
}

impl OutOfOrderChunks {
    /// Returns whether there may be samples in `range`.
    pub(crate) fn overlap(&self, range: TimeRange) -> bool {
        let mut chunks = self.series.iter().flat_map(|(_, samples)| samples.chunks());
        chunks.any(|chunk| chunk.overlaps(range))
    }
}

impl Head {
    /// Makes full chunks of all out-of-order samples there are. `None` where there are none.
    pub(crate) fn cut_out_of_order(&self) -> Result<Option<OutOfOrderChunks>, WalError> {
        let Some(log) = self.window.log() else { return Ok(None) };
        // What comes from here on is in the next segment, and in other chunks.
        let _changing = self.window.changing.lock();
        if !self.state.read().out_of_order.overlaps(TimeRange::ALL) {
            return Ok(None);
        }
        let segment = log.cut()?;
        let slots = self.state.read().out_of_order_by_labels();
        let mut series = Vec::with_capacity(slots.len());
        for slot in slots {
            let samples = self.state.read().out_of_order.get(slot).cloned();
            let Some(mut samples) = samples else { continue };
            Arc::make_mut(&mut samples).cut(self.float_encoding());
            // Its samples are the same to those who read them now.
            self.state.write().set_out_of_order(slot, Arc::clone(&samples), false);
            series.push((slot, samples));
        }
        let bounds = series.iter().filter_map(|(_, samples)| samples.bounds());
        let bounds = bounds.reduce(|left, right| (left.0.min(right.0), left.1.max(right.1)));
        Ok(bounds.map(|bounds| OutOfOrderChunks { series, bounds, segment }))
    }

    /// Returns the series with out-of-order samples in `range`, rising by their labels, as a block holds
    /// them: chunks that overlap are one, and what was deleted is left out.
    pub(crate) fn out_of_order_series(
        &self,
        late: &OutOfOrderChunks,
        range: TimeRange,
        on_damage: OnDamage,
    ) -> impl Iterator<Item = Result<SeriesChunks, StorageError>> {
        let series = late.series.iter().filter(move |(_, samples)| samples.overlaps(range));
        let series = series
            .map(move |(slot, samples)| self.out_of_order_chunks(*slot, samples, range, on_damage));
        series.filter(|series| series.as_ref().map_or(true, |series| !series.chunks.is_empty()))
    }

    /// Drops samples that are in blocks by now, and their log. Waits for the queries that may not know
    /// these blocks.
    pub(crate) fn drop_out_of_order(&self, late: OutOfOrderChunks) {
        let OutOfOrderChunks { series, segment, .. } = late;
        let commit = {
            let _changing = self.window.changing.lock();
            let mut state = self.state.write();
            let has_readers = state.commits.begin(&self.readers);
            for (slot, samples) in series {
                state.drop_out_of_order(slot, samples.chunks().len(), has_readers);
            }
            state.out_of_order.update_bounds();
            state.commits.last()
        };
        self.readers.wait_for_those_up_to(commit - 1);
        if let Some(log) = self.window.log()
            && let Err(error) = log.remove_before(segment)
        {
            // What is in it is read once more, and goes with the next block.
            tracing::warn!(%error, "the log of out-of-order samples was not shortened");
        }
    }

    fn out_of_order_chunks(
        &self,
        slot: Slot,
        samples: &OutOfOrder,
        range: TimeRange,
        on_damage: OnDamage,
    ) -> Result<SeriesChunks, StorageError> {
        let (labels, tombstones) = {
            let state = self.state.read();
            let tombstones = state.tombstones.get(&slot).map_or_else(Vec::new, Clone::clone);
            (state.table.label_set(slot), tombstones)
        };
        let mut chunks = Vec::new();
        for chunk in samples.chunks().iter().filter(|chunk| chunk.overlaps(range)) {
            let chunk = chunk.encoded(self.files.as_ref()).map_err(PartError::File);
            let cut = chunk.and_then(|chunk| {
                compact::cut(chunk, range, &tombstones, &mut chunks).map_err(PartError::Chunk)
            });
            match cut.map_err(to_storage) {
                Err(error) if on_damage == OnDamage::LeaveOut => {
                    tracing::error!(series = %labels, %error, "damaged chunk is left out");
                }
                outcome => outcome?,
            }
        }
        let chunks = join(chunks, self.float_encoding()).map_err(to_storage)?;
        Ok(SeriesChunks { labels, chunks })
    }
}

impl State {
    fn out_of_order_by_labels(&self) -> Vec<Slot> {
        let mut slots = self.out_of_order.slots().collect::<Vec<_>>();
        self.sort_by_labels(&mut slots);
        slots
    }

    fn drop_out_of_order(&mut self, slot: Slot, chunk_count: usize, has_readers: bool) {
        if let Some(mut samples) = self.out_of_order.get(slot).cloned() {
            Arc::make_mut(&mut samples).drop_chunks(chunk_count);
            self.set_out_of_order(slot, samples, has_readers);
        }
    }
}

/// Makes chunks that do not overlap of those that may.
fn join(mut chunks: Vec<EncodedChunk>, floats: Encoding) -> Result<Vec<EncodedChunk>, PartError> {
    // Stable: of those that start together the older one comes first.
    chunks.sort_by_key(|chunk| chunk.min_ms);
    let mut joined = Vec::with_capacity(chunks.len());
    let mut rest = chunks.into_iter().peekable();
    while let Some(first) = rest.next() {
        let mut max_ms = first.max_ms;
        let mut together = vec![first];
        while let Some(next) = rest.next_if(|next| next.min_ms <= max_ms) {
            max_ms = max_ms.max(next.max_ms);
            together.push(next);
        }
        match together.len() {
            1 => joined.append(&mut together),
            _ => interleave(&together, floats, &mut joined)?,
        }
    }
    Ok(joined)
}

/// Writes chunks that overlap anew.
fn interleave(
    chunks: &[EncodedChunk],
    floats: Encoding,
    out: &mut Vec<EncodedChunk>,
) -> Result<(), PartError> {
    let (mut sources, mut times) = (Vec::new(), Vec::new());
    for chunk in chunks {
        let mut samples = Vec::new();
        compact::decode_samples(chunk, TimeRange::ALL, &mut samples).map_err(PartError::Chunk)?;
        times.push(samples.iter().map(|sample| sample.time.timestamp_ms).collect::<Vec<_>>());
        sources.push(samples);
    }
    let mut encoder = ChunkEncoder::new(compact::SAMPLE_COUNT_MAX, out);
    for Run { source, first_ms, last_ms } in Runs::new(times.iter().map(|item| &**item).collect()) {
        let first = times[source].partition_point(|time| *time < first_ms);
        let end = times[source].partition_point(|time| *time <= last_ms);
        let (samples, follows) = (&mut sources[source], first + 1);
        // Nothing is known of a reset since the sample before, which is another chunk's.
        samples[first].value.forget_reset();
        encoder.push(&samples[first], floats);
        samples[follows..end].iter().for_each(|sample| encoder.push(sample, floats));
    }
    encoder.finish();
    Ok(())
}
