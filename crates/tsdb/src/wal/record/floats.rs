use super::{RefSample, SAMPLES, SAMPLES_V2, StartTimes};
use crate::codec::{Cursor, put_signed, zigzag};

/// Calls `visit` for the samples of a record whose references and times are differences to the first
/// one's. `None` where it makes no sense, if only in its last byte.
#[inline]
pub(super) fn visit(body: &mut Cursor<'_>, mut visit: impl FnMut(RefSample)) -> Option<()> {
    if body.is_empty() {
        return Some(());
    }
    let (first_reference, first_ms) = (body.word()?, body.word()?.cast_signed());
    while !body.is_empty() {
        let (reference, time, value) = match take_short(body) {
            Some(sample) => sample,
            None => (body.signed()?, body.signed()?, body.float()?),
        };
        visit(RefSample {
            reference: first_reference.wrapping_add_signed(reference),
            timestamp_ms: first_ms.wrapping_add(time),
            start_timestamp_ms: 0,
            value,
        });
    }
    Some(())
}

/// Takes the two differences and the value of a sample where the first difference has up to three bytes
/// and the second has one.
///
/// PERF: nearly all samples are such, and logs have many: looking at the length of what is left once
/// makes them twice as fast.
#[inline]
fn take_short(body: &mut Cursor<'_>) -> Option<(i64, i64, f64)> {
    let [a, b, c, d, ..] = *body.peek::<SHORT_SIZE_MAX>()?;
    let (reference, time, size) = match (a < 0x80, b < 0x80, c < 0x80) {
        (true, ..) => (u64::from(a), b, 1),
        (_, true, _) => (u64::from(a & 0x7f) | u64::from(b) << 7, c, 2),
        (.., true) => {
            let low = u64::from(a & 0x7f) | u64::from(b & 0x7f) << 7;
            (low | u64::from(c) << 14, d, 3)
        }
        _ => return None,
    };
    if time >= 0x80 {
        return None;
    }
    body.skip(size + 1);
    Some((zigzag(reference), zigzag(time.into()), body.float()?))
}

/// As [`visit`], where references are differences to the sample before, and samples have starts.
pub(super) fn visit_with_starts(
    body: &mut Cursor<'_>,
    mut visit: impl FnMut(RefSample),
) -> Option<()> {
    if body.is_empty() {
        return Some(());
    }
    let mut reference = body.signed()?.cast_unsigned();
    let first_ms = body.signed()?;
    let mut start_timestamp_ms = body.signed()?;
    let mut timestamp_ms = first_ms;
    let mut starts = StartTimes::new(start_timestamp_ms);
    loop {
        let value = body.float()?;
        visit(RefSample { reference, timestamp_ms, start_timestamp_ms, value });
        if body.is_empty() {
            return Some(());
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

/// Three bytes, one, and a value.
const SHORT_SIZE_MAX: usize = 3 + 1 + 8;
