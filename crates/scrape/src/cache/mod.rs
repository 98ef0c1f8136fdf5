//! What one target exposed before: from the text of a series to its reference in the store.

mod texts;

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use narthex_exposition::PageFormat;
use narthex_storage::SeriesRef;

use self::texts::{Texts, Walk};

/// Maps series, as the target spells them, to references, and knows which of them vanished.
///
/// In steady state a page repeats the one before, line by line. The next line is therefore compared
/// with the text that followed last time: what it has in common with the line before it with that line,
/// the rest with what is kept here ([`Texts`]). Only where the page changed is a line parsed and a hash
/// computed, and are there hashes at all. Labels are not kept: in the rare case that they are needed
/// again, the text is parsed again.
///
/// An entry that was *seen* is in this page, and one that was *tracked* is owed a staleness marker once
/// it is gone: samples with a timestamp of their own, and samples that the store refused, are seen but
/// not tracked.
#[derive(Debug)]
pub(crate) struct SeriesCache {
    /// The format of the last page: the texts of another say nothing of its lines.
    format: Option<PageFormat>,
    /// What is known of each entry: its text, its reference, which is anything where relabelling drops
    /// the series, and [`marks`].
    texts: Texts,
    series: Vec<SeriesRef>,
    marks: Vec<u8>,
    /// The entry of the first line, and the entries that another follows than the next one.
    first: EntryIndex,
    jumps: HashMap<EntryIndex, EntryIndex>,
    previous: EntryIndex,
    expected: Expected,
    /// Stands behind the text of the last line, where that was not the expected one.
    walk: Walk,
    /// Goes to the texts that are looked at beside.
    search: Walk,
    /// Live entries by the hashes of their texts; made for a page with lines that were not expected.
    by_hash: Option<HashTable<ByHash>>,
    /// Whether this page has such lines.
    is_searched: bool,
    hasher: DefaultHashBuilder,
    live_count: usize,
    /// Of the live entries, those that were seen.
    seen_count: usize,
    /// Of the live entries, those with a series.
    series_count: usize,
    /// Entries tracked in the last page, in this one, and in both.
    tracked_before: usize,
    tracked_now: usize,
    tracked_again: usize,
    /// How many entries and bytes the last good page needed, to notice growth by failing ones.
    good_count: usize,
    good_size: usize,
}

/// Names an entry until the cache drops it, which [`SeriesCache::finish`] alone does.
pub(crate) type EntryIndex = u32;

const NO_ENTRY: EntryIndex = EntryIndex::MAX;

/// What is known of an entry, a bit each.
mod marks {
    /// Nobody finds it any more.
    pub(super) const DEAD: u8 = 1;
    /// Relabelling drops the series.
    pub(super) const DROPPED: u8 = 2;
    /// Another entry follows it than the next one.
    pub(super) const JUMPS: u8 = 4;
    /// This page has it.
    pub(super) const SEEN: u8 = 8;
    /// Tracked in this page, and in the one before.
    pub(super) const TRACKED: u8 = 16;
    pub(super) const TRACKED_BEFORE: u8 = 32;
    /// It has its place in the order of the page.
    pub(super) const ORDERED: u8 = 64;
}

/// The entry of the next line.
#[derive(Clone, Copy, Debug)]
struct Expected {
    /// [`NO_ENTRY`] where none is expected.
    index: EntryIndex,
    /// Where its steps begin.
    at: usize,
    /// Whether they go from the text behind which the walk stands, not from that of the last line.
    is_behind_walk: bool,
}

#[derive(Clone, Copy, Debug)]
struct ByHash {
    hash: u32,
    index: EntryIndex,
}

impl Default for SeriesCache {
    fn default() -> Self {
        Self {
            format: None,
            texts: Texts::default(),
            series: Vec::new(),
            marks: Vec::new(),
            first: NO_ENTRY,
            jumps: HashMap::new(),
            previous: NO_ENTRY,
            expected: Expected::NOTHING,
            walk: Walk::default(),
            search: Walk::default(),
            by_hash: None,
            is_searched: false,
            hasher: DefaultHashBuilder::default(),
            live_count: 0,
            seen_count: 0,
            series_count: 0,
            tracked_before: 0,
            tracked_now: 0,
            tracked_again: 0,
            good_count: 0,
            good_size: 0,
        }
    }
}

impl SeriesCache {
    /// Goes back to the first line: every page begins with this call. Returns whether lines may be
    /// expected, which need the format of the last page.
    pub(crate) fn start_page(&mut self, format: PageFormat) -> bool {
        let before = self.format.replace(format);
        let is_text = |format| format != PageFormat::Protobuf;
        if before.is_some_and(|before| is_text(before) != is_text(format)) {
            self.forget_labels();
        }
        self.previous = NO_ENTRY;
        self.expect(self.first);
        before == Some(format)
    }

