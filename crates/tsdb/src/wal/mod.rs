//! The write-ahead log, in the reference's format: what was committed, until blocks hold it.
//!
//! [`record`] is what a record says, [`frame`] how it lies in a segment, [`segment`] how segments are
//! named and [`packer`] how records are compressed; [`writer`] writes for one and [`Wal`] for many,
//! [`replay`] reads, with [`ahead`] in front of it, and [`tail`] looks at the end alone. [`checkpoint`]
//! keeps a log short, [`memory_snapshot`] spares reading it and [`summary`] much of it. [`fragment`] and
//! [`quarantine`] are for damage.

mod ahead;
mod beside;
mod checkpoint;
mod fragment;
mod frame;
mod memory_snapshot;
mod output;
mod packer;
mod progress;
mod quarantine;
mod reader;
pub(crate) mod record;
mod segment;
mod shared;
mod summary;
mod tail;
mod writer;

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use narthex_host::Files;

use ahead::Event;
pub(crate) use checkpoint::LiveSeries;
pub(crate) use frame::PAGE_SIZE;
pub(crate) use memory_snapshot::{
    MemorySnapshot, MemorySnapshotError, WalEnd, remove_all as remove_memory_snapshots,
};
pub(crate) use progress::Progress;
pub use reader::DamageReason;
use reader::{Damage, Next, SegmentReader};
use segment::Segment;
pub(crate) use shared::Wal;
#[cfg(test)]
pub(crate) use summary::Run;
pub(crate) use summary::{Coverage, Gist, LogRecord, Stretch};
pub(crate) use tail::Tail;
pub use writer::WalError;

/// A part of the write-ahead log that could not be read. What stands before and behind it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corruption {
    /// The file.
    pub path: PathBuf,
    /// Where the damaged record starts in it, in bytes.
    pub offset: u64,
    /// How many bytes cannot be read; 0 where nothing is missing.
    pub size_bytes: u64,
    /// What is wrong there.
    pub reason: DamageReason,
}

/// What a log held beside its records.
#[derive(Debug, Default)]
pub(crate) struct ReplayReport {
    pub(crate) corruptions: Vec<Corruption>,
    /// The number of the segment to go on with.
    pub(crate) next_segment: u64,
    /// The torn end of the log, which is cut off before anything is written behind it.
    torn: Option<TornEnd>,
    /// Records of which one bit was put right.
    pub(crate) repaired_records: u64,
    /// How many bytes were put aside.
    pub(crate) quarantined_bytes: u64,
}

impl ReplayReport {
    /// Returns how many bytes are cut off behind the last good record.
    pub(crate) fn cut_bytes(&self) -> u64 {
        self.torn.as_ref().map_or(0, |torn| torn.cut_bytes)
    }
}

/// A file that ends with damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TornEnd {
    path: PathBuf,
    /// The size of what is good.
    size: u64,
    /// How much there is behind it, in bytes.
    cut_bytes: u64,
}

/// Reads the log in `dir` from its newest checkpoint to its end, and hands each record to `apply`,
/// which returns whether the record made sense. Another thread reads ahead.
///
/// A damaged record is reported, put aside and passed over, unless only one bit of it is wrong, which
/// is put right. Where nothing but damage follows the last good
/// record, the machine stopped while it wrote: that is a clean end, and whoever goes on with the log cuts
/// the file back to it, as the reference drops everything behind a torn record.
pub(crate) fn replay(
    files: &dyn Files,
    dir: &Path,
    apply: impl FnMut(&[u8]) -> bool,
) -> io::Result<ReplayReport> {
    replay_part(files, dir, 0..u64::MAX, &Coverage::none(), &Progress::default(), apply)
}

/// As [`replay`], of some segments, but for what need not be read; the checkpoint comes before segment 0.
/// Where it is told to stop, what follows is not applied.
pub(crate) fn replay_part(
    files: &dyn Files,
    dir: &Path,
    part: Range<u64>,
    coverage: &Coverage,
    progress: &Progress,
    apply: impl Apply,
) -> io::Result<ReplayReport> {
    let mut report = read_part(files, dir, part, coverage, progress, apply)?;
    report.quarantined_bytes = quarantine::save(files, dir, &report.corruptions);
    Ok(report)
}

