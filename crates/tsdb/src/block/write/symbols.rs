use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::codec::{Cursor, put_text};

/// The texts of all labels of a block, sorted and numbered, and the section that they make.
#[derive(Debug)]
pub(crate) struct SymbolTable {
    /// The count, and each text behind its length.
    section: Vec<u8>,
    /// Where each text starts.
    starts: Vec<u32>,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
    is_too_large: bool,
}

impl Default for SymbolTable {
    fn default() -> Self {
        Self {
            section: vec![0; COUNT_SIZE],
            starts: Vec::new(),
            numbers: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            is_too_large: false,
        }
    }
}

impl SymbolTable {
    /// Returns the table of `texts`, which rise.
    pub(crate) fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut table = Self::default();
        texts.into_iter().for_each(|text| table.push(text));
        table
    }

    /// Adds a text, which comes behind the others. Where the format has no room for it,
    /// [`SymbolTable::section`] will tell.
    pub(crate) fn push(&mut self, text: &str) {
        let place = (u32::try_from(self.starts.len()), u32::try_from(self.section.len()));
        let (Ok(number), Ok(start)) = place else {
            self.is_too_large = true;
            return;
        };
        self.starts.push(start);
        put_text(&mut self.section, text);
        let Self { section, starts, numbers, hasher, .. } = self;
        let rehash = |number: &u32| hasher.hash_one(text_at(section, starts, *number));
        numbers.insert_unique(hasher.hash_one(text), number, rehash);
    }

    /// Returns the number of a text.
    pub(super) fn find(&self, text: &str) -> Option<u32> {
        let is_it = |number: &u32| text_at(&self.section, &self.starts, *number) == text;
        self.numbers.find(self.hasher.hash_one(text), is_it).copied()
    }

    /// Returns the text with a number.
    pub(super) fn text(&self, number: u32) -> &str {
        text_at(&self.section, &self.starts, number)
    }

    /// Returns the section as it stands in the file, without length and checksum; `None` where it is
    /// too large for the format.
    pub(super) fn section(&mut self) -> Option<&[u8]> {
        let count = u32::try_from(self.starts.len()).ok().filter(|_| !self.is_too_large)?;
        self.section[..COUNT_SIZE].copy_from_slice(&count.to_be_bytes());
        Some(&self.section)
    }
}

fn text_at<'a>(section: &'a [u8], starts: &[u32], number: u32) -> &'a str {
    let start = starts[number as usize] as usize;
    Cursor::new(&section[start..]).text().expect("it was put there as a text")
}

/// The count of texts, at the front of the section.
const COUNT_SIZE: usize = 4;
