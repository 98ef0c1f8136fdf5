use bytes::Bytes;
use narthex_chunk::{
    ChunkError, ChunkHistogram, Columns, Encoding, HistogramAppended, HistogramChunk,
    HistogramStart, Xor2Appender, XorChunk, decode, decode_histograms,
};
use narthex_model::SampleTime;
use narthex_model::histogram::{FloatHistogram, Histogram};
use narthex_storage::TimeRange;

use crate::EncodedChunk;
use crate::sample::{Sample, Value};

/// Appends the samples of a chunk in `range` to `out`.
pub(crate) fn decode_samples(
    chunk: &EncodedChunk,
    range: TimeRange,
    out: &mut Vec<Sample>,
) -> Result<(), ChunkError> {
    let range = range.min_ms..=range.max_ms;
    match chunk.encoding {
        Encoding::Xor | Encoding::Xor2 => {
            let mut columns = Columns::default();
            decode(chunk.encoding, &chunk.bytes, range, &mut columns)?;
            let starts = columns.start_timestamps_ms();
            out.extend(columns.iter().enumerate().map(|(index, sample)| Sample {
                time: SampleTime {
                    timestamp_ms: sample.timestamp_ms,
                    start_timestamp_ms: starts.map_or(0, |starts| starts[index]),
                },
                value: Value::Float(sample.value),
            }));
            Ok(())
        }
        Encoding::Histogram | Encoding::HistogramSt => {
            let mut histograms = Vec::new();
            decode_histograms(chunk.encoding, &chunk.bytes, range, &mut histograms)?;
            let histograms = histograms.into_iter();
            out.extend(histograms.map(|(time, histogram)| Sample {
                time,
                value: Value::Histogram(Box::new(histogram)),
            }));
            Ok(())
        }
        Encoding::FloatHistogram | Encoding::FloatHistogramSt => {
            let mut histograms = Vec::new();
            decode_histograms(chunk.encoding, &chunk.bytes, range, &mut histograms)?;
            let histograms = histograms.into_iter();
            out.extend(histograms.map(|(time, histogram)| Sample {
                time,
                value: Value::FloatHistogram(Box::new(histogram)),
            }));
            Ok(())
        }
    }
}

/// Puts samples into chunks.
#[derive(Debug)]
pub(crate) struct ChunkEncoder<'a> {
    /// The most samples of a chunk.
    sample_count_max: usize,
    open: Option<OpenChunk>,
    min_ms: i64,
    max_ms: i64,
    sample_count: usize,
    out: &'a mut Vec<EncodedChunk>,
}

/// A chunk that takes samples.
#[derive(Debug)]
enum OpenChunk {
    Xor(XorChunk),
    Xor2(Xor2Appender, Vec<u8>),
    Histogram(HistogramChunk<Histogram>),
    FloatHistogram(HistogramChunk<FloatHistogram>),
}

impl<'a> ChunkEncoder<'a> {
    /// Returns an encoder whose chunks go to `out`.
    pub(crate) fn new(sample_count_max: usize, out: &'a mut Vec<EncodedChunk>) -> Self {
        Self { sample_count_max, open: None, min_ms: 0, max_ms: 0, sample_count: 0, out }
    }

    /// Appends a sample, which is newer than the last. `floats` is the encoding that a chunk of floats
    /// begins with, where they have no start timestamps.
    pub(crate) fn push(&mut self, sample: &Sample, floats: Encoding) {
        if self.sample_count >= self.sample_count_max || !self.try_append(sample) {
            self.start(sample, floats);
        }
        self.max_ms = sample.time.timestamp_ms;
        self.sample_count += 1;
    }

    /// Completes the last chunk.
    pub(crate) fn finish(&mut self) {
        if let Some(open) = self.open.take() {
            let (encoding, bytes) = open.into_bytes();
            let (min_ms, max_ms) = (self.min_ms, self.max_ms);
            self.out.push(EncodedChunk { min_ms, max_ms, encoding, bytes });
        }
    }

