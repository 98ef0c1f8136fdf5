use std::collections::VecDeque;
use std::io;
use std::ops::Range;

use narthex_host::ReadFile;

use super::fragment::{self, Flaw, Fragment, Place};
use super::frame::{
    FIRST, FULL, HEADER_SIZE, KIND_MASK, LAST, MIDDLE, PAGE_END, PAGE_SIZE, RECORD_SIZE_MAX,
};
use super::packer::Unpacker;

/// Reads the records of one segment, and goes on behind damaged ones.
#[derive(Debug)]
pub(super) struct SegmentReader {
    packed: PackedReader,
    unpacker: Unpacker,
}

/// Reads the records of one segment as they are there, compressed, and goes on behind damaged ones.
#[derive(Debug)]
pub(super) struct PackedReader {
    file: Box<dyn ReadFile>,
    page: Vec<u8>,
    /// How much of the page the file holds.
    page_filled: usize,
    page_start: u64,
    /// The next fragment, in the page.
    position: usize,
    /// The fragments so far of the next record, and where it starts in the segment.
    record: Vec<u8>,
    flags: u8,
    record_start: u64,
    is_in_record: bool,
    /// Whether a bit of the record was put right.
    was_repaired: bool,
    /// After damage, until a record starts: what follows up to there belongs to it.
    is_resyncing: bool,
    /// Damage whose end is not known yet.
    open_damage: Option<(u64, DamageReason)>,
    /// What was passed over on the way to `found`, and not told yet.
    damages: VecDeque<Damage>,
    found: Option<Found>,
}

/// What stands next in a segment.
#[derive(Debug)]
pub(super) enum Next<'a> {
    Record {
        bytes: &'a [u8],
        /// How the bytes are compressed: as those of its fragments.
        flags: u8,
        offset: u64,
        /// Where it ends.
        end: u64,
        /// Whether a bit of it was put right.
        was_repaired: bool,
    },
    Damage(Damage),
    End,
}

/// A stretch that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damage {
    /// Where the damaged record starts, in bytes from the start of the segment.
    pub(super) offset: u64,
    /// Where the next good record starts.
    pub(super) end: u64,
    pub(super) reason: DamageReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Record,
    End,
}

/// What is wrong with a record of the write-ahead log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DamageReason {
    /// The bytes are not those that were written.
    #[error("unexpected checksum")]
    Checksum,
    /// One bit was wrong. It was put right, and nothing is missing.
    #[error("flipped bit, put right")]
    FlippedBit,
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
        Self { packed: PackedReader::new(file), unpacker: Unpacker::default() }
    }

    /// Starts at `place`, where a record does.
    pub(super) fn at(file: Box<dyn ReadFile>, place: u64) -> Self {
        let mut reader = Self::new(file);
        reader.packed.seek(place);
        reader
    }

    /// Returns what stands next, records unpacked. Each damaged stretch is told once, before what
    /// follows it.
    pub(super) fn next(&mut self) -> io::Result<Next<'_>> {
        let next = self.packed.next()?;
        let Next::Record { bytes, flags, offset, end, was_repaired } = next else {
            return Ok(next);
        };
        self.unpacker.clear(KEPT_SIZE);
        Ok(match self.unpacker.unpack(bytes, flags) {
            Some(unpacked) => Next::Record {
                bytes: self.unpacker.get(&unpacked),
                flags: 0,
                offset,
                end,
                was_repaired: was_repaired || unpacked.was_repaired,
            },
            None => Next::Damage(Damage { offset, end, reason: DamageReason::Compression }),
        })
    }
}

impl PackedReader {
    pub(super) fn new(file: Box<dyn ReadFile>) -> Self {
        Self {
            file,
            page: vec![0; PAGE_SIZE],
            page_filled: 0,
            page_start: 0,
            position: 0,
            record: Vec::new(),
            flags: 0,
            record_start: 0,
            is_in_record: false,
            was_repaired: false,
            is_resyncing: false,
            open_damage: None,
            damages: VecDeque::new(),
            found: None,
        }
    }

    /// Passes over what stands from here to `end`, where a record starts with `header` at `start`, and
    /// nothing else comes before it. Returns whether that is so.
    pub(super) fn pass_over(
        &mut self,
        place: &Range<u64>,
        header: &[u8; HEADER_SIZE],
    ) -> io::Result<bool> {
        let is_between = !self.is_in_record && !self.is_resyncing && self.found.is_none();
        if !is_between || self.next_start() != place.start {
            return Ok(false);
        }
        let mut found = [0; HEADER_SIZE];
        let count = self.file.read_at(place.start, &mut found)?;
        if count < HEADER_SIZE || found != *header {
            return Ok(false);
        }
        self.seek(place.end);
        Ok(true)
    }

    /// Goes to `place`, where a record starts or the segment ends.
    fn seek(&mut self, place: u64) {
        let in_page = place % PAGE_SIZE as u64;
        self.page_start = place - in_page;
        self.position = usize::try_from(in_page).unwrap_or_default();
        // It is loaded once something is to be read of it.
        self.page_filled = 0;
    }

    /// Returns where the next record starts, if one follows in the next place where one can.
    pub(super) fn next_start(&self) -> u64 {
        let page_size = PAGE_SIZE as u64;
        let left = page_size - self.offset() % page_size;
        if left < HEADER_SIZE as u64 { self.offset() + left } else { self.offset() }
    }

