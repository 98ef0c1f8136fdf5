use std::ops::RangeInclusive;

use crate::{ChunkError, Columns, Encoding, xor};

/// Decodes a chunk and appends its samples of `range` to `out`. `range` is in milliseconds since the
/// Unix epoch, both ends included. The samples must be newer than those in `out`.
///
/// Histograms come with floats for counts. Of resets they say what the reference says: that the
/// first sample of a chunk may come after one and the others do not, but for gauges; a staleness
/// marker says nothing.
///
/// # Errors
///
/// Where the bytes are no chunk of this encoding; nothing is appended then.
pub fn decode(
    encoding: Encoding,
    bytes: &[u8],
    range: RangeInclusive<i64>,
    out: &mut Columns,
) -> Result<(), ChunkError> {
    decode_first(encoding, bytes, u16::MAX, range, out)
}

/// As [`decode`], for the first samples of the chunk alone, at most `count_max` of them: those that a
/// reader knew when more were being appended.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_first(
    encoding: Encoding,
    bytes: &[u8],
    count_max: u16,
    range: RangeInclusive<i64>,
    out: &mut Columns,
) -> Result<(), ChunkError> {
    match encoding {
        Encoding::Xor => xor::decode(bytes, count_max, &range, out),
        Encoding::Xor2 => crate::xor2::decode(bytes, count_max, &range, out),
        _ => crate::histogram::decode(encoding, bytes, count_max, &range, out),
    }
}