    /// Returns how many bytes of `line` are the text that is expected, if it begins with that.
    /// `line_before` is the text of the last line, if that was the expected one.
    #[inline]
    pub(crate) fn expect_in(&mut self, line_before: &str, line: &[u8]) -> Option<ExpectedText> {
        let Expected { index, at, is_behind_walk } = self.expected;
        if index == NO_ENTRY {
            return None;
        }
        let base = if is_behind_walk { self.walk.text() } else { line_before.as_bytes() };
        let (size, end) = self.texts.find_end(index as usize, at, base, line)?;
        Some(ExpectedText { size, end })
    }

    /// Stamps the expected entry: the line was the expected one.
    #[inline]
    pub(crate) fn see_expected(&mut self, text: ExpectedText) -> Seen {
        let index = self.expected.index;
        let seen = self.stamp(index);
        self.previous = index;
        if self.marks[index as usize] & marks::JUMPS != 0 {
            self.expect(self.jumps.get(&index).copied().unwrap_or(NO_ENTRY));
        } else {
            self.expect_next(text.end, false);
        }
        seen
    }

    /// Stamps the entry of `text`, if there is one. `line_before` is as in [`SeriesCache::expect_in`];
    /// the next line has none.
    pub(crate) fn see(&mut self, line_before: &str, text: &str) -> Option<Seen> {
        let expected = self.expect_in(line_before, text.as_bytes());
        let (index, end) = match expected.filter(|expected| expected.size == text.len()) {
            Some(expected) => (self.expected.index, expected.end),
            None => (self.find(text)?, self.search.at()),
        };
        self.walk.stand_behind(index as usize, end, text.as_bytes());
        let seen = self.stamp(index);
        self.link(index);
        Some(seen)
    }

    /// Adds an entry, seen in this page, for a text that [`SeriesCache::see`] does not know. `series`
    /// is `None` where relabelling drops the series.
    pub(crate) fn insert(&mut self, text: &str, series: Option<SeriesRef>) -> EntryIndex {
        let index = EntryIndex::try_from(self.texts.count()).expect("a page has fewer lines");
        self.texts.push(text.as_bytes());
        self.series.push(series.unwrap_or(SeriesRef(0)));
        let dropped = if series.is_none() { marks::DROPPED } else { 0 };
        self.marks.push(marks::SEEN | dropped);
        if let Some(by_hash) = &mut self.by_hash {
            let item = ByHash { hash: hash(&self.hasher, text.as_bytes()), index };
            by_hash.insert_unique(item.spread(), item, ByHash::spread);
        }
        self.live_count += 1;
        self.seen_count += 1;
        self.series_count += usize::from(series.is_some());
        self.walk.stand_behind(index as usize, self.texts.size(), text.as_bytes());
        self.link(index);
        index
    }

    /// Points an entry at another reference: the store dropped the series and made it anew.
    pub(crate) fn set_series(&mut self, index: EntryIndex, series: SeriesRef) {
        self.series[index as usize] = series;
    }

    /// Notes that an entry is owed a staleness marker by the first page that lacks it.
    #[inline]
    pub(crate) fn track(&mut self, index: EntryIndex) {
        let mark = &mut self.marks[index as usize];
        if *mark & marks::TRACKED != 0 {
            return;
        }
        self.tracked_again += usize::from(*mark & marks::TRACKED_BEFORE != 0);
        self.tracked_now += 1;
        *mark |= marks::TRACKED;
    }

    /// Returns the series that the last page tracked and this one did not, sorted. A series that only
    /// changed its spelling is not among them.
    pub(crate) fn stale(&self) -> Vec<SeriesRef> {
        if self.tracked_again == self.tracked_before {
            return Vec::new();
        }
        let tracked = |in_page: u8| {
            let entries = self.marks.iter().zip(&self.series);
            let tracked = entries.filter(|(mark, _)| **mark & in_page != 0);
            let stored = tracked.filter(|(mark, _)| **mark & marks::DROPPED == 0);
            let mut series = stored.map(|(_, series)| *series).collect::<Vec<_>>();
            series.sort_unstable();
            series
        };
        let current = tracked(marks::TRACKED);
        let mut stale = tracked(marks::TRACKED_BEFORE);
        stale.dedup();
        stale.retain(|series| current.binary_search(series).is_err());
        stale
    }

