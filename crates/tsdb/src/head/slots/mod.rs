//! Sets of series: compressed as roaring bitmaps are, and worked with by whole words.
//!
//! # Source
//!
//! Lemire et al., "Roaring bitmaps: implementation of an optimized software library", 2018.

mod bits;
mod items;
mod runs;

use items::Items;

use super::series::Slot;

/// A set of slots. What shares its upper sixteen bits lies together: as a sorted list of lower halves,
/// as runs of them, or as a bitmap.
#[derive(Clone, Debug, Default)]
pub(super) struct SlotSet {
    /// Rising by key, none empty.
    containers: Vec<Container>,
}

#[derive(Clone, Debug)]
struct Container {
    key: u16,
    items: Items,
}

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
                self.containers.insert(place, Container { key, items: Items::one(low) });
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

    /// Returns about how many steps it takes to visit all slots.
    pub(super) fn weight(&self) -> usize {
        self.containers.iter().map(|container| container.items.weight()).sum()
    }

    /// Returns the slots that are in one of `sets`, no two of which share one.
    pub(super) fn disjoint_union(sets: &[&Self]) -> Self {
        if let [set] = sets {
            return (*set).clone();
        }
        let mut rests = sets.iter().map(|set| &set.containers[..]).collect::<Vec<_>>();
        let mut parts = Vec::with_capacity(sets.len());
        let mut containers = Vec::new();
        while let Some(key) = rests.iter().filter_map(|rest| Some(rest.first()?.key)).min() {
            parts.clear();
            for rest in &mut rests {
                if let Some((container, after)) = rest.split_first()
                    && container.key == key
                {
                    parts.push(&container.items);
                    *rest = after;
                }
            }
            containers.push(Container { key, items: Items::disjoint_union(&parts) });
        }
        Self { containers }
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
            let items = items.intersection(&container.items);
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

fn split(slot: Slot) -> (u16, u16) {
    let halves = slot.to_be_bytes();
    (u16::from_be_bytes([halves[0], halves[1]]), u16::from_be_bytes([halves[2], halves[3]]))
}

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

            let expected = list(left.intersection(&right).copied());
            let both = ours.intersection(&theirs);
            prop_assert_eq!((both.len(), both.to_vec()), (expected.len(), expected));
            prop_assert_eq!(ours.intersects(&theirs), !left.is_disjoint(&right));
            let others = &theirs.difference(&ours);
            let disjoint = SlotSet::disjoint_union(&[&both, others, &ours.difference(&both)]);
            let expected = list(left.union(&right).copied());
            prop_assert_eq!((disjoint.len(), disjoint.to_vec()), (expected.len(), expected));
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
