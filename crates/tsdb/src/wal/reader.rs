use std::io;

use narthex_host::ReadFile;

use super::frame::{
    FIRST, FULL, HEADER_SIZE, KIND_MASK, LAST, PAGE_END, PAGE_SIZE, RECORD_SIZE_MAX, SNAPPY_FLAG,
    ZSTD_FLAG,
};
use super::packer::Unpacker;

/// Reads the records of one segment, and goes on behind damaged ones.
#[derive(Debug)]
pub(super) struct SegmentReader {
    file: Box<dyn ReadFile>,
    page: Vec<u8>,
    /// How much of the page the file holds.
    page_filled: usize,
    page_start: u64,
    /// The next fragment, in the page.
    position: usize,
    /// The fragments so far of the next record, and where it starts in the segment.
    record: Vec<u8>,
    unpacker: Unpacker,
    record_start: u64,
    is_in_record: bool,
    /// After damage, until a record starts: what follows up to there belongs to it.
    is_resyncing: bool,
}

/// What stands next in a segment.
#[derive(Debug)]
pub(super) enum Next<'a> {
    Record { bytes: &'a [u8], offset: u64 },
    Damage(Damage),
    End,
}

/// A place that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damage {
    /// Where the damaged record starts, in bytes from the start of the segment.
    pub(super) offset: u64,
    pub(super) reason: DamageReason,
}

/// What is wrong with a record of the write-ahead log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DamageReason {
    /// The bytes are not those that were written.
    #[error("unexpected checksum")]
    Checksum,
    /// A size that does not fit the page, or a fragment of no known kind.
    #[error("invalid record size")]
    Size,
    /// A fragment without those before it.
    #[error("unexpected fragment")]
    Fragment,
    /// The rest of a page is not empty.
    #[error("unexpected non-zero byte in padded page")]
    Padding,
    /// The record does not end.
    #[error("record is torn")]
    Torn,
    /// The compressed bytes make no sense, or their compression is not supported.
    #[error("record cannot be decompressed")]
    Compression,
    /// The content of the record makes no sense.
    #[error("record cannot be decoded")]
    Content,
    /// Segments are missing before this one.
    #[error("segments are not sequential")]
    MissingSegments,
}

/// What one fragment did to the record.
enum Step {
    Unfinished,
    Finished { flags: u8 },
    Damaged(DamageReason),
    End,
}

impl SegmentReader {
    pub(super) fn new(file: Box<dyn ReadFile>) -> Self {
        Self {
            file,
            page: vec![0; PAGE_SIZE],
            page_filled: 0,
            page_start: 0,
            position: 0,
            record: Vec::new(),
            unpacker: Unpacker::default(),
            record_start: 0,
            is_in_record: false,
            is_resyncing: false,
        }
    }

    /// Returns the place behind the last fragment that was read.
    pub(super) fn offset(&self) -> u64 {
        self.page_start + self.position as u64
    }

