use std::ops::RangeInclusive;

use narthex_model::STALE_NAN;
use proptest::prelude::*;

use super::{XorAppender, XorChunk, plain};
use crate::{ChunkError, Columns, Encoding, decode_first};

const ALL: RangeInclusive<i64> = i64::MIN..=i64::MAX;

fn encode(samples: &[(i64, f64)]) -> XorChunk {
    let mut chunk = XorChunk::default();
    for &(time, value) in samples {
        chunk.append(time, value);
    }
    chunk
}

fn bits(samples: impl IntoIterator<Item = (i64, f64)>) -> Vec<(i64, u64)> {
    samples.into_iter().map(|(time, value)| (time, value.to_bits())).collect()
}

fn decoded(columns: &Columns) -> Vec<(i64, u64)> {
    bits(columns.iter().map(|sample| (sample.timestamp_ms, sample.value)))
}

fn decode(bytes: &[u8], out: &mut Columns) -> Result<(), ChunkError> {
    crate::decode(Encoding::Xor, bytes, ALL, out)
}

fn check(samples: &[(i64, f64)]) {
    let chunk = encode(samples);
    assert_eq!(chunk.as_bytes(), plain::encode(samples), "{samples:?}");
    assert_eq!(usize::from(chunk.sample_count()), samples.len());
    let mut columns = Columns::default();
    decode(chunk.as_bytes(), &mut columns).unwrap();
    assert_eq!(decoded(&columns), bits(samples.iter().copied()));
}

#[test]
fn round_trips() {
    let nan = f64::from_bits(0x7ff8_dead_beef_0001);
    let steps = |step: i64, values: &[f64]| -> Vec<(i64, f64)> {
        values.iter().zip(0..).map(|(value, index)| (index * step - 7, *value)).collect()
    };
    for samples in [
        vec![],
        vec![(0, 0.0)],
        vec![(i64::MIN, -0.0), (i64::MAX, f64::MIN_POSITIVE)],
        vec![(i64::MIN, 1.0), (0, 1.0), (i64::MAX, 1.0)],
        steps(15_000, &[1.0; 130]),
        steps(1, &[0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, nan, STALE_NAN, -nan, 0.0]),
        steps(30, &[f64::from_bits(u64::MAX), 0.0, f64::from_bits(1), f64::from_bits(1 << 63)]),
    ] {
        check(&samples);
    }
}

#[test]
fn differences_at_the_edges_of_their_sizes() {
    for edge in [0x1fff, 0x2000, 0xffff, 0x1_0000, 0x7_ffff, 0x8_0000, i64::MAX / 8] {
        for near in [edge - 1, edge, edge + 1] {
            let wide = near + 1_000;
            check(&[(0, 1.0), (1_000, 2.0), (1_000 + wide, 3.0), (2_000 + wide, 4.0)]);
        }
    }
}

#[test]
fn bytes_by_hand() {
    let chunk = encode(&[(1_000, 1.0), (2_000, 1.0), (3_000, 1.0), (4_001, 2.0)]);
    #[rustfmt::skip]
    let expected = [
        0x00, 0x04, // four samples
        0xd0, 0x0f, // 1000 as a signed varint
        0x3f, 0xf0, 0, 0, 0, 0, 0, 0, // 1.0
        0xe8, 0x07, // a difference of 1000
        // The second value is as before: 0. So are the third time and value: 0 and 0. The fourth
        // difference grows by one: 10 and 14 bits. Its value: 11, 1 leading zero in 5 bits, 11
        // significant bits in 6, and these, as 1.0 and 2.0 differ in all bits of the exponent.
        0b0001_0000, 0b0000_0000, 0b0011_1000, 0b0100_1011, 0b1111_1111, 0b1110_0000,
    ];
    assert_eq!(chunk.as_bytes(), expected);
}

#[test]
fn clips_to_the_range_and_to_the_count() {
    let samples = (0..10).map(|index| (index * 10, f64::NAN)).collect::<Vec<_>>();
    let chunk = encode(&samples);
    for (range, count_max, expected) in [
        (25..=60, u16::MAX, 3..7),
        (30..=30, u16::MAX, 3..4),
        (31..=39, u16::MAX, 0..0),
        (-50..=-1, u16::MAX, 0..0),
        (91..=200, u16::MAX, 0..0),
        (ALL, 4, 0..4),
        (25..=60, 5, 3..5),
        (ALL, 0, 0..0),
    ] {
        let mut columns = Columns::default();
        columns.push(-100, 5.0);
        let bytes = chunk.as_bytes();
        decode_first(Encoding::Xor, bytes, count_max, range.clone(), &mut columns).unwrap();
        let times = samples[expected].iter().map(|(time, _)| *time);
        let expected = std::iter::once(-100).chain(times).collect::<Vec<_>>();
        assert_eq!(columns.timestamps_ms(), expected, "{range:?} {count_max}");
        assert_eq!(columns.has_nan(), expected.len() > 1);
        assert!(!columns.has_stale());
    }
}

