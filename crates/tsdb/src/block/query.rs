use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use narthex_chunk::{Columns, decode};
use narthex_model::{Labels, LabelsBuilder, Matcher};
use narthex_storage::{
    Projection, Querier, QueryContext, SelectHints, Selection, StorageError, TimeRange,
};
use parking_lot::Mutex;

use super::index::{ChunkPlace, Index, SeriesId};
use super::segment::{ChunkReader, StoredChunk};
use super::tombstones::Tombstones;
use super::{Block, BlockError};
use crate::postings::{self, PostingsSource};

/// A block over one range of time. `B` is the block, borrowed or shared.
#[derive(Debug)]
pub(crate) struct BlockQuerier<B> {
    block: B,
    range: TimeRange,
}

impl<B: Borrow<Block>> BlockQuerier<B> {
    pub(crate) fn new(block: B, range: TimeRange) -> Self {
        Self { block, range }
    }

    /// Calls `each` with the labels of the series that meet all `matchers`.
    fn for_each_labels(
        &self,
        ctx: &QueryContext,
        matchers: &[Matcher],
        mut each: impl FnMut(&Labels),
    ) -> Result<(), QueryError> {
        let index = &self.block.borrow().index;
        let mut reader = index.series();
        let mut chunks = Vec::new();
        for (count, series) in postings::select(index, matchers)?.into_iter().enumerate() {
            if count.is_multiple_of(CHECK_EVERY) {
                ctx.check().map_err(QueryError::Stop)?;
            }
            each(&reader.read(series, &mut chunks)?);
        }
        Ok(())
    }
}

/// Why a part of a query ends.
enum QueryError {
    /// The whole query ends.
    Stop(StorageError),
    /// The block cannot be read.
    Block(BlockError),
}

impl From<BlockError> for QueryError {
    fn from(error: BlockError) -> Self {
        Self::Block(error)
    }
}

/// Makes a warning of a block that cannot be read: the others answer all the same.
fn tolerate<T: Default>(
    ctx: &QueryContext,
    block: &Block,
    outcome: Result<T, QueryError>,
) -> Result<T, StorageError> {
    match outcome {
        Ok(answer) => Ok(answer),
        Err(QueryError::Stop(error)) => Err(error),
        Err(QueryError::Block(error)) => {
            ctx.warn(block.note_damage(&error));
            Ok(T::default())
        }
    }
}

impl<B: Borrow<Block> + Send + Sync> Querier for BlockQuerier<B> {
    fn select(
        &self,
        ctx: &QueryContext,
        matchers: &[Matcher],
        hints: &SelectHints,
    ) -> Result<Box<dyn Selection + '_>, StorageError> {
        ctx.check()?;
        let block = self.block.borrow();
        let mut selection = BlockSelection::new(block, self.range);
        let outcome = selection.fill(ctx, matchers, hints);
        tolerate(ctx, block, outcome)?;
        Ok(Box::new(selection))
    }

    fn label_names(
        &self,
        ctx: &QueryContext,
        matchers: &[Matcher],
        limit: Option<usize>,
    ) -> Result<Vec<Box<str>>, StorageError> {
        ctx.check()?;
        let block = self.block.borrow();
        let limit = limit.unwrap_or(usize::MAX);
        if matchers.is_empty() {
            return Ok(block.index.label_names().take(limit).map(Box::from).collect());
        }
        let mut names = BTreeSet::<Box<str>>::new();
        let outcome = self.for_each_labels(ctx, matchers, |labels| {
            for (name, _) in labels {
                if !names.contains(name) {
                    names.insert(name.into());
                }
            }
        });
        tolerate(ctx, block, outcome)?;
        Ok(names.into_iter().take(limit).collect())
    }

    fn label_values(
        &self,
        ctx: &QueryContext,
        name: &str,
        matchers: &[Matcher],
        limit: Option<usize>,
    ) -> Result<Vec<Box<str>>, StorageError> {
        ctx.check()?;
        let block = self.block.borrow();
        let limit = limit.unwrap_or(usize::MAX);
        let mut values = BTreeSet::<Box<str>>::new();
        let outcome = if matchers.is_empty() {
            let outcome = block.index.for_each_value(name, "", |value, _| {
                if values.len() >= limit {
                    return ControlFlow::Break(());
                }
                values.insert(value.into());
                ControlFlow::Continue(())
            });
            outcome.map_err(QueryError::Block)
        } else {
            self.for_each_labels(ctx, matchers, |labels| {
                if let Some(value) = labels.get(name)
                    && !values.contains(value)
                {
                    values.insert(value.into());
                }
            })
        };
        tolerate(ctx, block, outcome)?;
        Ok(values.into_iter().take(limit).collect())
    }
}

impl PostingsSource for Index {
    type List = Vec<SeriesId>;
    type Error = BlockError;

    fn all(&self) -> Result<Vec<SeriesId>, BlockError> {
        self.all()
    }

    fn value_count(&self, name: &str) -> usize {
        self.value_count(name)
    }

    fn find(&self, name: &str, value: &str) -> Result<Option<Vec<SeriesId>>, BlockError> {
        self.find(name, value).map(Some)
    }

