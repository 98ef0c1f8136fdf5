//! What one target exposed before: from the text of a series to its reference in the store.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use narthex_storage::SeriesRef;

/// Maps series, as the target spells them, to references, and knows which of them vanished.
///
/// In steady state a page repeats the one before, line by line. Each entry therefore remembers which
/// entry followed it, and its text is what the reader of the page first compares the next line with:
/// one `memcmp` over bytes that lie in page order. Only where the page changed is a line parsed and a
/// hash computed. Labels are not kept: in the rare case that they are needed again, the text is
/// parsed again.
///
/// The cache counts scrapes in generations. An entry stamped with the current one was seen in this
/// page, and a *tracked* entry is owed a staleness marker once it is gone: samples with a timestamp
/// of their own, and samples that the store refused, are seen but not tracked.
#[derive(Debug)]
pub(crate) struct SeriesCache {
    generation: u32,
    entries: Vec<Entry>,
    /// The texts of all entries, one behind the other.
    texts: String,
    /// Indices of the live entries, by text.
    by_text: HashTable<EntryIndex>,
    hasher: DefaultHashBuilder,
    /// The entry of the first line, and then links from each entry to the next.
    first: EntryIndex,
    previous: EntryIndex,
    expected: EntryIndex,
    /// Of the live entries, those seen in this generation.
    seen_count: usize,
    /// Bytes of `texts` that belong to entries no longer live.
    dead_size: usize,
    /// Entries tracked in the last generation, in this one, and in both.
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

#[derive(Clone, Copy, Debug)]
struct Entry {
    text_start: usize,
    /// 0 once the entry is dead: no series has an empty text.
    text_len: u32,
    next: EntryIndex,
    /// The generations in which the entry was last seen and tracked; 0 is never.
    seen: u32,
    tracked: u32,
    /// `None` where relabelling drops the series.
    series: Option<SeriesRef>,
}

impl Default for SeriesCache {
    fn default() -> Self {
        Self {
            // Entries that were never tracked carry 0, which must not be the generation before.
            generation: 2,
            entries: Vec::new(),
            texts: String::new(),
            by_text: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            first: NO_ENTRY,
            previous: NO_ENTRY,
            expected: NO_ENTRY,
            seen_count: 0,
            dead_size: 0,
            tracked_before: 0,
            tracked_now: 0,
            tracked_again: 0,
            good_count: 0,
            good_size: 0,
        }
    }
}

impl SeriesCache {
    /// Goes back to the first line: every page begins with this call.
    pub(crate) fn start_page(&mut self) {
        self.previous = NO_ENTRY;
        self.expected = self.first;
    }

    /// Returns the text with which the next line should begin, if any is expected.
    pub(crate) fn expected(&self) -> Option<&str> {
        let entry = self.entries.get(self.expected as usize)?;
        (entry.text_len > 0).then(|| entry.text(&self.texts))
    }

    /// Stamps the expected entry: the line was the expected one.
    pub(crate) fn see_expected(&mut self) -> Seen {
        self.stamp(self.expected)
    }

    /// Stamps the entry of `text`, if there is one.
    pub(crate) fn see(&mut self, text: &str) -> Option<Seen> {
        let hash = self.hasher.hash_one(text);
        let same = |&index: &EntryIndex| self.entries[index as usize].text(&self.texts) == text;
        let index = self.by_text.find(hash, same).copied()?;
        Some(self.stamp(index))
    }

    fn stamp(&mut self, index: EntryIndex) -> Seen {
        self.link(index);
        let generation = self.generation;
        let entry = &mut self.entries[index as usize];
        let repeated = entry.seen == generation;
        entry.seen = generation;
        self.seen_count += usize::from(!repeated);
        Seen { index, series: entry.series, repeated }
    }

    /// Adds an entry, seen in this generation, for a text that [`SeriesCache::see`] does not know.
    /// `series` is `None` where relabelling drops the series.
    pub(crate) fn insert(&mut self, text: &str, series: Option<SeriesRef>) -> EntryIndex {
        let index = EntryIndex::try_from(self.entries.len()).expect("a page has fewer lines");
        let text_len = u32::try_from(text.len()).expect("a page is shorter");
        let text_start = self.texts.len();
        self.texts.push_str(text);
        let seen = self.generation;
        let entry = Entry { text_start, text_len, next: NO_ENTRY, seen, tracked: 0, series };
        self.entries.push(entry);
        let hash = self.hasher.hash_one(text);
        let (entries, texts, hasher) = (&self.entries, &self.texts, &self.hasher);
        self.by_text.insert_unique(hash, index, |&other| {
            hasher.hash_one(entries[other as usize].text(texts))
        });
        self.seen_count += 1;
        self.link(index);
        index
    }

