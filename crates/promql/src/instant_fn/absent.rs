use narthex_model::Labels;

use crate::QueryError;
use crate::bits;
use crate::block::Column;
use crate::exec::{Held, Run, Series};

/// Returns one series with `labels` that is 1 at each step where no series of `vector` has a value.
///
/// # Errors
///
/// Where the store fails, or a limit is reached.
pub(crate) fn absent<'a>(
    run: &'a Run<'a>,
    vector: &Series<'a>,
    labels: Labels,
) -> Result<Held<'a>, QueryError> {
    let steps = vector.grid.steps();
    let mut found = vec![0; bits::word_count(steps)];
    vector.for_each(run, |_, column| {
        bits::union(&mut found, column.row().present());
        Ok(())
    })?;
    let mut column = Column::default();
    column.reset(steps);
    for step in (0..steps).filter(|step| !bits::get(&found, *step)) {
        column.set(step, 1.0);
    }
    let mut held = Held::new(run, steps);
    if bits::any(column.row().present()) {
        held.push(labels, column.row())?;
    }
    Ok(held)
}