    /// Returns how many texts stand for a series that is stored.
    pub(crate) fn series_count(&self) -> usize {
        self.series_count
    }

    /// Ends the page. `good` ones drop the entries that they lack; after failed scrapes they stay,
    /// since the target will most likely come back with them, unless too many pile up.
    ///
    /// Returns whether entries were dropped because too many piled up.
    pub(crate) fn finish(&mut self, good: bool) -> bool {
        let (count, size) = (self.live_count, self.texts.size());
        let overgrown = count > 2 * self.good_count + GROWTH_COUNT_MAX
            || size > 2 * self.good_size + GROWTH_SIZE_MAX;
        if good || overgrown {
            self.drop_unseen();
            let dead_count = self.texts.count() - self.live_count;
            let is_scattered = self.jumps.len() > self.live_count / JUMPS_SHARE;
            if is_scattered || dead_count > self.live_count || overgrown && dead_count > 0 {
                self.put_in_order();
            }
        }
        if !self.is_searched {
            self.by_hash = None;
        }
        if good {
            let is_steady = (self.good_count, self.good_size) == (count, size);
            if is_steady {
                // What grew by doubling is up to twice as large as it has to be.
                self.texts.shrink();
                self.series.shrink_to_fit();
                self.marks.shrink_to_fit();
            }
            (self.good_count, self.good_size) = (count, size);
        }
        for mark in &mut self.marks {
            let tracked_before =
                (*mark & marks::TRACKED) * (marks::TRACKED_BEFORE / marks::TRACKED);
            *mark = *mark & (marks::DEAD | marks::DROPPED | marks::JUMPS) | tracked_before;
        }
        self.is_searched = false;
        self.seen_count = 0;
        self.tracked_before = self.tracked_now;
        self.tracked_now = 0;
        self.tracked_again = 0;
        overgrown && !good
    }

    #[inline]
    fn stamp(&mut self, index: EntryIndex) -> Seen {
        let mark = &mut self.marks[index as usize];
        let repeated = *mark & marks::SEEN != 0;
        *mark |= marks::SEEN;
        self.seen_count += usize::from(!repeated);
        let is_stored = *mark & marks::DROPPED == 0;
        Seen { index, series: is_stored.then(|| self.series[index as usize]), repeated }
    }

    /// Notes that `index`, behind whose text the walk stands, follows the line before.
    fn link(&mut self, index: EntryIndex) {
        if index != self.expected.index {
            match self.marks.get_mut(self.previous as usize) {
                None => self.first = index,
                Some(mark) if self.previous + 1 == index => {
                    if *mark & marks::JUMPS != 0 {
                        *mark &= !marks::JUMPS;
                        self.jumps.remove(&self.previous);
                    }
                }
                Some(mark) => {
                    *mark |= marks::JUMPS;
                    self.jumps.insert(self.previous, index);
                }
            }
        }
        self.previous = index;
        match self.jumps.get(&index) {
            Some(next) => self.expect(*next),
            None => self.expect_next(self.walk.at(), true),
        }
    }

    /// Expects the entry behind the last one, whose steps are at `at`.
    #[inline]
    fn expect_next(&mut self, at: usize, is_behind_walk: bool) {
        let index = self.previous + 1;
        self.expected = match self.is_live(index) {
            true => Expected { index, at, is_behind_walk },
            false => Expected::NOTHING,
        };
    }

    /// Expects an entry wherever it is.
    fn expect(&mut self, index: EntryIndex) {
        self.expected = Expected::NOTHING;
        if self.is_live(index) {
            if let Some(before) = index.checked_sub(1) {
                self.walk.go_to(before as usize, &self.texts);
            } else {
                self.walk = Walk::default();
            }
            self.expected = Expected { index, at: self.walk.at(), is_behind_walk: true };
        }
    }

    #[inline]
    fn is_live(&self, index: EntryIndex) -> bool {
        self.marks.get(index as usize).is_some_and(|mark| mark & marks::DEAD == 0)
    }

    /// Returns the entry of `text`, behind which the search stands then.
    fn find(&mut self, text: &str) -> Option<EntryIndex> {
        self.is_searched = true;
        let Self { texts, marks, search, hasher, live_count, .. } = self;
        let by_hash = self.by_hash.get_or_insert_with(|| {
            let mut by_hash = HashTable::with_capacity(*live_count);
            for (index, mark) in (0..).zip(marks) {
                if *mark & marks::DEAD == 0 {
                    let hash = hash(hasher, search.go_to(index as usize, texts));
                    let item = ByHash { hash, index };
                    by_hash.insert_unique(item.spread(), item, ByHash::spread);
                }
            }
            by_hash
        });
        let hash = hash(hasher, text.as_bytes());
        let is_it = |item: &ByHash| {
            item.hash == hash && search.go_to(item.index as usize, texts) == text.as_bytes()
        };
        by_hash.find(ByHash { hash, index: NO_ENTRY }.spread(), is_it).map(|item| item.index)
    }

