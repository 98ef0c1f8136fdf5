use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use narthex_host::Files;
use narthex_model::Labels;

use super::output::Output;
use super::symbols::SymbolTable;
use crate::block::BlockError;
use crate::block::file::BlockFile;
use crate::block::index::{ChunkPlace, MAGIC, SERIES_ALIGNMENT, SeriesId};
use crate::codec::{put_signed, put_text, put_unsigned};

/// Writes an index of version 2.
#[derive(Debug)]
pub(super) struct IndexWriter {
    output: Output,
    symbols: SymbolTable,
    series_start: u64,
    series: Vec<SeriesId>,
    /// By the number of a label name, how many series have the label.
    uses: BTreeMap<u32, usize>,
    last_labels: Labels,
    entry: Vec<u8>,
    /// The table of lists of series.
    table: Vec<u8>,
    list_count: u32,
}

impl IndexWriter {
    pub(super) fn create(
        files: &dyn Files,
        path: PathBuf,
        mut symbols: SymbolTable,
    ) -> Result<Self, BlockError> {
        let mut output = Output::create(files, path)?;
        output.push(&MAGIC.to_be_bytes())?;
        output.push(&[VERSION])?;
        match symbols.section() {
            Some(section) => output.push_section(section)?,
            None => return Err(output.too_large("texts")),
        }
        let series_start = output.position();
        Ok(Self {
            output,
            symbols,
            series_start,
            series: Vec::new(),
            uses: BTreeMap::new(),
            last_labels: Labels::empty(),
            entry: Vec::new(),
            table: vec![0; 4],
            list_count: 0,
        })
    }

    /// Writes the entry of a series, whose labels come behind those of the last one.
    ///
    /// # Panics
    ///
    /// Where they do not, or where a text of them is not among the symbols.
    pub(super) fn add(&mut self, labels: &Labels, chunks: &[ChunkPlace]) -> Result<(), BlockError> {
        assert!(self.series.is_empty() || self.last_labels < *labels, "series out of order");
        self.last_labels.clone_from(labels);
        self.output.pad(SERIES_ALIGNMENT)?;
        let Ok(series) = SeriesId::try_from(self.output.position() / SERIES_ALIGNMENT) else {
            return Err(self.output.too_large("bytes of series"));
        };
        self.series.push(series);
        self.entry.clear();
        put_unsigned(&mut self.entry, labels.len() as u64);
        for (name, value) in labels {
            let number = |text| self.symbols.find(text).expect("all texts are symbols");
            let (name, value) = (number(name), number(value));
            *self.uses.entry(name).or_default() += 1;
            put_unsigned(&mut self.entry, u64::from(name));
            put_unsigned(&mut self.entry, u64::from(value));
        }
        put_chunks(&mut self.entry, chunks);
        let mut size = Vec::new();
        put_unsigned(&mut size, self.entry.len() as u64);
        self.output.push(&size)?;
        self.output.push(&self.entry)?;
        self.output.push(&crc32c::crc32c(&self.entry).to_be_bytes())
    }

    /// Writes the rest of the file and forces it to the disk.
    pub(super) fn finish(&mut self, files: &dyn Files) -> Result<(), BlockError> {
        let series_end = self.output.position();
        self.output.pad(LIST_ALIGNMENT)?;
        let all = std::mem::take(&mut self.series);
        self.push_list("", "", &all)?;
        self.output.flush()?;
        let written = BlockFile::open(files, self.output.path().to_owned())?;
        for names in self.batches() {
            self.push_lists(&written, series_end, names)?;
        }
        let table_start = self.output.position();
        self.table[..4].copy_from_slice(&self.list_count.to_be_bytes());
        self.output.push_section(&self.table)?;
        // Label indices and their table are of old versions; they are said to be where they would.
        let symbols_start = HEADER_SIZE;
        let places =
            [symbols_start, self.series_start, series_end, table_start, series_end, table_start];
        let mut contents = places.iter().flat_map(|place| place.to_be_bytes()).collect::<Vec<_>>();
        let checksum = crc32c::crc32c(&contents);
        contents.extend_from_slice(&checksum.to_be_bytes());
        self.output.push(&contents)?;
        self.output.finish()
    }

