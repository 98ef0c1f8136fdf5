use std::cmp::Ordering;

use crate::QueryError;
use crate::exec::{Held, Run, Series};
use crate::{go_sort, natural};

/// Returns the series of an instant query in the order of their values, NaN last. Those of native
/// histograms are left out.
///
/// # Errors
///
/// Where the store fails, or a limit is reached.
pub(crate) fn sort<'a>(
    run: &'a Run<'a>,
    vector: Series<'a>,
    descending: bool,
) -> Result<Held<'a>, QueryError> {
    let mut held = vector.into_held(run)?;
    let value = |index: usize| held.block().row(index).values()[0];
    let is_float = |index: &usize| !held.block().row(*index).has_histograms();
    let mut order: Vec<usize> = (0..held.block().len()).filter(is_float).collect();
    // The reference sorts in reverse of the reverse order, and so puts NaN last.
    go_sort::sort(&mut order, |left, right| {
        // What the order comes to then is of no interest, as long as it is there soon.
        if run.ctx.interrupted().is_some() {
            return false;
        }
        let (left, right) = (value(right), value(left));
        left.is_nan() || if descending { left < right } else { left > right }
    });
    run.ctx.check()?;
    held.reorder(&order);
    Ok(held)
}

/// Returns the series of an instant query in the natural order of the values of `names`, the first
/// of which counts most; in the order of all labels where these are equal.
///
/// # Errors
///
/// Where the store fails, or a limit is reached.
pub(crate) fn sort_by_label<'a>(
    run: &'a Run<'a>,
    vector: Series<'a>,
    names: &[&str],
    descending: bool,
) -> Result<Held<'a>, QueryError> {
    let mut held = vector.into_held(run)?;
    let labels = held.block().labels();
    let mut order: Vec<usize> = (0..labels.len()).collect();
    go_sort::sort(&mut order, |left, right| {
        if run.ctx.interrupted().is_some() {
            return false;
        }
        let (left, right) = (&labels[left], &labels[right]);
        let mut orders =
            names.iter().map(|name| natural::compare(left.value(name), right.value(name)));
        let order = orders.find(|order| order.is_ne()).unwrap_or_else(|| left.cmp(right));
        order == if descending { Ordering::Greater } else { Ordering::Less }
    });
    run.ctx.check()?;
    held.reorder(&order);
    Ok(held)
}
