use super::runs::{Run, Runs};

/// A set of items as one bit each.
#[derive(Clone, Debug)]
pub(super) struct Bits {
    words: [u64; WORD_COUNT],
    count: u32,
}

const WORD_COUNT: usize = 1_024;

impl Bits {
    pub(super) fn empty() -> Box<Self> {
        Box::new(Self { words: [0; WORD_COUNT], count: 0 })
    }

    /// Returns the number of items.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    #[inline]
    pub(super) fn contains(&self, item: u16) -> bool {
        self.words[usize::from(item >> 6)] >> (item & 63) & 1 == 1
    }

    /// Returns whether it is new.
    #[inline]
    pub(super) fn insert(&mut self, item: u16) -> bool {
        let word = &mut self.words[usize::from(item >> 6)];
        let is_new = *word >> (item & 63) & 1 == 0;
        *word |= 1 << (item & 63);
        self.count += u32::from(is_new);
        is_new
    }

    /// Returns whether it was there.
    pub(super) fn remove(&mut self, item: u16) -> bool {
        let word = &mut self.words[usize::from(item >> 6)];
        let was_there = *word >> (item & 63) & 1 == 1;
        *word &= !(1 << (item & 63));
        self.count -= u32::from(was_there);
        was_there
    }

    pub(super) fn insert_all(&mut self, items: &[u16]) {
        for item in items {
            self.insert(*item);
        }
    }

    /// Adds runs none of whose items is there.
    pub(super) fn insert_new_runs(&mut self, runs: &Runs) {
        self.count += runs.count();
        for run in runs.as_slice() {
            self.visit(*run, |word, mask| *word |= mask);
        }
    }

    pub(super) fn remove_runs(&mut self, runs: &[Run]) {
        for run in runs {
            let mut count = 0;
            self.visit(*run, |word, mask| {
                count += (mask & *word).count_ones();
                *word &= !mask;
            });
            self.count -= count;
        }
    }

    pub(super) fn union_with(&mut self, other: &Self) {
        self.combine(other, |a, b| a | b);
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        self.combine(other, |a, b| a & !b);
    }

    pub(super) fn intersects(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).any(|(a, b)| a & b != 0)
    }

    /// Returns whether some item is in one of the runs.
    pub(super) fn intersects_runs(&self, runs: &[Run]) -> bool {
        runs.iter().any(|run| self.words_in(*run).any(|(_, word)| word != 0))
    }

    /// Returns the items that are in one of the runs.
    pub(super) fn in_runs(&self, runs: &[Run]) -> Vec<u16> {
        let mut items = Vec::new();
        for (base, word) in runs.iter().flat_map(|run| self.words_in(*run)) {
            push_items(base, word, &mut items);
        }
        items
    }

    /// Returns the items that are in both; as a list where there are at most `list_count_max`.
    pub(super) fn intersection(
        &self,
        other: &Self,
        list_count_max: usize,
    ) -> Result<Box<Self>, Vec<u16>> {
        let both = || self.words.iter().zip(&other.words).map(|(a, b)| a & b);
        // Counted first, as few items go to a list at once.
        let count = both().map(u64::count_ones).sum::<u32>();
        if count as usize > list_count_max {
            let mut bits = Box::new(Self { words: [0; WORD_COUNT], count });
            bits.words.iter_mut().zip(both()).for_each(|(word, both)| *word = both);
            return Ok(bits);
        }
        let mut list = Vec::with_capacity(count as usize);
        for (base, word) in BASES.into_iter().zip(both()) {
            push_items(base, word, &mut list);
        }
        Err(list)
    }

    /// Returns the items, rising.
    pub(super) fn items(&self) -> Vec<u16> {
        let mut items = Vec::with_capacity(self.count as usize);
        for (base, word) in BASES.into_iter().zip(&self.words) {
            push_items(base, *word, &mut items);
        }
        items
    }

    /// Appends the items, each added to `base`.
    pub(super) fn append_to(&self, base: u32, slots: &mut Vec<u32>) {
        for (base, word) in (base..).step_by(64).zip(&self.words) {
            let mut rest = *word;
            while rest != 0 {
                slots.push(base + rest.trailing_zeros());
                rest &= rest - 1;
            }
        }
    }

    fn combine(&mut self, other: &Self, combine: impl Fn(u64, u64) -> u64) {
        let mut count = 0;
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word = combine(*word, *other);
            count += word.count_ones();
        }
        self.count = count;
    }

    /// Visits the words of a run, each with the bits that are of the run.
    #[inline]
    fn visit(&mut self, run: Run, mut visit: impl FnMut(&mut u64, u64)) {
        let (first, last) = (usize::from(run.first >> 6), usize::from(run.last >> 6));
        let (from, to) = masks(run);
        if first == last {
            visit(&mut self.words[first], from & to);
            return;
        }
        visit(&mut self.words[first], from);
        self.words[first + 1..last].iter_mut().for_each(|word| visit(word, !0));
        visit(&mut self.words[last], to);
    }

    /// Returns the words of a run without what is not of the run, each behind its first place.
    fn words_in(&self, run: Run) -> impl Iterator<Item = (u16, u64)> {
        let (first, last) = (run.first >> 6, run.last >> 6);
        let (from, to) = masks(run);
        (first..=last).map(move |index| {
            let from = if index == first { from } else { !0 };
            let to = if index == last { to } else { !0 };
            (index << 6, self.words[usize::from(index)] & from & to)
        })
    }
}

/// Returns the bits of the first word of a run from its start on, and of the last up to its end.
fn masks(run: Run) -> (u64, u64) {
    (!0 << (run.first & 63), !0 >> (63 - (run.last & 63)))
}

#[inline]
fn push_items(base: u16, word: u64, items: &mut Vec<u16>) {
    let mut rest = word;
    while rest != 0 {
        items.push(base | LOWS[rest.trailing_zeros() as usize]);
        rest &= rest - 1;
    }
}

/// The places in a word.
const LOWS: [u16; 64] = {
    let mut lows = [0; 64];
    let mut low = 0;
    while low < 64 {
        lows[low as usize] = low;
        low += 1;
    }
    lows
};

/// The first place of each word.
const BASES: [u16; WORD_COUNT] = {
    let mut bases = [0; WORD_COUNT];
    let mut index: u16 = 0;
    while (index as usize) < WORD_COUNT {
        bases[index as usize] = index << 6;
        index += 1;
    }
    bases
};
