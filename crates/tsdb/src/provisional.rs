//! References of series that come up while the write-ahead log is read, and written to.
//!
//! A log that was read gives a new series the reference that follows its highest one. Which that is, the
//! whole log alone can tell. Until it is read, series get *provisional* references, far above all
//! others, from a range that the segment has to itself with which the log goes on. A series that is new
//! to the log, too, keeps its one; to others it is a second name, as any that a log has for a series
//! twice, and is forgotten with the samples that were logged under it.
//!
//! The ranges come round after 16,384 segments. Each holds more references than a segment has room to
//! name, and all lie below 2⁴⁰, from where on the reference takes none.

/// Returns the reference in front of the range of a segment.
pub(crate) fn start(segment: u64) -> u64 {
    START + (segment % RANGE_COUNT) * (SIZE / RANGE_COUNT)
}

/// Returns whether a reference is a provisional one.
pub(crate) fn has(reference: u64) -> bool {
    (START..START + SIZE).contains(&reference)
}

const START: u64 = 1 << 39;
const SIZE: u64 = 1 << 38;
const RANGE_COUNT: u64 = 1 << 14;