    /// Points an entry at another reference: the store dropped the series and made it anew.
    pub(crate) fn set_series(&mut self, index: EntryIndex, series: SeriesRef) {
        self.entries[index as usize].series = Some(series);
    }

    /// Notes that an entry is owed a staleness marker in the first generation that lacks it.
    pub(crate) fn track(&mut self, index: EntryIndex) {
        let entry = &mut self.entries[index as usize];
        if entry.tracked == self.generation {
            return;
        }
        self.tracked_again += usize::from(entry.tracked == self.generation - 1);
        self.tracked_now += 1;
        entry.tracked = self.generation;
    }

    /// Returns the series that the last generation tracked and this one did not, sorted. A series
    /// that only changed its spelling is not among them.
    pub(crate) fn stale(&self) -> Vec<SeriesRef> {
        if self.tracked_again == self.tracked_before {
            return Vec::new();
        }
        let tracked_in = |generation: u32| {
            let tracked = self.entries.iter().filter(move |entry| entry.tracked == generation);
            let mut series = tracked.filter_map(|entry| entry.series).collect::<Vec<_>>();
            series.sort_unstable();
            series
        };
        let current = tracked_in(self.generation);
        let mut stale = tracked_in(self.generation - 1);
        stale.dedup();
        stale.retain(|series| current.binary_search(series).is_err());
        stale
    }

    /// Ends the generation. `good` pages drop the entries that they lack; after failed scrapes they
    /// stay, since the target will most likely come back with them, unless too many pile up.
    ///
    /// Returns whether entries were dropped because too many piled up.
    pub(crate) fn finish(&mut self, good: bool) -> bool {
        let (count, size) = (self.by_text.len(), self.texts.len() - self.dead_size);
        let overgrown = count > 2 * self.good_count + GROWTH_COUNT_MAX
            || size > 2 * self.good_size + GROWTH_SIZE_MAX;
        if good || overgrown {
            self.drop_unseen();
        }
        if good {
            (self.good_count, self.good_size) = (count, size);
        }
        self.generation += 1;
        self.seen_count = 0;
        self.tracked_before = self.tracked_now;
        self.tracked_now = 0;
        self.tracked_again = 0;
        overgrown && !good
    }

    /// Notes that `index` follows the line before.
    fn link(&mut self, index: EntryIndex) {
        if index != self.expected {
            match self.entries.get_mut(self.previous as usize) {
                Some(previous) => previous.next = index,
                None => self.first = index,
            }
        }
        self.previous = index;
        self.expected = self.entries[index as usize].next;
    }

    fn drop_unseen(&mut self) {
        if self.seen_count == self.by_text.len() {
            return;
        }
        let (entries, texts, generation) = (&mut self.entries, &self.texts, self.generation);
        self.by_text.retain(|&mut index| entries[index as usize].seen == generation);
        for entry in entries.iter_mut().filter(|entry| entry.seen != generation) {
            self.dead_size += entry.text_len as usize;
            entry.text_len = 0;
        }
        if self.dead_size > texts.len() / 2 {
            self.compact();
        }
    }

    /// Gives back the memory of dead entries.
    fn compact(&mut self) {
        let live = self.by_text.len();
        let mut kept = Self {
            entries: Vec::with_capacity(live),
            texts: String::with_capacity(self.texts.len() - self.dead_size),
            by_text: HashTable::with_capacity(live),
            hasher: self.hasher.clone(),
            ..Self::default()
        };
        for entry in self.entries.iter().filter(|entry| entry.text_len > 0) {
            let index = kept.insert(entry.text(&self.texts), entry.series);
            let Entry { seen, tracked, .. } = *entry;
            let copy = &mut kept.entries[index as usize];
            (copy.seen, copy.tracked) = (seen, tracked);
        }
        // Inserting linked the entries in their old order, which is nearly that of the page.
        self.entries = kept.entries;
        self.texts = kept.texts;
        self.by_text = kept.by_text;
        self.first = kept.first;
        self.dead_size = 0;
    }
}

impl Entry {
    fn text<'a>(&self, texts: &'a str) -> &'a str {
        &texts[self.text_start..self.text_start + self.text_len as usize]
    }
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

#[cfg(test)]
mod tests;
