//! Any bytes as a chunk of any encoding: an error, or samples in order of their time, which can be
//! gone on from.

#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_chunk::{
    ChunkHistogram, Columns, Encoding, HistogramChunk, Xor2Appender, XorAppender, decode,
};
use narthex_model::SampleTime;
use narthex_model::histogram::{FloatHistogram, Histogram};

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else { return };
    let encoding = Encoding::ALL[usize::from(*choice) % Encoding::ALL.len()];
    let mut columns = Columns::default();
    let decoded = decode(encoding, bytes, i64::MIN..=i64::MAX, &mut columns);
    assert!(columns.timestamps_ms().is_sorted_by(|a, b| a < b));
    assert!(decoded.is_ok() || columns.is_empty());
    match encoding {
        Encoding::Xor => append_to_xor(bytes),
        Encoding::Xor2 => append_to_xor2(bytes),
        Encoding::Histogram | Encoding::HistogramSt => {
            append_to(encoding, bytes, |last: &mut Histogram| {
                last.positive = [(FAR, 0)].into_iter().chain(&last.positive).collect();
            });
        }
        Encoding::FloatHistogram | Encoding::FloatHistogramSt => {
            append_to(encoding, bytes, |last: &mut FloatHistogram| {
                last.positive = [(FAR, 0.0)].into_iter().chain(&last.positive).collect();
            });
        }
    }
});

/// Behind the last sample, or any one behind none.
fn later(last_ms: Option<i64>) -> Option<SampleTime> {
    let timestamp_ms = last_ms.unwrap_or(0).checked_add(1)?;
    Some(SampleTime { timestamp_ms, start_timestamp_ms: 7 })
}

fn append_to_xor(bytes: &[u8]) {
    let Ok(mut appender) = XorAppender::resume(bytes) else { return };
    let Some(time) = later(appender.last().map(|(last_ms, _)| last_ms)) else { return };
    let mut buffer = bytes.to_vec();
    buffer.resize(bytes.len() + XorAppender::SAMPLE_SIZE_MAX, 0);
    if appender.sample_count() < u16::MAX {
        appender.append(&mut buffer, time.timestamp_ms, 1.5).expect("there is room");
    }
}

fn append_to_xor2(bytes: &[u8]) {
    let Ok(mut appender) = Xor2Appender::resume(bytes) else { return };
    let Some(time) = later(appender.last_time().map(|last| last.timestamp_ms)) else { return };
    let mut buffer = bytes.to_vec();
    buffer.resize(bytes.len() + Xor2Appender::SAMPLE_SIZE_MAX, 0);
    if appender.sample_count() < u16::MAX {
        appender.append(&mut buffer, time, 1.5).expect("there is room");
    }
}

/// Appends the last histogram again, and with a bucket more, for which the chunk is written anew.
fn append_to<H: ChunkHistogram>(encoding: Encoding, bytes: &[u8], widen: impl Fn(&mut H)) {
    let Ok(mut chunk) = HistogramChunk::<H>::resume(encoding, bytes.to_vec()) else { return };
    let mut next = chunk.last();
    for _ in 0..2 {
        let Some(time) = later(Some(chunk.last_time().timestamp_ms)) else { return };
        let _ = chunk.append(time, &next);
        widen(&mut next);
    }
}

/// The index of a bucket that no other is likely to have.
const FAR: i32 = -1_000_000;
