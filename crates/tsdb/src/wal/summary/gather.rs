use std::ops::Range;
use std::path::Path;

use narthex_host::Files;

use super::super::frame::HEADER_SIZE;
use super::super::record::RefSample;
use super::{RUNS_MAX, Run, SIZE_MAX, Stretch, format};

/// A record that is to be logged.
#[derive(Clone, Debug)]
pub(crate) struct LogRecord {
    pub(crate) bytes: Vec<u8>,
    /// Where it is one of floats, and summaries are to have it.
    pub(crate) gist: Option<Gist>,
}

impl From<Vec<u8>> for LogRecord {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, gist: None }
    }
}

/// What a summary is to say of a record of floats.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gist {
    samples: u64,
    /// `None` before the first sample.
    times_ms: Option<(i64, i64)>,
    /// In the order of the samples; the last one is still to be added.
    runs: Vec<Run>,
    run: Option<Run>,
}

impl Gist {
    /// Takes note of a sample.
    ///
    /// PERF: every sample that is logged comes here.
    #[inline]
    pub(crate) fn add(&mut self, sample: &RefSample) {
        let RefSample { reference, timestamp_ms, .. } = *sample;
        self.samples += 1;
        self.times_ms = Some(match self.times_ms {
            Some((oldest, newest)) => (oldest.min(timestamp_ms), newest.max(timestamp_ms)),
            None => (timestamp_ms, timestamp_ms),
        });
        match &mut self.run {
            Some(run) if run.last.wrapping_add(1) == reference && reference != 0 => {
                run.last = reference;
            }
            Some(run) if run.first <= reference && reference <= run.last => {}
            _ => self.start_run(reference),
        }
    }

    fn start_run(&mut self, reference: u64) {
        let before = self.run.replace(Run { first: reference, last: reference });
        // Of one that has more, nothing is said.
        if self.runs.len() <= UNMERGED_MAX {
            self.runs.extend(before);
        }
    }
}

/// Gathers the summary of a segment while it is written.
#[derive(Debug)]
pub(in crate::wal) struct Gatherer {
    /// Stretches of fewer bytes are not listed, and longer ones are split.
    size_min: u64,
    size_max: u64,
    current: Option<Stretch>,
    /// The stretches that ended, and where the last one does.
    out: Vec<u8>,
    end: u64,
}

impl Gatherer {
    /// Returns one for segments of up to so many bytes.
    pub(in crate::wal) fn new(segment_size: u64) -> Self {
        let (size_min, size_max) = (segment_size / PART_MIN, segment_size / PART_MAX);
        Self { size_min, size_max, current: None, out: Vec::new(), end: 0 }
    }

    /// Takes note of a record that was written.
    pub(in crate::wal) fn add(
        &mut self,
        gist: Option<&Gist>,
        place: Range<u64>,
        header: [u8; HEADER_SIZE],
    ) {
        let Some(gist) = gist.filter(|gist| gist.runs.len() < UNMERGED_MAX) else {
            return self.end_stretch();
        };
        let (Some((oldest_ms, newest_ms)), Some(run)) = (gist.times_ms, gist.run) else {
            return self.end_stretch();
        };
        if self.current.as_ref().is_some_and(|current| current.place.end != place.start) {
            self.end_stretch();
        }
        let current = self.current.get_or_insert_with(|| Stretch {
            place: place.start..place.start,
            header,
            records: 0,
            samples: 0,
            oldest_ms,
            newest_ms,
            runs: Vec::new(),
        });
        current.place.end = place.end;
        current.records += 1;
        current.samples += gist.samples;
        current.oldest_ms = current.oldest_ms.min(oldest_ms);
        current.newest_ms = current.newest_ms.max(newest_ms);
        current.runs.extend(gist.runs.iter().copied().chain([run]));
        let size = current.place.end - current.place.start;
        if current.runs.len() > UNMERGED_MAX {
            merge(&mut current.runs);
        }
        if size >= self.size_max || current.runs.len() > RUNS_MAX {
            self.end_stretch();
        }
    }

    /// Ends the summary of a segment of so many bytes, and puts it beside it. Then it is empty, for the
    /// next one.
    pub(in crate::wal) fn finish(&mut self, files: &dyn Files, dir: &Path, index: u64, size: u64) {
        self.end_stretch();
        if !self.out.is_empty() {
            format::finish(size, &mut self.out);
            if let Err(error) = super::write(files, dir, index, &self.out) {
                tracing::warn!(segment = index, %error, "the summary of a segment was not written");
            }
        }
        self.clear();
    }

    /// Forgets what was gathered.
    pub(in crate::wal) fn clear(&mut self) {
        (self.current, self.end) = (None, 0);
        self.out = Vec::new();
    }

    fn end_stretch(&mut self) {
        let Some(mut stretch) = self.current.take() else { return };
        merge(&mut stretch.runs);
        let size = stretch.place.end - stretch.place.start;
        if size < self.size_min || stretch.runs.len() > RUNS_MAX {
            return;
        }
        if self.out.is_empty() {
            format::begin(&mut self.out);
        }
        let kept = self.out.len();
        format::push(&stretch, self.end, &mut self.out);
        if self.out.len() > SIZE_MAX - FINISH_SIZE {
            self.out.truncate(kept);
            return;
        }
        self.end = stretch.place.end;
    }
}

/// Sorts runs, and makes one of those that meet.
fn merge(runs: &mut Vec<Run>) {
    runs.sort_unstable();
    runs.dedup_by(|run, before| {
        let meets = run.first <= before.last.saturating_add(1);
        if meets {
            before.last = before.last.max(run.last);
        }
        meets
    });
}

/// Stretches have at least so much of a segment, 64 KiB of one of 128 MiB, and about so much at most.
const PART_MIN: u64 = 2_048;
const PART_MAX: u64 = 512;
/// So many runs may wait to be sorted.
const UNMERGED_MAX: usize = 4 * RUNS_MAX;
/// What stands behind the stretches, and some more, in bytes.
const FINISH_SIZE: usize = 64;
