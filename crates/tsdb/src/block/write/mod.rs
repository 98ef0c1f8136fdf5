//! Writing a block, one series after the other.

mod index;
mod output;
mod segments;
mod symbols;

use std::path::{Path, PathBuf};

use index::IndexWriter;
use narthex_chunk::sample_count;
use narthex_host::Host;
use segments::SegmentWriter;
pub(crate) use symbols::SymbolTable;

use super::tombstones::Tombstones;
use super::{BlockError, BlockMeta, CHUNKS_NAME, INDEX_NAME};
use crate::SeriesChunks;
use crate::blocks::CREATION_SUFFIX;

/// Writes a block into a folder beside its place, and moves it there when it is whole.
///
/// The same series with the same chunks give the same bytes as Prometheus 3.14 writes. In memory are
/// the texts of labels, the numbers of series, and the buffers of two files.
///
/// Dropping a writer removes what it wrote.
///
/// ```
/// use bytes::Bytes;
/// use narthex_chunk::{Encoding, XorChunk};
/// use narthex_host::Host;
/// use narthex_model::Labels;
/// use narthex_tsdb::{BlockMeta, BlockWriter, EncodedChunk, SeriesChunks, Ulid};
///
/// # let dir = tempfile::tempdir()?;
/// # let parent = dir.path();
/// let host = Host::real();
/// let labels = Labels::from_pairs([("__name__", "up")]);
/// let mut chunk = XorChunk::default();
/// chunk.append(1_000, 1.0);
/// let bytes = Bytes::copy_from_slice(chunk.as_bytes());
/// let chunk = EncodedChunk { min_ms: 1_000, max_ms: 1_000, encoding: Encoding::Xor, bytes };
///
/// let meta = BlockMeta::of_head(Ulid::generate(&host), 0, 7_200_000);
/// let mut writer = BlockWriter::create(&host, parent, meta, ["__name__", "up"])?;
/// writer.add(&SeriesChunks { labels, chunks: vec![chunk] })?;
/// assert_eq!(writer.finish()?.map(|meta| meta.stats.num_samples), Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BlockWriter {
    host: Host,
    dir: PathBuf,
    temporary: PathBuf,
    meta: BlockMeta,
    index: IndexWriter,
    segments: SegmentWriter,
    is_finished: bool,
}

impl BlockWriter {
    /// Starts a block in the folder `parent`. `meta` says what it is, but for how much it holds;
    /// `texts` are all names and values of its labels, and may be more: sorted, and each once.
    ///
    /// # Errors
    ///
    /// Where a file cannot be written, or the texts are too many for the format.
    pub fn create<'a>(
        host: &Host,
        parent: &Path,
        meta: BlockMeta,
        texts: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, BlockError> {
        Self::with_symbols(host, parent, meta, SymbolTable::new(texts), SEGMENT_SIZE_MAX)
    }

    /// As [`BlockWriter::create`], with chunks in files up to a size.
    pub(crate) fn with_symbols(
        host: &Host,
        parent: &Path,
        meta: BlockMeta,
        symbols: SymbolTable,
        segment_size_max: u64,
    ) -> Result<Self, BlockError> {
        let files = &*host.files;
        let dir = parent.join(meta.ulid.to_string());
        let temporary = parent.join(format!("{}{CREATION_SUFFIX}", meta.ulid));
        let chunks = temporary.join(CHUNKS_NAME);
        files.create_dir_all(&chunks).map_err(|source| BlockError::write(&chunks, source))?;
        let started = IndexWriter::create(files, temporary.join(INDEX_NAME), symbols);
        let index = match started {
            Ok(index) => index,
            Err(error) => {
                remove(host, &temporary);
                return Err(error);
            }
        };
        let segments = SegmentWriter::new(chunks, segment_size_max);
        let host = host.clone();
        Ok(Self { host, dir, temporary, meta, index, segments, is_finished: false })
    }

    /// Writes one series, whose labels come behind those of the last one. One without chunks is left
    /// out.
    ///
    /// # Errors
    ///
    /// Where a file cannot be written, a chunk is none, or the block is too large for the format.
    ///
    /// # Panics
    ///
    /// Where the labels do not come behind the last ones, or a text of them was not named at the
    /// start.
    pub fn add(&mut self, series: &SeriesChunks) -> Result<(), BlockError> {
        if series.chunks.is_empty() {
            return Ok(());
        }
        let stats = &mut self.meta.stats;
        for chunk in &series.chunks {
            let count = sample_count(chunk.encoding, &chunk.bytes);
            let count = count
                .map_err(|source| BlockError::Chunk { path: self.temporary.clone(), source })?;
            let count = u64::from(count);
            stats.num_samples += count;
            match chunk.encoding.is_histogram() {
                true => stats.num_histogram_samples += count,
                false => stats.num_float_samples += count,
            }
        }
        stats.num_series += 1;
        stats.num_chunks += series.chunks.len() as u64;
        let places = self.segments.add(&*self.host.files, &series.chunks)?;
        self.index.add(&series.labels, places)
    }

    /// Completes the block and puts it in its place, from where it outlasts a crash. Returns what it
    /// says of itself; `None` where no series came, so that there is no block.
    ///
    /// # Errors
    ///
    /// Where a file cannot be written, synced or renamed.
    pub fn finish(mut self) -> Result<Option<BlockMeta>, BlockError> {
        if self.meta.stats.num_series == 0 {
            return Ok(None);
        }
        let files = &*self.host.files;
        self.segments.finish(files)?;
        self.index.finish(files)?;
        self.meta.write(files, &self.temporary)?;
        Tombstones::default().write(files, &self.temporary)?;
        let fail = |source| BlockError::write(&self.dir, source);
        files.sync_dir(&self.temporary).map_err(fail)?;
        files.rename(&self.temporary, &self.dir).map_err(fail)?;
        if let Err(error) = files.sync_dir(self.dir.parent().unwrap_or(Path::new(""))) {
            // Nobody is to find a block that its writer does not know of.
            let _ = files.rename(&self.dir, &self.temporary);
            return Err(fail(error));
        }
        self.is_finished = true;
        Ok(Some(self.meta.clone()))
    }
}

impl Drop for BlockWriter {
    fn drop(&mut self) {
        if !self.is_finished {
            remove(&self.host, &self.temporary);
        }
    }
}

/// The size of a file of chunks, in bytes, as in the reference.
const SEGMENT_SIZE_MAX: u64 = 512 << 20;

fn remove(host: &Host, temporary: &Path) {
    // What stays goes when the database is opened.
    if let Err(error) = host.files.remove_dir_all(temporary) {
        tracing::warn!(path = %temporary.display(), %error, "unfinished block cannot be removed");
    }
}

#[cfg(test)]
mod tests;