    /// Finds no text any more that has labels: another format spells them in another way. What is owed
    /// to the series stays.
    fn forget_labels(&mut self) {
        for index in 0..self.marks.len() {
            if self.walk.go_to(index, &self.texts).contains(&b'{') {
                self.kill(index);
            }
        }
        self.by_hash = None;
        self.first = NO_ENTRY;
    }

    fn drop_unseen(&mut self) {
        if self.seen_count == self.live_count {
            return;
        }
        for index in 0..self.marks.len() {
            if self.marks[index] & marks::SEEN == 0 {
                self.kill(index);
            }
        }
        if let Some(by_hash) = &mut self.by_hash {
            by_hash.retain(|item| self.marks[item.index as usize] & marks::DEAD == 0);
        }
    }

    fn kill(&mut self, index: usize) {
        let mark = &mut self.marks[index];
        if *mark & marks::DEAD == 0 {
            self.live_count -= 1;
            self.series_count -= usize::from(*mark & marks::DROPPED == 0);
            *mark |= marks::DEAD;
        }
    }

    /// Puts the live entries in the order of the page, and gives back the memory of the others.
    fn put_in_order(&mut self) {
        let mut texts = Texts::default();
        let mut series = Vec::with_capacity(self.live_count);
        let mut kept = Vec::with_capacity(self.live_count);
        let mut by_hash = self.by_hash.as_ref().map(|_| HashTable::with_capacity(self.live_count));
        for (new_index, index) in (0..).zip(self.page_order()) {
            let index = index as usize;
            let text = self.walk.go_to(index, &self.texts);
            texts.push(text);
            series.push(self.series[index]);
            kept.push(self.marks[index] & !(marks::JUMPS | marks::ORDERED));
            if let Some(by_hash) = &mut by_hash {
                let item = ByHash { hash: hash(&self.hasher, text), index: new_index };
                by_hash.insert_unique(item.spread(), item, ByHash::spread);
            }
        }
        (self.texts, self.series, self.marks, self.by_hash) = (texts, series, kept, by_hash);
        (self.walk, self.search) = (Walk::default(), Walk::default());
        self.jumps = HashMap::new();
        self.first = 0;
    }

    /// Returns the live entries in the order of the page, as far as it is known.
    fn page_order(&mut self) -> Vec<EntryIndex> {
        let mut order = Vec::with_capacity(self.live_count);
        let Self { marks, jumps, .. } = self;
        let mut next = self.first;
        // A page that has a line twice leads back to it.
        while let Some(mark) = marks.get_mut(next as usize)
            && *mark & (marks::DEAD | marks::ORDERED) == 0
        {
            *mark |= marks::ORDERED;
            order.push(next);
            next = jumps.get(&next).copied().unwrap_or(next + 1);
        }
        let entries = (0..).zip(marks);
        let others = entries.filter(|(_, mark)| **mark & (marks::DEAD | marks::ORDERED) == 0);
        order.extend(others.map(|(index, _)| index));
        order
    }
}

impl Expected {
    const NOTHING: Self = Self { index: NO_ENTRY, at: 0, is_behind_walk: false };
}

impl ByHash {
    /// The table takes the place of an item from the lowest bits of a hash and a mark from the highest.
    fn spread(&self) -> u64 {
        u64::from(self.hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "half of a hash is enough: texts are compared")]
fn hash(hasher: &DefaultHashBuilder, text: &[u8]) -> u32 {
    hasher.hash_one(text) as u32
}

/// The text that was expected, where it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExpectedText {
    /// How many bytes it has.
    pub(crate) size: usize,
    /// Where its steps end.
    end: usize,
}

/// What the cache knows of a series in the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) index: EntryIndex,
    /// `None` where relabelling drops the series.
    pub(crate) series: Option<SeriesRef>,
    /// Whether the same text came before in this page.
    pub(crate) repeated: bool,
}

/// How far failed scrapes may grow the cache beyond twice what the last good page needed.
const GROWTH_COUNT_MAX: usize = 1_000;
const GROWTH_SIZE_MAX: usize = 1 << 20;

/// One line in so many may be followed by another than the next entry, which takes longer to find.
const JUMPS_SHARE: usize = 16;

#[cfg(test)]
mod tests;
