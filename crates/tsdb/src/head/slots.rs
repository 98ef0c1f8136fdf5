//! Sets of series: compressed as roaring bitmaps are, and worked with by whole words.
//!
//! # Source
//!
//! Lemire et al., "Roaring bitmaps: implementation of an optimized software library", 2018.

use super::series::Slot;

/// A set of slots. What shares its upper sixteen bits lies together: a few as a sorted list of lower
/// halves, many as a bitmap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SlotSet {
    /// Rising by key, none empty.
    containers: Vec<Container>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Container {
    key: u16,
    items: Items,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Items {
    /// Sorted.
    List(Vec<u16>),
    Bits(Box<Bits>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Bits {
    words: [u64; WORD_COUNT],
    count: u32,
}

/// A list that grows beyond this is larger than a bitmap.
const LIST_COUNT_MAX: usize = 4_096;
const WORD_COUNT: usize = 1_024;

impl SlotSet {
    /// Returns the number of slots.
    pub(super) fn len(&self) -> usize {
        self.containers.iter().map(|container| container.items.len()).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.containers.is_empty()
    }

    /// Adds a slot. Returns whether it is new.
    pub(super) fn insert(&mut self, slot: Slot) -> bool {
        let (key, low) = split(slot);
        // Slots mostly rise.
        let place = match self.containers.last() {
            Some(last) if last.key == key => Ok(self.containers.len() - 1),
            Some(last) if last.key < key => Err(self.containers.len()),
            _ => self.find(key),
        };
        match place {
            Ok(place) => self.containers[place].items.insert(low),
            Err(place) => {
                self.containers.insert(place, Container { key, items: Items::List(vec![low]) });
                true
            }
        }
    }

    /// Takes a slot away. Returns whether it was there.
    pub(super) fn remove(&mut self, slot: Slot) -> bool {
        let (key, low) = split(slot);
        let Ok(place) = self.find(key) else { return false };
        let items = &mut self.containers[place].items;
        let was_there = items.remove(low);
        if items.len() == 0 {
            self.containers.remove(place);
        }
        was_there
    }

    pub(super) fn contains(&self, slot: Slot) -> bool {
        let (key, low) = split(slot);
        self.find(key).is_ok_and(|place| self.containers[place].items.contains(low))
    }

    /// Returns the slots, rising.
    pub(super) fn to_vec(&self) -> Vec<Slot> {
        let mut slots = Vec::with_capacity(self.len());
        for Container { key, items } in &self.containers {
            items.append_to(Slot::from(*key) << 16, &mut slots);
        }
        slots
    }

    /// Adds the slots of `other`.
    pub(super) fn union_with(&mut self, other: &Self) {
        for Container { key, items } in &other.containers {
            match self.find(*key) {
                Ok(place) => self.containers[place].items.union_with(items),
                Err(place) => {
                    self.containers.insert(place, Container { key: *key, items: items.clone() });
                }
            }
        }
    }

    /// Returns the slots that are in both sets.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        let mut theirs = &other.containers[..];
        let mut containers = Vec::with_capacity(self.containers.len());
        for Container { key, items } in &self.containers {
            theirs = &theirs[theirs.partition_point(|container| container.key < *key)..];
            let Some(container) = theirs.first().filter(|container| container.key == *key) else {
                continue;
            };
            let items = match (items, &container.items) {
                (Items::Bits(ours), Items::Bits(theirs)) => ours.intersection(theirs),
                (Items::List(list), items) | (items, Items::List(list)) => {
                    let mut both = Items::List(list.clone());
                    both.intersect_with(items);
                    both
                }
            };
            if items.len() > 0 {
                containers.push(Container { key: *key, items });
            }
        }
        Self { containers }
    }

    /// Returns the slots that are not in `other`.
    pub(super) fn difference(&self, other: &Self) -> Self {
        let mut rest = self.clone();
        let mut theirs = &other.containers[..];
        rest.containers.retain_mut(|Container { key, items }| {
            theirs = &theirs[theirs.partition_point(|container| container.key < *key)..];
            match theirs.first() {
                Some(container) if container.key == *key => {
                    items.subtract(&container.items);
                    items.len() > 0
                }
                _ => true,
            }
        });
        rest
    }

    /// Returns whether some slot is in both sets.
    pub(super) fn intersects(&self, other: &Self) -> bool {
        let mut theirs = &other.containers[..];
        self.containers.iter().any(|Container { key, items }| {
            theirs = &theirs[theirs.partition_point(|container| container.key < *key)..];
            let same = theirs.first().filter(|container| container.key == *key);
            same.is_some_and(|container| items.intersects(&container.items))
        })
    }

    fn find(&self, key: u16) -> Result<usize, usize> {
        self.containers.binary_search_by_key(&key, |container| container.key)
    }
}

impl FromIterator<Slot> for SlotSet {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> Self {
        let mut set = Self::default();
        for slot in slots {
            set.insert(slot);
        }
        set
    }
}

impl Items {
    fn len(&self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Bits(bits) => bits.count as usize,
        }
    }

    fn contains(&self, low: u16) -> bool {
        match self {
            Self::List(list) => list.binary_search(&low).is_ok(),
            Self::Bits(bits) => bits.contains(low),
        }
    }

    fn insert(&mut self, low: u16) -> bool {
        let is_new = match self {
            Self::List(list) => match list.last() {
                Some(last) if *last >= low => match list.binary_search(&low) {
                    Ok(_) => false,
                    Err(place) => {
                        list.insert(place, low);
                        true
                    }
                },
                _ => {
                    list.push(low);
                    true
                }
            },
            Self::Bits(bits) => bits.insert(low),
        };
        if let Self::List(list) = self
            && list.len() > LIST_COUNT_MAX
        {
            *self = Self::Bits(Box::new(Bits::of(list)));
        }
        is_new
    }

    fn remove(&mut self, low: u16) -> bool {
        let was_there = match self {
            Self::List(list) => {
                let place = list.binary_search(&low);
                place.map(|place| list.remove(place)).is_ok()
            }
            Self::Bits(bits) => bits.remove(low),
        };
        self.shrink();
        was_there
    }

    fn append_to(&self, base: Slot, slots: &mut Vec<Slot>) {
        match self {
            Self::List(list) => slots.extend(list.iter().map(|low| base | Slot::from(*low))),
            Self::Bits(bits) => bits.append_to(base, slots),
        }
    }

    fn union_with(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Bits(ours), Self::Bits(theirs)) => ours.combine(theirs, |a, b| a | b),
            (Self::Bits(ours), Self::List(theirs)) => ours.insert_all(theirs),
            (Self::List(ours), Self::Bits(theirs)) => {
                let mut bits = theirs.clone();
                bits.insert_all(ours);
                *self = Self::Bits(bits);
            }
            // Two lists are merged by way of a bitmap where the sum may be one, and where they are
            // not small: setting a bit costs less than taking the smaller of two.
            (Self::List(ours), Self::List(theirs))
                if ours.len() + theirs.len() > MERGE_COUNT_MAX =>
            {
                let mut bits = Bits::of(ours);
                bits.insert_all(theirs);
                *self = Self::Bits(Box::new(bits));
            }
            (Self::List(ours), Self::List(theirs)) => {
                ours.extend_from_slice(theirs);
                ours.sort_unstable();
                ours.dedup();
            }
        }
    }

    fn intersect_with(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Bits(ours), Self::Bits(theirs)) => {
                *self = ours.intersection(theirs);
                return;
            }
            (Self::Bits(ours), Self::List(theirs)) => {
                let both = theirs.iter().copied().filter(|low| ours.contains(*low));
                *self = Self::List(both.collect());
            }
            (Self::List(ours), Self::Bits(theirs)) => ours.retain(|low| theirs.contains(*low)),
            (Self::List(ours), Self::List(theirs)) => {
                let mut rest = &theirs[..];
                ours.retain(|low| is_next(&mut rest, *low));
            }
        }
        self.shrink();
    }

    fn subtract(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Bits(ours), Self::Bits(theirs)) => ours.combine(theirs, |a, b| a & !b),
            (Self::Bits(ours), Self::List(theirs)) => {
                for low in theirs {
                    ours.remove(*low);
                }
            }
            (Self::List(ours), Self::Bits(theirs)) => ours.retain(|low| !theirs.contains(*low)),
            (Self::List(ours), Self::List(theirs)) => {
                let mut rest = &theirs[..];
                ours.retain(|low| !is_next(&mut rest, *low));
            }
        }
        self.shrink();
    }

    fn intersects(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bits(ours), Self::Bits(theirs)) => {
                ours.words.iter().zip(&theirs.words).any(|(a, b)| a & b != 0)
            }
            (Self::List(few), many) | (many, Self::List(few)) => {
                few.iter().any(|low| many.contains(*low))
            }
        }
    }

    /// Makes a list of a bitmap that is well below the size of one: not at the bound itself, where
    /// sets would change to and fro.
    fn shrink(&mut self) {
        if let Self::Bits(bits) = self
            && (bits.count as usize) <= LIST_COUNT_MAX / 2
        {
            let mut slots = Vec::with_capacity(bits.count as usize);
            bits.append_to(0, &mut slots);
            *self = Self::List(slots.into_iter().map(|slot| split(slot).1).collect());
        }
    }
}

