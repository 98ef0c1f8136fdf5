use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use narthex_model::Labels;
use narthex_storage::TimeRange;

use super::cut::CutRules;
use super::full::FullChunk;
use super::labels::{LabelId, LabelTable, label_ids};
use super::series::{Appended, Extent, Series, Slot};
use super::slab::Slab;
use crate::head_chunks::ChunkRef;
use crate::sample::Sample;

/// All series, found by their labels or their slot.
#[derive(Debug, Default)]
pub(super) struct SeriesTable {
    /// Indexed by slot.
    series: Vec<Series>,
    /// Where no series is.
    free: Vec<Slot>,
    by_labels: HashTable<Slot>,
    by_reference: HashTable<Slot>,
    hasher: DefaultHashBuilder,
    labels: LabelTable,
    slab: Slab,
    last_reference: u64,
    /// Whether some series has a lower slot than another and a higher reference.
    is_unordered: bool,
}

impl SeriesTable {
    pub(super) fn len(&self) -> usize {
        self.series.len() - self.free.len()
    }

    /// Returns all slots, also those without a series.
    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        0..Slot::try_from(self.series.len()).expect("as many slots as series")
    }

    pub(super) fn get(&self, slot: Slot) -> &Series {
        &self.series[slot as usize]
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> &mut Series {
        &mut self.series[slot as usize]
    }

    /// Returns whether there is a series at `slot`.
    pub(super) fn has(&self, slot: Slot) -> bool {
        self.series.get(slot as usize).is_some_and(|series| !series.is_vacant())
    }

    /// Returns the slot of the series with this reference.
    pub(super) fn find_reference(&self, reference: u64) -> Option<Slot> {
        let is_it = |slot: &Slot| self.get(*slot).reference == reference;
        self.by_reference.find(spread_reference(reference), is_it).copied()
    }

    /// Returns the labels of all series.
    pub(super) fn labels(&self) -> &LabelTable {
        &self.labels
    }

    /// Returns the buffers that the series name.
    pub(super) fn slab(&self) -> &Slab {
        &self.slab
    }

    /// Returns the labels of a series, in order of their names.
    pub(super) fn label_ids(&self, slot: Slot) -> impl Iterator<Item = LabelId> + Clone {
        label_ids(self.slab.get(self.get(slot).labels))
    }

    /// Builds the label set of a series.
    pub(super) fn label_set(&self, slot: Slot) -> Labels {
        Labels::from_encoded_labels(self.label_ids(slot).map(|id| self.labels.get(id)))
    }

    /// Returns a label of a series; the empty text where it has none of this name.
    pub(super) fn label_value(&self, slot: Slot, name: &str) -> &str {
        let mut labels = self.label_ids(slot).map(|id| self.labels.get(id).split());
        labels.find(|(candidate, _)| *candidate == name).map_or("", |(_, value)| value)
    }

    /// Returns the series with these labels.
    pub(super) fn find(&self, labels: &Labels) -> Option<Slot> {
        self.find_hashed(labels, self.hash(labels))
    }

    /// Returns the series with these labels, and makes it where there is none.
    pub(super) fn find_or_create(&mut self, labels: &Labels) -> Slot {
        let hash = self.hash(labels);
        self.find_hashed(labels, hash)
            .unwrap_or_else(|| self.push(self.last_reference + 1, labels, hash))
    }

    /// As [`SeriesTable::find_or_create`], with a reference for a new series.
    pub(super) fn find_or_create_as(&mut self, reference: u64, labels: &Labels) -> Slot {
        let hash = self.hash(labels);
        let slot = self.find_hashed(labels, hash);
        slot.unwrap_or_else(|| self.push(reference, labels, hash))
    }

    /// Lets references that are still to come be higher than `reference`.
    pub(super) fn reserve_reference(&mut self, reference: u64) {
        self.last_reference = self.last_reference.max(reference);
    }

    /// Puts slots in order of their series' references.
    pub(super) fn sort_by_reference(&self, slots: &mut [Slot]) {
        if self.is_unordered {
            slots.sort_by_key(|slot| self.get(*slot).reference);
        }
    }

    /// Appends a sample to a series.
    pub(super) fn append(&mut self, slot: Slot, sample: &Sample, rules: CutRules) -> Appended {
        self.series[slot as usize].append(sample, rules, &mut self.slab)
    }

    /// Adds full chunks in files to a series without an open one, as far as they are newer than those
    /// that it has.
    pub(super) fn push_full(&mut self, slot: Slot, chunks: &[FullChunk]) {
        let series = &mut self.series[slot as usize];
        for chunk in chunks {
            if series.extent(&self.slab).newest_ms < chunk.min_ms {
                series.push_full(*chunk, &mut self.slab);
            }
        }
    }

    /// Notes that a full chunk is in a file now. Returns how many bytes of memory that frees.
    pub(super) fn move_chunk(&mut self, slot: Slot, min_ms: i64, place: ChunkRef) -> usize {
        self.series[slot as usize].full().move_to_file(min_ms, place, &mut self.slab)
    }

    /// Drops the chunks of a series whose newest sample is older than `min_ms`.
    pub(super) fn drop_chunks_before(&mut self, slot: Slot, min_ms: i64) {
        self.series[slot as usize].drop_chunks_before(min_ms, &mut self.slab);
    }

    /// Takes a series away. Its slot will be another's, its reference never.
    pub(super) fn remove(&mut self, slot: Slot) {
        self.clear(slot);
        let series = &mut self.series[slot as usize];
        let places = [
            self.by_labels.find_entry(spread(series.hash), |item| *item == slot),
            self.by_reference.find_entry(spread_reference(series.reference), |item| *item == slot),
        ];
        for place in places.into_iter().flatten() {
            place.remove();
        }
        self.labels.release(series.labels, &mut self.slab);
        *series = Series::vacant();
        self.free.push(slot);
    }

    /// Drops the samples of a series.
    pub(super) fn clear(&mut self, slot: Slot) {
        self.series[slot as usize].clear(&mut self.slab);
    }

    /// Returns how far a series goes.
    pub(super) fn extent(&self, slot: Slot) -> Extent {
        self.get(slot).extent(&self.slab)
    }

    /// Returns whether a series may have samples in `range`.
    pub(super) fn overlaps(&self, slot: Slot, range: TimeRange) -> bool {
        let bounds = self.get(slot).bounds(&self.slab);
        bounds.is_some_and(|(min_ms, max_ms)| min_ms <= range.max_ms && range.min_ms <= max_ms)
    }

    fn find_hashed(&self, labels: &Labels, hash: u32) -> Option<Slot> {
        let is_it = |slot: &Slot| {
            let series = self.get(*slot);
            series.hash == hash && self.labels.is_set(self.slab.get(series.labels), labels)
        };
        self.by_labels.find(spread(hash), is_it).copied()
    }

    /// Adds a series whose labels no other has.
    fn push(&mut self, reference: u64, labels: &Labels, hash: u32) -> Slot {
        let buffer = self.labels.intern(labels, &mut self.slab);
        let new = Series::new(reference, buffer, hash);
        let slot = match self.free.pop() {
            Some(slot) => {
                self.is_unordered = true;
                self.series[slot as usize] = new;
                slot
            }
            None => {
                self.is_unordered |= reference < self.last_reference;
                self.series.push(new);
                Slot::try_from(self.series.len() - 1).expect("fewer than 2^32 series")
            }
        };
        self.reserve_reference(reference);
        let Self { series, by_labels, by_reference, .. } = self;
        let rehash = |slot: &Slot| spread(series[*slot as usize].hash);
        by_labels.insert_unique(spread(hash), slot, rehash);
        let rehash = |slot: &Slot| spread_reference(series[*slot as usize].reference);
        by_reference.insert_unique(spread_reference(reference), slot, rehash);
        slot
    }

    /// Half of a keyed hash is kept with each series: enough to tell series apart that share a place
    /// in the table, and to move them as it grows without putting their labels together.
    #[expect(clippy::cast_possible_truncation, reason = "half of the hash is what is wanted")]
    fn hash(&self, labels: &Labels) -> u32 {
        self.hasher.hash_one(labels) as u32
    }
}

/// The table takes the place of an item from the lowest bits of a hash and a mark from the highest.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn spread_reference(reference: u64) -> u64 {
    // The upper bits of a product depend on all of its factors' bits: they become the lowest.
    reference.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32)
}
