//! The index of a block: which series there are, their labels, and where their chunks lie.
//!
//! `docs/format/block.md` has the bytes. Nothing of the file stays in memory but where every 32nd
//! text of its sorted tables stands; the rest is read when a query asks for it, and its checksum is
//! looked at each time.

mod postings;
mod series;
mod symbols;

use std::ops::ControlFlow;
use std::path::PathBuf;

use narthex_host::Files;

use postings::{ListReader, PostingsTable};
pub(crate) use series::{ChunkPlace, SeriesReader};
pub(crate) use symbols::SymbolScanner;
use symbols::Symbols;

use super::BlockError;
use super::file::BlockFile;
use crate::codec::{Cursor, checksum_matches};

/// The number of a series in an index: where its entry stands, in steps of [`Version::step`].
pub(crate) type SeriesId = u32;

/// An index, open for reading.
#[derive(Debug)]
pub(crate) struct Index {
    file: BlockFile,
    version: Version,
    symbols: Symbols,
    postings: PostingsTable,
}

/// The version of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    /// Of Prometheus before 2.3: texts and series are named by where they stand.
    V1,
    /// Texts are numbered; series stand at multiples of 16 bytes and are named by those.
    V2,
}

impl Version {
    /// Returns how many bytes lie between series with numbers next to each other.
    fn step(self) -> u64 {
        match self {
            Self::V1 => 1,
            Self::V2 => SERIES_ALIGNMENT,
        }
    }
}

impl Index {
    /// Opens the file and reads its tables. `is_wrong_version` says that it is of version 2
    /// whatever it says itself.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, or its tables are damaged. Damage to the rest is found when it
    /// is read.
    pub(crate) fn open(
        files: &dyn Files,
        path: PathBuf,
        is_wrong_version: bool,
    ) -> Result<Self, BlockError> {
        let file = BlockFile::open(files, path)?;
        let header = file.read(0, HEADER_SIZE)?;
        if header[..4] != MAGIC.to_be_bytes() {
            return Err(file.damaged(0, "not an index"));
        }
        let version = match header[4] {
            1 if !is_wrong_version => Version::V1,
            1 | 2 => Version::V2,
            _ => return Err(file.damaged(4, "an unknown version")),
        };
        let contents = Contents::read(&file)?;
        let symbols = Symbols::open(&file, version, contents.symbols)?;
        let postings = PostingsTable::open(&file, version, contents.postings_table)?;
        Ok(Self { file, version, symbols, postings })
    }

    /// Returns the size of the file in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.file.size()
    }

    /// Returns about how many bytes the tables in memory take.
    pub(crate) fn table_bytes(&self) -> usize {
        self.symbols.table_bytes() + self.postings.table_bytes()
    }

    /// Returns the label names, sorted.
    pub(crate) fn label_names(&self) -> impl Iterator<Item = &str> {
        self.postings.names()
    }

    /// Returns how many values a label has.
    pub(crate) fn value_count(&self, name: &str) -> usize {
        self.postings.value_count(name)
    }

    /// Calls `each` with the values of a label and the places of their lists, sorted, from about
    /// `from` on: some values before it may come too.
    pub(crate) fn for_each_value(
        &self,
        name: &str,
        from: &str,
        each: impl FnMut(&str, u64) -> ControlFlow<()>,
    ) -> Result<(), BlockError> {
        self.postings.for_each_value(&self.file, name, from, each)
    }

    /// Returns all series, rising.
    pub(crate) fn all(&self) -> Result<Vec<SeriesId>, BlockError> {
        self.read_list(self.postings.all())
    }

    /// Returns the series with one value of a label, rising.
    pub(crate) fn find(&self, name: &str, value: &str) -> Result<Vec<SeriesId>, BlockError> {
        self.read_list(self.postings.find(&self.file, name, value)?)
    }

    fn read_list(&self, place: Option<u64>) -> Result<Vec<SeriesId>, BlockError> {
        let mut series = Vec::new();
        if let Some(place) = place {
            self.lists().read(place, &mut series)?;
        }
        Ok(series)
    }

    /// Returns a reader of lists of series.
    pub(crate) fn lists(&self) -> ListReader<'_> {
        ListReader::new(&self.file)
    }

    /// Returns a reader of series.
    pub(crate) fn series(&self) -> SeriesReader<'_> {
        SeriesReader::new(self)
    }

    /// Returns a reader of all texts of labels, sorted.
    pub(crate) fn symbols(&self) -> Result<SymbolScanner<'_>, BlockError> {
        self.symbols.scan(&self.file)
    }
}

/// Where the parts of an index stand.
struct Contents {
    symbols: u64,
    postings_table: u64,
}

impl Contents {
    fn read(file: &BlockFile) -> Result<Self, BlockError> {
        let start = file.size().saturating_sub(CONTENTS_SIZE as u64);
        let bytes = file.read(start, CONTENTS_SIZE)?;
        let (places, checksum) = bytes.split_at(CONTENTS_SIZE - 4);
        if !checksum_matches(places, checksum) {
            return Err(file.damaged(start, "the checksum does not match"));
        }
        let mut cursor = Cursor::new(places);
        let mut place = || cursor.word().expect("six words were read");
        let (symbols, _series, _label_indices) = (place(), place(), place());
        let (_label_table, _postings, postings_table) = (place(), place(), place());
        Ok(Self { symbols, postings_table })
    }
}

pub(super) const MAGIC: u32 = 0xBAAA_D700;
pub(super) const SERIES_ALIGNMENT: u64 = 16;
const HEADER_SIZE: usize = 5;
/// Six places and a checksum.
const CONTENTS_SIZE: usize = 6 * 8 + 4;
/// Of sorted tables, where every so many texts stand is kept in memory.
const SAMPLING: usize = 32;
