//! When chunks end.
//!
//! # Source
//!
//! `appendPreprocessor` and `histogramsAppendPreprocessor` in Prometheus' `tsdb/head_append.go`. The
//! rules decide how samples lie in chunks and blocks, so they are kept to the letter.

use narthex_chunk::{Encoding, XorAppender};
use narthex_model::SampleTime;

use crate::Options;
use crate::sample::{Sample, Value};

/// When chunks end, and how they are encoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct CutRules {
    range_ms: i64,
    samples_per_chunk: u16,
    /// Whether samples keep their start timestamps.
    pub(super) keeps_starts: bool,
    /// How chunks of floats are encoded.
    pub(super) floats: Encoding,
    /// Whether chunks of histograms can hold start timestamps.
    pub(super) histogram_starts: bool,
}

/// The open chunk of a series, as the rules see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenFacts {
    pub(super) min_ms: i64,
    pub(super) newest_ms: i64,
    pub(super) sample_count: u16,
    pub(super) size: usize,
}

impl CutRules {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            range_ms: options.block_range_ms.max(1),
            samples_per_chunk: options.samples_per_chunk.clamp(4, u16::MAX / 2),
            keeps_starts: options.start_timestamps,
            floats: options.float_encoding.into(),
            histogram_starts: options.histogram_start_timestamps,
        }
    }

    /// Returns the time of a sample as its chunk is to have it: without a start where none is kept.
    pub(super) fn chunk_time(self, sample: &Sample) -> SampleTime {
        let is_held = match sample.value {
            Value::Float(_) => self.floats.holds_start_timestamps(),
            Value::Histogram(_) | Value::FloatHistogram(_) => self.histogram_starts,
        };
        let keeps_start = self.keeps_starts && is_held;
        let start_timestamp_ms = if keeps_start { sample.time.start_timestamp_ms } else { 0 };
        SampleTime { start_timestamp_ms, ..sample.time }
    }

    /// Returns the end of the block range that `timestamp_ms` lies in.
    pub(super) fn range_end(self, timestamp_ms: i64) -> i64 {
        (timestamp_ms / self.range_ms).saturating_add(1).saturating_mul(self.range_ms)
    }

    /// Returns whether a chunk of floats ends before a sample at `timestamp_ms`. `cut_at_ms` is when it
    /// should end, which is set anew once a quarter of it is there.
    #[inline]
    pub(super) fn ends_floats(
        self,
        open: OpenFacts,
        timestamp_ms: i64,
        cut_at_ms: &mut i64,
    ) -> bool {
        if open.size > FLOAT_SIZE_MAX {
            return true;
        }
        let target = self.samples_per_chunk;
        if open.sample_count == target / 4 {
            *cut_at_ms = predict_end(open, *cut_at_ms, 4.0);
        }
        // Twice the target means that the prediction was wrong: samples come faster now.
        timestamp_ms >= *cut_at_ms || open.sample_count >= target * 2
    }

    /// As [`CutRules::ends_floats`], for a chunk of histograms. `is_predicted` is whether `cut_at_ms` was
    /// set anew.
    pub(super) fn ends_histograms(
        self,
        open: OpenFacts,
        timestamp_ms: i64,
        cut_at_ms: &mut i64,
        is_predicted: &mut bool,
    ) -> bool {
        let range_end_ms = if *is_predicted { self.range_end(open.min_ms) } else { *cut_at_ms };
        if !*is_predicted && open.size >= HISTOGRAMS_SIZE / 4 {
            *cut_at_ms = predict_end(open, *cut_at_ms, HISTOGRAMS_SIZE as f64 / open.size as f64);
            *is_predicted = true;
        }
        let is_due = timestamp_ms >= *cut_at_ms || open.size >= HISTOGRAMS_SIZE * 2;
        is_due && (open.sample_count >= HISTOGRAM_COUNT_MIN || timestamp_ms >= range_end_ms)
    }
}

/// Returns when a chunk should end of which one part in `parts` is there, so that the chunks of the rest
/// of the range are of one size.
#[expect(clippy::cast_possible_truncation, reason = "floats to integers saturate, as wanted")]
fn predict_end(open: OpenFacts, end_ms: i64, parts: f64) -> i64 {
    let left = end_ms.wrapping_sub(open.min_ms);
    let used = open.newest_ms.wrapping_sub(open.min_ms);
    let chunks = left as f64 / (used.saturating_add(1) as f64 * parts);
    if chunks <= 1.0 {
        return end_ms;
    }
    (open.min_ms as f64 + left as f64 / chunks.floor()) as i64
}

/// The size of a chunk of floats from which on it takes no further sample, in bytes: 1 KiB less the
/// largest sample.
const FLOAT_SIZE_MAX: usize = 1024 - XorAppender::SAMPLE_SIZE_MAX;

/// What a chunk of histograms is meant to have, in bytes; it may have up to twice as much.
const HISTOGRAMS_SIZE: usize = 1024;

/// So many histograms a chunk has at the least, however large, unless its range of time ends.
const HISTOGRAM_COUNT_MIN: u16 = 10;
