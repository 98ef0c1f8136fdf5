use std::sync::Arc;

use hashbrown::HashSet;
use narthex_chunk::{ChunkError, Columns, Encoding, decode, decode_first};
use narthex_model::{Labels, LabelsBuilder, Matcher};
use narthex_storage::{
    Projection, Querier, QueryContext, SelectHints, Selection, StorageError, TimeRange,
};

use super::series::{Extent, Series, Slot};
use super::{Head, State};

/// The head as it was after one commit.
pub(crate) struct HeadQuerier<'a> {
    head: &'a Head,
    range: TimeRange,
    commit: u64,
}

impl<'a> HeadQuerier<'a> {
    pub(crate) fn new(head: &'a Head, range: TimeRange) -> Self {
        let state = head.state.read();
        let commit = state.commits.last();
        head.readers.enter(commit);
        Self { head, range, commit }
    }
}

impl Drop for HeadQuerier<'_> {
    fn drop(&mut self) {
        self.head.readers.leave(self.commit);
    }
}

impl Querier for HeadQuerier<'_> {
    fn select(
        &self,
        ctx: &QueryContext,
        matchers: &[Matcher],
        hints: &SelectHints,
    ) -> Result<Box<dyn Selection + '_>, StorageError> {
        ctx.check()?;
        let state = self.head.state.read();
        let later = state.commits.extents_after(self.commit);
        let slots = state.index.select(matchers, &state.table);
        let selected = slots.into_iter().filter_map(|slot| {
            let series = state.table.get(slot);
            let extent = later.get(&slot).copied().unwrap_or_else(|| series.extent());
            let (min_ms, max_ms) = series.bounds()?;
            let overlaps = min_ms <= self.range.max_ms && self.range.min_ms <= max_ms;
            let tombstones = state.tombstones.get(&slot).map_or_else(Vec::new, Clone::clone);
            (overlaps && !extent.is_empty()).then(|| Selected {
                slot,
                extent,
                labels: series.labels.clone(),
                tombstones,
            })
        });
        let series = selected.take(hints.limit.unwrap_or(usize::MAX)).collect();
        Ok(Box::new(HeadSelection { head: self.head, range: self.range, series }))
    }

    fn label_names(
        &self,
        ctx: &QueryContext,
        matchers: &[Matcher],
        limit: Option<usize>,
    ) -> Result<Vec<Box<str>>, StorageError> {
        ctx.check()?;
        let state = self.head.state.read();
        if matchers.is_empty() {
            return Ok(first(state.index.names(), limit));
        }
        let names = labels(&state, matchers).flat_map(|labels| labels.iter().map(|(name, _)| name));
        Ok(first(names.collect::<HashSet<_>>(), limit))
    }

    fn label_values(
        &self,
        ctx: &QueryContext,
        name: &str,
        matchers: &[Matcher],
        limit: Option<usize>,
    ) -> Result<Vec<Box<str>>, StorageError> {
        ctx.check()?;
        let state = self.head.state.read();
        if matchers.is_empty() {
            return Ok(first(state.index.values(name), limit));
        }
        let values = labels(&state, matchers).filter_map(|labels| labels.get(name));
        Ok(first(values.collect::<HashSet<_>>(), limit))
    }
}

fn labels<'a>(state: &'a State, matchers: &[Matcher]) -> impl Iterator<Item = &'a Labels> {
    let slots = state.index.select(matchers, &state.table);
    slots.into_iter().map(|slot| &state.table.get(slot).labels)
}

/// Returns the first texts by order, each of which comes once.
fn first<'a>(texts: impl IntoIterator<Item = &'a str>, limit: Option<usize>) -> Vec<Box<str>> {
    let mut texts = texts.into_iter().collect::<Vec<_>>();
    texts.sort_unstable();
    texts.truncate(limit.unwrap_or(usize::MAX));
    texts.into_iter().map(Box::from).collect()
}

/// Series of the head, each as far as its reader sees it.
struct HeadSelection<'a> {
    head: &'a Head,
    range: TimeRange,
    series: Vec<Selected>,
}

struct Selected {
    slot: Slot,
    extent: Extent,
    labels: Labels,
    tombstones: Vec<(i64, i64)>,
}

impl Selection for HeadSelection<'_> {
    fn len(&self) -> usize {
        self.series.len()
    }

    fn labels(&self, series: usize, want: &Projection, out: &mut LabelsBuilder) {
        out.reset(&self.series[series].labels);
        if *want != Projection::All {
            out.retain(|name, _| want.wants(name));
        }
    }

    fn series_labels(&self, series: usize) -> Labels {
        self.series[series].labels.clone()
    }

    fn read(
        &self,
        ctx: &QueryContext,
        series: usize,
        out: &mut Columns,
    ) -> Result<(), StorageError> {
        ctx.check()?;
        out.clear();
        let selected = &self.series[series];
        let parts = {
            let state = self.head.state.read();
            parts(state.table.get(selected.slot), selected.extent, self.range)
        };
        parts.decode(self.range, out).map_err(|error| StorageError::Store(Box::new(error)))?;
        for &(min_ms, max_ms) in &selected.tombstones {
            out.remove(min_ms..=max_ms);
        }
        Ok(())
    }
}

/// The chunks of one series that a reader sees, held or copied.
struct Parts {
    full: Vec<Arc<[u8]>>,
    last: Option<LastPart>,
}

/// The newest chunk that a reader sees, of which it may see a part.
struct LastPart {
    bytes: Box<[u8]>,
    sample_count: u16,
}

fn parts(series: &Series, extent: Extent, range: TimeRange) -> Parts {
    let (seen, later) = series.full().split_at(extent.full_chunks as usize);
    let in_range = seen
        .iter()
        .filter(|chunk| chunk.min_ms <= range.max_ms && range.min_ms <= chunk.max_ms)
        .map(|chunk| Arc::clone(&chunk.bytes));
    // What was the open chunk may be full by now: its first samples are the same.
    let (min_ms, bytes) = match later.first() {
        Some(chunk) => (chunk.min_ms, &*chunk.bytes),
        None => series.open(),
    };
    let is_seen = extent.open_samples > 0 && min_ms <= range.max_ms;
    let last = is_seen.then(|| LastPart { bytes: bytes.into(), sample_count: extent.open_samples });
    Parts { full: in_range.collect(), last }
}

impl Parts {
    fn decode(&self, range: TimeRange, out: &mut Columns) -> Result<(), ChunkError> {
        for bytes in &self.full {
            decode(Encoding::Xor, bytes, range.min_ms..=range.max_ms, out)?;
        }
        match &self.last {
            Some(LastPart { bytes, sample_count }) => {
                decode_first(Encoding::Xor, bytes, *sample_count, range.min_ms..=range.max_ms, out)
            }
            None => Ok(()),
        }
    }
}
