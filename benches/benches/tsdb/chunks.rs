//! Appends samples to chunks and decodes them, beside the `tsz` crate and the encoding bit by bit.
//!
//! Each run is over 100 series of 120 samples, 15 s apart, so that no processor learns a series by
//! heart. The shapes of values:
//!
//! - `constant`: one value;
//! - `counter`: an integer that rises by up to 100;
//! - `jitter`: the same counter, scraped up to a millisecond early or late;
//! - `gauge`: a multiple of a quarter that wanders;
//! - `random`: every bit of the mantissa differs.
//!
//! `tsz` writes the form of the Gorilla paper, which is near to `xor` and not the same. Its decoder
//! takes the bytes; they are copied for it outside the time that is measured.

#[path = "../../../crates/chunk/src/xor/plain.rs"]
mod plain;

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput};
use narthex_chunk::{Columns, Encoding, Xor2Appender, XorAppender, decode};
use narthex_model::SampleTime;
use tsz::stream::{BufferedReader, BufferedWriter};
use tsz::{DataPoint, Decode, Encode, StdDecoder, StdEncoder};

/// The samples of a series.
type Series = Vec<(i64, f64)>;

const SERIES_COUNT: u64 = 100;
const SAMPLE_COUNT: u64 = 120;
const FIRST_MS: i64 = 1_700_000_000_000;
const STEP_MS: i64 = 15_000;
/// Room for a chunk of any shape.
const BUFFER_SIZE: usize = 2_048;

pub(crate) fn chunks(criterion: &mut Criterion) {
    for (shape, series) in shapes() {
        check_that_all_read_alike(&series);
        let mut group = criterion.benchmark_group(format!("append/{shape}"));
        group.throughput(Throughput::Elements(SERIES_COUNT * SAMPLE_COUNT));
        race_append(&mut group, &series);
        group.finish();
        let mut group = criterion.benchmark_group(format!("decode/{shape}"));
        group.throughput(Throughput::Elements(SERIES_COUNT * SAMPLE_COUNT));
        race_decode(&mut group, &series);
        group.finish();
    }
}

fn race_append(group: &mut BenchmarkGroup<'_, WallTime>, series: &[Series]) {
    let mut buffer = vec![0; BUFFER_SIZE];
    group.bench_function("xor", |bencher| {
        bencher.iter(|| for_each(series, |samples| append_xor(samples, &mut buffer)));
    });
    group.bench_function("xor2", |bencher| {
        bencher.iter(|| for_each(series, |samples| append_xor2(samples, &mut buffer)));
    });
    group.bench_function("tsz", |bencher| {
        bencher.iter(|| for_each(series, |samples| append_tsz(samples).len()));
    });
    group.bench_function("bit by bit", |bencher| {
        bencher.iter(|| for_each(series, |samples| plain::encode(samples).len()));
    });
}

fn race_decode(group: &mut BenchmarkGroup<'_, WallTime>, series: &[Series]) {
    let mut columns = Columns::default();
    for (name, encoding, append) in [
        ("xor", Encoding::Xor, append_xor as fn(&[(i64, f64)], &mut [u8]) -> usize),
        ("xor2", Encoding::Xor2, append_xor2),
    ] {
        let chunks = encode_all(series, append);
        group.bench_function(name, |bencher| {
            bencher.iter(|| for_each(&chunks, |chunk| decode_all(encoding, chunk, &mut columns)));
        });
    }
    let chunks: Vec<Box<[u8]>> = series.iter().map(|samples| append_tsz(samples)).collect();
    group.bench_function("tsz", |bencher| {
        bencher.iter_batched(
            || chunks.clone(),
            |chunks| {
                chunks.into_iter().map(|chunk| black_box(decode_tsz(chunk)).len()).sum::<usize>()
            },
            BatchSize::LargeInput,
        );
    });
}

/// A race counts only where all runners give the samples back.
fn check_that_all_read_alike(series: &[Series]) {
    let mut buffer = vec![0; BUFFER_SIZE];
    for samples in series {
        let size = append_xor(samples, &mut buffer);
        assert_eq!(buffer[..size], plain::encode(samples));
        assert_eq!(decoded(Encoding::Xor, &buffer[..size]), *samples);
        let size = append_xor2(samples, &mut buffer);
        assert_eq!(decoded(Encoding::Xor2, &buffer[..size]), *samples);
        assert_eq!(decode_tsz(append_tsz(samples)), *samples);
    }
}

