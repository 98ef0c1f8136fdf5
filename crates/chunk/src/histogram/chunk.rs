use std::fmt;
use std::ops::RangeInclusive;

use narthex_model::SampleTime;
use narthex_model::histogram::{Buckets, ResetHint, Span};

use super::decode::Samples;
use super::fit::{Fit, fit, spread};
use super::header::{HEADER_SIZE, Header};
use super::kind::{ChunkHistogram, Number, Parts};
use super::layout::Spans;
use super::state::{State, stale};
use crate::bits::BitVec;
use crate::start_timestamps::{PreviousStart, StartHeader, StartSample, push_start};
use crate::{ChunkError, Encoding};

/// A chunk of histograms that takes more.
///
/// All histograms of a chunk are of one kind, schema, zero threshold and bounds, and have the same
/// buckets. Among counters there is no reset; gauges are apart from them.
#[derive(Clone)]
pub struct HistogramChunk<H: ChunkHistogram> {
    encoding: Encoding,
    pub(super) header: Header,
    out: BitVec,
    state: State<H>,
    start_ms: i64,
}

/// What became of a histogram that was to go to a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum HistogramAppended {
    /// It is in the chunk, behind the others.
    Appended,
    /// It is in the chunk, which was written anew, as it has more buckets now.
    Recoded,
    /// It is not in the chunk. It starts another one, whose header says this about a reset.
    Elsewhere(ResetHint),
}

/// How a chunk of histograms begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistogramStart {
    /// Whether samples keep their start timestamps, in an encoding that older readers do not know.
    pub with_start_timestamps: bool,
    /// What the header says about a reset before the first sample: as
    /// [`HistogramAppended::Elsewhere`] or [`HistogramChunk::reset_before`] says, or
    /// [`HistogramChunk::first_reset`] of a series' first chunk.
    pub reset: ResetHint,
}

impl<H: ChunkHistogram> HistogramChunk<H> {
    /// Returns a chunk with one sample.
    ///
    /// Spans and counts that do not fit together are taken as far as both last.
    #[must_use]
    pub fn start(start: HistogramStart, time: SampleTime, histogram: &H) -> Self {
        let encoding = if start.with_start_timestamps { H::ENCODING_ST } else { H::ENCODING };
        let mut out = BitVec::resume(vec![0; HEADER_SIZE], HEADER_SIZE * 8);
        let state = if histogram.is_stale() {
            State::write_first(&mut out, time.timestamp_ms, &stale::<H>())
        } else if fits_together(histogram) {
            State::write_first(&mut out, time.timestamp_ms, histogram)
        } else {
            State::write_first(&mut out, time.timestamp_ms, &fitted(histogram))
        };
        let header = Header { sample_count: 0, reset: start.reset, starts: StartHeader::default() };
        let mut chunk = Self { encoding, header, out, state, start_ms: 0 };
        chunk.finish_sample(time, None);
        chunk
    }

    /// Returns the chunk of these bytes, to append to it.
    ///
    /// # Errors
    ///
    /// Where the bytes are no chunk of this encoding and kind, or hold no sample.
    pub fn resume(encoding: Encoding, bytes: Vec<u8>) -> Result<Self, ChunkError> {
        let mut samples = Samples::<H>::new(encoding, &bytes)?;
        let header = samples.header;
        while samples.step()?.is_some() {}
        let Some((state, start_ms, bit_count)) = samples.into_end() else {
            return Err(ChunkError::NoSamples);
        };
        let out = BitVec::resume(bytes, HEADER_SIZE * 8 + bit_count);
        Ok(Self { encoding, header, out, state, start_ms })
    }

    /// Appends one sample, which must be newer than the last; or tells that it cannot be here.
    ///
    /// # Panics
    ///
    /// Where the chunk holds a newer sample.
    pub fn append(&mut self, time: SampleTime, histogram: &H) -> HistogramAppended {
        assert!(self.state.timestamp.value < time.timestamp_ms, "samples out of order");
        match fit(&self.state, self.header.reset, histogram) {
            Fit::Elsewhere(reset) => HistogramAppended::Elsewhere(reset),
            // The next chunk goes on where this one ends.
            _ if self.is_full() => HistogramAppended::Elsewhere(self.reset_before(histogram)),
            Fit::Same | Fit::Expand => {
                self.write(time, histogram);
                HistogramAppended::Appended
            }
            Fit::Recode(spans) => {
                self.recode(&spans);
                self.write(time, histogram);
                HistogramAppended::Recoded
            }
        }
    }

    /// Returns what the header says about a reset of a chunk that is started with `histogram` though it
    /// could perhaps go to this one: because this one is full or its time is over.
    #[must_use]
    pub fn reset_before(&self, histogram: &H) -> ResetHint {
        match Self::first_reset(histogram) {
            ResetHint::Unknown => match fit(&self.state, self.header.reset, histogram) {
                Fit::Elsewhere(ResetHint::Unknown) => H::HEADER_AFTER_OTHER_LAYOUT,
                Fit::Elsewhere(reset) => reset,
                _ => ResetHint::NotReset,
            },
            known => known,
        }
    }

    /// Returns what the header says about a reset of a chunk that follows none.
    #[must_use]
    pub fn first_reset(histogram: &H) -> ResetHint {
        match histogram.parts().reset_hint {
            ResetHint::NotReset => ResetHint::Unknown,
            hint => hint,
        }
    }

