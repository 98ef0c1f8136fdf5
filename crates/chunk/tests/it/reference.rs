//! The chunks that the reference wrote: they decode, and their samples encode to the same bytes.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use narthex_chunk::{
    ChunkHistogram, Columns, Encoding, HistogramAppended, HistogramChunk, HistogramStart,
    Xor2Appender, XorChunk, decode, decode_histograms, sample_count,
};
use narthex_model::SampleTime;
use narthex_model::histogram::{FloatHistogram, Histogram, ResetHint};

const ALL: RangeInclusive<i64> = i64::MIN..=i64::MAX;
const BLOCK_CHUNKS_MAGIC: &[u8; 4] = &[0x85, 0xbd, 0x40, 0xdd];
const HEAD_CHUNKS_MAGIC: &[u8; 4] = &[0x01, 0x30, 0xbc, 0x91];

struct Chunk {
    encoding: Encoding,
    bytes: Vec<u8>,
}

#[test]
fn chunks_of_the_reference_decode_and_encode_to_the_same_bytes() {
    let Some(root) = std::env::var_os("NARTHEX_CONFORMANCE").map(PathBuf::from) else {
        println!("skipped: NARTHEX_CONFORMANCE does not name the folder of conformance data");
        return;
    };
    let mut counts = BTreeMap::new();
    for folder in ["datadirs", "prometheus/tsdb/testdata"] {
        for chunk in chunks_below(&root.join(folder)) {
            check(&chunk);
            *counts.entry(chunk.encoding.to_string()).or_insert(0) += 1;
        }
    }
    println!("{counts:?}");
    for encoding in [Encoding::Xor, Encoding::Histogram, Encoding::Xor2, Encoding::HistogramSt] {
        assert!(counts[&encoding.to_string()] > 10, "{encoding}: {counts:?}");
    }
}

fn check(chunk: &Chunk) {
    let Chunk { encoding, bytes } = chunk;
    let mut columns = Columns::default();
    decode(*encoding, bytes, ALL, &mut columns).unwrap();
    assert!(!columns.is_empty());
    assert_eq!(columns.len(), usize::from(sample_count(*encoding, bytes).unwrap()));
    let encoded = match encoding {
        Encoding::Xor => encode_xor(&columns),
        Encoding::Xor2 => encode_xor2(&columns),
        Encoding::Histogram | Encoding::HistogramSt => encode_histograms::<Histogram>(chunk),
        _ => encode_histograms::<FloatHistogram>(chunk),
    };
    // Early releases left an empty byte behind a sample that ended on a whole one.
    let is_longer = bytes.len() > encoded.len();
    let bytes = bytes.strip_suffix(&[0]).filter(|_| is_longer).unwrap_or(bytes);
    assert_eq!(encoded, bytes, "{encoding}");
}

fn encode_xor(columns: &Columns) -> Vec<u8> {
    let mut chunk = XorChunk::default();
    for sample in columns.iter() {
        chunk.append(sample.timestamp_ms, sample.value);
    }
    chunk.as_bytes().to_vec()
}

fn encode_xor2(columns: &Columns) -> Vec<u8> {
    let mut appender = Xor2Appender::new();
    let mut buffer = vec![0; 10_000];
    for (index, sample) in columns.iter().enumerate() {
        let start_timestamp_ms = columns.start_timestamps_ms().map_or(0, |starts| starts[index]);
        let time = SampleTime { timestamp_ms: sample.timestamp_ms, start_timestamp_ms };
        appender.append(&mut buffer, time, sample.value).unwrap();
    }
    buffer[..appender.size_bytes()].to_vec()
}

fn encode_histograms<H: ChunkHistogram>(chunk: &Chunk) -> Vec<u8> {
    let Chunk { encoding, bytes } = chunk;
    let mut samples = Vec::<(SampleTime, H)>::new();
    decode_histograms(*encoding, bytes, ALL, &mut samples).unwrap();
    let with_start_timestamps = encoding.holds_start_timestamps();
    // What the header says depends on the chunk before.
    let reset = match bytes[if with_start_timestamps { 0 } else { 2 }] >> 6 {
        0 => ResetHint::Unknown,
        1 => ResetHint::NotReset,
        2 => ResetHint::Reset,
        _ => ResetHint::Gauge,
    };
    let start = HistogramStart { with_start_timestamps, reset };
    let (time, first) = &samples[0];
    let mut chunk = HistogramChunk::start(start, *time, first);
    for (time, histogram) in &samples[1..] {
        assert_eq!(chunk.append(*time, histogram), HistogramAppended::Appended);
    }
    chunk.as_bytes().to_vec()
}

/// Returns all chunks in the files of a folder and the folders in it.
fn chunks_below(folder: &Path) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            chunks.append(&mut chunks_below(&path));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        match bytes.first_chunk::<4>() {
            Some(BLOCK_CHUNKS_MAGIC) => chunks.append(&mut split(&bytes[8..], 0)),
            // Series and times come first.
            Some(HEAD_CHUNKS_MAGIC) => chunks.append(&mut split(&bytes[8..], 24)),
            _ => {}
        }
    }
    chunks
}

/// Splits the body of a chunk file: size and encoding in either order, the chunk, and a checksum.
fn split(mut rest: &[u8], prefix_size: usize) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    while rest.iter().any(|byte| *byte != 0) {
        rest = &rest[prefix_size..];
        let encoding_is_first = prefix_size > 0;
        let mut encoding = rest[0];
        if encoding_is_first {
            rest = &rest[1..];
        }
        let size = take_size(&mut rest);
        if !encoding_is_first {
            encoding = rest[0];
            rest = &rest[1..];
        }
        // The encoding of head chunks tells by its top bit that they are out of order.
        let encoding = Encoding::try_from(encoding & 0x7f).unwrap();
        chunks.push(Chunk { encoding, bytes: rest[..size].to_vec() });
        rest = &rest[size + 4..];
    }
    chunks
}

fn take_size(rest: &mut &[u8]) -> usize {
    let mut size = 0;
    for shift in (0..).step_by(7) {
        let byte = rest[0];
        *rest = &rest[1..];
        size |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    size
}
