use std::ops::RangeInclusive;

use narthex_model::{STALE_NAN, SampleTime};
use proptest::prelude::*;

use super::Xor2Appender;
use super::plain::{self, Row};
use crate::{ChunkError, Columns, Encoding, decode, decode_first};

const ALL: RangeInclusive<i64> = i64::MIN..=i64::MAX;

fn time(&(timestamp_ms, start_timestamp_ms, _): &Row) -> SampleTime {
    SampleTime { timestamp_ms, start_timestamp_ms }
}

/// Appends into a buffer that is as short as can be, going on from the bytes each time.
fn encode_in_little_room(rows: &[Row]) -> Vec<u8> {
    let mut buffer = Vec::new();
    let mut appender = Xor2Appender::new();
    for row in rows {
        let before = buffer.clone();
        if let Err(needed) = appender.append(&mut buffer, time(row), row.2) {
            assert_eq!(buffer, before);
            buffer.resize(needed.size_bytes, 0xaa);
            appender.append(&mut buffer, time(row), row.2).unwrap();
        }
        assert_eq!(buffer.len(), appender.size_bytes());
        assert_eq!(appender.last_time(), Some(time(row)));
        assert_eq!(Xor2Appender::resume(&buffer).unwrap(), appender);
    }
    buffer
}

fn encode(rows: &[Row]) -> Vec<u8> {
    let mut buffer = vec![0xaa; 3 + (rows.len() + 1) * Xor2Appender::SAMPLE_SIZE_MAX];
    let mut appender = Xor2Appender::new();
    for row in rows {
        let before = appender.size_bytes();
        appender.append(&mut buffer, time(row), row.2).unwrap();
        assert!(appender.size_bytes() <= before + Xor2Appender::SAMPLE_SIZE_MAX);
    }
    assert_eq!(usize::from(appender.sample_count()), rows.len());
    buffer.truncate(appender.size_bytes());
    buffer
}

fn bits(rows: &[Row]) -> Vec<(i64, i64, u64)> {
    rows.iter().map(|(time, start, value)| (*time, *start, value.to_bits())).collect()
}

fn decoded(columns: &Columns) -> Vec<(i64, i64, u64)> {
    let start = |index: usize| columns.start_timestamps_ms().map_or(0, |starts| starts[index]);
    let samples = columns.iter().enumerate();
    samples.map(|(index, one)| (one.timestamp_ms, start(index), one.value.to_bits())).collect()
}

fn check(rows: &[Row]) {
    let bytes = encode(rows);
    assert_eq!(bytes, plain::encode(rows), "{rows:?}");
    let mut columns = Columns::default();
    decode(Encoding::Xor2, &bytes, ALL, &mut columns).unwrap();
    assert_eq!(decoded(&columns), bits(rows));
    assert_eq!(columns.start_timestamps_ms().is_some(), rows.iter().any(|row| row.1 != 0));
}

/// Rows a second apart.
fn rows(starts: impl IntoIterator<Item = i64>, values: impl IntoIterator<Item = f64>) -> Vec<Row> {
    let both = starts.into_iter().zip(values);
    both.zip(0..).map(|((start, value), second)| (second * 1_000, start, value)).collect()
}

#[test]
fn round_trips() {
    let nan = f64::from_bits(0x7ff8_dead_beef_0001);
    let without = |values: &[f64]| rows([0; 200], values.iter().copied());
    for rows in [
        without(&[STALE_NAN]),
        without(&[STALE_NAN, STALE_NAN, 0.0, STALE_NAN, 5.0, 5.0]),
        without(&[1.0, STALE_NAN, 1.0, nan, STALE_NAN, nan, -0.0, f64::INFINITY]),
        vec![(i64::MIN / 2, 0, 1.0), (i64::MAX / 2, 0, 2.0)],
        without(&[3.5; 130]),
        rows([-7; 130], [1.0; 130]),
        rows((0..130).map(|index| if index < 126 { 0 } else { 5 }), [1.0; 130]),
        rows((0..130).map(|index| if index < 127 { 4 } else { 5 }), [1.0; 130]),
        rows((0..130).map(|index| if index < 128 { 4 } else { 0 }), [1.0; 130]),
        rows((0..20).map(|index| index * 1_000 - 1), [2.0; 20]),
        rows([0, 5, 0, 5, 1 << 40, 0], [2.0; 6]),
    ] {
        check(&rows);
    }
}

#[test]
fn differences_at_the_edges_of_their_sizes() {
    for edge in [0xfff_i64, 0x1000, 0x7_ffff, 0x8_0000, i64::MAX / 8] {
        for near in [edge - 1, edge, edge + 1] {
            let wide = near + 600_000;
            let times = [0, 600_000, 600_000 + wide, 1_200_000 + wide];
            let rows: Vec<Row> =
                times.into_iter().zip([1.0, 2.0, STALE_NAN, 3.0]).map(|(t, v)| (t, 0, v)).collect();
            check(&rows);
        }
    }
}