    /// Returns the encoding.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Returns the encoded chunk. Bytes that were there before can change with each sample.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.out.as_bytes()
    }

    /// Returns how many samples the chunk holds.
    #[must_use]
    pub fn sample_count(&self) -> u16 {
        self.header.sample_count
    }

    /// Returns when the newest sample was taken, and since when it counts.
    #[must_use]
    pub fn last_time(&self) -> SampleTime {
        SampleTime { timestamp_ms: self.state.timestamp.value, start_timestamp_ms: self.start_ms }
    }

    /// Returns the newest sample, with the buckets of the whole chunk.
    #[must_use]
    pub fn last(&self) -> H {
        let hint = match self.header.reset {
            ResetHint::Gauge => ResetHint::Gauge,
            _ => ResetHint::Unknown,
        };
        self.state.to_histogram(hint)
    }

    fn is_full(&self) -> bool {
        self.header.sample_count == self.encoding.sample_count_max()
    }

    /// Writes a sample, with the buckets of the chunk.
    fn write(&mut self, time: SampleTime, histogram: &H) {
        let previous = PreviousStart {
            timestamp_ms: self.state.timestamp.value,
            delta_ms: self.state.timestamp.delta,
            start_ms: self.start_ms,
        };
        if histogram.is_stale() {
            self.state.write_stale(&mut self.out, time.timestamp_ms);
        } else {
            let parts = histogram.parts();
            let positive = expanded::<H>(parts.positive, &self.state.positive);
            let negative = expanded::<H>(parts.negative, &self.state.negative);
            let parts = Parts {
                positive: positive.as_ref().unwrap_or(parts.positive),
                negative: negative.as_ref().unwrap_or(parts.negative),
                ..parts
            };
            self.state.write_next(&mut self.out, time.timestamp_ms, &parts);
        }
        self.finish_sample(time, Some(previous));
    }

    /// Writes what comes behind a sample, and the header.
    fn finish_sample(&mut self, time: SampleTime, previous: Option<PreviousStart>) {
        if self.encoding.holds_start_timestamps() {
            let sample = StartSample {
                index: self.header.sample_count,
                timestamp_ms: time.timestamp_ms,
                start_ms: time.start_timestamp_ms,
                previous: previous.unwrap_or_default(),
            };
            self.header.starts = push_start(&mut self.out, self.header.starts, sample);
            self.start_ms = time.start_timestamp_ms;
        }
        self.header.sample_count += 1;
        *self.out.header_mut() = self.header.to_bytes(self.encoding);
    }

    /// Writes the chunk anew, with buckets in other spans, which hold all that there are.
    fn recode(&mut self, spans: &Spans<Vec<Span>>) {
        let positive = empty_buckets(&spans.positive);
        let negative = empty_buckets(&spans.negative);
        let widen = |histogram: &H| {
            let mut wider = histogram.clone();
            let (old_positive, old_negative) = wider.buckets_mut();
            *old_positive = spread::<H, _>(old_positive, &positive);
            *old_negative = spread::<H, _>(old_negative, &negative);
            wider
        };
        let start = HistogramStart {
            with_start_timestamps: self.encoding.holds_start_timestamps(),
            reset: self.header.reset,
        };
        // Either this chunk wrote the bytes, or it read all of them before it went on.
        let samples = Samples::<H>::new(self.encoding, self.as_bytes());
        let mut samples = samples.expect("the chunk has a header").unlimited();
        let all = RangeInclusive::new(i64::MIN, i64::MAX);
        let mut recoded: Option<Self> = None;
        while let Some((time, histogram)) = samples.next_in(&all).expect("its samples are good") {
            let histogram = widen(&histogram);
            match &mut recoded {
                None => recoded = Some(Self::start(start, time, &histogram)),
                Some(chunk) => chunk.write(time, &histogram),
            }
        }
        *self = recoded.expect("there is always a sample");
    }
}

impl<H: ChunkHistogram> fmt::Debug for HistogramChunk<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HistogramChunk")
            .field("encoding", &self.encoding)
            .field("header", &self.header)
            .field("size_bytes", &self.as_bytes().len())
            .field("last", &self.last())
            .finish_non_exhaustive()
    }
}

/// Returns the buckets of a sample as they are in the chunk, unless they are so already.
fn expanded<H: ChunkHistogram>(
    sample: &Buckets<Number<H>>,
    chunk: &Buckets<H::Field>,
) -> Option<Buckets<Number<H>>> {
    let is_same = sample.spans == chunk.spans && sample.counts.len() == chunk.counts.len();
    (!is_same).then(|| spread::<H, _>(sample, chunk))
}

/// Returns buckets of nothing in these spans.
fn empty_buckets(spans: &[Span]) -> Buckets<()> {
    let count: usize = spans.iter().map(|span| span.length as usize).sum();
    Buckets { spans: spans.to_vec(), counts: vec![(); count] }
}

/// Returns whether both sides of a histogram have as many counts as their spans say.
fn fits_together<H: ChunkHistogram>(histogram: &H) -> bool {
    let parts = histogram.parts();
    [parts.positive, parts.negative].into_iter().all(|buckets| {
        let count: u64 = buckets.spans.iter().map(|span| u64::from(span.length)).sum();
        count == buckets.counts.len() as u64
    })
}

/// Returns the histogram with the buckets of which both spans and counts know.
fn fitted<H: ChunkHistogram>(histogram: &H) -> H {
    let mut fitted = histogram.clone();
    let (positive, negative) = fitted.buckets_mut();
    *positive = positive.iter().collect();
    *negative = negative.iter().collect();
    fitted
}
