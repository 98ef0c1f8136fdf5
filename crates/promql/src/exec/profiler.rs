use std::cell::{Cell, RefCell};
use std::fmt;
use std::time::Duration;

use super::{Operand, RangeVector};
use crate::block::Block;
use crate::profile::NodeCost;
use crate::scalar::Scalar;

/// Counts what each operation of a plan does.
///
/// One operation is at work at a time, and time and bytes go to its account. A vector whose columns
/// are made on demand is marked with the operations that it is the result of: they are at work while
/// a later operation reads it.
pub(crate) struct Profiler<'a> {
    clock: &'a dyn Fn() -> Duration,
    /// The operation at work.
    operation: Cell<usize>,
    /// When it was put to work.
    since: Cell<Duration>,
    costs: RefCell<Vec<NodeCost>>,
}

impl<'a> Profiler<'a> {
    /// Returns a profiler of `operations` operations, of which the first is at work.
    pub(crate) fn new(operations: usize, clock: &'a dyn Fn() -> Duration) -> Self {
        let costs = RefCell::new(vec![NodeCost::default(); operations]);
        Self { clock, operation: Cell::new(0), since: Cell::new(clock()), costs }
    }

    /// Puts an operation to work.
    pub(super) fn switch(&self, operation: usize) {
        let now = (self.clock)();
        let spent = now.saturating_sub(self.since.replace(now));
        self.count(|cost| cost.duration += spent);
        self.operation.set(operation);
    }

    /// Counts the result of the operation at work, unless its columns are yet to be made.
    pub(super) fn finish(&self, result: &Operand<'_>) {
        match result {
            Operand::Scalar(Scalar::Constant(_)) => self.count(|cost| cost.samples += 1),
            Operand::Scalar(Scalar::Steps(values)) => {
                self.count(|cost| cost.samples += values.len());
            }
            Operand::Text(_) | Operand::Range(RangeVector::Selected { .. }) => {}
            Operand::Range(RangeVector::Stepped { held, .. }) => self.count_block(held.block()),
            Operand::Vector(series) => {
                if let Some(block) = series.as_block() {
                    self.count_block(block);
                }
            }
        }
    }

    /// Counts one series of a result.
    pub(super) fn count_series(&self, samples: usize) {
        self.count(|cost| {
            cost.series += 1;
            cost.samples += samples;
        });
    }

    /// Counts samples that the store returned.
    pub(super) fn count_read(&self, samples: usize) {
        self.count(|cost| cost.samples_read += samples);
    }

    /// Counts bytes that were taken from the query's budget.
    pub(super) fn count_bytes(&self, size_bytes: usize) {
        self.count(|cost| cost.bytes += size_bytes);
    }

    /// Returns what each operation did, in the order of the plan.
    pub(crate) fn into_costs(self) -> Vec<NodeCost> {
        self.switch(0);
        self.costs.into_inner()
    }

    fn count_block(&self, block: &Block) {
        self.count(|cost| {
            cost.series += block.len();
            cost.samples += block.samples();
        });
    }

    fn count(&self, add: impl FnOnce(&mut NodeCost)) {
        if let Some(cost) = self.costs.borrow_mut().get_mut(self.operation.get()) {
            add(cost);
        }
    }
}

impl fmt::Debug for Profiler<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profiler").field("operation", &self.operation).finish_non_exhaustive()
    }
}
