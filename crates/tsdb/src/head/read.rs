use std::sync::OnceLock;

use hashbrown::{HashMap, HashSet};
use narthex_chunk::Columns;
use narthex_model::{Labels, LabelsBuilder, Matcher};
use narthex_storage::{
    Projection, Querier, QueryContext, SelectHints, Selection, StorageError, TimeRange,
};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::isolation::Seen;
use super::labels::NameId;
use super::parts::Parts;
use super::series::Slot;
use super::slots::SlotSet;
use super::{Head, State};

/// The head as it was after one commit.
pub(crate) struct HeadQuerier<'a> {
    head: &'a Head,
    range: TimeRange,
    commit: u64,
    seen: RwLock<Seen>,
}

impl<'a> HeadQuerier<'a> {
    pub(crate) fn new(head: &'a Head, range: TimeRange) -> Self {
        let state = head.state.read();
        let commit = state.commits.last();
        // What is older leaves the head, and is in a block.
        let min_ms = range.min_ms.max(state.truncated_ms.unwrap_or(i64::MIN));
        let range = TimeRange { min_ms, ..range };
        head.readers.enter(commit, min_ms);
        Self { head, range, commit, seen: RwLock::new(Seen { commit, extents: HashMap::new() }) }
    }

    /// Returns what is known of the commits that came later, up to the last one.
    fn seen(&self, state: &State) -> RwLockReadGuard<'_, Seen> {
        let last = state.commits.last();
        let seen = self.seen.read();
        if seen.commit == last {
            return seen;
        }
        drop(seen);
        let mut seen = self.seen.write();
        if seen.commit < last {
            state.commits.update(&mut seen);
        }
        RwLockWriteGuard::downgrade(seen)
    }
}

impl Drop for HeadQuerier<'_> {
    fn drop(&mut self) {
        self.head.readers.leave(self.commit, self.range.min_ms);
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
        let mut series = match self.range.min_ms <= self.range.max_ms {
            true => state.index.select(matchers, &state.table),
            false => SlotSet::default(),
        };
        for (slot, extent) in &self.seen(&state).extents {
            if extent.is_empty() {
                series.remove(*slot);
            }
        }
        if !state.lies_in(self.range) {
            let slots = series.to_vec().into_iter();
            series = slots.filter(|slot| state.table.overlaps(*slot, self.range)).collect();
        }
        let limit = hints.limit.unwrap_or(usize::MAX);
        let len = series.len().min(limit);
        Ok(Box::new(HeadSelection { querier: self, series, len, slots: OnceLock::new() }))
    }

    fn label_names(
        &self,
        ctx: &QueryContext,
        matchers: &[Matcher],
        limit: Option<usize>,
    ) -> Result<Vec<Box<str>>, StorageError> {
        ctx.check()?;
        let state = self.head.state.read();
        let State { index, table, .. } = &*state;
        let name = |name: NameId| table.labels().name(name);
        Ok(match matchers {
            [] => first(index.names().map(name), limit),
            _ => first(index.names_of(&index.select(matchers, table)).map(name), limit),
        })
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
        let State { index, table, .. } = &*state;
        let Some(name_id) = table.labels().find_name(name) else { return Ok(Vec::new()) };
        let labels = index.labels(name_id);
        let value = |label: u32| table.labels().get(label).split().1;
        if matchers.is_empty() {
            return Ok(first(labels.iter().map(|label| value(*label)), limit));
        }
        let series = index.select(matchers, table);
        if series.len() < labels.len() {
            let values = series.to_vec().into_iter().map(|slot| table.label_value(slot, name));
            let values = values.filter(|value| !value.is_empty()).collect::<HashSet<_>>();
            return Ok(first(values, limit));
        }
        let found = labels.iter().filter(|label| index.has_any(**label, &series));
        Ok(first(found.map(|label| value(*label)), limit))
    }
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
    querier: &'a HeadQuerier<'a>,
    series: SlotSet,
    /// How many of the series count.
    len: usize,
    /// All series, in order of their references, once somebody asks for one.
    slots: OnceLock<Vec<Slot>>,
}

impl HeadSelection<'_> {
    fn slot(&self, series: usize) -> Slot {
        let sorted = || {
            let mut slots = self.series.to_vec();
            self.querier.head.state.read().table.sort_by_reference(&mut slots);
            slots
        };
        self.slots.get_or_init(sorted)[series]
    }
}

impl Selection for HeadSelection<'_> {
    fn len(&self) -> usize {
        self.len
    }

    fn labels(&self, series: usize, want: &Projection, out: &mut LabelsBuilder) {
        let slot = self.slot(series);
        let state = self.querier.head.state.read();
        out.clear();
        for label in state.table.label_ids(slot) {
            let (name, value) = state.table.labels().get(label).split();
            if want.wants(name) {
                out.set(name, value);
            }
        }
    }

    fn series_labels(&self, series: usize) -> Labels {
        let slot = self.slot(series);
        self.querier.head.state.read().table.label_set(slot)
    }

    fn read(
        &self,
        ctx: &QueryContext,
        series: usize,
        out: &mut Columns,
    ) -> Result<(), StorageError> {
        ctx.check()?;
        out.clear();
        let slot = self.slot(series);
        let (parts, tombstones) = {
            let state = self.querier.head.state.read();
            let extent = self.querier.seen(&state).extents.get(&slot).copied();
            let newest_ms = extent.unwrap_or_else(|| state.table.extent(slot)).newest_ms;
            let TimeRange { min_ms, max_ms } = self.querier.range;
            let range = TimeRange { min_ms, max_ms: max_ms.min(newest_ms) };
            let tombstones = state.tombstones.get(&slot).map_or_else(Vec::new, Clone::clone);
            (Parts::new(&state.table, slot, range), tombstones)
        };
        parts.decode(self.querier.head.files.as_ref(), out)?;
        for (min_ms, max_ms) in tombstones {
            out.remove(min_ms..=max_ms);
        }
        Ok(())
    }
}