impl Bits {
    fn of(list: &[u16]) -> Self {
        let mut bits = Self { words: [0; WORD_COUNT], count: 0 };
        bits.insert_all(list);
        bits
    }

    #[inline]
    fn contains(&self, low: u16) -> bool {
        self.words[usize::from(low >> 6)] >> (low & 63) & 1 == 1
    }

    #[inline]
    fn insert(&mut self, low: u16) -> bool {
        let word = &mut self.words[usize::from(low >> 6)];
        let is_new = *word >> (low & 63) & 1 == 0;
        *word |= 1 << (low & 63);
        self.count += u32::from(is_new);
        is_new
    }

    fn insert_all(&mut self, list: &[u16]) {
        for low in list {
            self.insert(*low);
        }
    }

    fn remove(&mut self, low: u16) -> bool {
        let word = &mut self.words[usize::from(low >> 6)];
        let was_there = *word >> (low & 63) & 1 == 1;
        *word &= !(1 << (low & 63));
        self.count -= u32::from(was_there);
        was_there
    }

    fn combine(&mut self, other: &Self, combine: impl Fn(u64, u64) -> u64) {
        let mut count = 0;
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word = combine(*word, *other);
            count += word.count_ones();
        }
        self.count = count;
    }

    /// Returns what is in both: counted first, as few items go to a list at once.
    fn intersection(&self, other: &Self) -> Items {
        let both = || self.words.iter().zip(&other.words).map(|(a, b)| a & b);
        let count = both().map(u64::count_ones).sum::<u32>();
        if count as usize > LIST_COUNT_MAX / 2 {
            let mut bits = Box::new(Self { words: [0; WORD_COUNT], count });
            bits.words.iter_mut().zip(both()).for_each(|(word, both)| *word = both);
            return Items::Bits(bits);
        }
        let mut list = Vec::with_capacity(count as usize);
        for (base, word) in (0_u16..=u16::MAX).step_by(64).zip(both()) {
            let mut rest = word;
            while rest != 0 {
                list.push(base | LOWS[rest.trailing_zeros() as usize]);
                rest &= rest - 1;
            }
        }
        Items::List(list)
    }

    fn append_to(&self, base: Slot, slots: &mut Vec<Slot>) {
        for (base, word) in (base..).step_by(64).zip(&self.words) {
            let mut rest = *word;
            while rest != 0 {
                slots.push(base + rest.trailing_zeros());
                rest &= rest - 1;
            }
        }
    }
}

