use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};
use narthex_model::{Labels, SampleTime};
use narthex_storage::{Shard, TimeRange};

use super::cut::CutRules;
use super::full::{FullChunk, FullChunks};
use super::labels::{LabelId, LabelTable, label_ids};
use super::series::{Appended, Extent, Series, Slot};
use super::slab::Slab;
use super::slots::SlotSet;
use crate::head_chunks::ChunkRef;
use crate::provisional;
use crate::sample::Sample;

/// All series, found by their labels or their slot.
#[derive(Debug, Default)]
pub(super) struct SeriesTable {
    /// Indexed by slot.
    series: Vec<Series>,
    /// Where no series is.
    free: Vec<Slot>,
    by_labels: HashTable<ByLabels>,
    by_reference: HashTable<Slot>,
    hasher: DefaultHashBuilder,
    labels: LabelTable,
    slab: Slab,
    /// The highest reference that is taken, provisional ones aside where others are given out.
    last_reference: u64,
    /// Whether new series get provisional references: see [`provisional`](crate::provisional).
    is_provisional: bool,
    /// The highest reference of all series so far.
    highest_reference: u64,
    /// Whether some series has a lower slot than another and a higher reference.
    is_unordered: bool,
}

/// Half of a keyed hash of a label set: enough to tell series apart that share a place in the table,
/// and to move them as it grows without a look at their labels. Labels are compared all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LabelsHash(u32);

#[derive(Clone, Copy, Debug)]
struct ByLabels {
    hash: LabelsHash,
    slot: Slot,
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

