//! What is appended comes back.

use std::ops::RangeInclusive;

use narthex_model::STALE_NAN;
use narthex_model::histogram::{FloatHistogram, Span};
use proptest::prelude::*;

use super::*;
use crate::histogram::{decode_histograms, plain};
use crate::{ChunkError, Columns, DECODED_SPANS_MAX, Encoding, decode, sample_count};

const ALL: RangeInclusive<i64> = i64::MIN..=i64::MAX;

type Sample<H> = (SampleTime, H);

/// Returns the samples of all chunks.
fn samples<H: ChunkHistogram>(chunks: &[HistogramChunk<H>]) -> Vec<Sample<H>> {
    let mut samples = Vec::new();
    for chunk in chunks {
        decode_histograms(chunk.encoding(), chunk.as_bytes(), ALL, &mut samples).unwrap();
    }
    samples
}

/// Checks chunks of `expected` that have the buckets of others, too.
fn check<H: ChunkHistogram>(
    with_start_timestamps: bool,
    expected: &[Sample<H>],
    compact: impl Fn(&mut H),
    stripped: impl Fn(&H) -> String,
) {
    let chunks = chunks(with_start_timestamps, expected);
    let mut found = samples(&chunks);
    found.iter_mut().for_each(|(_, histogram)| compact(histogram));
    assert_eq!(found.len(), expected.len());
    for ((time, found), (expected_time, expected)) in found.iter().zip(expected) {
        let start_timestamp_ms =
            if with_start_timestamps { expected_time.start_timestamp_ms } else { 0 };
        assert_eq!(*time, SampleTime { start_timestamp_ms, ..*expected_time });
        let mut expected = expected.clone();
        compact(&mut expected);
        assert_eq!(stripped(found), stripped(&expected));
    }
    for chunk in &chunks {
        check_chunk(chunk);
    }
}

/// Checks that a chunk is the one of its samples, and can be gone on from.
fn check_chunk<H: ChunkHistogram>(chunk: &HistogramChunk<H>) {
    let (encoding, bytes) = (chunk.encoding(), chunk.as_bytes());
    assert_eq!(sample_count(encoding, bytes).unwrap(), chunk.sample_count());
    let mut samples = Vec::<Sample<H>>::new();
    decode_histograms(encoding, bytes, ALL, &mut samples).unwrap();
    let start = HistogramStart {
        with_start_timestamps: encoding.holds_start_timestamps(),
        reset: chunk.header.reset,
    };
    let mut again = HistogramChunk::start(start, samples[0].0, &samples[0].1);
    for (time, histogram) in &samples[1..] {
        again = HistogramChunk::resume(encoding, again.as_bytes().to_vec()).unwrap();
        assert_eq!(again.append(*time, histogram), HistogramAppended::Appended);
    }
    assert_eq!(again.as_bytes(), bytes);
    let mut columns = Columns::default();
    decode(encoding, bytes, ALL, &mut columns).unwrap();
    assert_eq!(columns.histograms().len(), samples.len());
    for (index, histogram) in columns.histograms() {
        let expected = match chunk.header.reset {
            _ if histogram.is_stale() => ResetHint::Unknown,
            ResetHint::Gauge => ResetHint::Gauge,
            _ if *index == 0 => ResetHint::Unknown,
            _ => ResetHint::NotReset,
        };
        assert_eq!(histogram.reset_hint, expected);
    }
}

fn check_integers(with_start_timestamps: bool, expected: &[Sample<Histogram>]) {
    let stripped = |histogram: &Histogram| {
        let hint = ResetHint::Unknown;
        format!("{:?}", Histogram { reset_hint: hint, ..histogram.clone() })
    };
    check(with_start_timestamps, expected, Histogram::compact, stripped);
}

fn check_floats(with_start_timestamps: bool, expected: &[Sample<FloatHistogram>]) {
    let stripped = |histogram: &FloatHistogram| {
        let hint = ResetHint::Unknown;
        format!("{:?}", FloatHistogram { reset_hint: hint, ..histogram.clone() })
    };
    check(with_start_timestamps, expected, FloatHistogram::compact, stripped);
}

