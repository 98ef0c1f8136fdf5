use std::ops::RangeInclusive;
use std::sync::Arc;

use narthex_model::SampleTime;
use narthex_model::histogram::{EXPONENTIAL_SCHEMA_MAX, FloatHistogram, Histogram, ResetHint};

use super::header::Header;
use super::kind::ChunkHistogram;
use super::state::State;
use crate::bits::BitReader;
use crate::encoding::split_header;
use crate::error::Fault;
use crate::start_timestamps::StartReader;
use crate::{ChunkError, Columns, Encoding};

/// The most spans of buckets that the histograms of a chunk may have together.
///
/// A span that a chunk has once, with hardly a bit for each sample, comes with every histogram.
pub const DECODED_SPANS_MAX: usize = 1 << 20;

/// Decodes the first samples of a chunk, at most `count_max` of them, and appends those of `range` to
/// `out`.
pub(crate) fn decode(
    encoding: Encoding,
    bytes: &[u8],
    count_max: u16,
    range: &RangeInclusive<i64>,
    out: &mut Columns,
) -> Result<(), ChunkError> {
    match encoding {
        Encoding::Histogram | Encoding::HistogramSt => {
            decode_as::<Histogram>(encoding, bytes, count_max, range, out)
        }
        _ => decode_as::<FloatHistogram>(encoding, bytes, count_max, range, out),
    }
}

fn decode_as<H: ChunkHistogram>(
    encoding: Encoding,
    bytes: &[u8],
    count_max: u16,
    range: &RangeInclusive<i64>,
    out: &mut Columns,
) -> Result<(), ChunkError> {
    let mut samples = Samples::<H>::new(encoding, bytes)?;
    samples.limit(count_max);
    out.push_all(|out| {
        while let Some((time, histogram)) = samples.next_in(range)? {
            out.push_histogram(time.timestamp_ms, Arc::new(histogram.into_float()));
            out.set_last_start_timestamp_ms(time.start_timestamp_ms);
        }
        Ok(())
    })
}

/// Decodes a chunk of histograms and appends its samples of `range`, in milliseconds since the Unix
/// epoch, both ends included, to `out`: as they were appended, but with the buckets of the whole
/// chunk.
///
/// # Errors
///
/// Where the bytes are no chunk of this encoding, or hold histograms of the other kind. What comes
/// before the place that is wrong is appended.
pub fn decode_histograms<H: ChunkHistogram>(
    encoding: Encoding,
    bytes: &[u8],
    range: RangeInclusive<i64>,
    out: &mut Vec<(SampleTime, H)>,
) -> Result<(), ChunkError> {
    let mut samples = Samples::new(encoding, bytes)?;
    while let Some(sample) = samples.next_in(&range)? {
        out.push(sample);
    }
    Ok(())
}

/// The samples of a chunk, one by one.
pub(super) struct Samples<'a, H: ChunkHistogram> {
    pub(super) header: Header,
    reader: BitReader<'a>,
    /// None before the first.
    state: Option<State<H>>,
    starts: StartReader,
    index: usize,
    /// How many are to be read.
    count: usize,
    /// How many spans may still come.
    spans_left: usize,
}

impl<'a, H: ChunkHistogram> Samples<'a, H> {
    pub(super) fn new(encoding: Encoding, bytes: &'a [u8]) -> Result<Self, ChunkError> {
        if encoding != H::ENCODING && encoding != H::ENCODING_ST {
            return Err(ChunkError::OtherSamples(encoding));
        }
        let (header, sample_count, body) = split_header(encoding, bytes)?;
        let header = Header::parse(encoding, header);
        debug_assert_eq!(header.sample_count, sample_count);
        Ok(Self {
            header,
            reader: BitReader::new(body),
            state: None,
            starts: StartReader::new(header.starts),
            index: 0,
            count: usize::from(sample_count),
            spans_left: DECODED_SPANS_MAX,
        })
    }

    /// Reads no more than `count_max` samples.
    pub(super) fn limit(&mut self, count_max: u16) {
        self.count = self.count.min(usize::from(count_max));
    }

    /// Lets the histograms have any number of spans together: for who keeps one at a time.
    pub(super) fn unlimited(mut self) -> Self {
        self.spans_left = usize::MAX;
        self
    }

    /// Returns the next sample of `range`.
    pub(super) fn next_in(
        &mut self,
        range: &RangeInclusive<i64>,
    ) -> Result<Option<(SampleTime, H)>, ChunkError> {
        loop {
            let Some(timestamp_ms) = self.step()? else { return Ok(None) };
            if timestamp_ms > *range.end() {
                return Ok(None);
            }
            if timestamp_ms >= *range.start() {
                return self.current(timestamp_ms).map(Some);
            }
        }
    }

    /// Goes to the next sample and returns its time.
    pub(super) fn step(&mut self) -> Result<Option<i64>, ChunkError> {
        if self.index == self.count {
            return Ok(None);
        }
        let stepped = match &mut self.state {
            None => State::<H>::read_first(&mut self.reader).map(|state| {
                let timestamp_ms = state.timestamp.value;
                self.starts.read_first(&mut self.reader, timestamp_ms);
                self.state = Some(state);
                timestamp_ms
            }),
            Some(state) => {
                let before_ms = state.timestamp.value;
                state.read_next(&mut self.reader).map(|()| {
                    self.starts.read_next(&mut self.reader, self.index, before_ms);
                    state.timestamp.value
                })
            }
        };
        let stepped = if self.reader.is_overrun() { Err(Fault::Truncated) } else { stepped };
        let timestamp_ms =
            stepped.map_err(|fault| fault.at(self.index, self.header.sample_count))?;
        self.index += 1;
        Ok(Some(timestamp_ms))
    }

    /// Returns the newest sample that was read, its start, and how many bits were; or `None` before
    /// the first.
    pub(super) fn into_end(self) -> Option<(State<H>, i64, usize)> {
        Some((self.state?, self.starts.start_ms, self.reader.bit_position()))
    }

    /// Returns the sample.
    fn current(&mut self, timestamp_ms: i64) -> Result<(SampleTime, H), ChunkError> {
        let state = self.state.as_ref().expect("a sample was read");
        let Some(spans_left) = self.spans_left.checked_sub(state.span_count()) else {
            return Err(ChunkError::TooManySpans(DECODED_SPANS_MAX));
        };
        self.spans_left = spans_left;
        let mut histogram = state.to_histogram(self.hint());
        let schema = state.layout.schema;
        if schema > EXPONENTIAL_SCHEMA_MAX && !state.is_stale() {
            histogram.reduce_resolution(EXPONENTIAL_SCHEMA_MAX);
        }
        let start_timestamp_ms = self.starts.start_ms;
        Ok((SampleTime { timestamp_ms, start_timestamp_ms }, histogram))
    }

    /// Returns what is known about a reset before the sample.
    ///
    /// # Source
    ///
    /// `counterResetHint` in Prometheus `tsdb/chunkenc/histogram_meta.go`. What the header says of the
    /// first sample is kept back, since the chunk before may be lost or have come later.
    fn hint(&self) -> ResetHint {
        match self.header.reset {
            ResetHint::Gauge => ResetHint::Gauge,
            _ if self.index > 1 => ResetHint::NotReset,
            _ => ResetHint::Unknown,
        }
    }
}
