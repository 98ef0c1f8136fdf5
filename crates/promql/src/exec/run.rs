use std::cell::{Cell, RefCell};
use std::time::Duration;

use narthex_storage::QueryContext;

use super::ledger::Ledger;
use super::profiler::Profiler;
use crate::annotations::{Annotation, Annotations};
use crate::plan::Plan;
use crate::{Counting, EngineOptions, QueryError};

/// What every operation of one query shares: the context it came with, the ledger of its samples,
/// and the annotations of its answer.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) ctx: &'a QueryContext,
    pub(crate) options: &'a EngineOptions,
    pub(crate) ledger: Ledger<'a>,
    annotations: RefCell<Annotations>,
    /// The operation that is at work.
    operation: Cell<usize>,
    sorting: Cell<Duration>,
    /// Who counts what each operation does, if anybody does.
    profiler: Option<&'a Profiler<'a>>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        ctx: &'a QueryContext,
        options: &'a EngineOptions,
        plan: &'a Plan<'a>,
        counting: Counting,
        profiler: Option<&'a Profiler<'a>>,
    ) -> Self {
        Self {
            ctx,
            options,
            ledger: Ledger::new(plan, options.max_samples, counting),
            annotations: RefCell::default(),
            operation: Cell::default(),
            sorting: Cell::default(),
            profiler,
        }
    }

    pub(crate) fn profiler(&self) -> Option<&'a Profiler<'a>> {
        self.profiler
    }

    /// Returns the time since some moment in the past; always the same one without a clock.
    pub(crate) fn now(&self) -> Duration {
        self.options.clock.map_or(Duration::ZERO, |clock| clock())
    }

    /// Sorts the series of the result, and notes how long it takes.
    pub(crate) fn sorted<T>(&self, sort: impl FnOnce() -> T) -> T {
        let started = self.now();
        let sorted = sort();
        self.sorting.set(self.now().saturating_sub(started));
        sorted
    }

    /// Returns how long sorting took.
    pub(crate) fn sorting(&self) -> Duration {
        self.sorting.get()
    }

    /// Puts what is done from now on to the account of operation `operation`.
    pub(crate) fn begin(&self, operation: usize) {
        self.switch(operation);
    }

    /// Puts what is done to the account of operation `operation`, until the guard is dropped.
    pub(crate) fn at_work(&self, operation: usize) -> AtWork<'_> {
        AtWork { run: self, before: self.switch(operation) }
    }

    /// Puts an operation to work and returns the one that was.
    fn switch(&self, operation: usize) -> usize {
        if let Some(profiler) = self.profiler {
            profiler.switch(operation);
        }
        self.operation.replace(operation)
    }

    /// Fails where a number for each step would not fit the byte budget.
    pub(crate) fn fits_steps(&self, steps: usize) -> Result<(), QueryError> {
        let size_bytes = steps.saturating_mul(size_of::<f64>());
        self.ctx.charge(size_bytes)?;
        self.ctx.release(size_bytes);
        Ok(())
    }

    /// Returns an allowance that holds nothing yet.
    pub(crate) fn allowance(&self) -> Allowance<'a> {
        Allowance { ctx: self.ctx, profiler: self.profiler, size_bytes: 0 }
    }

    /// Adds an annotation of the operation at work to the answer.
    pub(crate) fn annotate(&self, annotation: Annotation) {
        self.annotations.borrow_mut().add(annotation, self.operation.get());
    }

    pub(crate) fn into_annotations(self) -> Annotations {
        self.annotations.into_inner()
    }
}

/// An operation is at work until this is dropped; then the one before is again.
#[derive(Debug)]
pub(crate) struct AtWork<'a> {
    run: &'a Run<'a>,
    before: usize,
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.run.switch(self.before);
    }
}

/// Bytes of the query's budget, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Allowance<'a> {
    ctx: &'a QueryContext,
    profiler: Option<&'a Profiler<'a>>,
    size_bytes: usize,
}

impl Allowance<'_> {
    /// Takes more from the budget.
    ///
    /// # Errors
    ///
    /// Where the budget does not have it.
    pub(crate) fn grow(&mut self, size_bytes: usize) -> Result<(), QueryError> {
        self.ctx.charge(size_bytes)?;
        self.size_bytes += size_bytes;
        if let Some(profiler) = self.profiler {
            profiler.count_bytes(size_bytes);
        }
        Ok(())
    }

    /// Takes as much as is missing to `size_bytes`.
    pub(crate) fn grow_to(&mut self, size_bytes: usize) -> Result<(), QueryError> {
        self.grow(size_bytes.saturating_sub(self.size_bytes))
    }
}

impl Drop for Allowance<'_> {
    fn drop(&mut self) {
        self.ctx.release(self.size_bytes);
    }
}
