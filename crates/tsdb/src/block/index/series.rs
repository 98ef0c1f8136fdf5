use narthex_model::{Labels, LabelsBuilder};

use super::symbols::SymbolCache;
use super::{Index, SeriesId};
use crate::block::BlockError;
use crate::block::file::Window;
use crate::codec::Cursor;

/// Where a chunk lies, and which time it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkPlace {
    /// The time of the first sample, in milliseconds since the Unix epoch.
    pub(crate) min_ms: i64,
    /// The time of the last sample.
    pub(crate) max_ms: i64,
    /// The index of the segment in the upper half, and the offset in it in the lower.
    pub(crate) reference: u64,
}

/// Reads entries of series. Series that are next to each other cost one read of the file together.
#[derive(Debug)]
pub(crate) struct SeriesReader<'a> {
    index: &'a Index,
    window: Window<'a>,
    symbols: SymbolCache,
    builder: LabelsBuilder,
    labels: Vec<(u32, u32)>,
}

impl<'a> SeriesReader<'a> {
    pub(super) fn new(index: &'a Index) -> Self {
        Self {
            index,
            window: Window::new(&index.file),
            symbols: SymbolCache::default(),
            builder: LabelsBuilder::default(),
            labels: Vec::new(),
        }
    }

    /// Returns the labels of a series, and fills `chunks` with the places of its chunks, oldest
    /// first.
    pub(crate) fn read(
        &mut self,
        series: SeriesId,
        chunks: &mut Vec<ChunkPlace>,
    ) -> Result<Labels, BlockError> {
        chunks.clear();
        let Index { file, version, symbols, .. } = self.index;
        let offset = u64::from(series) * version.step();
        let body = self.window.checked(offset, |cursor| cursor.unsigned32())?;
        let decoded =
            decode_labels(body, &mut self.labels).and_then(|rest| decode_chunks(rest, chunks));
        if decoded.is_none() {
            return Err(file.damaged(offset, "an entry of a series that ends early"));
        }
        for symbol in self.labels.iter().flat_map(|(name, value)| [*name, *value]) {
            symbols.load(file, &mut self.symbols, symbol)?;
        }
        self.builder.clear();
        for (name, value) in &self.labels {
            let texts = symbols.get(&self.symbols, *name).zip(symbols.get(&self.symbols, *value));
            let Some((name, value)) = texts else {
                return Err(file.damaged(offset, "a series with a text that is not there"));
            };
            self.builder.set(name, value);
        }
        Ok(self.builder.build())
    }
}

/// Fills `labels` with the numbers of names and values. Returns what follows them.
fn decode_labels<'a>(body: &'a [u8], labels: &mut Vec<(u32, u32)>) -> Option<&'a [u8]> {
    labels.clear();
    let mut cursor = Cursor::new(body);
    for _ in 0..cursor.unsigned()? {
        labels.push((cursor.unsigned32()?, cursor.unsigned32()?));
    }
    Some(&body[body.len() - cursor.len()..])
}

/// Fills `chunks` with the places that the rest of an entry holds.
fn decode_chunks(rest: &[u8], chunks: &mut Vec<ChunkPlace>) -> Option<()> {
    let mut cursor = Cursor::new(rest);
    let count = cursor.unsigned()?;
    let (mut end_ms, mut reference) = (0_i64, 0_u64);
    for index in 0..count {
        let min_ms = if index == 0 {
            cursor.signed()?
        } else {
            end_ms.checked_add_unsigned(cursor.unsigned()?)?
        };
        let max_ms = min_ms.checked_add_unsigned(cursor.unsigned()?)?;
        reference = if index == 0 {
            cursor.unsigned()?
        } else {
            reference.checked_add_signed(cursor.signed()?)?
        };
        chunks.push(ChunkPlace { min_ms, max_ms, reference });
        end_ms = max_ms;
    }
    Some(())
}
