//! What the records of the write-ahead log say. `docs/format/wal.md` has the bytes.

mod floats;
mod histograms;
mod series;
mod snapshot;

use narthex_model::histogram::{FloatHistogram, Histogram};
use narthex_model::{Labels, LabelsBuilder, Metadata};

use crate::codec::Cursor;
pub(crate) use floats::{encode_samples, encode_samples_with_starts};
pub(super) use histograms::WalHistogram;
pub(crate) use histograms::encode_histograms;
#[allow(unused_imports, reason = "the log of out-of-order samples comes to write them")]
pub(crate) use series::encode_markers;
pub(crate) use series::{encode_exemplars, encode_metadata, encode_series, encode_tombstones};
pub(crate) use snapshot::{
    SnapshotChunk, SnapshotRecord, encode_snapshot_exemplars, encode_snapshot_series,
    encode_snapshot_tombstones,
};

/// A series and the number by which later records name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefSeries {
    pub(crate) reference: u64,
    pub(crate) labels: Labels,
}

/// A float of one series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefSample {
    pub(crate) reference: u64,
    pub(crate) timestamp_ms: i64,
    /// 0 where it is not known.
    pub(crate) start_timestamp_ms: i64,
    pub(crate) value: f64,
}

/// A histogram of one series: with integer counts, with floats for counts, or a reference to either.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefHistogram<H> {
    pub(crate) reference: u64,
    pub(crate) timestamp_ms: i64,
    /// 0 where it is not known.
    pub(crate) start_timestamp_ms: i64,
    pub(crate) histogram: H,
}

impl<H> RefHistogram<H> {
    /// Returns the same with a reference to the histogram.
    pub(crate) fn as_ref(&self) -> RefHistogram<&H> {
        let &Self { reference, timestamp_ms, start_timestamp_ms, ref histogram } = self;
        RefHistogram { reference, timestamp_ms, start_timestamp_ms, histogram }
    }
}

/// An exemplar of one series.
#[derive(Clone, Debug)]
pub(crate) struct RefExemplar {
    pub(crate) reference: u64,
    pub(crate) timestamp_ms: i64,
    pub(crate) value: f64,
    pub(crate) labels: Labels,
}

/// What a series' metric means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefMetadata {
    pub(crate) reference: u64,
    pub(crate) metadata: Metadata,
}

/// A deleted range of one series, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tombstone {
    pub(crate) reference: u64,
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
}

/// Says that all out-of-order samples of a series up to here are in a file of head chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MmapMarker {
    pub(crate) reference: u64,
    /// The last chunk of them: file and offset.
    pub(crate) chunk_reference: u64,
}

