use super::series::Slot;
use super::slots::SlotSet;

/// The series that have one label. Most values of the labels that differ between series name very few.
#[derive(Debug, Default)]
pub(super) enum Postings {
    #[default]
    None,
    One(Slot),
    /// Rising.
    Few(Vec<Slot>),
    Many(Box<SlotSet>),
}

impl Postings {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Few(slots) => slots.len(),
            Self::Many(set) => set.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Returns about how many steps it takes to visit all slots.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Many(set) => set.weight(),
            _ => self.len(),
        }
    }

    /// Adds a slot that is not there yet.
    pub(super) fn insert(&mut self, slot: Slot) {
        match self {
            Self::None => *self = Self::One(slot),
            Self::One(first) => *self = Self::Few(vec![slot.min(*first), slot.max(*first)]),
            Self::Few(slots) if slots.len() < FEW_MAX => {
                let place = slots.partition_point(|item| *item < slot);
                slots.insert(place, slot);
            }
            Self::Few(slots) => {
                let mut set = std::mem::take(slots).into_iter().collect::<SlotSet>();
                set.insert(slot);
                *self = Self::Many(Box::new(set));
            }
            Self::Many(set) => {
                set.insert(slot);
            }
        }
    }

    /// Takes a slot away.
    pub(super) fn remove(&mut self, slot: Slot) {
        match self {
            Self::One(only) if *only == slot => *self = Self::None,
            Self::None | Self::One(_) => {}
            Self::Few(slots) => {
                slots.retain(|item| *item != slot);
                if slots.is_empty() {
                    *self = Self::None;
                }
            }
            Self::Many(set) => {
                set.remove(slot);
                if set.is_empty() {
                    *self = Self::None;
                }
            }
        }
    }

    /// Returns whether some slot is also in `set`.
    pub(super) fn intersects(&self, set: &SlotSet) -> bool {
        match self {
            Self::Many(ours) => ours.intersects(set),
            _ => self.small().iter().any(|slot| set.contains(*slot)),
        }
    }

    /// Returns the slots that are also in `set`.
    pub(super) fn intersection(&self, set: &SlotSet) -> SlotSet {
        match self {
            Self::Many(ours) => ours.intersection(set),
            _ => self.small().iter().copied().filter(|slot| set.contains(*slot)).collect(),
        }
    }

    /// Returns the slots of all lists, no two of which share one.
    pub(super) fn disjoint_union(lists: &[&Self]) -> SlotSet {
        let mut few = lists.iter().flat_map(|list| list.small()).copied().collect::<Vec<_>>();
        // Sorted, they go in at the end, one after another.
        few.sort_unstable();
        let few = few.into_iter().collect::<SlotSet>();
        let many = lists.iter().filter_map(|list| match list {
            Self::Many(set) => Some(&**set),
            _ => None,
        });
        let sets = many.chain((!few.is_empty()).then_some(&few)).collect::<Vec<_>>();
        SlotSet::disjoint_union(&sets)
    }

    /// Returns the slots, rising; none of many.
    pub(super) fn small(&self) -> &[Slot] {
        match self {
            Self::None | Self::Many(_) => &[],
            Self::One(slot) => std::slice::from_ref(slot),
            Self::Few(slots) => slots,
        }
    }
}

/// From here on a set is smaller than a list of slots.
const FEW_MAX: usize = 32;