    /// Returns whether the open chunk took the sample.
    fn try_append(&mut self, Sample { time, value }: &Sample) -> bool {
        match (&mut self.open, value) {
            (Some(OpenChunk::Xor(chunk)), Value::Float(value)) if time.start_timestamp_ms == 0 => {
                chunk.append(time.timestamp_ms, *value);
                true
            }
            (Some(OpenChunk::Xor2(appender, bytes)), Value::Float(value)) => {
                append_xor2(appender, bytes, *time, *value);
                true
            }
            (Some(OpenChunk::Histogram(chunk)), Value::Histogram(histogram)) => {
                append_histogram(chunk, *time, &**histogram)
            }
            (Some(OpenChunk::FloatHistogram(chunk)), Value::FloatHistogram(histogram)) => {
                append_histogram(chunk, *time, &**histogram)
            }
            _ => false,
        }
    }

    /// Completes the open chunk and starts another.
    fn start(&mut self, sample: &Sample, floats: Encoding) {
        let open = OpenChunk::start(self.open.as_ref(), sample, floats);
        self.finish();
        self.open = Some(open);
        (self.min_ms, self.sample_count) = (sample.time.timestamp_ms, 0);
    }
}

impl OpenChunk {
    /// Returns a chunk with one sample, which follows those of `before`.
    fn start(before: Option<&Self>, Sample { time, value }: &Sample, floats: Encoding) -> Self {
        match value {
            Value::Float(value) if time.start_timestamp_ms != 0 || floats == Encoding::Xor2 => {
                let (mut appender, mut bytes) = (Xor2Appender::new(), Vec::new());
                append_xor2(&mut appender, &mut bytes, *time, *value);
                Self::Xor2(appender, bytes)
            }
            Value::Float(value) => {
                let mut chunk = XorChunk::default();
                chunk.append(time.timestamp_ms, *value);
                Self::Xor(chunk)
            }
            Value::Histogram(histogram) => {
                let before = match before {
                    Some(Self::Histogram(chunk)) => Some(chunk),
                    _ => None,
                };
                Self::Histogram(start_histogram(before, *time, &**histogram))
            }
            Value::FloatHistogram(histogram) => {
                let before = match before {
                    Some(Self::FloatHistogram(chunk)) => Some(chunk),
                    _ => None,
                };
                Self::FloatHistogram(start_histogram(before, *time, &**histogram))
            }
        }
    }

    fn into_bytes(self) -> (Encoding, Bytes) {
        match self {
            Self::Xor(chunk) => (Encoding::Xor, Bytes::copy_from_slice(chunk.as_bytes())),
            Self::Xor2(appender, mut bytes) => {
                bytes.truncate(appender.size_bytes());
                (Encoding::Xor2, bytes.into())
            }
            Self::Histogram(chunk) => (chunk.encoding(), Bytes::copy_from_slice(chunk.as_bytes())),
            Self::FloatHistogram(chunk) => {
                (chunk.encoding(), Bytes::copy_from_slice(chunk.as_bytes()))
            }
        }
    }
}

fn append_xor2(appender: &mut Xor2Appender, bytes: &mut Vec<u8>, time: SampleTime, value: f64) {
    bytes.resize(appender.size_bytes() + Xor2Appender::SAMPLE_SIZE_MAX, 0);
    appender.append(bytes, time, value).expect("there is room for any sample");
}

fn append_histogram<H: ChunkHistogram>(
    chunk: &mut HistogramChunk<H>,
    time: SampleTime,
    histogram: &H,
) -> bool {
    if time.start_timestamp_ms != 0 && !chunk.encoding().holds_start_timestamps() {
        return false;
    }
    !matches!(chunk.append(time, histogram), HistogramAppended::Elsewhere(_))
}

fn start_histogram<H: ChunkHistogram>(
    before: Option<&HistogramChunk<H>>,
    time: SampleTime,
    histogram: &H,
) -> HistogramChunk<H> {
    let reset = match before {
        Some(chunk) => chunk.reset_before(histogram),
        None => HistogramChunk::first_reset(histogram),
    };
    let with_start_timestamps = time.start_timestamp_ms != 0;
    HistogramChunk::start(HistogramStart { with_start_timestamps, reset }, time, histogram)
}