/// As [`replay_part`], but what is damaged is not put aside.
fn read_part(
    files: &dyn Files,
    dir: &Path,
    part: Range<u64>,
    coverage: &Coverage,
    progress: &Progress,
    apply: impl Apply,
) -> io::Result<ReplayReport> {
    let (mut segments, mut expected) = segment::list_log(files, dir)?;
    segments.retain(|segment| segment.index.map_or(part.start == 0, |index| part.contains(&index)));
    if part.start > 0 {
        expected = Some(part.start);
    }
    progress.begin(&segments);
    let mut replay = Replay::new(&segments, expected, progress, apply);
    ahead::read_ahead(files, &segments, coverage, |event| match event {
        Event::Stretch(stretch) if !replay.pass_over(stretch) => {
            coverage.end();
            replay.read_stretch(files, stretch)
        }
        event => {
            replay.take(event);
            Ok(())
        }
    })?;
    replay.end_segment();
    let mut report = replay.report;
    if let Some(TornEnd { path, size, .. }) = &report.torn {
        let is_behind =
            |corruption: &Corruption| corruption.path == *path && corruption.offset >= *size;
        report.corruptions.retain(|corruption| !is_behind(corruption));
    }
    Ok(report)
}

impl ReplayReport {
    /// Returns that of a log which need not be read.
    pub(crate) fn unread(files: &dyn Files, dir: &Path) -> io::Result<Self> {
        let segments = segment::list_segments(files, dir)?;
        let next_segment = segments.last().map_or(0, |last| last + 1);
        Ok(Self { next_segment, ..Self::default() })
    }

    /// Adds what a later part of the log held.
    pub(crate) fn add(&mut self, part: Self) {
        self.corruptions.extend(part.corruptions);
        self.repaired_records += part.repaired_records;
        self.quarantined_bytes += part.quarantined_bytes;
    }
}

/// Takes what a log holds.
pub(crate) trait Apply {
    /// Takes a record. Returns whether it made sense.
    fn apply(&mut self, record: &[u8]) -> bool;

    /// Returns whether it has all samples of a stretch already. Where it has not, they come as records.
    fn pass_over(&mut self, stretch: &Stretch) -> bool;
}

impl<F: FnMut(&[u8]) -> bool> Apply for F {
    fn apply(&mut self, record: &[u8]) -> bool {
        self(record)
    }

    fn pass_over(&mut self, _: &Stretch) -> bool {
        false
    }
}

/// A log that is being read.
struct Replay<'a, F> {
    segments: &'a [Segment],
    progress: &'a Progress,
    apply: F,
    report: ReplayReport,
    /// The segment that is read now, what it ends with so far, and where its last good record ends.
    current: Option<&'a Segment>,
    size: u64,
    end: SegmentEnd,
    good_size: u64,
    /// The number that the next segment should have, unless it may have any.
    expected: Option<u64>,
}

/// How a segment ends, as far as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SegmentEnd {
    /// It says nothing: it was started and never used.
    Empty,
    /// With a good record.
    Clean,
    /// With damage.
    Torn,
}