    /// Returns the place behind the last fragment that was read.
    fn offset(&self) -> u64 {
        self.page_start + self.position as u64
    }

    /// Returns what stands next. Each damaged stretch is told once, before what follows it.
    pub(super) fn next(&mut self) -> io::Result<Next<'_>> {
        let found = match self.found.take() {
            Some(found) => found,
            None => self.find()?,
        };
        if let Some(damage) = self.damages.pop_front() {
            self.found = Some(found);
            return Ok(Next::Damage(damage));
        }
        Ok(match found {
            Found::End => {
                self.found = Some(Found::End);
                Next::End
            }
            Found::Record => Next::Record {
                bytes: &self.record,
                flags: self.flags,
                offset: self.record_start,
                end: self.page_start + self.position as u64,
                was_repaired: self.was_repaired,
            },
        })
    }

    /// Reads up to the end of a record.
    fn find(&mut self) -> io::Result<Found> {
        loop {
            let reason = match self.step()? {
                Step::Unfinished => continue,
                Step::End => {
                    self.close_damage(self.offset());
                    return Ok(Found::End);
                }
                Step::Damaged(reason) => reason,
                Step::Finished { flags } => {
                    self.is_in_record = false;
                    self.close_damage(self.record_start);
                    self.flags = flags;
                    return Ok(Found::Record);
                }
            };
            self.open_damage.get_or_insert((self.record_start, reason));
            self.is_in_record = false;
            self.is_resyncing = true;
        }
    }

    fn close_damage(&mut self, end: u64) {
        if let Some((offset, reason)) = self.open_damage.take() {
            self.damages.push_back(Damage { offset, end, reason });
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
            self.position += Fragment::distance(&self.page[self.position..self.page_filled]);
        }
        if !self.is_in_record {
            self.record_start = self.offset();
            self.was_repaired = false;
        }
        let rest = &self.page[self.position..self.page_filled];
        if rest.iter().all(|byte| *byte == 0) {
            self.position = self.page_filled;
            return Ok(Step::Unfinished);
        }
        let fragment = match self.fragment_here() {
            Ok(fragment) => return Ok(self.take(fragment)),
            Err(_) if self.is_resyncing => None,
            Err(reason) => self.repair()?.ok_or(reason).ok(),
        };
        if let Some(fragment) = fragment {
            return Ok(self.take(fragment));
        }
        let reason = self.fragment_here().err().unwrap_or(DamageReason::Fragment);
        let rest = &self.page[self.position..self.page_filled];
        // One that is whole and cannot stand here is passed over as a whole.
        self.position += Fragment::parse(rest).map_or(1, |fragment| fragment.size);
        Ok(Step::Damaged(reason))
    }

    /// Returns the next fragment, or why it cannot stand here.
    fn fragment_here(&self) -> Result<Fragment, DamageReason> {
        let rest = &self.page[self.position..self.page_filled];
        let is_page_end = rest[0] & KIND_MASK == PAGE_END;
        let fragment = Fragment::parse(rest).map_err(|flaw| match flaw {
            _ if is_page_end => DamageReason::Padding,
            Flaw::Size if self.page_filled < PAGE_SIZE => DamageReason::Torn,
            Flaw::Size | Flaw::Kind => DamageReason::Size,
            Flaw::Checksum => DamageReason::Checksum,
        })?;
        // One that starts inside a record is good: the record before it is torn.
        let is_lost = !self.is_in_record && matches!(fragment.kind, MIDDLE | LAST);
        if is_lost { Err(DamageReason::Fragment) } else { Ok(fragment) }
    }

    /// Puts a flipped bit of the next fragment right.
    fn repair(&mut self) -> io::Result<Option<Fragment>> {
        let mut next = [0];
        self.file.read_at(self.page_start + self.page_filled as u64, &mut next)?;
        let is_continued = matches!(next[0] & KIND_MASK, MIDDLE | LAST);
        let place = Place { is_in_record: self.is_in_record, is_continued };
        let rest = &mut self.page[self.position..self.page_filled];
        if fragment::repair(rest, place).is_none() {
            return Ok(None);
        }
        let fragment = self.fragment_here().ok();
        self.was_repaired |= fragment.is_some();
        Ok(fragment)
    }

    /// Adds an intact fragment to the record.
    fn take(&mut self, fragment: Fragment) -> Step {
        let Fragment { kind, flags, size } = fragment;
        let start = self.position;
        let starts = matches!(kind, FULL | FIRST);
        if self.is_in_record && starts {
            // The record before it is torn, but this one may be good: it is read again.
            return Step::Damaged(DamageReason::Torn);
        }
        self.position += size;
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

    /// Loads the next page, or that of the place that was gone to. Returns whether there is more.
    fn load_page(&mut self) -> io::Result<bool> {
        if self.page_filled > 0 {
            self.page_start += self.page_filled as u64;
            self.position = 0;
        }
        self.page_filled = self.file.read_at(self.page_start, &mut self.page)?;
        Ok(self.page_filled > self.position)
    }
}

/// How much memory is kept for the next record, in bytes.
const KEPT_SIZE: usize = 1 << 20;