    fn scan(
        &self,
        name: &str,
        prefix: &str,
        is_wanted: &mut dyn FnMut(&str) -> bool,
        out: &mut Vec<SeriesId>,
    ) -> Result<(), BlockError> {
        let mut places = Vec::new();
        self.for_each_value(name, prefix, |value, place| {
            if !value.starts_with(prefix) {
                let is_before = value < prefix;
                return if is_before { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
            }
            if is_wanted(value) {
                places.push(place);
            }
            ControlFlow::Continue(())
        })?;
        let mut lists = self.lists();
        places.into_iter().try_for_each(|place| lists.read(place, out))
    }

    fn filter(
        &self,
        mut series: Vec<SeriesId>,
        matcher: &Matcher,
    ) -> Result<Vec<SeriesId>, BlockError> {
        let mut reader = self.series();
        let mut chunks = Vec::new();
        let mut outcome = Ok(());
        series.retain(|series| match reader.read(*series, &mut chunks) {
            Ok(labels) => matcher.matches(labels.value(matcher.name())),
            Err(error) => {
                outcome = Err(error);
                false
            }
        });
        outcome.map(|()| series)
    }
}

/// Series of a block, in order of their labels.
#[derive(Debug)]
pub(super) struct BlockSelection<'a> {
    block: &'a Block,
    range: TimeRange,
    tombstones: Arc<Tombstones>,
    series: Vec<Selected>,
    /// Of all series, those of one after those of the other.
    chunks: Vec<ChunkPlace>,
    /// Those that no read uses now.
    readers: Mutex<Vec<ChunkReader<'a>>>,
}

#[derive(Debug)]
struct Selected {
    series: SeriesId,
    labels: Labels,
    /// In the selection's `chunks`.
    chunks: Range<usize>,
}

impl<'a> BlockSelection<'a> {
    fn new(block: &'a Block, range: TimeRange) -> Self {
        let tombstones = block.tombstones();
        let (series, chunks) = (Vec::new(), Vec::new());
        Self { block, range, tombstones, series, chunks, readers: Mutex::default() }
    }

    /// Finds the series that meet all `matchers` and have a chunk in the range.
    fn fill(
        &mut self,
        ctx: &QueryContext,
        matchers: &[Matcher],
        hints: &SelectHints,
    ) -> Result<(), QueryError> {
        let limit = hints.limit.unwrap_or(usize::MAX);
        let index = &self.block.index;
        let mut reader = index.series();
        let mut places = Vec::new();
        for (count, series) in postings::select(index, matchers)?.into_iter().enumerate() {
            if self.series.len() >= limit {
                break;
            }
            if count.is_multiple_of(CHECK_EVERY) {
                ctx.check().map_err(QueryError::Stop)?;
            }
            let labels = match reader.read(series, &mut places) {
                Ok(labels) => labels,
                // One series is lost, not those behind it.
                Err(error @ BlockError::Damaged { .. }) => {
                    ctx.warn(self.block.note_damage(&error));
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if hints.shard.is_some_and(|shard| !shard.has_labels(&labels)) {
                continue;
            }
            let start = self.chunks.len();
            let deleted = self.tombstones.of(series);
            let TimeRange { min_ms, max_ms } = self.range;
            self.chunks.extend(places.iter().filter(|place| {
                let is_in_range = place.min_ms <= max_ms && min_ms <= place.max_ms;
                let is_deleted =
                    |(start, end): &(i64, i64)| *start <= place.min_ms && place.max_ms <= *end;
                is_in_range && !deleted.iter().any(is_deleted)
            }));
            if self.chunks.len() > start {
                let chunks = start..self.chunks.len();
                self.series.push(Selected { series, labels, chunks });
            }
        }
        Ok(())
    }
}

impl Selection for BlockSelection<'_> {
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
        let Selected { series, chunks, .. } = &self.series[series];
        let places = &self.chunks[chunks.clone()];
        let known = self.readers.lock().pop();
        let mut reader = known.unwrap_or_else(|| self.block.segments.reader());
        reader.read(places, |_, chunk| {
            let outcome = chunk.and_then(|chunk| self.decode(chunk, out));
            if let Err(error) = outcome {
                ctx.warn(self.block.note_damage(&error));
            }
        });
        self.readers.lock().push(reader);
        for &(min_ms, max_ms) in self.tombstones.of(*series) {
            out.remove(min_ms..=max_ms);
        }
        Ok(())
    }
}

impl BlockSelection<'_> {
    fn decode(&self, chunk: StoredChunk<'_>, out: &mut Columns) -> Result<(), BlockError> {
        let TimeRange { min_ms, max_ms } = self.range;
        // Chunks of a good block do not overlap; samples must rise whatever the bytes say.
        let newest_ms = out.timestamps_ms().last();
        let min_ms = newest_ms.map_or(min_ms, |newest_ms| min_ms.max(newest_ms.saturating_add(1)));
        let decoded = decode(chunk.encoding, chunk.bytes, min_ms..=max_ms, out);
        decoded.map_err(|source| BlockError::Chunk { path: self.block.dir.clone(), source })
    }
}

/// After so many series a query looks whether it is to end.
const CHECK_EVERY: usize = 1 << 10;
