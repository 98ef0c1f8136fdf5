use hashbrown::HashMap;

use super::held::Held;
use super::run::Run;
use super::series::Equals;
use crate::{QueryError, bits};

/// Returns the series of `held` with each set of labels once: where the first one stands.
///
/// # Errors
///
/// Where series with equal labels are refused, or two have a value at the same step.
pub(crate) fn merge_equal_labels<'a>(
    run: &'a Run<'a>,
    held: &Held<'a>,
    equals: Equals,
) -> Result<Held<'a>, QueryError> {
    let mut merged = Held::new(run, held.block().steps());
    let mut rows = HashMap::with_capacity(held.block().len());
    for (series, (labels, row)) in held.block().rows().enumerate() {
        run.ctx.check()?;
        let (index, fresh) = match rows.get(labels) {
            Some(index) => (*index, false),
            None => (merged.push_empty(labels.clone())?, true),
        };
        rows.insert(labels.clone(), index);
        if fresh {
            merged.block_mut().set_nameless(index, held.block().is_nameless(series));
        }
        let present = merged.block().row(index).present();
        if !fresh
            && (equals == Equals::Refuse || bits::first_common(present, row.present()).is_some())
        {
            return Err(QueryError::DuplicateLabelset);
        }
        for (step, _) in row.iter() {
            merged.block_mut().copy_step(index, step, row);
        }
    }
    merged.settle()
}
