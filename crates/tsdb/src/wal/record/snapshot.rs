//! The records of a memory snapshot: other kinds than those of the log, made of the same parts.

use narthex_chunk::Encoding;
use narthex_model::histogram::{FloatHistogram, Histogram};
use narthex_model::{Labels, LabelsBuilder};

use super::histograms::WalHistogram;
use super::series::{decode_exemplars, decode_labels, encode_exemplars, put_labels};
use super::{RefExemplar, RefSeries, Tombstone};
use crate::codec::{Cursor, put_float, put_signed, put_unsigned};
use crate::sample::Value;

/// A decoded record.
#[derive(Debug)]
pub(crate) enum SnapshotRecord<'a> {
    Series(RefSeries, Option<SnapshotChunk<'a>>),
    Tombstones(Vec<Tombstone>),
    Exemplars(Vec<RefExemplar>),
}

/// The open chunk of a series.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotChunk<'a> {
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
    pub(crate) encoding: Encoding,
    pub(crate) bytes: &'a [u8],
    /// The newest sample's, of the kind that the encoding holds.
    pub(crate) last: Value,
}

impl<'a> SnapshotRecord<'a> {
    /// Decodes one record, or returns `None` where it makes no sense.
    pub(crate) fn decode(record: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(record);
        let body = &mut cursor;
        let mut labels = LabelsBuilder::default();
        Some(match body.byte()? {
            SERIES => {
                let reference = body.word()?;
                let labels = decode_labels(body, &mut labels)?;
                let _chunk_range = body.word()?;
                let chunk = if body.unsigned()? == 0 { None } else { Some(decode_chunk(body)?) };
                Self::Series(RefSeries { reference, labels }, chunk)
            }
            TOMBSTONES => Self::Tombstones(decode_tombstones(body)?),
            EXEMPLARS => {
                let mut exemplars = Vec::new();
                decode_exemplars(body, &mut labels, &mut exemplars)?;
                Self::Exemplars(exemplars)
            }
            _ => return None,
        })
    }
}

fn decode_chunk<'a>(body: &mut Cursor<'a>) -> Option<SnapshotChunk<'a>> {
    let (min_ms, max_ms) = (body.word()?.cast_signed(), body.word()?.cast_signed());
    let encoding = Encoding::try_from(body.byte()?).ok()?;
    let bytes = body.bytes()?;
    let last = match encoding {
        Encoding::Xor | Encoding::Xor2 => {
            for _ in 0..UNUSED_WORDS {
                body.word()?;
            }
            Value::Float(body.float()?)
        }
        Encoding::Histogram | Encoding::HistogramSt => {
            Value::Histogram(Box::new(Histogram::decode(body)?))
        }
        Encoding::FloatHistogram | Encoding::FloatHistogramSt => {
            Value::FloatHistogram(Box::new(FloatHistogram::decode(body)?))
        }
    };
    Some(SnapshotChunk { min_ms, max_ms, encoding, bytes, last })
}

fn decode_tombstones(body: &mut Cursor<'_>) -> Option<Vec<Tombstone>> {
    let mut body = Cursor::new(body.bytes()?);
    if body.byte()? != TOMBSTONES_VERSION {
        return None;
    }
    let mut tombstones = Vec::new();
    while !body.is_empty() {
        let (reference, min_ms, max_ms) = (body.unsigned()?, body.signed()?, body.signed()?);
        tombstones.push(Tombstone { reference, min_ms, max_ms });
    }
    Some(tombstones)
}

/// Returns the record of one series.
pub(crate) fn encode_snapshot_series(
    reference: u64,
    labels: &Labels,
    chunk: Option<&SnapshotChunk<'_>>,
) -> Vec<u8> {
    let mut out = vec![SERIES];
    out.extend_from_slice(&reference.to_be_bytes());
    put_labels(&mut out, labels);
    out.extend_from_slice(&CHUNK_RANGE.to_be_bytes());
    let Some(chunk) = chunk else {
        put_unsigned(&mut out, 0);
        return out;
    };
    put_unsigned(&mut out, 1);
    out.extend_from_slice(&chunk.min_ms.to_be_bytes());
    out.extend_from_slice(&chunk.max_ms.to_be_bytes());
    out.push(chunk.encoding.number());
    put_unsigned(&mut out, chunk.bytes.len() as u64);
    out.extend_from_slice(chunk.bytes);
    match &chunk.last {
        Value::Float(value) => {
            out.extend_from_slice(&[0; UNUSED_WORDS * 8]);
            put_float(&mut out, *value);
        }
        Value::Histogram(histogram) => histogram.encode(&mut out),
        Value::FloatHistogram(histogram) => histogram.encode(&mut out),
    }
    out
}

