use narthex_model::Labels;
use xxhash_rust::xxh64::xxh64;

use super::group::Groups;
use crate::QueryError;
use crate::block::Column;
use crate::exec::{Held, Run, Series};
use crate::plan::Grouping;
use crate::scalar::Scalar;

/// Returns about the given ratio of the series of `vector` at each step. A negative ratio chooses
/// those that its complement leaves.
///
/// The hash of a series' labels alone decides whether it is chosen, so that it is at every step and
/// in every store. It is the reference's hash, and so is the choice. Groups only decide about the
/// order in an instant query.
///
/// # Errors
///
/// Where the store fails, or a limit is reached.
pub(crate) fn limit_ratio<'a>(
    run: &'a Run<'a>,
    ratio: &Scalar,
    grouping: &Grouping<'_>,
    vector: Series<'a>,
) -> Result<Held<'a>, QueryError> {
    let grid = vector.grid;
    let held = vector.into_held(run)?;
    let mut result = Held::new(run, grid.steps());
    let mut column = Column::default();
    let mut groups = Groups::default();
    let mut group_of = Vec::new();
    let mut encoded = Vec::new();
    for (series, (labels, row)) in held.block().rows().enumerate() {
        let position = position(labels, &mut encoded);
        column.copy_from(row);
        for (step, _) in row.iter() {
            if !chooses(ratio.at(step), position) {
                column.clear(step);
            }
        }
        group_of.push(groups.of_labels(grouping, labels));
        result.push(labels.clone(), column.row())?;
        result.block_mut().set_nameless(series, held.block().is_nameless(series));
    }
    let mut order: Vec<usize> = (0..group_of.len()).collect();
    order.sort_by_key(|series| group_of[*series]);
    result.reorder(&order);
    result.settle()
}

/// Returns whether a ratio chooses the series at a position between 0 and 1. Beyond -1 and 1 it
/// chooses all of them.
fn chooses(ratio: f64, position: f64) -> bool {
    if ratio > 1.0 {
        return position < 1.0;
    }
    if ratio >= 0.0 { position < ratio } else { position >= 1.0 + ratio.max(-1.0) }
}

/// Returns where a series stands between 0 and 1, by the hash of its labels.
fn position(labels: &Labels, encoded: &mut Vec<u8>) -> f64 {
    encoded.clear();
    for text in labels.iter().flat_map(|(name, value)| [name, value]) {
        encode_size(text.len(), encoded);
        encoded.extend_from_slice(text.as_bytes());
    }
    xxh64(encoded, 0) as f64 / u64::MAX as f64
}

/// Appends a size as the reference encodes it in labels: one byte, or after 255 three of them.
fn encode_size(size: usize, encoded: &mut Vec<u8>) {
    match u8::try_from(size) {
        Ok(size) if size < u8::MAX => encoded.push(size),
        _ => {
            encoded.push(u8::MAX);
            encoded.extend_from_slice(&size.to_le_bytes()[..3]);
        }
    }
}
