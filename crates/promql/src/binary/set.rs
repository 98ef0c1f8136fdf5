use std::sync::Arc;

use hashbrown::HashMap;
use narthex_promql_parser::{BinaryOp, VectorMatching};

use super::matching::Groups;
use crate::block::{Block, Row};
use crate::exec::{Held, Run};
use crate::{QueryError, bits};

/// Returns `left and right`, `left unless right` or `left or right`.
///
/// # Errors
///
/// Where a limit is reached, or the query was told to stop.
pub(crate) fn set_operation<'a>(
    run: &'a Run<'a>,
    op: BinaryOp,
    matching: &VectorMatching,
    left: &Block,
    right: &Block,
) -> Result<Held<'a>, QueryError> {
    let groups = Groups::new(run.ctx, left, right, matching)?;
    let mut result = Held::new(run, left.steps());
    if op == BinaryOp::Or {
        let taken = Presence::new(left, &groups.left, groups.count);
        let mut rows = HashMap::with_capacity(left.len());
        for (labels, row) in left.rows() {
            let index = result.block().len();
            rows.insert(labels.clone(), index);
            result.push(labels.clone(), row)?;
            result.block_mut().set_nameless(index, left.is_nameless(index));
        }
        for (series, (labels, row)) in right.rows().enumerate() {
            run.ctx.check()?;
            let index = match rows.get(labels) {
                Some(index) => *index,
                None => {
                    let index = result.push_empty(labels.clone())?;
                    result.block_mut().set_nameless(index, right.is_nameless(series));
                    index
                }
            };
            rows.insert(labels.clone(), index);
            let taken = taken.of(groups.right[series]);
            add_masked(result.block_mut(), index, row, |word| !taken[word]);
        }
    } else {
        let matched = Presence::new(right, &groups.right, groups.count);
        for (series, (labels, row)) in left.rows().enumerate() {
            let index = result.push_empty(labels.clone())?;
            result.block_mut().set_nameless(index, left.is_nameless(series));
            let matched = matched.of(groups.left[series]);
            let keep_matched = op == BinaryOp::And;
            add_masked(result.block_mut(), index, row, |word| {
                if keep_matched { matched[word] } else { !matched[word] }
            });
        }
    }
    result.settle()
}

/// Copies the values of `row` at the steps of a mask, given word by word.
fn add_masked(result: &mut Block, index: usize, row: Row<'_>, mask: impl Fn(usize) -> u64) {
    let (values, present) = result.row_mut(index);
    for (word, into) in present.iter_mut().enumerate() {
        let kept = row.present()[word] & mask(word);
        for bit in bits::ones(&[kept]) {
            values[word * 64 + bit] = row.values()[word * 64 + bit];
        }
        *into |= kept;
    }
    for (step, histogram) in row.histograms() {
        if mask(step / 64) >> (step % 64) & 1 != 0 {
            result.set_histogram(index, step, Arc::clone(histogram));
        }
    }
}

/// The steps at which any series of each group has a value.
struct Presence {
    words: usize,
    present: Vec<u64>,
}

impl Presence {
    fn new(block: &Block, groups: &[usize], count: usize) -> Self {
        let words = bits::word_count(block.steps());
        let mut presence = Self { words, present: vec![0; words * count] };
        for ((_, row), &group) in block.rows().zip(groups) {
            bits::union(&mut presence.present[group * words..][..words], row.present());
        }
        presence
    }

    fn of(&self, group: usize) -> &[u64] {
        &self.present[group * self.words..][..self.words]
    }
}
