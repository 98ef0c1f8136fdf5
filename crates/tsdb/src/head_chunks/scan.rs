use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use narthex_host::{Files, ReadFile};

use super::format::{self, ChunkHeader, FILE_HEADER, META_SIZE_MAX};
use super::{ChunkFile, ChunkRef, FoundChunk, OpenReport};

/// Reads all files, and drops everything from the first damaged place on.
pub(super) fn scan(
    files: &dyn Files,
    dir: &Path,
    mut visit: impl FnMut(FoundChunk),
) -> io::Result<(BTreeMap<u32, ChunkFile>, OpenReport)> {
    let entries = match files.list_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        entries => entries?,
    };
    let mut numbers = entries
        .iter()
        .filter(|entry| !entry.is_dir)
        .filter_map(|entry| format::parse_name(&entry.name))
        .collect::<Vec<_>>();
    numbers.sort_unstable();
    let (mut open, mut report) = (BTreeMap::new(), OpenReport::default());
    for (index, &number) in numbers.iter().enumerate() {
        let path = format::file_path(dir, number);
        let reader = files.open_read(&path)?;
        let size = reader.size()?;
        let mut max_ms = i64::MIN;
        let mut take = |chunk: FoundChunk| {
            report.chunks += 1;
            max_ms = max_ms.max(chunk.max_ms);
            visit(chunk);
        };
        let has_gap = index > 0 && numbers[index - 1] + 1 != number;
        let (end, kept) = match has_gap {
            true => (End::Damaged, 0),
            false => scan_file(&*reader, number, &mut take)?,
        };
        if kept > 0 {
            open.insert(number, ChunkFile { reader: reader.into(), max_ms, size: kept });
        }
        if end == End::Clean {
            continue;
        }
        report.dropped_bytes = size - kept;
        let rest = &numbers[index..];
        if let Err(error) = drop_from(files, dir, rest, kept, &mut report) {
            // They are not read, and the next file of theirs is written over.
            tracing::warn!(path = %path.display(), %error, "damaged head chunks cannot be removed");
        }
        // What a process leaves that stops while it writes is no damage.
        if end == End::Damaged || rest.len() > 1 {
            let bytes = report.dropped_bytes;
            tracing::warn!(path = %path.display(), offset = kept, bytes, "damaged head chunks dropped");
            report.damaged_file = Some(path);
        }
        break;
    }
    Ok((open, report))
}

/// What follows the last good chunk of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nothing, or zeros.
    Clean,
    /// The first part of a chunk.
    Torn,
    Damaged,
}

/// Hands every chunk of one file to `visit`. Returns the size of what is good, and what follows it.
fn scan_file(
    reader: &dyn ReadFile,
    number: u32,
    visit: &mut impl FnMut(FoundChunk),
) -> io::Result<(End, u64)> {
    let size = reader.size()?;
    let mut window = Window { reader, start: 0, filled: 0, bytes: Vec::new() };
    let header = window.get(0, FILE_HEADER.len())?;
    if header != FILE_HEADER {
        let is_torn = FILE_HEADER.starts_with(header) || header.iter().all(|byte| *byte == 0);
        return Ok((if is_torn { End::Torn } else { End::Damaged }, 0));
    }
    let mut place = FILE_HEADER.len() as u64;
    while place < size {
        let bytes = window.get(place, META_SIZE_MAX)?;
        if bytes.len() < META_SIZE_MAX && bytes.iter().all(|byte| *byte == 0) {
            return Ok((End::Clean, place));
        }
        let Some(header) = ChunkHeader::parse(bytes) else {
            let is_torn = bytes.len() < META_SIZE_MAX;
            return Ok((if is_torn { End::Torn } else { End::Damaged }, place));
        };
        if header.is_end() {
            return Ok((End::Clean, place));
        }
        let bytes = window.get(place, header.total_size())?;
        if !header.is_intact(bytes) {
            let is_torn = bytes.len() < header.total_size();
            return Ok((if is_torn { End::Torn } else { End::Damaged }, place));
        }
        // A kind of chunk that a later release brought is passed over.
        if let Some(encoding) = header.encoding() {
            let sample_count =
                bytes[header.body()].first_chunk().map_or(0, |b| u16::from_be_bytes(*b));
            visit(FoundChunk {
                series: header.series,
                chunk: ChunkRef(u64::from(number) << 32 | place),
                min_ms: header.min_ms,
                max_ms: header.max_ms,
                sample_count,
                encoding,
                is_out_of_order: header.is_out_of_order(),
                size: header.size,
            });
        }
        place += header.total_size() as u64;
    }
    Ok((End::Clean, place))
}

/// Cuts the first of the files back to its good part, and removes the others.
fn drop_from(
    files: &dyn Files,
    dir: &Path,
    numbers: &[u32],
    good_size: u64,
    report: &mut OpenReport,
) -> io::Result<()> {
    let Some((&first, later)) = numbers.split_first() else { return Ok(()) };
    let path = format::file_path(dir, first);
    for &number in later.iter().rev() {
        report.dropped_bytes += files.open_read(&format::file_path(dir, number))?.size()?;
        files.remove_file(&format::file_path(dir, number))?;
    }
    if good_size > 0 {
        let mut file = files.open_append(&path)?;
        file.truncate(good_size)?;
        file.sync()?;
    } else {
        files.remove_file(&path)?;
    }
    files.sync_dir(dir)
}

/// A part of a file, read ahead.
struct Window<'a> {
    reader: &'a dyn ReadFile,
    start: u64,
    /// How many of the bytes were read.
    filled: usize,
    bytes: Vec<u8>,
}

impl Window<'_> {
    /// Returns the bytes from `place` on: `size` of them, or fewer at the end of the file.
    fn get(&mut self, place: u64, size: usize) -> io::Result<&[u8]> {
        let skip = usize::try_from(place.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let is_inside = place >= self.start && skip.saturating_add(size) <= self.filled;
        let skip = if is_inside {
            skip
        } else {
            self.bytes.resize(size.max(self.bytes.len()).max(WINDOW_SIZE), 0);
            self.filled = self.reader.read_at(place, &mut self.bytes)?;
            self.start = place;
            0
        };
        let end = self.filled.min(skip + size);
        Ok(&self.bytes[skip..end])
    }
}

/// How much is read at a time, in bytes.
const WINDOW_SIZE: usize = 256 << 10;
