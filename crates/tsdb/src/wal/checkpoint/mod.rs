//! A checkpoint stands in for the first segments of a log: the series that live, and what is not in
//! blocks yet.
//!
//! Series and metadata come from the head, not from the records: so a series whose record was
//! damaged is named again, and one text of metadata a series is all that is ever held.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use narthex_host::{Files, Host};
use narthex_model::{Labels, Metadata};

use super::output::Output;
use super::reader::{Next, SegmentReader};
use super::record::{
    Decoder, Record, RefHistogram, Tombstone, WalHistogram, encode_exemplars, encode_histograms,
    encode_metadata, encode_samples, encode_samples_with_starts, encode_series, encode_tombstones,
    has_start_times,
};
use super::segment::{checkpoint_path, list_log};
use super::{Corruption, DamageReason, WalError};
use crate::{Options, provisional};

/// The series of the head, as a checkpoint needs them.
pub(crate) trait LiveSeries {
    /// Calls `take` for some series, with the reference, the labels, and what the metric means: those
    /// from the place `from` on, which is 0 at first. Returns the place to go on from, or `None` where
    /// there are no more.
    ///
    /// A checkpoint asks for a few at a time, so that commits need not wait for all.
    fn visit(
        &self,
        from: usize,
        take: &mut dyn FnMut(u64, &Labels, Option<&Metadata>),
    ) -> Option<usize>;

    /// Returns whether a series has this reference.
    fn has(&self, reference: u64) -> bool;

    /// Returns whether a series had this reference of which the log may still have samples.
    fn has_left(&self, reference: u64) -> bool;

    /// Returns whether the series with this reference has samples that came out of order, which another
    /// log has, however old they are.
    fn has_late(&self, reference: u64) -> bool;

    /// Returns whether a series has these labels, whatever its reference is.
    fn has_labels(&self, labels: &Labels) -> bool;
}

/// What a checkpoint is made of.
pub(super) struct Job<'a> {
    pub(super) host: &'a Host,
    pub(super) options: &'a Options,
    /// The folder of the log.
    pub(super) dir: &'a Path,
    /// The last segment that the checkpoint replaces.
    pub(super) last: u64,
    /// Samples and exemplars from then on stay.
    pub(super) min_ms: i64,
    pub(super) series: &'a dyn LiveSeries,
}

