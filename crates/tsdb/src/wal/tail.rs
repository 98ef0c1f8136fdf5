use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use narthex_host::Files;

use super::record::{Decoder, Record, RefHistogram};
use super::segment::list_log;
use super::{Coverage, Progress, ReplayReport, read_part};
use crate::provisional;

/// The end of a log that was not read.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    /// How the log goes on. Of what is damaged it says nothing.
    pub(crate) report: ReplayReport,
    /// The time of the newest sample in the last segment that has some.
    pub(crate) newest_ms: Option<i64>,
    /// Behind which provisional references new series go on: `None` where those of the next segment are
    /// other series', so that the whole log must be read first.
    pub(crate) provisional: Option<u64>,
    /// Whether the log says nothing at all.
    pub(crate) is_empty: bool,
}

impl Tail {
    /// Looks at as many segments from the end on as it takes to find samples: mostly one.
    pub(crate) fn find(files: &dyn Files, dir: &Path) -> io::Result<Self> {
        let (segments, expected) = list_log(files, dir)?;
        let indexes = segments.iter().rev().filter_map(|segment| Some((segment.index?, segment)));
        let mut tail = Self { is_empty: expected.is_none(), ..Self::default() };
        tail.report.next_segment = expected.unwrap_or(0);
        let mut is_end_known = false;
        for (index, segment) in indexes {
            tail.report.next_segment = tail.report.next_segment.max(index + 1);
            if files.open_read(&segment.path)?.size()? == 0 {
                // It was started and never used.
                continue;
            }
            let mut decoder = Decoder::default();
            let take = |record: &[u8]| {
                let record = decoder.decode(record);
                tail.newest_ms = tail.newest_ms.max(record.as_ref().and_then(newest_ms));
                record.is_some()
            };
            let report = read_part(
                files,
                dir,
                index..index + 1,
                &Coverage::none(),
                &Progress::default(),
                take,
            )?;
            if !std::mem::replace(&mut is_end_known, true) {
                (tail.is_empty, tail.report.torn) = (false, report.torn);
            }
            if tail.newest_ms.is_some() {
                break;
            }
        }
        let next = tail.report.next_segment;
        let used = match provisional::have_come_round(next) {
            true => used_ranges(files, dir)?,
            false => BTreeSet::new(),
        };
        tail.provisional = provisional::start(next, &used);
        Ok(tail)
    }
}

/// Returns the ranges of provisional references that the newest checkpoint names something of.
fn used_ranges(files: &dyn Files, dir: &Path) -> io::Result<BTreeSet<u64>> {
    let mut decoder = Decoder::default();
    let mut used = BTreeSet::new();
    let take = |record: &[u8]| {
        if let Some(Record::Series(items)) = decoder.decode(record) {
            used.extend(items.iter().filter_map(|item| provisional::range_of(item.reference)));
        }
        true
    };
    read_part(files, dir, 0..0, &Coverage::none(), &Progress::default(), take)?;
    Ok(used)
}

/// Returns the time of a record's newest sample.
fn newest_ms(record: &Record<'_>) -> Option<i64> {
    fn of_histograms<H>(items: &[RefHistogram<H>]) -> Option<i64> {
        items.iter().map(|item| item.timestamp_ms).max()
    }
    match record {
        Record::Samples(items) => items.iter().map(|item| item.timestamp_ms).max(),
        Record::Histograms(items) => of_histograms(items),
        Record::FloatHistograms(items) => of_histograms(items),
        _ => None,
    }
}
