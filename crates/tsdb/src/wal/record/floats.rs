use super::{RefSample, SAMPLES, SAMPLES_V2, StartTimes};
use crate::codec::{Cursor, put_signed};

/// References and times are differences to the first sample.
pub(super) fn decode<'a>(
    body: &mut Cursor<'_>,
    samples: &'a mut Vec<RefSample>,
) -> Option<&'a [RefSample]> {
    samples.clear();
    if body.is_empty() {
        return Some(samples);
    }
    let (first_reference, first_ms) = (body.word()?, body.word()?.cast_signed());
    samples.reserve(body.len() / SAMPLE_SIZE_MIN);
    while !body.is_empty() {
        samples.push(RefSample {
            reference: first_reference.wrapping_add_signed(body.signed()?),
            timestamp_ms: first_ms.wrapping_add(body.signed()?),
            start_timestamp_ms: 0,
            value: body.float()?,
        });
    }
    Some(samples)
}

/// References are differences to the sample before, times to the first one.
pub(super) fn decode_with_starts<'a>(
    body: &mut Cursor<'_>,
    samples: &'a mut Vec<RefSample>,
) -> Option<&'a [RefSample]> {
    samples.clear();
    if body.is_empty() {
        return Some(samples);
    }
    let mut reference = body.signed()?.cast_unsigned();
    let first_ms = body.signed()?;
    let mut start_timestamp_ms = body.signed()?;
    let mut timestamp_ms = first_ms;
    let mut starts = StartTimes::new(start_timestamp_ms);
    samples.reserve(body.len() / SAMPLE_SIZE_MIN);
    loop {
        let value = body.float()?;
        samples.push(RefSample { reference, timestamp_ms, start_timestamp_ms, value });
        if body.is_empty() {
            return Some(samples);
        }
        reference = reference.wrapping_add_signed(body.signed()?);
        timestamp_ms = first_ms.wrapping_add(body.signed()?);
        start_timestamp_ms = starts.decode(body)?;
    }
}

/// Appends a record of `samples` without their start times to `out`.
pub(crate) fn encode_samples(samples: impl IntoIterator<Item = RefSample>, out: &mut Vec<u8>) {
    out.push(SAMPLES);
    let mut samples = samples.into_iter().peekable();
    let Some(&first) = samples.peek() else { return };
    out.extend_from_slice(&first.reference.to_be_bytes());
    out.extend_from_slice(&first.timestamp_ms.to_be_bytes());
    for sample in samples {
        put_signed(out, sample.reference.wrapping_sub(first.reference).cast_signed());
        put_signed(out, sample.timestamp_ms.wrapping_sub(first.timestamp_ms));
        out.extend_from_slice(&sample.value.to_bits().to_be_bytes());
    }
}

/// Appends a record of `samples` with their start times to `out`. Prometheus reads it from 3.14 on.
pub(crate) fn encode_samples_with_starts(
    samples: impl IntoIterator<Item = RefSample>,
    out: &mut Vec<u8>,
) {
    out.push(SAMPLES_V2);
    let mut samples = samples.into_iter();
    let Some(first) = samples.next() else { return };
    put_signed(out, first.reference.cast_signed());
    put_signed(out, first.timestamp_ms);
    put_signed(out, first.start_timestamp_ms);
    out.extend_from_slice(&first.value.to_bits().to_be_bytes());
    let (mut starts, mut reference) = (StartTimes::new(first.start_timestamp_ms), first.reference);
    for sample in samples {
        put_signed(out, sample.reference.wrapping_sub(reference).cast_signed());
        put_signed(out, sample.timestamp_ms.wrapping_sub(first.timestamp_ms));
        starts.encode(sample.start_timestamp_ms, out);
        out.extend_from_slice(&sample.value.to_bits().to_be_bytes());
        reference = sample.reference;
    }
}

/// A byte for each difference, and the value.
const SAMPLE_SIZE_MIN: usize = 1 + 1 + 8;