impl Job<'_> {
    /// Writes the checkpoint and puts it in its place. Returns what could not be read of the segments.
    pub(super) fn run(&self) -> Result<Vec<Corruption>, WalError> {
        let files = &*self.host.files;
        let path = checkpoint_path(self.dir, self.last);
        let fail = |source| WalError::Checkpoint { path: path.clone(), source };
        let temporary = path.with_extension(format!("{:08}.{TEMPORARY}", self.last));
        remove_temporary(files, self.dir).map_err(fail)?;
        files.create_dir_all(&temporary).map_err(fail)?;
        let corruptions = self.write(&temporary, fail).inspect_err(|_| {
            // What stays goes with the next try.
            let _ = files.remove_dir_all(&temporary);
        })?;
        let put = || {
            files.sync_dir(&temporary)?;
            files.rename(&temporary, &path)?;
            files.sync_dir(self.dir)
        };
        put().map_err(fail)?;
        Ok(corruptions)
    }

    fn write(
        &self,
        temporary: &Path,
        fail: impl Fn(io::Error) -> WalError,
    ) -> Result<Vec<Corruption>, WalError> {
        let dir = temporary.to_owned();
        let mut out = Output::create(self.host, dir, self.options).map_err(&fail)?;
        self.write_series(&mut out)?;
        let mut filter = Filter::new(self.min_ms, self.series);
        let mut corruptions = Vec::new();
        for segment in self.segments().map_err(&fail)? {
            let file = self.host.files.open_read(&segment).map_err(&fail)?;
            let mut reader = SegmentReader::new(file);
            loop {
                let (offset, end, reason) = match reader.next().map_err(&fail)? {
                    Next::End => break,
                    Next::Damage(damage) => (damage.offset, damage.end, damage.reason),
                    Next::Record { bytes, offset, end, .. } => {
                        if filter.pass(bytes, &mut out).is_some() {
                            out.flush_where_due()?;
                            continue;
                        }
                        (offset, end, DamageReason::Content)
                    }
                };
                if corruptions.len() < super::CORRUPTIONS_MAX {
                    let (path, size_bytes) = (segment.clone(), end - offset);
                    corruptions.push(Corruption { path, offset, size_bytes, reason });
                }
            }
        }
        out.finish()?;
        Ok(corruptions)
    }

    /// Returns the segments to read: those of the checkpoint before, and those that follow it.
    fn segments(&self) -> io::Result<impl Iterator<Item = PathBuf>> {
        let (log, _) = list_log(&*self.host.files, self.dir)?;
        let last = self.last;
        let old =
            log.into_iter().filter(move |segment| segment.index.is_none_or(|index| index <= last));
        Ok(old.map(|segment| segment.path))
    }

    fn write_series(&self, out: &mut Output) -> Result<(), WalError> {
        let mut place = Some(0);
        while let Some(from) = place {
            let (mut items, mut texts) = (Vec::new(), Vec::new());
            place = self.series.visit(from, &mut |reference, labels, metadata| {
                items.push((reference, labels.clone()));
                texts.extend(metadata.map(|metadata| (reference, metadata.clone())));
            });
            for items in items.chunks(SERIES_PER_RECORD) {
                let series = items.iter().map(|(reference, labels)| (*reference, labels));
                out.push(|record| encode_series(series, record));
            }
            for texts in texts.chunks(SERIES_PER_RECORD) {
                let metadata = texts.iter().map(|(reference, metadata)| (*reference, metadata));
                out.push(|record| encode_metadata(metadata, record));
            }
            out.flush_where_due()?;
        }
        Ok(())
    }
}

/// Removes checkpoints that were never finished.
fn remove_temporary(files: &dyn Files, dir: &Path) -> io::Result<()> {
    for entry in files.list_dir(dir)? {
        let is_checkpoint = entry.name.starts_with("checkpoint.");
        if entry.is_dir && is_checkpoint && entry.name.ends_with(TEMPORARY) {
            files.remove_dir_all(&dir.join(&*entry.name))?;
        }
    }
    Ok(())
}

/// Decides what of the log stays.
struct Filter<'a> {
    min_ms: i64,
    series: &'a dyn LiveSeries,
    others: Others,
    decoder: Decoder,
}

impl<'a> Filter<'a> {
    fn new(min_ms: i64, series: &'a dyn LiveSeries) -> Self {
        Self { min_ms, series, others: Others::default(), decoder: Decoder::default() }
    }

    /// Puts to `out` what stays of a record. `None` where it makes no sense.
    fn pass(&mut self, record: &[u8], out: &mut Output) -> Option<()> {
        let Self { min_ms, series, others, decoder } = self;
        let min_ms = *min_ms;
        let with_starts = has_start_times(record);
        match decoder.decode(record)? {
            Record::Series(items) => {
                // The others are named at the front of the checkpoint.
                let is_other = |reference, labels| {
                    let is_needed = || series.has_left(reference) || series.has_labels(labels);
                    !series.has(reference) && is_needed()
                };
                let kept = items.iter().filter(|item| is_other(item.reference, &item.labels));
                others.add(kept.map(|item| (item.reference, &item.labels)), out);
            }
            Record::Samples(items) => {
                let kept = || items.iter().copied().filter(|item| item.timestamp_ms >= min_ms);
                others.name(kept().map(|item| item.reference), out);
                pass_kept(record, items.len(), kept().count(), out, |record| match with_starts {
                    true => encode_samples_with_starts(kept(), record),
                    false => encode_samples(kept(), record),
                });
            }
            Record::Histograms(items) => pass_histograms(items, min_ms, with_starts, others, out),
            Record::FloatHistograms(items) => {
                pass_histograms(items, min_ms, with_starts, others, out);
            }
            Record::Exemplars(items) => {
                let kept = || items.iter().filter(|item| item.timestamp_ms >= min_ms);
                others.name(kept().map(|item| item.reference), out);
                let encode = |record: &mut Vec<u8>| encode_exemplars(kept(), record);
                pass_kept(record, items.len(), kept().count(), out, encode);
            }
            Record::Tombstones(items) => {
                let is_known = |reference| series.has(reference) || others.has(reference);
                let stays = |item: &&Tombstone| {
                    let is_young = item.max_ms >= min_ms;
                    (is_young || series.has_late(item.reference)) && is_known(item.reference)
                };
                let stay = items.iter().filter(stays).copied().collect::<Vec<_>>();
                others.name(stay.iter().map(|item| item.reference), out);
                let kept = || stay.iter().copied();
                let encode = |record: &mut Vec<u8>| encode_tombstones(kept(), record);
                pass_kept(record, items.len(), kept().count(), out, encode);
            }
            // What is said of metrics stands behind the series. Nothing can be said of a kind that a
            // later release brought, as in the reference.
            Record::Metadata(_) | Record::MmapMarkers(_) | Record::Unknown => {}
        }
        Some(())
    }
}

