use std::sync::atomic::{AtomicBool, Ordering};

use super::{Run, Stretch};

/// Up to when samples of series are in full chunks of files, as it is before a log is read.
///
/// Who reads ahead asks it what to pass over. What is promised here may not come true, where a log
/// names a series twice or drops it: whoever applies the log has the last word.
#[derive(Debug)]
pub(crate) struct Coverage {
    /// Rising.
    references: Vec<u64>,
    /// The time of the newest sample that is in a file, by series.
    covered_ms: Vec<i64>,
    /// The least of each row of [`ROW`] series.
    rows: Vec<i64>,
    /// What is older is in blocks.
    min_valid_ms: i64,
    is_over: AtomicBool,
}

impl Coverage {
    /// Returns what these series have in files: each its reference and the time of its newest sample.
    pub(crate) fn new(mut series: Vec<(u64, i64)>, min_valid_ms: i64) -> Self {
        series.sort_unstable();
        let (references, covered_ms) = series.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        let least = |row: &[i64]| row.iter().copied().min().unwrap_or(i64::MAX);
        let rows = covered_ms.chunks(ROW).map(least).collect();
        Self { references, covered_ms, rows, min_valid_ms, is_over: AtomicBool::new(false) }
    }

    /// Returns that of no series.
    pub(crate) fn none() -> Self {
        let coverage = Self::new(Vec::new(), i64::MIN);
        coverage.end();
        coverage
    }

    /// Lets nothing be passed over from here on.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Returns whether nothing is passed over any more.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Returns whether a stretch need not be read: all its samples are in files, or all in blocks.
    pub(crate) fn has(&self, stretch: &Stretch) -> bool {
        let Stretch { oldest_ms, newest_ms, ref runs, .. } = *stretch;
        if self.is_over() {
            return false;
        }
        let is_in_files = || runs.iter().all(|run| self.has_run(*run, newest_ms));
        newest_ms < self.min_valid_ms || (oldest_ms >= self.min_valid_ms && is_in_files())
    }

    /// Returns whether all series of a run are covered up to then.
    fn has_run(&self, run: Run, until_ms: i64) -> bool {
        let start = self.references.partition_point(|reference| *reference < run.first);
        let size = usize::try_from(run.last - run.first).unwrap_or(usize::MAX);
        let last = start.saturating_add(size);
        // They rise: where both ends are there, so is each in between.
        let is_whole = self.references.get(start) == Some(&run.first)
            && self.references.get(last) == Some(&run.last);
        is_whole && self.least(start, last + 1) >= until_ms
    }

    /// Returns the least time of the series at these places.
    fn least(&self, start: usize, end: usize) -> i64 {
        let (first_row, last_row) = (start.div_ceil(ROW), end / ROW);
        let least = |times: &[i64]| times.iter().copied().min().unwrap_or(i64::MAX);
        if first_row >= last_row {
            return least(&self.covered_ms[start..end]);
        }
        let before = least(&self.covered_ms[start..first_row * ROW]);
        let behind = least(&self.covered_ms[last_row * ROW..end]);
        least(&self.rows[first_row..last_row]).min(before).min(behind)
    }
}

/// So many series are looked at at once.
///
/// PERF: each stretch of a log may have all series.
const ROW: usize = 64;
