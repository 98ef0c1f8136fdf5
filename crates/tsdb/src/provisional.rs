//! References of series that come up while the write-ahead log is read, and written to.
//!
//! A log that was read gives a new series the reference that follows its highest one. Which that is, the
//! whole log alone can tell. Until it is read, series get *provisional* references, far above all
//! others, from a range that the segment has to itself with which the log goes on. A series that is new
//! to the log, too, keeps its one; to others it is a second name, as any that a log has for a series
//! twice, and is forgotten with the samples that were logged under it.
//!
//! The ranges come round after 16,384 segments, when series of the last round may still live under theirs.
//! The newest checkpoint names those, since no log is that long: a range that it names something of is
//! passed over. Each holds more references than a segment has room to name, and all lie below 2⁴⁰, from
//! where on the reference takes none.

use std::collections::BTreeSet;

/// Returns the reference in front of the range for a segment, or of the one half a round away; `None` where
/// both are `used`.
pub(crate) fn start(segment: u64, used: &BTreeSet<u64>) -> Option<u64> {
    let ranges = [segment % RANGE_COUNT, (segment + RANGE_COUNT / 2) % RANGE_COUNT];
    let range = ranges.into_iter().find(|range| !used.contains(range))?;
    Some(START + range * RANGE_SIZE)
}

/// Returns whether some range was taken before, when the log comes to a segment.
pub(crate) fn have_come_round(segment: u64) -> bool {
    segment >= RANGE_COUNT
}

/// Returns in which range a reference is, if it is a provisional one.
pub(crate) fn range_of(reference: u64) -> Option<u64> {
    has(reference).then(|| (reference - START).saturating_sub(1) / RANGE_SIZE)
}

/// Returns whether a reference is a provisional one.
pub(crate) fn has(reference: u64) -> bool {
    (START..START + SIZE).contains(&reference)
}

const START: u64 = 1 << 39;
const SIZE: u64 = 1 << 38;
const RANGE_COUNT: u64 = 1 << 14;
const RANGE_SIZE: u64 = SIZE / RANGE_COUNT;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{RANGE_COUNT, RANGE_SIZE, has, range_of, start};

    #[test]
    fn references_are_in_the_range_that_they_were_given_from() {
        for segment in [0, 1, 77, RANGE_COUNT - 1] {
            let before = start(segment, &BTreeSet::new()).unwrap();
            for reference in [before + 1, before + RANGE_SIZE - 1] {
                assert!(has(reference));
                assert_eq!(range_of(reference), Some(segment));
            }
        }
        assert_eq!(range_of(1), None);
    }

    #[test]
    fn used_ranges_are_passed_over() {
        let (own, other) = (5, 5 + RANGE_COUNT / 2);
        let start_of = |used: &[u64]| start(RANGE_COUNT + own, &used.iter().copied().collect());
        assert_eq!(start_of(&[]), start(own, &BTreeSet::new()));
        assert_eq!(start_of(&[own]), start(other, &BTreeSet::new()));
        assert_eq!(start_of(&[other, own]), None);
    }
}