    /// Returns what stands next. Each damaged stretch is told once.
    pub(super) fn next(&mut self) -> io::Result<Next<'_>> {
        loop {
            let reason = match self.step()? {
                Step::Unfinished => continue,
                Step::End => return Ok(Next::End),
                Step::Damaged(reason) => reason,
                Step::Finished { flags } => {
                    self.is_in_record = false;
                    if self.unpacker.unpack(&self.record, flags).is_some() {
                        let bytes = self.unpacker.unpacked(&self.record);
                        return Ok(Next::Record { bytes, offset: self.record_start });
                    }
                    DamageReason::Compression
                }
            };
            let offset = self.record_start;
            self.is_in_record = false;
            if !std::mem::replace(&mut self.is_resyncing, true) {
                return Ok(Next::Damage(Damage { offset, reason }));
            }
        }
    }

    /// Reads one fragment.
    fn step(&mut self) -> io::Result<Step> {
        if self.position >= self.page_filled && !self.load_page()? {
            return Ok(if self.is_in_record {
                Step::Damaged(DamageReason::Torn)
            } else {
                Step::End
            });
        }
        if self.is_resyncing && !self.is_in_record {
            self.position += self.distance_to_fragment();
        }
        if !self.is_in_record {
            self.record_start = self.offset();
        }
        let rest = &self.page[self.position..self.page_filled];
        if rest.iter().all(|byte| *byte == 0) {
            self.position = self.page_filled;
            return Ok(Step::Unfinished);
        }
        let fragment = match Fragment::parse(rest) {
            _ if rest[0] & KIND_MASK == PAGE_END => Err(DamageReason::Padding),
            Some(fragment) if fragment.is_intact => Ok(fragment),
            Some(_) => Err(DamageReason::Checksum),
            None if self.page_filled < PAGE_SIZE => Err(DamageReason::Torn),
            None => Err(DamageReason::Size),
        };
        match fragment {
            Ok(fragment) => Ok(self.take(fragment)),
            Err(reason) => {
                self.position += 1;
                Ok(Step::Damaged(reason))
            }
        }
    }

    /// Returns how far it is to the next place that looks like a fragment whose checksum is right.
    /// Behind damage, neither sizes nor kinds can be trusted to lead there.
    fn distance_to_fragment(&self) -> usize {
        let rest = &self.page[self.position..self.page_filled];
        let starts_here = |place: &usize| {
            let fragment = Fragment::parse(&rest[*place..]);
            // Without a body there is nothing that the checksum says.
            fragment.is_some_and(|fragment| fragment.size > HEADER_SIZE && fragment.is_intact)
        };
        (0..rest.len()).find(starts_here).unwrap_or(rest.len())
    }

    /// Adds an intact fragment to the record.
    fn take(&mut self, fragment: Fragment) -> Step {
        let Fragment { kind, flags, size, .. } = fragment;
        let start = self.position;
        self.position += size;
        let starts = matches!(kind, FULL | FIRST);
        if self.is_in_record && starts {
            // The record before it is torn, but this one may be good: it is read again.
            self.position = start;
            return Step::Damaged(DamageReason::Torn);
        }
        if !self.is_in_record && !starts {
            return Step::Damaged(DamageReason::Fragment);
        }
        if starts {
            self.record.clear();
            self.is_resyncing = false;
        }
        let body = &self.page[start + HEADER_SIZE..start + size];
        if self.record.len() + body.len() > RECORD_SIZE_MAX {
            return Step::Damaged(DamageReason::Size);
        }
        self.record.extend_from_slice(body);
        self.is_in_record = true;
        if matches!(kind, FULL | LAST) { Step::Finished { flags } } else { Step::Unfinished }
    }

    /// Returns whether there is another page.
    fn load_page(&mut self) -> io::Result<bool> {
        self.page_start += self.page_filled as u64;
        self.position = 0;
        self.page_filled = self.file.read_at(self.page_start, &mut self.page)?;
        Ok(self.page_filled > 0)
    }
}

/// What the header of a fragment says.
struct Fragment {
    kind: u8,
    flags: u8,
    /// With the header.
    size: usize,
    is_intact: bool,
}

impl Fragment {
    /// Returns the fragment that `rest` starts with; `None` where it is of no known kind or does not
    /// end in `rest`.
    fn parse(rest: &[u8]) -> Option<Self> {
        let header = rest.first_chunk::<HEADER_SIZE>()?;
        let kind = header[0] & KIND_MASK;
        let size = HEADER_SIZE + usize::from(u16::from_be_bytes([header[1], header[2]]));
        let body = rest.get(HEADER_SIZE..size).filter(|_| (FULL..=LAST).contains(&kind))?;
        Some(Self {
            kind,
            flags: header[0] & (SNAPPY_FLAG | ZSTD_FLAG),
            size,
            is_intact: header[3..] == crc32c::crc32c(body).to_be_bytes(),
        })
    }
}