/// One change of a series of histograms.
#[derive(Clone, Debug)]
enum Step {
    /// Observations in a bucket.
    Observe { index: i32, count: i64, is_negative: bool },
    /// The series starts again.
    Clear,
    /// Another schema.
    Schema(i32),
    /// The series becomes one of gauges, or of counters.
    Kind(ResetHint),
    /// A staleness marker.
    Stale,
    /// Another start.
    Start(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let observe = (-20_i32..20, 1_i64..5_000, any::<bool>())
        .prop_map(|(index, count, is_negative)| Step::Observe { index, count, is_negative });
    prop_oneof![
        40 => observe,
        1 => Just(Step::Clear),
        1 => (0_i32..3).prop_map(Step::Schema),
        1 => prop_oneof![Just(ResetHint::Gauge), Just(ResetHint::Unknown), Just(ResetHint::Reset)]
            .prop_map(Step::Kind),
        1 => Just(Step::Stale),
        4 => (0_i64..1_000).prop_map(Step::Start),
    ]
}

/// Returns the histograms after each step.
fn series(steps: &[Step]) -> Vec<Sample<Histogram>> {
    let mut series = Vec::new();
    let (mut positive, mut negative) = (Vec::new(), Vec::new());
    let (mut schema, mut hint, mut start) = (1, ResetHint::Unknown, 0);
    for (step, second) in steps.iter().zip(1..) {
        let mut is_stale = false;
        match step {
            Step::Observe { index, count, is_negative } => {
                observe(if *is_negative { &mut negative } else { &mut positive }, *index, *count);
            }
            Step::Clear => (positive, negative) = (Vec::new(), Vec::new()),
            Step::Schema(other) => schema = *other,
            Step::Kind(kind) => hint = *kind,
            Step::Stale => is_stale = true,
            Step::Start(at) => start = *at,
        }
        let mut next = histogram(&positive, &negative);
        (next.schema, next.reset_hint, next.sum) = (schema, hint, second as f64 * 1.7);
        if is_stale {
            next = Histogram { sum: STALE_NAN, ..Histogram::default() };
        }
        series.push((SampleTime { start_timestamp_ms: start, ..at(second) }, next));
        if hint == ResetHint::Reset {
            hint = ResetHint::Unknown;
        }
    }
    series
}

fn observe(buckets: &mut Vec<(i32, i64)>, index: i32, count: i64) {
    match buckets.binary_search_by_key(&index, |(index, _)| *index) {
        Ok(place) => buckets[place].1 += count,
        Err(place) => buckets.insert(place, (index, count)),
    }
}

fn to_floats(series: &[Sample<Histogram>]) -> Vec<Sample<FloatHistogram>> {
    series.iter().map(|(time, histogram)| (*time, histogram.to_float())).collect()
}

#[test]
fn a_chunk_that_is_full_ends() {
    let first = histogram(&[(0, 1)], &[]);
    let start = HistogramStart { with_start_timestamps: true, reset: ResetHint::Unknown };
    let mut chunk = HistogramChunk::start(start, at(0), &first);
    let count_max = Encoding::HistogramSt.sample_count_max();
    for second in 1..i64::from(count_max) {
        assert_eq!(chunk.append(at(second), &first), HistogramAppended::Appended);
    }
    assert_eq!(chunk.sample_count(), count_max);
    let appended = chunk.append(at(100_000), &first);
    assert_eq!(appended, HistogramAppended::Elsewhere(ResetHint::NotReset));
    assert_eq!(samples(&[chunk]).len(), usize::from(count_max));
}

/// Spans without buckets cost a chunk next to nothing, and every histogram has them.
#[test]
fn the_spans_of_a_chunk_are_bounded() {
    const SPAN_COUNT: usize = 1 << 10;
    let mut first = histogram(&[], &[]);
    first.positive.spans = vec![Span { offset: 0, length: 0 }; SPAN_COUNT];
    let mut chunk = HistogramChunk::start(PLAIN, at(0), &first);
    let decoded = |chunk: &HistogramChunk<Histogram>| {
        let mut columns = Columns::default();
        decode(chunk.encoding(), chunk.as_bytes(), ALL, &mut columns).map(|()| columns.len())
    };
    for second in 1..DECODED_SPANS_MAX / SPAN_COUNT {
        let time = at(i64::try_from(second).unwrap());
        assert_eq!(chunk.append(time, &first), HistogramAppended::Appended);
    }
    assert_eq!(decoded(&chunk), Ok(DECODED_SPANS_MAX / SPAN_COUNT));
    assert_eq!(chunk.append(at(1 << 20), &first), HistogramAppended::Appended);
    assert_eq!(decoded(&chunk), Err(ChunkError::TooManySpans(DECODED_SPANS_MAX)));
    // To write it anew takes no more than one histogram.
    let wider = histogram(&[(0, 1)], &[]);
    assert_eq!(chunk.append(at(1 << 21), &wider), HistogramAppended::Recoded);
    assert!(decoded(&chunk).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn histograms_come_back(
        steps in prop::collection::vec(step(), 1..150),
        with_start_timestamps in any::<bool>(),
    ) {
        let series = series(&steps);
        check_integers(with_start_timestamps, &series);
        check_floats(with_start_timestamps, &to_floats(&series));
    }

    /// Once all buckets are there, chunks are those of the encoding bit by bit.
    #[test]
    fn bit_by_bit(
        steps in prop::collection::vec((0_i64..3, 0_i64..90_000, 1_i64..20_000, 0_i64..3), 1..140),
        with_start_timestamps in any::<bool>(),
    ) {
        let (mut time, mut counts) = (1_000_000, [7_i64, 0, 3, 1 << 20, 5]);
        let mut rows = Vec::new();
        for (index, (place, count, step, start)) in steps.into_iter().enumerate() {
            time += step;
            counts[index % 5] += count * place;
            let [one, two, three, four, five] = counts;
            let mut next = histogram(&[(-4, one), (-3, two), (6, three)], &[(1, four), (9, five)]);
            next.zero_threshold = 0.3;
            next.sum = count as f64 / 7.0;
            rows.push((time, start, next));
        }
        let floats: Vec<_> =
            rows.iter().map(|(time, start, one)| (*time, *start, one.to_float())).collect();
        let sample = |time: i64, start: i64| {
            SampleTime { timestamp_ms: time, start_timestamp_ms: start }
        };
        let samples: Vec<_> =
            rows.iter().map(|(time, start, one)| (sample(*time, *start), one.clone())).collect();
        let integers = chunks(with_start_timestamps, &samples);
        prop_assert_eq!(integers[0].as_bytes(), plain::encode(with_start_timestamps, &rows));
        let floats_chunks = chunks(with_start_timestamps, &to_floats(&samples));
        let expected = plain::encode_floats(with_start_timestamps, &floats);
        prop_assert_eq!(floats_chunks[0].as_bytes(), expected);
    }

    #[test]
    fn a_flipped_bit_decodes_or_fails(
        steps in prop::collection::vec(step(), 1..40),
        with_start_timestamps in any::<bool>(),
        flip in any::<prop::sample::Index>(),
    ) {
        let series = series(&steps);
        flip_and_read(&chunks(with_start_timestamps, &series)[0], flip);
        flip_and_read(&chunks(with_start_timestamps, &to_floats(&series))[0], flip);
    }

    #[test]
    fn any_bytes_decode_or_fail(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        place in 0_usize..6,
    ) {
        let mut columns = Columns::default();
        columns.push(i64::MIN, 1.0);
        if decode(Encoding::ALL[place], &bytes, 0..=i64::MAX, &mut columns).is_err() {
            prop_assert_eq!(columns.len(), 1);
            prop_assert!(!columns.has_histograms() && columns.start_timestamps_ms().is_none());
        }
        prop_assert!(columns.timestamps_ms().is_sorted_by(|a, b| a < b));
    }
}

fn flip_and_read<H: ChunkHistogram>(chunk: &HistogramChunk<H>, flip: prop::sample::Index) {
    let mut bytes = chunk.as_bytes().to_vec();
    let bit = flip.index(bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
    let mut columns = Columns::default();
    let _ = decode(chunk.encoding(), &bytes, ALL, &mut columns);
    assert!(columns.timestamps_ms().is_sorted_by(|a, b| a < b));
    // Whatever can be gone on from takes more.
    if let Ok(mut chunk) = HistogramChunk::<H>::resume(chunk.encoding(), bytes)
        && let Some(timestamp_ms) = chunk.last_time().timestamp_ms.checked_add(1)
    {
        let time = SampleTime { timestamp_ms, start_timestamp_ms: 9 };
        let _ = chunk.append(time, &chunk.last());
    }
}
