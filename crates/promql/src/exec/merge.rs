use hashbrown::HashMap;

use super::held::Held;
use super::run::Run;
use super::series::Equals;
use crate::block::Block;
use crate::{QueryError, bits};

/// Returns the series of `held` with each set of labels once: where the first one stands.
///
/// # Errors
///
/// Where series with equal labels are refused, or two have a value at the same step.
pub(crate) fn merge_equal_labels<'a>(
    run: &'a Run<'a>,
    held: Held<'a>,
    equals: Equals,
) -> Result<Held<'a>, QueryError> {
    let mut merged = Block::new(held.block().steps());
    let mut rows = HashMap::with_capacity(held.block().len());
    for (labels, row) in held.block().rows() {
        let mut fresh = false;
        let index = *rows.entry(labels.clone()).or_insert_with(|| {
            fresh = true;
            merged.push_empty(labels.clone())
        });
        let (values, present) = merged.row_mut(index);
        if !fresh
            && (equals == Equals::Refuse || bits::first_common(present, row.present()).is_some())
        {
            return Err(QueryError::DuplicateLabelset);
        }
        for (step, value) in row.iter() {
            values[step] = value;
        }
        bits::union(present, row.present());
    }
    drop(held);
    Held::from_block(run, merged)
}
