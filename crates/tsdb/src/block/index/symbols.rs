use hashbrown::HashMap;

use super::{SAMPLING, Version};
use crate::block::BlockError;
use crate::block::file::{BlockFile, Scanner};
use crate::codec::Cursor;

/// The texts of all labels, each once, sorted.
#[derive(Debug)]
pub(super) struct Symbols {
    /// Where the section stands.
    offset: u64,
    table: Table,
}

#[derive(Debug)]
enum Table {
    /// Each text by where it stands. Blocks of version 1 are old and were not large.
    Whole(HashMap<u32, Box<str>>),
    /// Where every 32nd text stands, and where the last one ends.
    Sampled { groups: Vec<u64>, end: u64 },
}

/// Texts that were read.
#[derive(Debug, Default)]
pub(super) struct SymbolCache {
    groups: HashMap<u32, Group>,
}

/// 32 texts that follow each other.
#[derive(Debug)]
struct Group {
    text: Box<str>,
    ends: Vec<u32>,
}

impl Symbols {
    pub(super) fn open(
        file: &BlockFile,
        version: Version,
        offset: u64,
    ) -> Result<Self, BlockError> {
        let mut scanner = file.scan_section(offset)?;
        let count = scanner.word32()?;
        let mut text = String::new();
        let table = match version {
            Version::V1 => {
                let mut texts = HashMap::new();
                for _ in 0..count {
                    let place = scanner.position();
                    scanner.text(&mut text)?;
                    if let Ok(place) = u32::try_from(place) {
                        texts.insert(place, text.as_str().into());
                    }
                }
                Table::Whole(texts)
            }
            Version::V2 => {
                let mut groups = Vec::new();
                for index in 0..count {
                    if (index as usize).is_multiple_of(SAMPLING) {
                        groups.push(scanner.position());
                    }
                    scanner.text(&mut text)?;
                }
                groups.shrink_to_fit();
                Table::Sampled { groups, end: scanner.position() }
            }
        };
        scanner.check()?;
        Ok(Self { offset, table })
    }

    /// Makes `cache` hold the text with this number, or at this place.
    pub(super) fn load(
        &self,
        file: &BlockFile,
        cache: &mut SymbolCache,
        symbol: u32,
    ) -> Result<(), BlockError> {
        let Table::Sampled { groups, end } = &self.table else { return Ok(()) };
        let number = symbol / GROUP_SIZE;
        let Some(start) = groups.get(number as usize) else { return Ok(()) };
        if !cache.groups.contains_key(&number) {
            let end = groups.get(number as usize + 1).unwrap_or(end);
            cache.groups.insert(number, Group::read(file, *start, *end)?);
        }
        Ok(())
    }

    /// Returns a text that `cache` was made to hold; `None` where there is none with this number.
    pub(super) fn get<'a>(&'a self, cache: &'a SymbolCache, symbol: u32) -> Option<&'a str> {
        match &self.table {
            Table::Whole(texts) => texts.get(&symbol).map(|text| &**text),
            Table::Sampled { .. } => {
                let group = cache.groups.get(&(symbol / GROUP_SIZE))?;
                group.get((symbol % GROUP_SIZE) as usize)
            }
        }
    }

    /// Returns a reader of all texts, sorted.
    pub(super) fn scan<'a>(&self, file: &'a BlockFile) -> Result<SymbolScanner<'a>, BlockError> {
        let mut scanner = file.scan_section(self.offset)?;
        let left = scanner.word32()?;
        Ok(SymbolScanner { scanner, left })
    }

    pub(super) fn table_bytes(&self) -> usize {
        match &self.table {
            Table::Whole(texts) => texts.values().map(|text| text.len() + TEXT_OVERHEAD).sum(),
            Table::Sampled { groups, .. } => groups.len() * size_of::<u64>(),
        }
    }
}

/// Reads texts one after the other.
#[derive(Debug)]
pub(crate) struct SymbolScanner<'a> {
    scanner: Scanner<'a>,
    left: u32,
}

impl SymbolScanner<'_> {
    /// Fills `out` with the next text. Returns whether there was one.
    pub(crate) fn next(&mut self, out: &mut String) -> Result<bool, BlockError> {
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        self.scanner.text(out)?;
        Ok(true)
    }
}

impl Group {
    fn read(file: &BlockFile, start: u64, end: u64) -> Result<Self, BlockError> {
        let size = usize::try_from(end - start).unwrap_or(usize::MAX);
        let bytes = file.read(start, size)?;
        let mut cursor = Cursor::new(&bytes);
        let (mut text, mut ends) = (String::with_capacity(size), Vec::with_capacity(SAMPLING));
        while !cursor.is_empty() {
            // It was read before, with its checksum: the disk has changed since.
            let part = cursor.text().ok_or_else(|| file.damaged(start, "the file has changed"))?;
            text.push_str(part);
            ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
        }
        Ok(Self { text: text.into_boxed_str(), ends })
    }

    fn get(&self, index: usize) -> Option<&str> {
        let start = if index == 0 { 0 } else { *self.ends.get(index - 1)? };
        self.text.get(start as usize..*self.ends.get(index)? as usize)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it is 32")]
const GROUP_SIZE: u32 = SAMPLING as u32;
/// What a map spends on a text beside its bytes, about.
const TEXT_OVERHEAD: usize = 32;