impl<'a, F: Apply> Replay<'a, F> {
    fn new(
        segments: &'a [Segment],
        expected: Option<u64>,
        progress: &'a Progress,
        apply: F,
    ) -> Self {
        let report =
            ReplayReport { next_segment: expected.unwrap_or(0), ..ReplayReport::default() };
        let end = SegmentEnd::Empty;
        let (current, size, good_size) = (None, 0, 0);
        Self { segments, progress, apply, report, current, size, end, good_size, expected }
    }

    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Segment { place, size } => {
                self.end_segment();
                self.start_segment(place, size);
            }
            Event::Record { bytes, offset, end, was_repaired } => {
                let is_good = self.progress.is_stopped() || self.apply.apply(bytes);
                (self.good_size, self.end) = (end, SegmentEnd::Clean);
                self.report.repaired_records += u64::from(is_good && was_repaired);
                if !is_good {
                    self.note(Damage { offset, end, reason: DamageReason::Content });
                } else if was_repaired {
                    self.note(Damage { offset, end: offset, reason: DamageReason::FlippedBit });
                }
            }
            Event::Damage(damage) => {
                // A record that arrived whole and cannot be unpacked is no sign of a torn write.
                if damage.reason == DamageReason::Compression {
                    (self.good_size, self.end) = (damage.end, SegmentEnd::Clean);
                } else {
                    self.end = SegmentEnd::Torn;
                }
                self.note(damage);
            }
            Event::Stretch(stretch) => {
                (self.good_size, self.end) = (stretch.place.end, SegmentEnd::Clean);
            }
        }
    }

    /// Returns whether a stretch need not be read indeed.
    fn pass_over(&mut self, stretch: &Stretch) -> bool {
        self.progress.is_stopped() || self.apply.pass_over(stretch)
    }

    /// Reads a stretch that was passed over.
    fn read_stretch(&mut self, files: &dyn Files, stretch: &Stretch) -> io::Result<()> {
        let Some(segment) = self.current else { return Ok(()) };
        let file = files.open_read(&segment.path)?;
        let mut reader = SegmentReader::at(file, stretch.place.start);
        loop {
            match reader.next()? {
                Next::Record { bytes, offset, end, was_repaired, .. }
                    if offset < stretch.place.end =>
                {
                    self.take(Event::Record { bytes, offset, end, was_repaired });
                }
                Next::Damage(damage) if damage.offset < stretch.place.end => {
                    self.take(Event::Damage(damage));
                }
                Next::Record { .. } | Next::Damage(_) | Next::End => return Ok(()),
            }
        }
    }

    fn start_segment(&mut self, place: usize, size: u64) {
        let segment = &self.segments[place];
        self.current = Some(segment);
        (self.size, self.good_size) = (size, 0);
        self.end = if size == 0 { SegmentEnd::Empty } else { SegmentEnd::Clean };
        let Some(index) = segment.index else { return };
        self.progress.reach(index);
        if index != *self.expected.get_or_insert(index) {
            self.note(Damage { offset: 0, end: 0, reason: DamageReason::MissingSegments });
        }
        self.expected = Some(index + 1);
        self.report.next_segment = index + 1;
    }

    fn end_segment(&mut self) {
        // Checkpoints were whole when they got their names: no write was cut short there.
        let segment = self.current.filter(|segment| segment.index.is_some());
        match self.end {
            SegmentEnd::Empty => {}
            SegmentEnd::Clean => self.report.torn = None,
            SegmentEnd::Torn => {
                let (size, cut_bytes) = (self.good_size, self.size - self.good_size);
                let torn =
                    |segment: &Segment| TornEnd { path: segment.path.clone(), size, cut_bytes };
                self.report.torn = segment.map(torn);
            }
        }
    }

    fn note(&mut self, damage: Damage) {
        let Some(segment) = self.current else { return };
        if self.report.corruptions.len() < CORRUPTIONS_MAX {
            let Damage { offset, end, reason } = damage;
            let (path, size_bytes) = (segment.path.clone(), end - offset);
            self.report.corruptions.push(Corruption { path, offset, size_bytes, reason });
        }
    }
}

impl TornEnd {
    fn cut(&self, files: &dyn Files) -> io::Result<()> {
        let Self { path, size, cut_bytes } = self;
        tracing::info!(path = %path.display(), size, cut_bytes, "cutting a torn record off the log");
        let mut file = files.open_append(path)?;
        file.truncate(*size)?;
        file.sync()
    }
}

/// The most damaged places that are remembered; more are read over.
const CORRUPTIONS_MAX: usize = 10_000;

#[cfg(test)]
mod tests;
