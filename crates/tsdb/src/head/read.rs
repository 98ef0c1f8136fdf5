use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use hashbrown::HashSet;
use narthex_chunk::Columns;
use narthex_model::{Labels, LabelsBuilder, Matcher};
use narthex_storage::{
    Projection, Querier, QueryContext, SelectHints, Selection, StorageError, TimeRange,
};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::isolation::Seen;
use super::labels::NameId;
use super::ooo::OutOfOrder;
use super::parts::Parts;
use super::series::Slot;
use super::slots::SlotSet;
use super::{Head, State};

/// The head as it was after one commit: borrowed, or held for as long as somebody reads.
pub(crate) struct HeadQuerier<H: Deref<Target = Head>> {
    head: H,
    /// What is asked for.
    range: TimeRange,
    /// The part of it that the samples in order have: what is older leaves the head, and is in a block.
    in_order: TimeRange,
    commit: u64,
    seen: RwLock<Seen>,
}

impl<H: Deref<Target = Head>> HeadQuerier<H> {
    pub(crate) fn new(head: H, range: TimeRange) -> Self {
        let state = head.state.read();
        let commit = state.commits.last();
        let min_ms = range.min_ms.max(state.truncated_ms.unwrap_or(i64::MIN));
        let in_order = TimeRange { min_ms, ..range };
        head.readers.enter(commit, min_ms);
        drop(state);
        let seen = RwLock::new(Seen { commit, ..Seen::default() });
        Self { head, range, in_order, commit, seen }
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

    /// Returns the samples of a series that came out of order, as far as they are seen.
    fn out_of_order<'b>(
        &self,
        state: &'b State,
        seen: &'b Seen,
        slot: Slot,
    ) -> Option<&'b Arc<OutOfOrder>> {
        match seen.out_of_order.get(&slot) {
            Some(before) => before.as_ref(),
            None => state.out_of_order.get(slot),
        }
    }

    /// Returns whether there may be samples to see at all.
    fn sees_any(&self, state: &State) -> bool {
        self.sees_in_order() || self.sees_out_of_order(state, &self.seen(state))
    }

    /// Returns whether labels are listed: all of the head's, whatever times their series have.
    fn sees_labels(&self, state: &State) -> bool {
        state.overlaps(self.in_order) || self.sees_out_of_order(state, &self.seen(state))
    }

    fn sees_in_order(&self) -> bool {
        self.in_order.min_ms <= self.in_order.max_ms
    }

    fn sees_out_of_order(&self, state: &State, seen: &Seen) -> bool {
        state.out_of_order.overlaps(self.range) || !seen.out_of_order.is_empty()
    }

    /// Leaves the series that have something to see.
    fn retain_seen(&self, state: &State, series: &mut SlotSet) {
        let seen = self.seen(state);
        for &slot in seen.extents.keys().chain(seen.out_of_order.keys()) {
            let extent = seen.extents.get(&slot).copied();
            let is_empty = extent.unwrap_or_else(|| state.table.extent(slot)).is_empty();
            if is_empty && self.out_of_order(state, &seen, slot).is_none() {
                series.remove(slot);
            }
        }
        let has_deleted = !state.tombstones.is_empty();
        let sees_all = state.lies_in(self.in_order) && state.out_of_order.lies_in(self.range);
        if sees_all && !has_deleted {
            return;
        }
        let sees_in_order = self.sees_in_order();
        let sees_out_of_order = self.sees_out_of_order(state, &seen);
        let is_out_of_order = |slot: Slot| {
            let samples = self.out_of_order(state, &seen, slot);
            samples.is_some_and(|samples| samples.overlaps(self.range))
        };
        let slots = series.to_vec().into_iter().filter(|slot| {
            sees_in_order && state.has_chunk_in(*slot, self.in_order)
                || sees_out_of_order && is_out_of_order(*slot)
        });
        *series = slots.collect();
    }
}

impl<H: Deref<Target = Head>> Drop for HeadQuerier<H> {
    fn drop(&mut self) {
        self.head.readers.leave(self.commit, self.in_order.min_ms);
    }
}

impl<H: Deref<Target = Head> + Send + Sync> Querier for HeadQuerier<H> {
    fn select(
        &self,
        ctx: &QueryContext,
        matchers: &[Matcher],
        hints: &SelectHints,
    ) -> Result<Box<dyn Selection + '_>, StorageError> {
        ctx.check()?;
        let state = self.head.state.read();
        let mut series = match self.sees_any(&state) {
            true => state.index.select(matchers, &state.table),
            false => SlotSet::default(),
        };
        if let Some(shard) = hints.shard {
            series = state.table.in_shard(&series, shard);
        }
        self.retain_seen(&state, &mut series);
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
        if !self.sees_labels(&state) {
            return Ok(Vec::new());
        }
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
        if !self.sees_labels(&state) {
            return Ok(Vec::new());
        }
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
struct HeadSelection<'a, H: Deref<Target = Head>> {
    querier: &'a HeadQuerier<H>,
    series: SlotSet,
    /// How many of the series count.
    len: usize,
    /// All series, in order of their references, once somebody asks for one.
    slots: OnceLock<Vec<Slot>>,
}

impl<H: Deref<Target = Head>> HeadSelection<'_, H> {
    fn slot(&self, series: usize) -> Slot {
        let sorted = || {
            let mut slots = self.series.to_vec();
            self.querier.head.state.read().table.sort_by_reference(&mut slots);
            slots
        };
        self.slots.get_or_init(sorted)[series]
    }
}

impl<H: Deref<Target = Head> + Send + Sync> Selection for HeadSelection<'_, H> {
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
        let (parts, late, tombstones) = {
            let state = self.querier.head.state.read();
            let seen = self.querier.seen(&state);
            let extent = seen.extents.get(&slot).copied();
            let newest_ms = extent.unwrap_or_else(|| state.table.extent(slot)).newest_ms;
            let TimeRange { min_ms, max_ms } = self.querier.in_order;
            let range = TimeRange { min_ms, max_ms: max_ms.min(newest_ms) };
            let late = self.querier.out_of_order(&state, &seen, slot).cloned();
            let tombstones = state.tombstones.get(&slot).map_or_else(Vec::new, Clone::clone);
            (Parts::new(&state.table, slot, range), late, tombstones)
        };
        let (files, range) = (self.querier.head.files.as_ref(), self.querier.range);
        match late.filter(|late| late.overlaps(range)) {
            Some(late) => late.decode_with(&parts, range, files, out)?,
            None => parts.decode(files, out)?,
        }
        for (min_ms, max_ms) in tombstones {
            out.remove(min_ms..=max_ms);
        }
        Ok(())
    }
}