#[test]
fn damaged_bytes_are_errors() {
    let samples = (0..120).map(|index| (index * 1_000, index as f64 * 1.1)).collect::<Vec<_>>();
    let chunk = encode(&samples);
    let bytes = chunk.as_bytes();
    let mut columns = Columns::default();
    let mut error = |bytes: &[u8]| decode(bytes, &mut columns).unwrap_err();
    assert_eq!(error(&[]), ChunkError::NoHeader { size_bytes: 0 });
    assert_eq!(error(&[0, 1]), ChunkError::Truncated { sample_index: 0, sample_count: 1 });
    for size in 2..bytes.len() {
        assert!(matches!(error(&bytes[..size]), ChunkError::Truncated { .. }), "{size}");
    }
    let same_time = [0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(error(&same_time), ChunkError::NotRising { sample_index: 1 });
    let too_wide = [0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0b1111_1111, 0b1111_1000];
    let bad = ChunkError::BadValue { sample_index: 1, leading: 31, significant: 63 };
    assert_eq!(error(&too_wide), bad);
    assert!(columns.is_empty());
}

/// Appends into a buffer that is as short as can be, going on from the bytes each time.
fn encode_in_little_room(samples: &[(i64, f64)]) -> Vec<u8> {
    let mut buffer = Vec::new();
    let mut appender = XorAppender::new();
    for &(time, value) in samples {
        let before = buffer.clone();
        if let Err(needed) = appender.append(&mut buffer, time, value) {
            assert_eq!(buffer, before);
            buffer.resize(needed.size_bytes, 0xaa);
            appender.append(&mut buffer, time, value).unwrap();
        }
        assert_eq!(buffer.len(), appender.size_bytes());
        assert_eq!(XorAppender::resume(&buffer).unwrap(), appender);
    }
    buffer
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (0_i32..1_000).prop_map(f64::from),
        2 => any::<f64>(),
        1 => any::<u64>().prop_map(f64::from_bits),
        1 => Just(STALE_NAN),
        1 => Just(1.0),
    ]
}

fn any_step() -> impl Strategy<Value = i64> {
    prop_oneof![4 => Just(15_000_i64), 2 => 1_i64..30_000, 1 => 1_i64..i64::MAX / 512]
}

proptest! {
    #[test]
    fn decode_undoes_append(
        start in i64::MIN / 2..i64::MAX / 4,
        steps in prop::collection::vec((any_step(), any_value()), 0..250),
    ) {
        let mut time = start;
        let samples = steps.into_iter().map(|(step, value)| { time += step; (time, value) });
        check(&samples.collect::<Vec<_>>());
    }

    #[test]
    fn an_appender_goes_on_from_the_bytes(
        steps in prop::collection::vec((any_step(), any_value()), 1..40),
    ) {
        let mut time = 0;
        let samples: Vec<_> =
            steps.into_iter().map(|(step, value)| { time += step; (time, value) }).collect();
        prop_assert_eq!(encode_in_little_room(&samples), plain::encode(&samples));
    }

    #[test]
    fn any_bytes_decode_or_fail(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut columns = Columns::default();
        if decode(&bytes, &mut columns).is_err() {
            prop_assert!(columns.is_empty());
        }
        prop_assert!(columns.timestamps_ms().is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn a_flipped_bit_decodes_or_fails(
        values in prop::collection::vec(any_value(), 1..130),
        flip in any::<prop::sample::Index>(),
    ) {
        let samples = values.into_iter().zip(0..).map(|(value, index)| (index * 1_000, value));
        let chunk = encode(&samples.collect::<Vec<_>>());
        let mut bytes = chunk.as_bytes().to_vec();
        let bit = flip.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let mut columns = Columns::default();
        let _ = decode(&bytes, &mut columns);
        prop_assert!(columns.timestamps_ms().is_sorted_by(|a, b| a < b));
    }
}
