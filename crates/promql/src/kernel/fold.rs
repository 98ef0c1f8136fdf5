use std::fmt;

use narthex_promql_parser::AggregateOp;

use crate::aggregate::Fold;
use crate::block::Column;

/// An aggregation that folds columns into groups, step by step one value after the other.
///
/// The order in which columns are added is part of the result: floats sum differently in another
/// order. PromQL's is that of the series in the store.
///
/// ```
/// use narthex_promql::kernel::{Column, FoldKernel};
/// use narthex_promql_parser::AggregateOp;
///
/// let mut sums = FoldKernel::new(AggregateOp::Sum, 3).unwrap();
/// let mut column = Column::default();
/// for values in [[Some(1.0), None, None], [Some(2.0), Some(5.0), None]] {
///     column.reset(3);
///     for (step, value) in values.into_iter().enumerate() {
///         if let Some(value) = value {
///             column.set(step, value);
///         }
///     }
///     sums.add(0, &column);
/// }
/// sums.finish(0, &mut column);
/// assert_eq!(column.iter().collect::<Vec<_>>(), [(0, 3.0), (1, 5.0)]);
/// ```
pub struct FoldKernel {
    op: AggregateOp,
    steps: usize,
    states: Box<dyn Fold>,
}

impl FoldKernel {
    /// Returns the aggregation `op` over columns of `steps` steps, without groups, or `None` where
    /// `op` needs all values of a group at once or chooses among series: `quantile`,
    /// `count_values`, `topk`, `bottomk`, `limitk` and `limit_ratio`.
    #[must_use]
    pub fn new(op: AggregateOp, steps: usize) -> Option<Self> {
        let states = crate::aggregate::states(op, steps)?;
        Some(Self { op, steps, states })
    }

    /// Returns the number of groups: one more than the greatest that something was added to.
    #[must_use]
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Returns whether there is no group.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Folds the values of a column into a group. Each group up to that one takes room for at most
    /// three numbers a step.
    ///
    /// # Panics
    ///
    /// Where the column has another number of steps.
    pub fn add(&mut self, group: usize, column: &Column) {
        let row = column.row();
        assert_eq!(row.values().len(), self.steps, "all columns have the steps of the kernel");
        while group >= self.states.len() {
            self.states.push();
        }
        self.states.add(group, row);
    }

    /// Fills `out` with the results of a group; a step at which nothing was added has none. What
    /// `out` held is forgotten.
    ///
    /// # Panics
    ///
    /// Where there is no such group.
    pub fn finish(&self, group: usize, out: &mut Column) {
        assert!(group < self.len(), "group {group} of {}", self.len());
        out.reset(self.steps);
        let (values, present) = out.parts_mut();
        self.states.finish(group, values, present);
    }

    /// Forgets all groups and keeps the memory.
    pub fn clear(&mut self) {
        self.states.clear();
    }
}

impl fmt::Debug for FoldKernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("FoldKernel");
        fields.field("op", &self.op).field("steps", &self.steps).field("groups", &self.len());
        fields.finish_non_exhaustive()
    }
}
