use std::path::PathBuf;

use narthex_host::Files;

use super::output::Output;
use crate::EncodedChunk;
use crate::block::BlockError;
use crate::block::index::ChunkPlace;
use crate::block::segment::{HEADER_SIZE, MAGIC, VERSION};
use crate::codec::put_unsigned;

/// Writes chunks to numbered files, each up to a size.
#[derive(Debug)]
pub(super) struct SegmentWriter {
    dir: PathBuf,
    size_max: u64,
    current: Option<Output>,
    /// How many files were begun.
    count: u32,
    places: Vec<ChunkPlace>,
    frame: Vec<u8>,
}

impl SegmentWriter {
    pub(super) fn new(dir: PathBuf, size_max: u64) -> Self {
        let (places, frame) = (Vec::new(), Vec::new());
        Self { dir, size_max, current: None, count: 0, places, frame }
    }

    /// Writes the chunks of one series. Returns where they lie.
    ///
    /// # Source
    ///
    /// `WriteChunks` in Prometheus' `tsdb/chunks/chunks.go` decides which chunk begins a file: before
    /// it writes them, so by how much they may take at most.
    pub(super) fn add(
        &mut self,
        files: &dyn Files,
        chunks: &[EncodedChunk],
    ) -> Result<&[ChunkPlace], BlockError> {
        self.places.clear();
        let header_size = HEADER_SIZE as u64;
        let at_start = self.current.as_ref().map_or(header_size, Output::position);
        let mut before = at_start;
        let mut batch_size = 0;
        for (index, chunk) in chunks.iter().enumerate() {
            let size_max = LENGTH_SIZE_MAX + 1 + chunk.bytes.len() as u64 + 4;
            batch_size += size_max;
            let may_cut = index > 0 || before > header_size;
            if may_cut && before + batch_size > self.size_max {
                self.cut(files)?;
                (before, batch_size) = (header_size, size_max);
            } else if self.current.is_none() {
                self.cut(files)?;
            }
            self.write(chunk)?;
        }
        Ok(&self.places)
    }

    pub(super) fn finish(&mut self, files: &dyn Files) -> Result<(), BlockError> {
        if let Some(mut output) = self.current.take() {
            output.finish()?;
        }
        files.sync_dir(&self.dir).map_err(|source| BlockError::write(&self.dir, source))
    }

    fn cut(&mut self, files: &dyn Files) -> Result<(), BlockError> {
        if let Some(mut output) = self.current.take() {
            output.finish()?;
        }
        self.count += 1;
        let mut output = Output::create(files, self.dir.join(format!("{:06}", self.count)))?;
        output.push(&MAGIC.to_be_bytes())?;
        output.push(&[VERSION, 0, 0, 0])?;
        self.current = Some(output);
        Ok(())
    }

    fn write(&mut self, chunk: &EncodedChunk) -> Result<(), BlockError> {
        let Self { current, count, places, frame, .. } = self;
        let output = current.as_mut().expect("a file was begun");
        let Ok(offset) = u32::try_from(output.position()) else {
            return Err(output.too_large("bytes in a segment"));
        };
        let reference = u64::from(*count - 1) << 32 | u64::from(offset);
        places.push(ChunkPlace { min_ms: chunk.min_ms, max_ms: chunk.max_ms, reference });
        frame.clear();
        put_unsigned(frame, chunk.bytes.len() as u64);
        let start = frame.len();
        frame.push(chunk.encoding.number());
        frame.extend_from_slice(&chunk.bytes);
        let checksum = crc32c::crc32c(&frame[start..]);
        frame.extend_from_slice(&checksum.to_be_bytes());
        output.push(frame)
    }
}

/// The length of a chunk in its longest form.
const LENGTH_SIZE_MAX: u64 = 5;
