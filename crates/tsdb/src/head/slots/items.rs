use super::Slot;
use super::bits::Bits;
use super::runs::{Run, Runs, gallop};

/// A set of lower halves of slots, in the form that takes the least room: that of a few is a list, that
/// of neighbours are runs, and that of many is a bitmap.
#[derive(Clone, Debug)]
pub(super) enum Items {
    /// Sorted.
    List(Vec<u16>),
    Runs(Runs),
    Bits(Box<Bits>),
}

/// A list that grows beyond this is larger than a bitmap.
const LIST_COUNT_MAX: usize = 4_096;
/// So are more runs.
const RUN_COUNT_MAX: usize = 2_048;
/// From here on, whenever it has doubled, a list is looked at for runs.
const RUNS_COUNT_MIN: usize = 64;
/// Lists and runs of more pieces together are merged as a bitmap: setting a bit costs less than sorting
/// them.
const MERGE_COUNT_MAX: usize = 32;
/// A run takes the room of two items of a list.
const RUN_SIZE_FACTOR: usize = 2;
/// The words of a bitmap are worked with four or eight at a time.
const BITS_WEIGHT: usize = 256;

impl Items {
    pub(super) fn one(low: u16) -> Self {
        Self::List(vec![low])
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Runs(runs) => runs.count() as usize,
            Self::Bits(bits) => bits.count() as usize,
        }
    }

    /// Returns about how many steps it takes to visit all.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Runs(runs) => runs.as_slice().len(),
            Self::Bits(_) => BITS_WEIGHT,
        }
    }

    pub(super) fn contains(&self, low: u16) -> bool {
        match self {
            Self::List(list) => list.binary_search(&low).is_ok(),
            Self::Runs(runs) => runs.contains(low),
            Self::Bits(bits) => bits.contains(low),
        }
    }

    /// Returns whether it is new.
    pub(super) fn insert(&mut self, low: u16) -> bool {
        let is_new = match self {
            Self::List(list) => insert_into_list(list, low),
            Self::Runs(runs) => runs.insert(low),
            Self::Bits(bits) => bits.insert(low),
        };
        self.reshape_grown();
        is_new
    }

    /// Returns whether it was there.
    pub(super) fn remove(&mut self, low: u16) -> bool {
        let was_there = match self {
            Self::List(list) => {
                let place = list.binary_search(&low);
                place.map(|place| list.remove(place)).is_ok()
            }
            Self::Runs(runs) => runs.remove(low),
            Self::Bits(bits) => bits.remove(low),
        };
        self.reshape_shrunk();
        was_there
    }

    pub(super) fn append_to(&self, base: Slot, slots: &mut Vec<Slot>) {
        match self {
            Self::List(list) => slots.extend(list.iter().map(|low| base | Slot::from(*low))),
            Self::Runs(runs) => {
                for run in runs.as_slice() {
                    slots.extend(base | Slot::from(run.first)..=base | Slot::from(run.last));
                }
            }
            Self::Bits(bits) => bits.append_to(base, slots),
        }
    }

    /// Returns what is in one of `parts`, no two of which share an item.
    pub(super) fn disjoint_union(parts: &[&Self]) -> Self {
        if let [part] = parts {
            return (*part).clone();
        }
        if parts.iter().map(|items| items.weight()).sum::<usize>() <= MERGE_COUNT_MAX {
            return Self::Runs(Runs::of_unsorted(
                parts.iter().flat_map(|part| part.runs()).collect(),
            ));
        }
        let mut bits = Bits::empty();
        for part in parts {
            match part {
                Self::List(list) => bits.insert_all(list),
                Self::Runs(runs) => bits.insert_new_runs(runs),
                Self::Bits(others) => bits.union_with(others),
            }
        }
        Self::Bits(bits)
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Bits(ours), Self::Bits(theirs)) => both_of(ours, theirs),
            (Self::Runs(ours), Self::Runs(theirs)) => Self::Runs(ours.intersection(theirs)),
            (Self::Runs(runs), Self::Bits(bits)) | (Self::Bits(bits), Self::Runs(runs)) => {
                if runs.count() as usize <= LIST_COUNT_MAX {
                    return Self::List(bits.in_runs(runs.as_slice()));
                }
                let mut mask = Bits::empty();
                mask.insert_new_runs(runs);
                both_of(&mask, bits)
            }
            (Self::List(list), items) | (items, Self::List(list)) => {
                let mut both = list.clone();
                items.retain_in(&mut both, true);
                Self::List(both)
            }
        }
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::List(ours), theirs) => theirs.retain_in(ours, false),
            (Self::Bits(ours), Self::Bits(theirs)) => ours.subtract(theirs),
            (Self::Bits(ours), Self::Runs(theirs)) => ours.remove_runs(theirs.as_slice()),
            (Self::Bits(ours), Self::List(theirs)) => {
                for low in theirs {
                    ours.remove(*low);
                }
            }
            (Self::Runs(ours), Self::Bits(theirs)) => {
                let mut bits = Bits::empty();
                bits.insert_new_runs(ours);
                bits.subtract(theirs);
                *self = Self::Bits(bits);
            }
            (Self::Runs(ours), Self::Runs(theirs)) => *ours = ours.difference(theirs),
            (Self::Runs(ours), Self::List(theirs)) => *ours = ours.difference(&Runs::of(theirs)),
        }
        self.reshape_shrunk();
    }

    pub(super) fn intersects(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bits(ours), Self::Bits(theirs)) => ours.intersects(theirs),
            (Self::Runs(ours), Self::Runs(theirs)) => ours.intersects(theirs),
            (Self::Runs(runs), Self::Bits(bits)) | (Self::Bits(bits), Self::Runs(runs)) => {
                bits.intersects_runs(runs.as_slice())
            }
            (Self::List(few), many) | (many, Self::List(few)) => {
                few.iter().any(|low| many.contains(*low))
            }
        }
    }

    /// Drops those of a sorted list that are in the set, or those that are not where `keeps` them.
    fn retain_in(&self, list: &mut Vec<u16>, keeps: bool) {
        match self {
            Self::List(items) => {
                let mut rest = &items[..];
                list.retain(|low| {
                    rest = &rest[gallop(rest, |item| item < low)..];
                    (rest.first() == Some(low)) == keeps
                });
            }
            Self::Runs(runs) => {
                let mut rest = runs.as_slice();
                list.retain(|low| {
                    rest = &rest[gallop(rest, |run| run.last < *low)..];
                    rest.first().is_some_and(|run| run.first <= *low) == keeps
                });
            }
            Self::Bits(bits) => list.retain(|low| bits.contains(*low) == keeps),
        }
    }

    /// Returns the runs of a list or of runs; none of a bitmap.
    fn runs(&self) -> impl Iterator<Item = Run> {
        let (list, runs) = match self {
            Self::List(list) => (&list[..], &[][..]),
            Self::Runs(runs) => (&[][..], runs.as_slice()),
            Self::Bits(_) => (&[][..], &[][..]),
        };
        let single = list.iter().map(|low| Run { first: *low, last: *low });
        single.chain(runs.iter().copied())
    }

    /// Gives a set that grew another form, where its own takes more room.
    fn reshape_grown(&mut self) {
        match self {
            Self::List(list) => {
                let is_looked_at = list.len() >= RUNS_COUNT_MIN && list.len().is_power_of_two();
                if is_looked_at && Runs::count_in(list) * RUN_SIZE_FACTOR <= list.len() / 2 {
                    *self = Self::Runs(Runs::of(list));
                } else if list.len() > LIST_COUNT_MAX {
                    let mut bits = Bits::empty();
                    bits.insert_all(list);
                    *self = Self::Bits(bits);
                }
            }
            Self::Runs(runs) => {
                let (run_count, count) = (runs.as_slice().len(), runs.count() as usize);
                if count <= LIST_COUNT_MAX / 2 {
                    if run_count * RUN_SIZE_FACTOR > count.max(RUNS_COUNT_MIN) {
                        *self = Self::List(runs.items().collect());
                    }
                } else if run_count > RUN_COUNT_MAX {
                    let mut bits = Bits::empty();
                    bits.insert_new_runs(runs);
                    *self = Self::Bits(bits);
                }
            }
            Self::Bits(_) => {}
        }
    }

    /// Gives a set that shrank another form, where its own takes more room: not at the bound itself,
    /// where sets would change to and fro.
    fn reshape_shrunk(&mut self) {
        match self {
            Self::Bits(bits) if bits.count() as usize <= LIST_COUNT_MAX / 2 => {
                *self = Self::List(bits.items());
            }
            Self::Runs(_) => self.reshape_grown(),
            _ => {}
        }
    }
}

fn both_of(ours: &Bits, theirs: &Bits) -> Items {
    match ours.intersection(theirs, LIST_COUNT_MAX / 2) {
        Ok(bits) => Items::Bits(bits),
        Err(list) => Items::List(list),
    }
}

/// Adds an item to a sorted list. Returns whether it is new.
fn insert_into_list(list: &mut Vec<u16>, low: u16) -> bool {
    match list.last() {
        // Slots mostly rise.
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
    }
}
