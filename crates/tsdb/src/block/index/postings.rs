use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use super::{SAMPLING, SeriesId, Version};
use crate::block::BlockError;
use crate::block::file::{BlockFile, Scanner, Window};
use crate::codec::Cursor;

/// Where the lists of series stand, by label name and value.
#[derive(Debug)]
pub(super) struct PostingsTable {
    /// The list of all series. A block without series may lack it.
    all: Option<u64>,
    names: BTreeMap<Box<str>, Values>,
    /// Where the table ends.
    end: u64,
}

/// The values of one label.
#[derive(Debug)]
enum Values {
    /// Each with the place of its list: tables of version 1 need not be sorted.
    Whole(BTreeMap<Box<str>, u64>),
    /// Every 32nd of them, with the place of its entry in the table.
    Sampled { count: usize, samples: Vec<(Box<str>, u64)> },
}

/// One entry of the table: a label and where the list of its series stands.
#[derive(Default)]
struct Entry {
    name: String,
    value: String,
    list: u64,
}

impl PostingsTable {
    pub(super) fn open(
        file: &BlockFile,
        version: Version,
        offset: u64,
    ) -> Result<Self, BlockError> {
        let mut scanner = file.scan_section(offset)?;
        let count = scanner.word32()?;
        let mut table = Self { all: None, names: BTreeMap::new(), end: 0 };
        let (mut entry, mut last) = (Entry::default(), Entry::default());
        for index in 0..count {
            let place = scanner.position();
            entry.read(file, &mut scanner)?;
            let is_new_name = index == 0 || entry.name != last.name;
            if entry.name.is_empty() {
                table.all = Some(entry.list);
            } else {
                table.add(&entry, place, version, is_new_name);
            }
            // A search by halves finds nothing in a table that is not sorted.
            if version == Version::V2 && index > 0 && !last.is_before(&entry) {
                return Err(file.damaged(place, "the table of postings is not sorted"));
            }
            std::mem::swap(&mut entry, &mut last);
        }
        table.end = scanner.position();
        scanner.check()?;
        Ok(table)
    }

    fn add(&mut self, entry: &Entry, place: u64, version: Version, is_new_name: bool) {
        if is_new_name && !self.names.contains_key(&*entry.name) {
            let values = match version {
                Version::V1 => Values::Whole(BTreeMap::new()),
                Version::V2 => Values::Sampled { count: 0, samples: Vec::new() },
            };
            self.names.insert(entry.name.as_str().into(), values);
        }
        match self.names.get_mut(&*entry.name) {
            Some(Values::Whole(values)) => {
                values.insert(entry.value.as_str().into(), entry.list);
            }
            Some(Values::Sampled { count, samples }) => {
                if count.is_multiple_of(SAMPLING) {
                    samples.push((entry.value.as_str().into(), place));
                }
                *count += 1;
            }
            None => {}
        }
    }

    /// Returns the label names, sorted.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(|name| &**name)
    }

    /// Returns how many values a label has.
    pub(super) fn value_count(&self, name: &str) -> usize {
        match self.names.get(name) {
            Some(Values::Whole(values)) => values.len(),
            Some(Values::Sampled { count, .. }) => *count,
            None => 0,
        }
    }

    /// Returns the place of the list of all series.
    pub(super) fn all(&self) -> Option<u64> {
        self.all
    }

    /// Returns the place of the list of the series with one value of a label.
    pub(super) fn find(
        &self,
        file: &BlockFile,
        name: &str,
        value: &str,
    ) -> Result<Option<u64>, BlockError> {
        let mut list = None;
        self.for_each_value(file, name, value, |found, place| {
            if found == value {
                list = Some(place);
            }
            if found < value { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(list)
    }

    /// Calls `each` with the values of a label, sorted, and with the places of their lists, from
    /// about `from` on: some values before it may come too.
    pub(super) fn for_each_value(
        &self,
        file: &BlockFile,
        name: &str,
        from: &str,
        mut each: impl FnMut(&str, u64) -> ControlFlow<()>,
    ) -> Result<(), BlockError> {
        match self.names.get(name) {
            Some(Values::Whole(values)) => {
                let rest = values.range::<str, _>((Bound::Included(from), Bound::Unbounded));
                let _ = rest
                    .map(|(value, list)| (&**value, *list))
                    .try_for_each(|(value, list)| each(value, list));
                Ok(())
            }
            Some(Values::Sampled { count, samples }) => {
                let sample = samples.partition_point(|(value, _)| **value <= *from);
                let sample = sample.saturating_sub(1);
                let mut scanner = file.scan(samples[sample].1, self.end);
                let mut entry = Entry::default();
                for _ in sample * SAMPLING..*count {
                    entry.read(file, &mut scanner)?;
                    if each(&entry.value, entry.list).is_break() {
                        break;
                    }
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(super) fn table_bytes(&self) -> usize {
        let size = |values: &Values| match values {
            Values::Whole(values) => {
                values.keys().map(|value| value.len() + ENTRY_OVERHEAD).sum::<usize>()
            }
            Values::Sampled { samples, .. } => {
                samples.iter().map(|(value, _)| value.len() + ENTRY_OVERHEAD).sum()
            }
        };
        self.names.iter().map(|(name, values)| name.len() + size(values)).sum()
    }
}

impl Entry {
    fn read(&mut self, file: &BlockFile, scanner: &mut Scanner<'_>) -> Result<(), BlockError> {
        let place = scanner.position();
        if scanner.unsigned()? != 2 {
            return Err(file.damaged(place, "an entry that is not of a name and a value"));
        }
        scanner.text(&mut self.name)?;
        scanner.text(&mut self.value)?;
        self.list = scanner.unsigned()?;
        Ok(())
    }

    fn is_before(&self, other: &Self) -> bool {
        (&*self.name, &*self.value) < (&*other.name, &*other.value)
    }
}

/// Reads lists of series. Those next to each other cost one read of the file together.
pub(crate) struct ListReader<'a> {
    file: &'a BlockFile,
    window: Window<'a>,
}

impl<'a> ListReader<'a> {
    pub(super) fn new(file: &'a BlockFile) -> Self {
        Self { file, window: Window::new(file) }
    }

    /// Appends the series of the list at `offset` to `out`, rising.
    pub(crate) fn read(&mut self, offset: u64, out: &mut Vec<SeriesId>) -> Result<(), BlockError> {
        let bytes = self.window.checked(offset, |cursor| cursor.word32())?;
        let count = Cursor::new(bytes).word32().map(|count| count as usize);
        let (numbers, rest) = bytes.get(4..).unwrap_or_default().as_chunks::<4>();
        if count != Some(numbers.len()) || !rest.is_empty() {
            return Err(self.file.damaged(offset, "a list of another length than it says"));
        }
        let start = out.len();
        out.extend(numbers.iter().map(|number| u32::from_be_bytes(*number)));
        if !out[start..].is_sorted_by(|a, b| a < b) {
            return Err(self.file.damaged(offset, "a list of series that is not sorted"));
        }
        Ok(())
    }
}

/// What a value in memory takes beside its bytes, about.
const ENTRY_OVERHEAD: usize = 24;
