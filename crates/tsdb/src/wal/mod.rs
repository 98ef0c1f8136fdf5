//! The write-ahead log, in the reference's format: what was committed, until blocks hold it.
//!
//! [`record`] is what a record says, [`frame`] how it lies in a segment, [`segment`] how segments are
//! named and [`packer`] how records are compressed; [`writer`] writes for one and [`Wal`] for many,
//! [`replay`] reads. [`checkpoint`] keeps a log short. [`fragment`] and [`quarantine`] are for damage.

mod checkpoint;
mod fragment;
mod frame;
mod packer;
mod quarantine;
mod reader;
pub(crate) mod record;
mod segment;
mod shared;
mod writer;

use std::io;
use std::path::{Path, PathBuf};

use narthex_host::Files;

pub(crate) use checkpoint::LiveSeries;
pub(crate) use frame::PAGE_SIZE;
pub use reader::DamageReason;
use reader::{Damage, Next, SegmentReader};
pub(crate) use shared::Wal;
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
    /// How many bytes were cut off behind the last good record.
    pub(crate) cut_bytes: u64,
    /// Records of which one bit was put right.
    pub(crate) repaired_records: u64,
    /// How many bytes were put aside.
    pub(crate) quarantined_bytes: u64,
}

/// Reads the log in `dir` from its newest checkpoint to its end, and hands each record to `apply`,
/// which returns whether the record made sense.
///
/// A damaged record is reported, put aside and passed over, unless only one bit of it is wrong, which
/// is put right. Where nothing but damage follows the last good
/// record, the machine stopped while it wrote: that is a clean end, and the file is cut back to it,
/// as the reference drops everything behind a torn record.
pub(crate) fn replay(
    files: &dyn Files,
    dir: &Path,
    mut apply: impl FnMut(&[u8]) -> bool,
) -> io::Result<ReplayReport> {
    let mut report = ReplayReport::default();
    let mut first = None;
    if let Some((checkpoint, last_replaced)) = segment::last_checkpoint(files, dir)? {
        for index in segment::list_segments(files, &checkpoint)? {
            let path = segment::segment_path(&checkpoint, index);
            replay_segment(files, &path, &mut report, &mut apply)?;
        }
        first = Some(last_replaced + 1);
    }
    let mut segments = segment::list_segments(files, dir)?;
    segments.retain(|index| first.is_none_or(|first| *index >= first));
    let mut expected = first.or(segments.first().copied()).unwrap_or(0);
    let mut torn = None;
    for index in segments {
        let path = segment::segment_path(dir, index);
        if index != expected {
            let reason = DamageReason::MissingSegments;
            let path = path.clone();
            report.corruptions.push(Corruption { path, offset: 0, size_bytes: 0, reason });
        }
        expected = index + 1;
        let end = replay_segment(files, &path, &mut report, &mut apply)?;
        match end {
            // An empty segment says nothing: it was started and never used.
            SegmentEnd::Empty => {}
            SegmentEnd::Clean => torn = None,
            SegmentEnd::Torn { size } => torn = Some((path, size)),
        }
    }
    if let Some((path, size)) = torn {
        report.corruptions.retain(|corruption| corruption.path != path || corruption.offset < size);
        report.cut_bytes = cut_back(files, &path, size)?;
    }
    report.quarantined_bytes = quarantine::save(files, dir, &report.corruptions);
    report.next_segment = expected;
    Ok(report)
}

/// How a segment ends.
enum SegmentEnd {
    Empty,
    /// With a good record.
    Clean,
    /// With damage, behind the good records of the first `size` bytes.
    Torn {
        size: u64,
    },
}

fn replay_segment(
    files: &dyn Files,
    path: &Path,
    report: &mut ReplayReport,
    apply: &mut impl FnMut(&[u8]) -> bool,
) -> io::Result<SegmentEnd> {
    let file = files.open_read(path)?;
    if file.size()? == 0 {
        return Ok(SegmentEnd::Empty);
    }
    let mut reader = SegmentReader::new(file);
    let mut end = SegmentEnd::Clean;
    let mut good_size = 0;
    loop {
        let damage = match reader.next()? {
            Next::End => return Ok(end),
            Next::Record { bytes, offset, was_repaired } => {
                let is_good = apply(bytes);
                (good_size, end) = (reader.offset(), SegmentEnd::Clean);
                if is_good && !was_repaired {
                    continue;
                }
                report.repaired_records += u64::from(is_good);
                match is_good {
                    true => Damage { offset, end: offset, reason: DamageReason::FlippedBit },
                    false => Damage { offset, end: good_size, reason: DamageReason::Content },
                }
            }
            Next::Damage(damage) => {
                // A record that arrived whole and cannot be unpacked is no sign of a torn write.
                if damage.reason == DamageReason::Compression {
                    (good_size, end) = (damage.end, SegmentEnd::Clean);
                } else {
                    end = SegmentEnd::Torn { size: good_size };
                }
                damage
            }
        };
        if report.corruptions.len() < CORRUPTIONS_MAX {
            let Damage { offset, end, reason } = damage;
            let path = path.to_owned();
            report.corruptions.push(Corruption { path, offset, size_bytes: end - offset, reason });
        }
    }
}

/// Returns how many bytes went.
fn cut_back(files: &dyn Files, path: &Path, size: u64) -> io::Result<u64> {
    let mut file = files.open_append(path)?;
    let cut_bytes = file.size()?.saturating_sub(size);
    tracing::info!(path = %path.display(), size, cut_bytes, "cutting a torn record off the log");
    file.truncate(size)?;
    file.sync()?;
    Ok(cut_bytes)
}

/// The most damaged places that are remembered; more are read over.
const CORRUPTIONS_MAX: usize = 10_000;

#[cfg(test)]
mod tests;
