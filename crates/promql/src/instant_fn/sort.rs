use crate::QueryError;
use crate::exec::{Held, Run, Series};
use crate::go_sort;

/// Returns the series of an instant query in the order of their values, NaN last.
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
    let mut order: Vec<usize> = (0..held.block().len()).collect();
    // The reference sorts in reverse of the reverse order, and so puts NaN last.
    go_sort::sort(&mut order, |left, right| {
        let (left, right) = (value(right), value(left));
        left.is_nan() || if descending { left < right } else { left > right }
    });
    held.reorder(&order);
    Ok(held)
}