/// A decoded record. The items lie in the decoder.
#[derive(Debug)]
pub(crate) enum Record<'a> {
    Series(&'a [RefSeries]),
    Samples(&'a [RefSample]),
    Histograms(&'a [RefHistogram<Histogram>]),
    FloatHistograms(&'a [RefHistogram<FloatHistogram>]),
    Exemplars(&'a [RefExemplar]),
    Tombstones(&'a [Tombstone]),
    Metadata(&'a [RefMetadata]),
    /// In the log of out-of-order samples alone.
    MmapMarkers(&'a [MmapMarker]),
    /// A kind of record that a later release brought.
    Unknown,
}

/// Decodes records whole or not at all, into buffers that it reuses.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    series: Vec<RefSeries>,
    samples: Vec<RefSample>,
    histograms: Vec<RefHistogram<Histogram>>,
    float_histograms: Vec<RefHistogram<FloatHistogram>>,
    exemplars: Vec<RefExemplar>,
    tombstones: Vec<Tombstone>,
    metadata: Vec<RefMetadata>,
    markers: Vec<MmapMarker>,
    labels: LabelsBuilder,
}

impl Decoder {
    /// Decodes one record, or returns `None` where its content makes no sense.
    ///
    /// Histograms of an unknown schema are left out, and those of a finer one than
    /// [`EXPONENTIAL_SCHEMA_MAX`](narthex_model::histogram::EXPONENTIAL_SCHEMA_MAX) made coarser.
    pub(crate) fn decode(&mut self, record: &[u8]) -> Option<Record<'_>> {
        let mut cursor = Cursor::new(record);
        let body = &mut cursor;
        Some(match body.byte()? {
            SERIES => Record::Series(series::decode(body, &mut self.labels, &mut self.series)?),
            SAMPLES | SAMPLES_V2 => {
                self.samples.clear();
                visit_samples(record, |sample| self.samples.push(sample))?;
                Record::Samples(&self.samples)
            }
            TOMBSTONES => {
                Record::Tombstones(series::decode_tombstones(body, &mut self.tombstones)?)
            }
            EXEMPLARS => {
                let (labels, out) = (&mut self.labels, &mut self.exemplars);
                Record::Exemplars(series::decode_exemplars(body, labels, out)?)
            }
            MMAP_MARKERS => Record::MmapMarkers(series::decode_markers(body, &mut self.markers)?),
            METADATA => Record::Metadata(series::decode_metadata(body, &mut self.metadata)?),
            HISTOGRAMS | CUSTOM_HISTOGRAMS => {
                Record::Histograms(histograms::decode(body, &mut self.histograms)?)
            }
            FLOAT_HISTOGRAMS | CUSTOM_FLOAT_HISTOGRAMS => {
                Record::FloatHistograms(histograms::decode(body, &mut self.float_histograms)?)
            }
            HISTOGRAMS_V2 => {
                Record::Histograms(histograms::decode_with_starts(body, &mut self.histograms)?)
            }
            FLOAT_HISTOGRAMS_V2 => {
                let out = &mut self.float_histograms;
                Record::FloatHistograms(histograms::decode_with_starts(body, out)?)
            }
            _ => Record::Unknown,
        })
    }
}

/// Returns whether a record is one of floats.
pub(crate) fn has_samples(record: &[u8]) -> bool {
    matches!(record.first(), Some(&(SAMPLES | SAMPLES_V2)))
}

/// Calls `visit` for the samples of a record of floats. `None` where it is none, or makes no sense: the
/// samples are good only where all were visited.
#[inline]
pub(crate) fn visit_samples(record: &[u8], visit: impl FnMut(RefSample)) -> Option<()> {
    let mut cursor = Cursor::new(record);
    match cursor.byte()? {
        SAMPLES => floats::visit(&mut cursor, visit),
        SAMPLES_V2 => floats::visit_with_starts(&mut cursor, visit),
        _ => None,
    }
}

/// Returns whether records of this kind can be decoded.
pub(super) fn is_known(kind: u8) -> bool {
    (SERIES..=FLOAT_HISTOGRAMS_V2).contains(&kind)
}

/// Returns whether the samples of a record have start times.
pub(super) fn has_start_times(record: &[u8]) -> bool {
    matches!(record.first(), Some(&(SAMPLES_V2 | HISTOGRAMS_V2 | FLOAT_HISTOGRAMS_V2)))
}

/// How the start times of records are written: beside each sample, unless it is one of the two
/// common cases.
#[derive(Clone, Copy, Debug)]
struct StartTimes {
    first_ms: i64,
    before_ms: i64,
}

impl StartTimes {
    fn new(first_ms: i64) -> Self {
        Self { first_ms, before_ms: first_ms }
    }

    fn decode(&mut self, body: &mut Cursor<'_>) -> Option<i64> {
        let start_ms = match body.byte()? {
            START_NONE => 0,
            START_SAME => self.before_ms,
            _ => self.first_ms.wrapping_add(body.signed()?),
        };
        self.before_ms = start_ms;
        Some(start_ms)
    }

    fn encode(&mut self, start_ms: i64, out: &mut Vec<u8>) {
        if start_ms == 0 {
            out.push(START_NONE);
        } else if start_ms == self.before_ms {
            out.push(START_SAME);
        } else {
            out.push(START_EXPLICIT);
            crate::codec::put_signed(out, start_ms.wrapping_sub(self.first_ms));
        }
        self.before_ms = start_ms;
    }
}

const SERIES: u8 = 1;
const SAMPLES: u8 = 2;
const TOMBSTONES: u8 = 3;
const EXEMPLARS: u8 = 4;
const MMAP_MARKERS: u8 = 5;
const METADATA: u8 = 6;
const HISTOGRAMS: u8 = 7;
const FLOAT_HISTOGRAMS: u8 = 8;
const CUSTOM_HISTOGRAMS: u8 = 9;
const CUSTOM_FLOAT_HISTOGRAMS: u8 = 10;
const SAMPLES_V2: u8 = 11;
const HISTOGRAMS_V2: u8 = 12;
const FLOAT_HISTOGRAMS_V2: u8 = 13;

/// The sample has no start time.
const START_NONE: u8 = 0;
/// The sample starts with the one before it.
const START_SAME: u8 = 1;
/// The difference to the first start time follows.
const START_EXPLICIT: u8 = 2;

#[cfg(test)]
mod tests;
