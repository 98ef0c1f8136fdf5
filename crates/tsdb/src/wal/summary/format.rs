use super::super::frame::HEADER_SIZE;
use super::{RUNS_MAX, Run, Stretch};
use crate::codec::{Cursor, checksum_matches, put_signed, put_unsigned};

/// Appends what stands in front of the stretches.
pub(super) fn begin(out: &mut Vec<u8>) {
    out.extend_from_slice(MAGIC);
}

/// Appends a stretch to others, the last of which ends at `end`.
pub(super) fn push(stretch: &Stretch, end: u64, out: &mut Vec<u8>) {
    let Stretch { place, header, records, samples, oldest_ms, newest_ms, runs } = stretch;
    put_unsigned(out, place.start - end);
    put_unsigned(out, place.end - place.start);
    out.extend_from_slice(header);
    put_unsigned(out, *records);
    put_unsigned(out, *samples);
    put_signed(out, *oldest_ms);
    put_signed(out, *newest_ms);
    put_unsigned(out, runs.len() as u64);
    let mut before = 0;
    for run in runs {
        put_unsigned(out, run.first - before);
        put_unsigned(out, run.last - run.first);
        before = run.last;
    }
}

/// Appends what stands behind the stretches: the size of the segment, and a checksum.
pub(super) fn finish(segment_size: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&segment_size.to_be_bytes());
    out.extend_from_slice(&crc32c::crc32c(out).to_be_bytes());
}

/// Returns the stretches of a summary. `None` where it makes no sense, or is that of a segment of another
/// size.
pub(super) fn decode(bytes: &[u8], segment_size: u64) -> Option<Vec<Stretch>> {
    let (checked, checksum) = bytes.split_last_chunk::<CHECKSUM_SIZE>()?;
    if !checksum_matches(checked, checksum) {
        return None;
    }
    let (body, size) = checked.split_last_chunk::<8>()?;
    if u64::from_be_bytes(*size) != segment_size {
        return None;
    }
    let mut body = Cursor::new(body.strip_prefix(MAGIC)?);
    let (mut stretches, mut end) = (Vec::new(), 0);
    while !body.is_empty() {
        let stretch = decode_stretch(&mut body, end)?;
        end = stretch.place.end;
        if end > segment_size {
            return None;
        }
        stretches.push(stretch);
    }
    Some(stretches)
}

fn decode_stretch(body: &mut Cursor<'_>, end: u64) -> Option<Stretch> {
    let start = end.checked_add(body.unsigned()?)?;
    let place = start..start.checked_add(body.unsigned()?)?;
    let header = *body.peek::<HEADER_SIZE>()?;
    body.skip(HEADER_SIZE);
    let (records, samples) = (body.unsigned()?, body.unsigned()?);
    let (oldest_ms, newest_ms) = (body.signed()?, body.signed()?);
    let count = usize::try_from(body.unsigned()?).ok()?;
    if place.is_empty() || count == 0 || count > RUNS_MAX {
        return None;
    }
    let (mut runs, mut before) = (Vec::new(), 0_u64);
    for index in 0..count {
        let distance = body.unsigned()?;
        // The first may start at 0; others rise.
        if index > 0 && distance == 0 {
            return None;
        }
        let first = before.checked_add(distance)?;
        let last = first.checked_add(body.unsigned()?)?;
        runs.push(Run { first, last });
        before = last;
    }
    Some(Stretch { place, header, records, samples, oldest_ms, newest_ms, runs })
}

/// The last byte is the version.
const MAGIC: &[u8] = b"nxwal\x01";
const CHECKSUM_SIZE: usize = 4;
