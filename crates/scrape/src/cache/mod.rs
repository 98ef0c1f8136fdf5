//! What one target exposed before: from the text of a series to its reference in the store.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use narthex_exposition::PageFormat;
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
#[derive(Debug, Default)]
pub(crate) struct SeriesCache {
    /// The texts of all entries, one behind the other. They are apart from the entries, so that what
    /// was read can borrow its series from here while entries change.
    pub(crate) texts: String,
    pub(crate) entries: Entries,
}

/// What a [`SeriesCache`] knows of each text.
#[derive(Debug)]
pub(crate) struct Entries {
    generation: u32,
    /// The format of the last page: the texts of another say nothing of its lines.
    format: Option<PageFormat>,
    list: Vec<Entry>,
    /// Indices of the live entries, by text.
    by_text: HashTable<EntryIndex>,
    hasher: DefaultHashBuilder,
    /// The entry of the first line, and then links from each entry to the next.
    first: EntryIndex,
    previous: EntryIndex,
    expected: EntryIndex,
    /// Of the live entries, those seen in this generation.
    seen_count: usize,
    /// Of the live entries, those with a series.
    series_count: usize,
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

impl Default for Entries {
    fn default() -> Self {
        Self {
            // Entries that were never tracked carry 0, which must not be the generation before.
            generation: 2,
            format: None,
            list: Vec::new(),
            by_text: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            first: NO_ENTRY,
            previous: NO_ENTRY,
            expected: NO_ENTRY,
            seen_count: 0,
            series_count: 0,
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
    /// Goes back to the first line: every page begins with this call. Returns whether lines may be
    /// expected, which need the format of the last page.
    pub(crate) fn start_page(&mut self, format: PageFormat) -> bool {
        let entries = &mut self.entries;
        entries.previous = NO_ENTRY;
        entries.expected = entries.first;
        let before = entries.format.replace(format);
        let is_text = |format| format != PageFormat::Protobuf;
        if before.is_some_and(|before| is_text(before) != is_text(format)) {
            entries.forget_labels(&self.texts);
        }
        before == Some(format)
    }

    /// Ends the generation. `good` pages drop the entries that they lack; after failed scrapes they
    /// stay, since the target will most likely come back with them, unless too many pile up.
    ///
    /// Returns whether entries were dropped because too many piled up.
    pub(crate) fn finish(&mut self, good: bool) -> bool {
        let Self { texts, entries } = self;
        let (count, size) = (entries.by_text.len(), texts.len() - entries.dead_size);
        let overgrown = count > 2 * entries.good_count + GROWTH_COUNT_MAX
            || size > 2 * entries.good_size + GROWTH_SIZE_MAX;
        if good || overgrown {
            entries.drop_unseen();
            if entries.dead_size > texts.len() / 2 {
                self.compact();
            }
        }
        let Self { texts, entries } = self;
        if good {
            let is_steady = (entries.good_count, entries.good_size) == (count, size);
            if is_steady {
                // What grew by doubling is up to twice as large as it has to be.
                texts.shrink_to_fit();
                entries.list.shrink_to_fit();
            }
            (entries.good_count, entries.good_size) = (count, size);
        }
        entries.generation += 1;
        entries.seen_count = 0;
        entries.tracked_before = entries.tracked_now;
        entries.tracked_now = 0;
        entries.tracked_again = 0;
        overgrown && !good
    }

    /// Gives back the memory of dead entries.
    fn compact(&mut self) {
        let Self { texts, entries } = self;
        let live = entries.by_text.len();
        let mut kept_texts = String::with_capacity(texts.len() - entries.dead_size);
        let mut kept = Entries {
            list: Vec::with_capacity(live),
            by_text: HashTable::with_capacity(live),
            hasher: entries.hasher.clone(),
            ..Entries::default()
        };
        for entry in entries.list.iter().filter(|entry| entry.text_len > 0) {
            let index = kept.insert(&mut kept_texts, entry.text(texts), entry.series);
            let Entry { seen, tracked, .. } = *entry;
            let copy = &mut kept.list[index as usize];
            (copy.seen, copy.tracked) = (seen, tracked);
        }
        // Inserting linked the entries in their old order, which is nearly that of the page.
        entries.list = kept.list;
        entries.by_text = kept.by_text;
        entries.first = kept.first;
        entries.dead_size = 0;
        *texts = kept_texts;
    }
}

impl Entries {
    /// Returns the text with which the next line should begin, if any is expected.
    pub(crate) fn expected<'t>(&self, texts: &'t str) -> Option<&'t str> {
        let entry = self.list.get(self.expected as usize)?;
        (entry.text_len > 0).then(|| entry.text(texts))
    }