/// References by which the log names series that live under another one.
#[derive(Default)]
struct Others {
    /// Those that the checkpoint names.
    named: HashSet<u64>,
    /// Provisional ones, of which each start may add as many as there are series: the checkpoint names
    /// them where something follows that uses them.
    unnamed: HashMap<u64, Labels>,
}

impl Others {
    fn has(&self, reference: u64) -> bool {
        self.named.contains(&reference) || self.unnamed.contains_key(&reference)
    }

    fn add<'a>(&mut self, items: impl Iterator<Item = (u64, &'a Labels)>, out: &mut Output) {
        let (provisional, lasting) =
            items.partition::<Vec<_>, _>(|(reference, _)| provisional::has(*reference));
        let owned = provisional.into_iter().map(|(reference, labels)| (reference, labels.clone()));
        self.unnamed.extend(owned);
        if !lasting.is_empty() {
            self.named.extend(lasting.iter().map(|(reference, _)| *reference));
            out.push(|record| encode_series(lasting, record));
        }
    }

    /// Names the series that what follows uses.
    fn name(&mut self, used: impl Iterator<Item = u64>, out: &mut Output) {
        if self.unnamed.is_empty() {
            return;
        }
        let take = |reference| Some((reference, self.unnamed.remove(&reference)?));
        let items = used.filter_map(take).collect::<Vec<_>>();
        if !items.is_empty() {
            self.named.extend(items.iter().map(|(reference, _)| *reference));
            let items = items.iter().map(|(reference, labels)| (*reference, labels));
            out.push(|record| encode_series(items, record));
        }
    }
}

/// Puts a record to `out`: as it is where all of it is kept.
fn pass_kept(
    record: &[u8],
    count: usize,
    kept: usize,
    out: &mut Output,
    encode: impl FnOnce(&mut Vec<u8>),
) {
    if kept == count && count > 0 {
        out.push_record(record.to_vec());
    } else if kept > 0 {
        out.push(encode);
    }
}

fn pass_histograms<H: WalHistogram>(
    items: &[RefHistogram<H>],
    min_ms: i64,
    with_starts: bool,
    others: &mut Others,
    out: &mut Output,
) {
    let kept = items.iter().filter(|item| item.timestamp_ms >= min_ms).map(RefHistogram::as_ref);
    others.name(kept.clone().map(|item| item.reference), out);
    let mut records = Vec::new();
    encode_histograms(kept, with_starts, &mut records);
    records.into_iter().for_each(|record| out.push_record(record));
}

/// What the names of unfinished checkpoints end with.
const TEMPORARY: &str = "tmp";
/// So few that a record of them fills no page, and damage to one costs little.
const SERIES_PER_RECORD: usize = 100;

#[cfg(test)]
mod tests;