#[test]
fn starts_that_never_were_are_written_from_sample_127_on() {
    let rows = rows([0; 129], [1.0; 129]);
    assert_eq!(encode(&rows[..127])[2], 0);
    assert_eq!(encode(&rows[..128])[2], 127);
    check(&rows);
}

#[test]
fn clips_to_the_range_and_to_the_count() {
    let rows = rows((0..10).map(|index| index / 4), [1.0; 10]);
    let bytes = encode(&rows);
    for (range, count_max, expected) in [
        (2_500..=6_000, u16::MAX, 3..7),
        (-50..=-1, u16::MAX, 0..0),
        (0..=3_000, u16::MAX, 0..4),
        (ALL, 6, 0..6),
        (ALL, 0, 0..0),
    ] {
        let mut columns = Columns::default();
        columns.push(-100, 5.0);
        decode_first(Encoding::Xor2, &bytes, count_max, range.clone(), &mut columns).unwrap();
        let before = (-100, 0, 5_f64.to_bits());
        let expected: Vec<_> = std::iter::once(before).chain(bits(&rows[expected])).collect();
        assert_eq!(decoded(&columns), expected, "{range:?} {count_max}");
    }
}

#[test]
fn damaged_bytes_are_errors() {
    let rows = rows((0..120).map(|index| index / 10), (0..120).map(|index| f64::from(index) * 1.1));
    let bytes = encode(&rows);
    let mut columns = Columns::default();
    let mut error = |bytes: &[u8]| decode(Encoding::Xor2, bytes, ALL, &mut columns).unwrap_err();
    assert_eq!(error(&[0, 0]), ChunkError::NoHeader { size_bytes: 2 });
    assert_eq!(error(&[0, 1, 0]), ChunkError::Truncated { sample_index: 0, sample_count: 1 });
    for size in 3..bytes.len() {
        assert!(matches!(error(&bytes[..size]), ChunkError::Truncated { .. }), "{size}");
    }
    let same_time = [0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(error(&same_time), ChunkError::NotRising { sample_index: 1 });
    assert!(columns.is_empty() && columns.start_timestamps_ms().is_none());
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (0_i32..1_000).prop_map(f64::from),
        2 => any::<u64>().prop_map(f64::from_bits),
        2 => Just(STALE_NAN),
        2 => Just(1.0),
    ]
}

fn any_step() -> impl Strategy<Value = i64> {
    prop_oneof![4 => Just(15_000_i64), 2 => 1_i64..30_000, 1 => 1_i64..1 << 40]
}

fn any_start() -> impl Strategy<Value = i64> {
    prop_oneof![6 => Just(0_i64), 4 => Just(77), 1 => -3_i64..3, 1 => -(1_i64 << 60)..1 << 60]
}

fn any_rows(count: RangeInclusive<usize>) -> impl Strategy<Value = Vec<Row>> {
    let steps = prop::collection::vec((any_step(), any_start(), any_value()), count);
    (-(1_i64 << 50)..1 << 50, steps).prop_map(|(mut time, steps)| {
        let row = |(step, start, value)| {
            time += step;
            (time, start, value)
        };
        steps.into_iter().map(row).collect()
    })
}

proptest! {
    #[test]
    fn decode_undoes_append(rows in any_rows(1..=250)) {
        check(&rows);
    }

    #[test]
    fn an_appender_goes_on_from_the_bytes(rows in any_rows(1..=40)) {
        prop_assert_eq!(encode_in_little_room(&rows), plain::encode(&rows));
    }

    #[test]
    fn a_flipped_bit_decodes_or_fails(
        rows in any_rows(1..=130),
        flip in any::<prop::sample::Index>(),
    ) {
        let mut bytes = encode(&rows);
        let bit = flip.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let mut columns = Columns::default();
        let _ = decode(Encoding::Xor2, &bytes, ALL, &mut columns);
        prop_assert!(columns.timestamps_ms().is_sorted_by(|a, b| a < b));
        // Whatever can be gone on from takes more.
        if let Ok(mut appender) = Xor2Appender::resume(&bytes)
            && let Some(last) = appender.last_time()
            && let Some(timestamp_ms) = last.timestamp_ms.checked_add(1)
            && appender.sample_count() < u16::MAX
        {
            bytes.resize(bytes.len() + 40, 0);
            let time = SampleTime { timestamp_ms, start_timestamp_ms: 9 };
            prop_assert!(appender.append(&mut bytes, time, 1.0).is_ok());
        }
    }
}