/// Returns the record of all tombstones.
pub(crate) fn encode_snapshot_tombstones(
    tombstones: impl IntoIterator<Item = Tombstone>,
) -> Vec<u8> {
    let mut body = vec![TOMBSTONES_VERSION];
    for Tombstone { reference, min_ms, max_ms } in tombstones {
        put_unsigned(&mut body, reference);
        put_signed(&mut body, min_ms);
        put_signed(&mut body, max_ms);
    }
    let mut out = vec![TOMBSTONES];
    put_unsigned(&mut out, body.len() as u64);
    out.extend_from_slice(&body);
    out
}

/// Returns a record of some exemplars.
pub(crate) fn encode_snapshot_exemplars(exemplars: &[RefExemplar]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_exemplars(exemplars, &mut out);
    out[0] = EXEMPLARS;
    out
}

const SERIES: u8 = 1;
const TOMBSTONES: u8 = 2;
const EXEMPLARS: u8 = 3;

const TOMBSTONES_VERSION: u8 = 1;
/// Not used any more.
const CHUNK_RANGE: u64 = 0;
/// In front of the last value there were the three samples before, and its time.
const UNUSED_WORDS: usize = 7;

#[cfg(test)]
mod tests {
    use narthex_model::histogram::Span;
    use proptest::prelude::*;

    use super::*;

    fn labels() -> Labels {
        Labels::from_pairs([("__name__", "up"), ("job", "é")])
    }

    fn histogram() -> Histogram {
        let mut histogram = Histogram { count: 3, sum: 1.5, ..Histogram::default() };
        histogram.positive.spans = vec![Span { offset: 1, length: 2 }];
        histogram.positive.counts = vec![1, 1];
        histogram
    }

    #[test]
    fn series_are_read_as_they_are_written() {
        let float_histogram = Value::FloatHistogram(Box::new(histogram().to_float()));
        for (encoding, last) in [
            (Encoding::Xor, Value::Float(-0.0)),
            (Encoding::Xor2, Value::Float(1.5)),
            (Encoding::Histogram, Value::Histogram(Box::new(histogram()))),
            (Encoding::HistogramSt, Value::Histogram(Box::new(histogram()))),
            (Encoding::FloatHistogram, float_histogram.clone()),
            (Encoding::FloatHistogramSt, float_histogram),
        ] {
            let chunk = SnapshotChunk { min_ms: -7, max_ms: 9, encoding, bytes: &[1, 2, 3], last };
            let record = encode_snapshot_series(5, &labels(), Some(&chunk));
            let Some(SnapshotRecord::Series(series, Some(found))) = SnapshotRecord::decode(&record)
            else {
                panic!("{encoding:?}");
            };
            assert_eq!(series, RefSeries { reference: 5, labels: labels() });
            assert_eq!(format!("{found:?}"), format!("{chunk:?}"));
            for size in 0..record.len() {
                assert!(SnapshotRecord::decode(&record[..size]).is_none(), "{encoding:?} {size}");
            }
        }
        let record = encode_snapshot_series(5, &labels(), None);
        assert!(matches!(SnapshotRecord::decode(&record), Some(SnapshotRecord::Series(_, None))));
    }

    #[test]
    fn the_bytes_of_a_series_are_those_of_the_reference() {
        let labels = Labels::from_pairs([("a", "b")]);
        let last = Value::Float(1.0);
        let (encoding, bytes) = (Encoding::Xor, &[0xaa, 0xbb][..]);
        let chunk = SnapshotChunk { min_ms: 1, max_ms: 2, encoding, bytes, last };
        let mut expected = vec![1, 0, 0, 0, 0, 0, 0, 0, 9, 1, 1, b'a', 1, b'b'];
        expected.extend([0; 8]);
        expected.extend([1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 0xaa, 0xbb]);
        expected.extend([0; 56]);
        expected.extend([0x3f, 0xf0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(encode_snapshot_series(9, &labels, Some(&chunk)), expected);
    }

    #[test]
    fn tombstones_and_exemplars_are_read_as_they_are_written() {
        let tombstones = [(3, -5, 70), (3, 80, 90), (1 << 40, i64::MIN, i64::MIN)];
        let tombstones =
            tombstones.map(|(reference, min_ms, max_ms)| Tombstone { reference, min_ms, max_ms });
        let record = encode_snapshot_tombstones(tombstones);
        let Some(SnapshotRecord::Tombstones(found)) = SnapshotRecord::decode(&record) else {
            panic!("{record:?}");
        };
        assert_eq!(found, tombstones);
        assert_eq!(encode_snapshot_tombstones([]), [2, 1, 1]);

        let exemplar = |reference, timestamp_ms| RefExemplar {
            reference,
            timestamp_ms,
            value: 0.5,
            labels: labels(),
        };
        let exemplars = [exemplar(9, 50), exemplar(2, 40)];
        let record = encode_snapshot_exemplars(&exemplars);
        let Some(SnapshotRecord::Exemplars(found)) = SnapshotRecord::decode(&record) else {
            panic!("{record:?}");
        };
        assert_eq!(format!("{found:?}"), format!("{exemplars:?}"));
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(kind in 0_u8..5, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let record = [vec![kind], bytes].concat();
            let _ = SnapshotRecord::decode(&record);
        }
    }
}
