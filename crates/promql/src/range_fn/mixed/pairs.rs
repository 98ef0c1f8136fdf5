//! How many samples stand in a relation to the one before, histograms among them.

use narthex_model::histogram::FloatHistogram;
use narthex_promql_parser::ExtendedRange;

use super::MixedWindow;
use crate::block::Column;

/// What two samples that follow one another can be to each other.
pub(super) struct Relation {
    floats: fn(f64, f64) -> bool,
    histograms: fn(&FloatHistogram, &FloatHistogram) -> bool,
    /// Whether it also holds where a start timestamp says that a counter began anew.
    heeds_starts: bool,
}

pub(super) const CHANGE: Relation = Relation {
    floats: |before, now| before != now && !(before.is_nan() && now.is_nan()),
    histograms: |before, now| before != now,
    heeds_starts: false,
};
pub(super) const RESET: Relation = Relation {
    floats: |before, now| now < before,
    histograms: |before, now| now.detect_reset(before),
    heeds_starts: true,
};

/// Sets the result to how many samples stand in the relation to the one before. A float and a
/// histogram always do.
pub(super) fn count(
    window: MixedWindow<'_>,
    reach: Option<ExtendedRange>,
    relation: &Relation,
    out: &mut Column,
) {
    let counted = if reach.is_some() { window.anchored() } else { Some(window) };
    let Some(counted) = counted else { return };
    let values = counted.window.values;
    let holds =
        |position: &usize| match (counted.histogram(position - 1), counted.histogram(*position)) {
            (Some(before), Some(now)) => {
                (relation.heeds_starts && counted.starts_anew(*position))
                    || (relation.histograms)(before, now)
            }
            (None, None) => {
                (relation.heeds_starts && counted.starts_anew(*position))
                    || (relation.floats)(values[position - 1], values[*position])
            }
            _ => true,
        };
    out.set(window.window.step, (1..values.len()).filter(holds).count() as f64);
}