    /// Stamps the expected entry: the line was the expected one.
    pub(crate) fn see_expected(&mut self) -> Seen {
        self.stamp(self.expected)
    }

    /// Stamps the entry of `text`, if there is one.
    pub(crate) fn see(&mut self, texts: &str, text: &str) -> Option<Seen> {
        let hash = self.hasher.hash_one(text);
        let same = |&index: &EntryIndex| self.list[index as usize].text(texts) == text;
        let index = self.by_text.find(hash, same).copied()?;
        Some(self.stamp(index))
    }

    fn stamp(&mut self, index: EntryIndex) -> Seen {
        self.link(index);
        let generation = self.generation;
        let entry = &mut self.list[index as usize];
        let repeated = entry.seen == generation;
        entry.seen = generation;
        self.seen_count += usize::from(!repeated);
        Seen { index, series: entry.series, repeated }
    }

    /// Adds an entry, seen in this generation, for a text that [`Entries::see`] does not know.
    /// `series` is `None` where relabelling drops the series.
    pub(crate) fn insert(
        &mut self,
        texts: &mut String,
        text: &str,
        series: Option<SeriesRef>,
    ) -> EntryIndex {
        let index = EntryIndex::try_from(self.list.len()).expect("a page has fewer lines");
        let text_len = u32::try_from(text.len()).expect("a page is shorter");
        let text_start = texts.len();
        texts.push_str(text);
        let seen = self.generation;
        let entry = Entry { text_start, text_len, next: NO_ENTRY, seen, tracked: 0, series };
        self.list.push(entry);
        let hash = self.hasher.hash_one(text);
        let (entries, texts, hasher) = (&self.list, &*texts, &self.hasher);
        self.by_text.insert_unique(hash, index, |&other| {
            hasher.hash_one(entries[other as usize].text(texts))
        });
        self.seen_count += 1;
        self.series_count += usize::from(series.is_some());
        self.link(index);
        index
    }

    /// Points an entry at another reference: the store dropped the series and made it anew.
    pub(crate) fn set_series(&mut self, index: EntryIndex, series: SeriesRef) {
        self.list[index as usize].series = Some(series);
    }

    /// Notes that an entry is owed a staleness marker in the first generation that lacks it.
    pub(crate) fn track(&mut self, index: EntryIndex) {
        let entry = &mut self.list[index as usize];
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
            let tracked = self.list.iter().filter(move |entry| entry.tracked == generation);
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

    /// Returns how many texts stand for a series that is stored.
    pub(crate) fn series_count(&self) -> usize {
        self.series_count
    }

    /// Notes that `index` follows the line before.
    fn link(&mut self, index: EntryIndex) {
        if index != self.expected {
            match self.list.get_mut(self.previous as usize) {
                Some(previous) => previous.next = index,
                None => self.first = index,
            }
        }
        self.previous = index;
        self.expected = self.list[index as usize].next;
    }

    /// Finds no text any more that has labels: another format spells them in another way. What is owed
    /// to the series stays.
    fn forget_labels(&mut self, texts: &str) {
        let list = &mut self.list;
        self.by_text.retain(|&mut index| !list[index as usize].text(texts).contains('{'));
        for entry in list.iter_mut().filter(|entry| entry.text(texts).contains('{')) {
            self.series_count -= usize::from(entry.series.is_some());
            self.dead_size += entry.text_len as usize;
            entry.text_len = 0;
        }
        (self.first, self.expected) = (NO_ENTRY, NO_ENTRY);
    }

    fn drop_unseen(&mut self) {
        if self.seen_count == self.by_text.len() {
            return;
        }
        let (entries, generation) = (&mut self.list, self.generation);
        self.by_text.retain(|&mut index| entries[index as usize].seen == generation);
        for entry in entries.iter_mut().filter(|entry| entry.seen != generation) {
            self.series_count -= usize::from(entry.text_len > 0 && entry.series.is_some());
            self.dead_size += entry.text_len as usize;
            entry.text_len = 0;
        }
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