    /// Returns those of `series` that are in the shard.
    pub(super) fn in_shard(&self, series: &SlotSet, shard: Shard) -> SlotSet {
        let labels = |slot: Slot| self.label_ids(slot).map(|id| self.labels.get(id).split());
        series.to_vec().into_iter().filter(|slot| shard.has(labels(*slot))).collect()
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

    /// Returns whether the series at `slot` has these labels.
    #[inline]
    pub(super) fn is_at(&self, slot: Slot, labels: &Labels) -> bool {
        let is_found = |series: &&Series| !series.is_vacant() && series.is_listed;
        let series = self.series.get(slot as usize).filter(is_found);
        series.is_some_and(|series| self.labels.is_set(self.slab.get(series.labels), labels))
    }

    /// Returns the series with these labels, and makes it where there is none.
    pub(super) fn find_or_create(&mut self, labels: &Labels, hash: LabelsHash) -> Slot {
        self.find_hashed(labels, hash)
            .unwrap_or_else(|| self.push(self.last_reference + 1, labels, hash))
    }

    /// As [`SeriesTable::find_or_create`], with a reference for a new series.
    pub(super) fn find_or_create_as(&mut self, reference: u64, labels: &Labels) -> Slot {
        let hash = self.hash(labels);
        let slot = self.find_hashed(labels, hash);
        slot.unwrap_or_else(|| self.push(reference, labels, hash))
    }

    /// Returns the highest reference that a series has, or had.
    pub(super) fn last_reference(&self) -> u64 {
        self.last_reference
    }

    /// Returns a series and the buffers that it names.
    pub(super) fn series_and_slab(&mut self, slot: Slot) -> (&mut Series, &mut Slab) {
        (&mut self.series[slot as usize], &mut self.slab)
    }

    /// Lets references that are still to come be higher than `reference`, which may be provisional.
    pub(super) fn reserve_reference(&mut self, reference: u64) {
        if self.is_provisional || !provisional::has(reference) {
            self.last_reference = self.last_reference.max(reference);
        }
    }

    /// Gives new series provisional references from now on, those behind `reference`.
    pub(super) fn give_provisional(&mut self, reference: u64) {
        (self.is_provisional, self.last_reference) = (true, reference);
    }

    /// Returns whether new series get provisional references.
    pub(super) fn is_provisional(&self) -> bool {
        self.is_provisional
    }

    /// Puts slots in order of their series' references.
    pub(super) fn sort_by_reference(&self, slots: &mut [Slot]) {
        if self.is_unordered {
            slots.sort_by_key(|slot| self.get(*slot).reference);
        }
    }

    /// Brings into the processor's caches what appending to these series takes.
    ///
    /// PERF: together they wait for memory about as long as one of them, as none waits for another.
    pub(super) fn load(&self, slots: impl Iterator<Item = Slot>) {
        let ends = slots.map(|slot| self.series[slot as usize].end_byte(&self.slab));
        std::hint::black_box(ends.fold(0, u8::wrapping_add));
    }

    /// Appends a sample to a series.
    pub(super) fn append(&mut self, slot: Slot, sample: &Sample, rules: CutRules) -> Appended {
        self.series[slot as usize].append(sample, rules, &mut self.slab)
    }

    /// Appends a float where that is simple. Returns by how many bytes the open chunk grew.
    #[inline]
    pub(super) fn push_float(
        &mut self,
        slot: Slot,
        time: SampleTime,
        value: f64,
        rules: CutRules,
    ) -> Option<usize> {
        self.series[slot as usize].push_float(time, value, rules, &mut self.slab)
    }

    /// Makes ready for [`SeriesTable::pack`].
    pub(super) fn start_packing(&mut self) {
        self.slab.start_packing();
    }

    /// Moves the open chunks of these series to where memory is in use.
    pub(super) fn pack(&mut self, slots: Range<Slot>) {
        let slots = slots.start as usize..self.series.len().min(slots.end as usize);
        for series in self.series.get_mut(slots).unwrap_or_default() {
            series.pack(&mut self.slab);
        }
    }

    /// Adds a full chunk in a file to a list that no series has yet, if it is newer than what is there.
    pub(super) fn gather_full(&mut self, list: &mut FullChunks, chunk: FullChunk) {
        let newest = list.iter(&self.slab).next_back();
        if newest.is_none_or(|newest| newest.max_ms < chunk.min_ms) {
            list.push(chunk, &mut self.slab);
        }
    }

    /// Gives a list of full chunks in files to a series without an open one, as far as they are newer
    /// than those that it has.
    pub(super) fn take_full(&mut self, slot: Slot, list: FullChunks) {
        let series = &mut self.series[slot as usize];
        if series.extent(&self.slab).is_empty() {
            series.set_full(list);
            return;
        }
        for chunk in list.iter(&self.slab).collect::<Vec<_>>() {
            if series.extent(&self.slab).newest_ms < chunk.min_ms {
                series.push_full(chunk, &mut self.slab);
            }
        }
        self.drop_full(list);
    }

    /// Drops a list of full chunks that no series has.
    pub(super) fn drop_full(&mut self, mut list: FullChunks) {
        list.clear(&mut self.slab);
    }

    /// Notes that a full chunk is in a file now. Returns how many bytes of memory that frees.
    pub(super) fn move_chunk(&mut self, slot: Slot, min_ms: i64, place: ChunkRef) -> usize {
        self.series[slot as usize].full().move_to_file(min_ms, place, &mut self.slab)
    }

    /// Drops the chunks of a series whose newest sample is older than `min_ms`.
    pub(super) fn drop_chunks_before(&mut self, slot: Slot, min_ms: i64) {
        self.series[slot as usize].drop_chunks_before(min_ms, &mut self.slab);
    }

    /// Keeps a series from being found by its labels or its reference. Who knows its slot can read it
    /// until it is removed.
    pub(super) fn unlist(&mut self, slot: Slot) {
        let hash = self.hash(&self.label_set(slot));
        let series = &mut self.series[slot as usize];
        if let Ok(place) = self.by_labels.find_entry(hash.spread(), |item| item.slot == slot) {
            place.remove();
        }
        let spread = spread_reference(series.reference);
        if let Ok(place) = self.by_reference.find_entry(spread, |item| *item == slot) {
            place.remove();
        }
        // No reference is 0, so no name of a series leads here.
        series.reference = 0;
        series.is_listed = false;
    }

    /// Takes a series away. Its slot will be another's, its reference never.
    pub(super) fn remove(&mut self, slot: Slot) {
        self.unlist(slot);
        self.clear(slot);
        let series = &mut self.series[slot as usize];
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

    /// As [`SeriesTable::find`], with the hash of the labels.
    pub(super) fn find_hashed(&self, labels: &Labels, hash: LabelsHash) -> Option<Slot> {
        let is_it = |item: &ByLabels| item.hash == hash && self.is_at(item.slot, labels);
        self.by_labels.find(hash.spread(), is_it).map(|item| item.slot)
    }

    /// Adds a series whose labels no other has.
    fn push(&mut self, reference: u64, labels: &Labels, hash: LabelsHash) -> Slot {
        let buffer = self.labels.intern(labels, &mut self.slab);
        let new = Series::new(reference, buffer);
        let slot = match self.free.pop() {
            Some(slot) => {
                self.is_unordered = true;
                self.series[slot as usize] = new;
                slot
            }
            None => {
                self.is_unordered |= reference < self.highest_reference;
                self.series.push(new);
                Slot::try_from(self.series.len() - 1).expect("fewer than 2^32 series")
            }
        };
        self.reserve_reference(reference);
        self.highest_reference = self.highest_reference.max(reference);
        let Self { series, by_labels, by_reference, .. } = self;
        by_labels.insert_unique(hash.spread(), ByLabels { hash, slot }, |item| item.hash.spread());
        let rehash = |slot: &Slot| spread_reference(series[*slot as usize].reference);
        by_reference.insert_unique(spread_reference(reference), slot, rehash);
        slot
    }

    #[expect(clippy::cast_possible_truncation, reason = "half of the hash is what is wanted")]
    pub(super) fn hash(&self, labels: &Labels) -> LabelsHash {
        LabelsHash(self.hasher.hash_one(labels) as u32)
    }
}

impl LabelsHash {
    /// The table takes the place of an item from the lowest bits of a hash and a mark from the highest.
    fn spread(self) -> u64 {
        u64::from(self.0).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

fn spread_reference(reference: u64) -> u64 {
    // The upper bits of a product depend on all of its factors' bits: they become the lowest.
    reference.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use narthex_model::Labels;
    use xxhash_rust::xxh64::xxh64;

    use super::{LabelsHash, SeriesTable};

    #[test]
    fn series_of_one_hash_are_told_apart() {
        let mut table = SeriesTable::default();
        let sets = (0..100).map(|number: i32| {
            Labels::from_pairs([("__name__", "up".to_owned()), ("number", number.to_string())])
        });
        let sets = sets.collect::<Vec<_>>();
        let hash = LabelsHash(7);
        let slots = sets.iter().map(|labels| table.find_or_create(labels, hash));
        let slots = slots.collect::<Vec<_>>();
        assert_eq!(table.len(), sets.len());
        for (labels, slot) in sets.iter().zip(slots) {
            assert_eq!(table.find_hashed(labels, hash), Some(slot));
            assert_eq!(table.label_set(slot), *labels);
        }
    }

    /// Whoever knows the key of a hash, or that there is none, can have all series in one place of
    /// the table.
    #[test]
    fn sets_that_collide_without_a_key_do_not_collide() {
        let sets = flood::label_sets();
        let hash_without_key = xxh64(sets[0].as_bytes(), 0);
        for labels in &sets {
            assert_eq!(xxh64(labels.as_bytes(), 0), hash_without_key);
        }
        let mut table = SeriesTable::default();
        let hashes = sets.iter().map(|labels| table.hash(labels).0).collect::<HashSet<_>>();
        // A few of 100,000 random numbers of 32 bits are equal.
        assert!(hashes.len() > sets.len() - 50, "{} of {}", hashes.len(), sets.len());
        for labels in &sets {
            let hash = table.hash(labels);
            table.find_or_create(labels, hash);
        }
        assert_eq!(table.len(), sets.len());
        assert!(sets.iter().all(|labels| table.find(labels).is_some()));
    }

    /// Label sets made to collide under XXH64, with which the reference hashes them.
    mod flood {
        use narthex_model::Labels;

        const PRIME_1: u64 = 0x9e37_79b1_85eb_ca87;
        const PRIME_2: u64 = 0xc2b2_ae3d_27d4_eb4f;
        const PRIME_3: u64 = 0x1656_67b1_9e37_79f9;
        const STRIPE_SIZE: usize = 32;
        /// To the power of the four lanes of a stripe, 104,976.
        const PAIRS_PER_LANE: usize = 18;

        fn round(lane: u64, input: u64) -> u64 {
            lane.wrapping_add(input.wrapping_mul(PRIME_2)).rotate_left(31).wrapping_mul(PRIME_1)
        }

        fn first_lanes() -> [u64; 4] {
            let first = PRIME_1.wrapping_add(PRIME_2);
            [first, PRIME_2, 0, 0_u64.wrapping_sub(PRIME_1)]
        }

        fn add_stripe(lanes: &mut [u64; 4], stripe: &[u8]) {
            for (lane, input) in lanes.iter_mut().zip(stripe.as_chunks().0) {
                *lane = round(*lane, u64::from_le_bytes(*input));
            }
        }

        /// Returns the factor that undoes an odd one.
        fn inverse(odd: u64) -> u64 {
            (0..6).fold(odd, |found, _| {
                found.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(found)))
            })
        }

        /// Returns ASCII inputs of a lane in two stripes, all of which lead to the same state: the
        /// second makes good what the first changed.
        fn colliding_pairs(lane: u64) -> Vec<[[u8; 8]; 2]> {
            let text =
                |number: u64| number.wrapping_mul(PRIME_3).to_le_bytes().map(|byte| byte & 0x7f);
            let state = |input: [u8; 8]| round(lane, u64::from_le_bytes(input));
            let goal = state(text(0));
            let mut pairs = Vec::new();
            for number in 0.. {
                let first = text(number);
                let difference = goal.wrapping_sub(state(first));
                let second = difference.wrapping_mul(inverse(PRIME_2)).to_le_bytes();
                if second.is_ascii() {
                    pairs.push([first, second]);
                }
                if pairs.len() == PAIRS_PER_LANE {
                    break;
                }
            }
            pairs
        }

        pub(super) fn label_sets() -> Vec<Labels> {
            // With its length, all before the second value fills a stripe.
            let name = "x".repeat(19);
            let set = |value: &str| Labels::from_pairs([("__name__", &*name), ("v", value)]);
            let mut lanes = first_lanes();
            add_stripe(&mut lanes, &set(&"x".repeat(64)).as_bytes()[..STRIPE_SIZE]);
            let pairs = lanes.map(colliding_pairs);
            let count = PAIRS_PER_LANE.pow(4);
            let mut sets = Vec::with_capacity(count);
            for index in 0..count {
                let mut bytes = [0; 2 * STRIPE_SIZE];
                let mut rest = index;
                for (lane, pairs) in pairs.iter().enumerate() {
                    let [first, second] = pairs[rest % PAIRS_PER_LANE];
                    rest /= PAIRS_PER_LANE;
                    bytes[lane * 8..][..8].copy_from_slice(&first);
                    bytes[STRIPE_SIZE + lane * 8..][..8].copy_from_slice(&second);
                }
                sets.push(set(str::from_utf8(&bytes).expect("ASCII")));
            }
            sets
        }
    }
}