    /// Returns ranges of label names whose lists are gathered together: as many as memory should
    /// hold, and one at least.
    fn batches(&self) -> Vec<RangeInclusive<u32>> {
        let mut batches: Vec<RangeInclusive<u32>> = Vec::new();
        let mut size = 0;
        for (name, uses) in &self.uses {
            size += uses;
            match batches.last_mut() {
                Some(batch) if size <= BATCH_SIZE_MAX => *batch = *batch.start()..=*name,
                _ => {
                    batches.push(*name..=*name);
                    size = *uses;
                }
            }
        }
        batches
    }

    /// Reads all series again, and writes the lists of the labels `names`.
    fn push_lists(
        &mut self,
        written: &BlockFile,
        series_end: u64,
        names: RangeInclusive<u32>,
    ) -> Result<(), BlockError> {
        let mut found = Vec::new();
        let mut scanner = written.scan(self.series_start, series_end);
        while scanner.align(SERIES_ALIGNMENT)? {
            let series = scanner.position() / SERIES_ALIGNMENT;
            let series = SeriesId::try_from(series).expect("it was written as one");
            let size = scanner.unsigned()?;
            let end = scanner.position() + size + 4;
            for _ in 0..scanner.unsigned()? {
                let mut number = || scanner.unsigned().map(u32::try_from);
                let (Ok(name), Ok(value)) = (number()?, number()?) else {
                    return Err(written.damaged(scanner.position(), "the file has changed"));
                };
                if names.contains(&name) {
                    found.push((name, value, series));
                }
            }
            scanner.skip_to(end)?;
        }
        found.sort_unstable();
        let mut list = Vec::new();
        for same in found.chunk_by(|left, right| (left.0, left.1) == (right.0, right.1)) {
            list.clear();
            list.extend(same.iter().map(|(_, _, series)| *series));
            let (name, value) = (same[0].0, same[0].1);
            // Copied, as the list is pushed with the table of texts borrowed.
            let texts = [name, value].map(|number| self.symbols.text(number).to_owned());
            self.push_list(&texts[0], &texts[1], &list)?;
        }
        Ok(())
    }

    /// Writes the list of the series with one label, and notes its place.
    fn push_list(
        &mut self,
        name: &str,
        value: &str,
        series: &[SeriesId],
    ) -> Result<(), BlockError> {
        self.output.pad(LIST_ALIGNMENT)?;
        put_unsigned(&mut self.table, 2);
        put_text(&mut self.table, name);
        put_text(&mut self.table, value);
        put_unsigned(&mut self.table, self.output.position());
        self.list_count += 1;
        self.entry.clear();
        let count = u32::try_from(series.len()).map_err(|_| self.output.too_large("series"))?;
        self.entry.extend_from_slice(&count.to_be_bytes());
        for series in series {
            self.entry.extend_from_slice(&series.to_be_bytes());
        }
        self.output.push_section(&self.entry)
    }
}

/// Appends the places of chunks as differences.
fn put_chunks(entry: &mut Vec<u8>, chunks: &[ChunkPlace]) {
    put_unsigned(entry, chunks.len() as u64);
    let mut last: Option<&ChunkPlace> = None;
    for chunk in chunks {
        match last {
            None => put_signed(entry, chunk.min_ms),
            Some(last) => put_unsigned(entry, difference(chunk.min_ms, last.max_ms)),
        }
        put_unsigned(entry, difference(chunk.max_ms, chunk.min_ms));
        match last {
            None => put_unsigned(entry, chunk.reference),
            Some(last) => {
                let step = chunk.reference.wrapping_sub(last.reference).cast_signed();
                put_signed(entry, step);
            }
        }
        last = Some(chunk);
    }
}

fn difference(later_ms: i64, earlier_ms: i64) -> u64 {
    debug_assert!(earlier_ms <= later_ms, "chunks out of order");
    later_ms.wrapping_sub(earlier_ms).cast_unsigned()
}

const VERSION: u8 = 2;
/// Magic number and version.
const HEADER_SIZE: u64 = 5;
const LIST_ALIGNMENT: u64 = 4;
/// How many uses of labels are gathered at a time: 24 MiB.
const BATCH_SIZE_MAX: usize = 2 << 20;
