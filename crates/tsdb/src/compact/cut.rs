use narthex_chunk::ChunkError;
use narthex_storage::TimeRange;

use super::encode::{ChunkEncoder, decode_samples};
use crate::EncodedChunk;

/// Appends what of a chunk lies in `range` and was not deleted. It is written anew where that is a
/// part only.
///
/// `deleted` are ranges of time in milliseconds, both ends included.
pub(crate) fn cut(
    chunk: EncodedChunk,
    range: TimeRange,
    deleted: &[(i64, i64)],
    out: &mut Vec<EncodedChunk>,
) -> Result<(), ChunkError> {
    let is_inside = range.contains(chunk.min_ms) && range.contains(chunk.max_ms);
    if is_inside && !deleted.iter().any(|(min_ms, max_ms)| chunk.overlaps(*min_ms, *max_ms)) {
        out.push(chunk);
        return Ok(());
    }
    let mut samples = Vec::new();
    decode_samples(&chunk, range, &mut samples)?;
    let is_deleted = |timestamp_ms: i64| {
        deleted.iter().any(|(min_ms, max_ms)| (*min_ms..=*max_ms).contains(&timestamp_ms))
    };
    let mut encoder = ChunkEncoder::new(usize::MAX, out);
    let mut follows = true;
    for mut sample in samples {
        if is_deleted(sample.time.timestamp_ms) {
            follows = false;
            continue;
        }
        if !follows {
            sample.value.forget_reset();
        }
        follows = true;
        encoder.push(&sample, chunk.encoding);
    }
    encoder.finish();
    Ok(())
}
