use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use narthex_model::Labels;
use narthex_storage::TimeRange;

use super::cut::CutRules;
use super::labels::{LabelId, LabelTable, label_ids};
use super::series::{Appended, Extent, Series, Slot};
use super::slab::Slab;
use super::value::Sample;

/// All series, found by their labels or their slot.
#[derive(Debug, Default)]
pub(super) struct SeriesTable {
    /// Indexed by slot.
    series: Vec<Series>,
    by_labels: HashTable<Slot>,
    hasher: DefaultHashBuilder,
    labels: LabelTable,
    slab: Slab,
    last_reference: u64,
    /// Whether some series has a lower slot than another and a higher reference.
    is_unordered: bool,
}

impl SeriesTable {
    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

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
        (slot as usize) < self.series.len()
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
        self.reserve_reference(reference);
        self.find_hashed(labels, hash).unwrap_or_else(|| self.push(reference, labels, hash))
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

    /// Drops the samples of a series.
    pub(super) fn clear(&mut self, slot: Slot) {
        self.series[slot as usize].clear(&mut self.slab);
    }

    /// Returns how far a series goes.
    pub(super) fn extent(&self, slot: Slot) -> Extent {
        self.get(slot).extent()
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
        let slot = Slot::try_from(self.series.len()).expect("fewer than 2^32 series");
        let buffer = self.labels.intern(labels, &mut self.slab);
        self.is_unordered |= self.series.last().is_some_and(|last| last.reference > reference);
        self.reserve_reference(reference);
        self.series.push(Series::new(reference, buffer, hash));
        let Self { series, by_labels, .. } = self;
        let rehash = |slot: &Slot| spread(series[*slot as usize].hash);
        by_labels.insert_unique(spread(hash), slot, rehash);
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