/// Drops what is below `low` from the front of `rest`, which rises, and returns whether `low` comes
/// next. The steps grow with the distance.
fn is_next(rest: &mut &[u16], low: u16) -> bool {
    let mut reach = 1;
    while rest.get(reach - 1).is_some_and(|item| *item < low) {
        reach *= 2;
    }
    let (start, end) = (reach / 2, reach.min(rest.len()));
    let below = start + rest[start..end].partition_point(|item| *item < low);
    *rest = &rest[below..];
    rest.first() == Some(&low)
}

fn split(slot: Slot) -> (u16, u16) {
    let halves = slot.to_be_bytes();
    (u16::from_be_bytes([halves[0], halves[1]]), u16::from_be_bytes([halves[2], halves[3]]))
}

/// The places in a word as lower halves.
const LOWS: [u16; 64] = {
    let mut lows = [0; 64];
    let mut low = 0;
    while low < 64 {
        lows[low as usize] = low;
        low += 1;
    }
    lows
};

/// Lists of more items together are merged as a bitmap.
const MERGE_COUNT_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::SlotSet;

    /// Runs and single slots over three containers, so that lists and bitmaps meet.
    fn any_slots() -> impl Strategy<Value = BTreeSet<u32>> {
        let run = (0_u32..180_000, prop_oneof![Just(1_u32), 1_u32..6_000], 1_u32..4);
        prop::collection::vec(run, 0..6).prop_map(|runs| {
            let slots = |(start, count, step): (u32, u32, u32)| {
                (start..).step_by(step as usize).take(count as usize)
            };
            runs.into_iter().flat_map(slots).collect()
        })
    }

    fn set(slots: &BTreeSet<u32>) -> SlotSet {
        slots.iter().copied().collect()
    }

    fn list(slots: impl IntoIterator<Item = u32>) -> Vec<u32> {
        slots.into_iter().collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn sets_are_sets(left in any_slots(), right in any_slots()) {
            let (ours, theirs) = (set(&left), set(&right));
            prop_assert_eq!(ours.to_vec(), list(left.iter().copied()));
            prop_assert_eq!((ours.len(), ours.is_empty()), (left.len(), left.is_empty()));

            let mut union = ours.clone();
            union.union_with(&theirs);
            let expected = list(left.union(&right).copied());
            prop_assert_eq!((union.len(), union.to_vec()), (expected.len(), expected));
            let expected = list(left.intersection(&right).copied());
            let both = ours.intersection(&theirs);
            prop_assert_eq!((both.len(), both.to_vec()), (expected.len(), expected));
            prop_assert_eq!(ours.intersects(&theirs), !left.is_disjoint(&right));
            let expected = list(left.difference(&right).copied());
            let rest = ours.difference(&theirs);
            prop_assert_eq!((rest.len(), rest.to_vec()), (expected.len(), expected));
        }

        #[test]
        fn slots_come_and_go(slots in any_slots(), gone in any_slots()) {
            let (mut set, mut model) = (SlotSet::default(), BTreeSet::new());
            for slot in slots.iter().rev() {
                prop_assert_eq!(set.insert(*slot), model.insert(*slot));
                prop_assert!(!set.insert(*slot));
            }
            for slot in &gone {
                prop_assert_eq!(set.contains(*slot), model.contains(slot));
                prop_assert_eq!(set.remove(*slot), model.remove(slot));
            }
            prop_assert_eq!(set.to_vec(), list(model.iter().copied()));
        }
    }
}
