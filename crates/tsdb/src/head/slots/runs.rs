//! Slots in unbroken runs: the series of one target come into being together, so that most of what
//! they have in common is a run.

/// Neighbouring items, from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first: u16,
    pub(super) last: u16,
}

/// A set of items as the runs that it consists of.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    /// Rising, with a gap between each and the next.
    runs: Vec<Run>,
    /// Of items.
    count: u32,
}

impl Run {
    pub(super) fn count(self) -> u32 {
        u32::from(self.last - self.first) + 1
    }

    /// Returns what this and `other` share, if they do.
    fn overlap(self, other: Self) -> Option<Self> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        (first <= last).then_some(Self { first, last })
    }
}

impl Runs {
    /// Returns how many runs the items of a sorted list make.
    pub(super) fn count_in(list: &[u16]) -> usize {
        let breaks = list.windows(2).filter(|pair| pair[1] - pair[0] > 1).count();
        breaks + usize::from(!list.is_empty())
    }

    /// Returns the runs of a sorted list.
    pub(super) fn of(list: &[u16]) -> Self {
        let mut runs = Self::default();
        for &item in list {
            runs.push(Run { first: item, last: item });
        }
        runs
    }

    /// Returns the set of runs in any order.
    pub(super) fn of_unsorted(mut runs: Vec<Run>) -> Self {
        runs.sort_unstable_by_key(|run| run.first);
        let mut sorted = Self::default();
        runs.into_iter().for_each(|run| sorted.push(run));
        sorted
    }

    /// Returns the number of items.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn as_slice(&self) -> &[Run] {
        &self.runs
    }

    pub(super) fn items(&self) -> impl Iterator<Item = u16> {
        self.runs.iter().flat_map(|run| run.first..=run.last)
    }

    pub(super) fn contains(&self, item: u16) -> bool {
        let place = self.runs.partition_point(|run| run.last < item);
        self.runs.get(place).is_some_and(|run| run.first <= item)
    }

    /// Returns whether it is new.
    pub(super) fn insert(&mut self, item: u16) -> bool {
        let place = self.runs.partition_point(|run| run.last < item);
        if self.runs.get(place).is_some_and(|run| run.first <= item) {
            return false;
        }
        self.count += 1;
        let touches_before = place > 0 && self.runs[place - 1].last + 1 == item;
        let touches_after = self.runs.get(place).is_some_and(|run| run.first - 1 == item);
        match (touches_before, touches_after) {
            (true, true) => self.runs[place - 1].last = self.runs.remove(place).last,
            (true, false) => self.runs[place - 1].last = item,
            (false, true) => self.runs[place].first = item,
            (false, false) => self.runs.insert(place, Run { first: item, last: item }),
        }
        true
    }

    /// Returns whether it was there.
    pub(super) fn remove(&mut self, item: u16) -> bool {
        let place = self.runs.partition_point(|run| run.last < item);
        let Some(run) = self.runs.get_mut(place).filter(|run| run.first <= item) else {
            return false;
        };
        self.count -= 1;
        let Run { first, last } = *run;
        match (first == item, last == item) {
            (true, true) => {
                self.runs.remove(place);
            }
            (true, false) => run.first += 1,
            (false, true) => run.last -= 1,
            (false, false) => {
                run.last = item - 1;
                self.runs.insert(place + 1, Run { first: item + 1, last });
            }
        }
        true
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        let is_few = self.runs.len() <= other.runs.len();
        let (few, many) = if is_few { (self, other) } else { (other, self) };
        let mut rest = &many.runs[..];
        let capacity = (few.runs.len() + many.runs.len()).min(BOTH_COUNT_MAX);
        let mut both = Self { runs: Vec::with_capacity(capacity), count: 0 };
        for run in &few.runs {
            rest = &rest[gallop(rest, |other| other.last < run.first)..];
            let overlaps = rest.iter().map_while(|other| run.overlap(*other));
            for overlap in overlaps {
                both.count += overlap.count();
                both.runs.push(overlap);
            }
        }
        both
    }

    pub(super) fn intersects(&self, other: &Self) -> bool {
        let mut rest = &other.runs[..];
        self.runs.iter().any(|run| {
            rest = &rest[gallop(rest, |other| other.last < run.first)..];
            rest.first().is_some_and(|other| other.first <= run.last)
        })
    }

    /// Returns the items that are not in `other`.
    pub(super) fn difference(&self, other: &Self) -> Self {
        let mut rest = &other.runs[..];
        let mut left = Self::default();
        for run in &self.runs {
            rest = &rest[gallop(rest, |other| other.last < run.first)..];
            // Wider than an item, so that it can stand behind the last.
            let mut first = u32::from(run.first);
            for gone in rest.iter().take_while(|gone| gone.first <= run.last) {
                left.push_between(first, u32::from(gone.first));
                first = u32::from(gone.last) + 1;
            }
            left.push_between(first, u32::from(run.last) + 1);
        }
        left
    }

    /// Adds the items from `first` to before `end`, if there are any.
    fn push_between(&mut self, first: u32, end: u32) {
        if first < end
            && let (Ok(first), Ok(last)) = (u16::try_from(first), u16::try_from(end - 1))
        {
            self.push(Run { first, last });
        }
    }

    /// Adds a run that starts at or behind the start of the last one.
    fn push(&mut self, run: Run) {
        match self.runs.last_mut() {
            Some(last) if u32::from(run.first) <= u32::from(last.last) + 1 => {
                if run.last > last.last {
                    self.count += u32::from(run.last - last.last);
                    last.last = run.last;
                }
            }
            _ => {
                self.count += run.count();
                self.runs.push(run);
            }
        }
    }
}

/// An intersection has room for so many runs at first.
const BOTH_COUNT_MAX: usize = 128;

/// Returns how many items at the start of `list` are `below` some bound, in steps that grow with the
/// answer.
pub(super) fn gallop<T>(list: &[T], below: impl Fn(&T) -> bool) -> usize {
    let mut reach = 1;
    while list.get(reach - 1).is_some_and(&below) {
        reach *= 2;
    }
    let (start, end) = (reach / 2, reach.min(list.len()));
    start + list[start..end].partition_point(below)
}