/// Runs `work` on each of `all` and adds up what it returns.
fn for_each<T>(all: &[T], mut work: impl FnMut(&T) -> usize) -> usize {
    all.iter().map(|one| work(black_box(one))).sum()
}

fn append_xor(samples: &[(i64, f64)], buffer: &mut [u8]) -> usize {
    let mut appender = XorAppender::new();
    for &(timestamp_ms, value) in samples {
        appender.append(buffer, timestamp_ms, value).expect("there is room");
    }
    appender.size_bytes()
}

fn append_xor2(samples: &[(i64, f64)], buffer: &mut [u8]) -> usize {
    let mut appender = Xor2Appender::new();
    for &(timestamp_ms, value) in samples {
        let time = SampleTime { timestamp_ms, start_timestamp_ms: 0 };
        appender.append(buffer, time, value).expect("there is room");
    }
    appender.size_bytes()
}

fn append_tsz(samples: &[(i64, f64)]) -> Box<[u8]> {
    let start = samples[0].0.unsigned_abs();
    let mut encoder = StdEncoder::new(start, BufferedWriter::with_capacity(BUFFER_SIZE));
    for &(timestamp_ms, value) in samples {
        encoder.encode(DataPoint::new(timestamp_ms.unsigned_abs(), value));
    }
    encoder.close()
}

fn encode_all(
    series: &[Series],
    append: impl Fn(&[(i64, f64)], &mut [u8]) -> usize,
) -> Vec<Vec<u8>> {
    let mut buffer = vec![0; BUFFER_SIZE];
    let mut encode = |samples: &Series| {
        let size = append(samples, &mut buffer);
        buffer[..size].to_vec()
    };
    series.iter().map(&mut encode).collect()
}

fn decode_all(encoding: Encoding, chunk: &[u8], columns: &mut Columns) -> usize {
    columns.clear();
    decode(encoding, chunk, i64::MIN..=i64::MAX, columns).expect("the chunk is good");
    columns.len()
}

fn decoded(encoding: Encoding, chunk: &[u8]) -> Series {
    let mut columns = Columns::default();
    decode_all(encoding, chunk, &mut columns);
    columns.iter().map(|sample| (sample.timestamp_ms, sample.value)).collect()
}

fn decode_tsz(chunk: Box<[u8]>) -> Series {
    let mut decoder = StdDecoder::new(BufferedReader::new(chunk));
    let mut samples = Series::with_capacity(120);
    while let Ok(point) = decoder.next() {
        samples.push((point.get_time().cast_signed(), point.get_value()));
    }
    samples
}

/// Returns 100 series of each shape.
fn shapes() -> [(&'static str, Vec<Series>); 5] {
    let all = |shape: fn(&mut Random) -> Series| {
        (1..=SERIES_COUNT).map(|seed| shape(&mut Random(seed))).collect::<Vec<_>>()
    };
    [
        ("constant", all(constant)),
        ("counter", all(|random| counter(random, |_| 0))),
        ("jitter", all(|random| counter(random, |random| random.below(3).cast_signed() - 1))),
        ("gauge", all(gauge)),
        ("random", all(random_mantissas)),
    ]
}

fn constant(random: &mut Random) -> Series {
    let value = random.below(1_000) as f64 / 8.0;
    rows(|| (0, value))
}

fn counter(random: &mut Random, jitter_ms: impl Fn(&mut Random) -> i64) -> Series {
    let mut count = random.below(1_000_000);
    rows(|| {
        count += random.below(101);
        (jitter_ms(random), count as f64)
    })
}

fn gauge(random: &mut Random) -> Series {
    let mut quarters = 400;
    rows(|| {
        quarters = quarters + random.below(17) - 8;
        (0, quarters as f64 / 4.0)
    })
}

fn random_mantissas(random: &mut Random) -> Series {
    rows(|| (0, f64::from_bits(1_f64.to_bits() | random.next() >> 12)))
}

/// Calls `row` for each sample: by how much it is late, and its value.
fn rows(mut row: impl FnMut() -> (i64, f64)) -> Series {
    let times = (0..SAMPLE_COUNT.cast_signed()).map(|index| FIRST_MS + index * STEP_MS);
    let late = |time_ms| {
        let (jitter_ms, value) = row();
        (time_ms + jitter_ms, value)
    };
    times.map(late).collect()
}

/// The same numbers every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 =
            (self.0 ^ 0x9e37_79b9_7f4a_7c15).rotate_left(17).wrapping_mul(0x2545_f491_4f6c_dd1d);
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 33) % bound
    }
}
