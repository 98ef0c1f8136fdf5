//! What a query costs in the reference's reckoning: which samples it looks at, and how many are held
//! at a time.
//!
//! The reference evaluates step by step, holds the result of every part in full, and counts while
//! it does. This evaluator never does that, and holds less; but what the reference would count
//! follows from how many values each operation has at each step. So each operation has an
//! [`Account`], which is filled in while its series are read, and once a part of the query is
//! complete, its accounts are settled into one [`Cost`].
//!
//! The numbers by step of one operation take less than one row of its result.

mod cost;
mod step_counts;

use std::cell::{Cell, RefCell};

use super::{Operand, RangeVector};
use crate::block::Row;
use crate::plan::{OperationKind, Plan};
use crate::scalar::Scalar;
use crate::stats::{SampleStats, StepStats};
use crate::window::{Samples, Windows};
use crate::window_counts::WindowCounts;
use crate::{Counting, Grid, QueryError};
use cost::Cost;
use step_counts::StepCounts;

/// The accounts of all operations of a plan.
#[derive(Debug)]
pub(crate) struct Ledger<'a> {
    plan: &'a Plan<'a>,
    accounts: RefCell<Vec<Account>>,
    samples_max: u64,
    counting: Counting,
    /// Whether samples of the store are counted for each step.
    by_step: bool,
    /// How much fuller than counted a window may have been.
    slack: Cell<u64>,
}

/// What is known of one operation.
#[derive(Debug, Default)]
struct Account {
    /// The first operation of its part of the query: its operands stand before it.
    first: usize,
    /// Its result.
    values: StepCounts,
    windows: WindowTally,
    /// What its whole part of the query came to, once that is complete.
    cost: Option<Cost>,
    /// Where this is the first operation of parts that are settled, the last one of the largest.
    settled_until: Option<usize>,
}

/// What the windows of a function, or of a selector, held.
#[derive(Debug, Default)]
struct WindowTally {
    total: Tally,
    read: Tally,
    /// The samples that are held after all series so far.
    held: u64,
    /// The most that were held at a time.
    peak: u64,
}

/// A number of samples, and its parts by step.
#[derive(Clone, Debug, Default)]
struct Tally {
    sum: u64,
    /// Empty where nobody asks for it.
    steps: Vec<u64>,
}

impl Tally {
    fn add(&mut self, step: usize, samples: u64) {
        self.sum += samples;
        if let Some(known) = self.steps.get_mut(step) {
            *known += samples;
        }
    }
}

impl<'a> Ledger<'a> {
    /// Returns the ledger of a query that nothing was done for.
    pub(crate) fn new(plan: &'a Plan<'a>, samples_max: usize, counting: Counting) -> Self {
        let mut accounts: Vec<Account> = Vec::with_capacity(plan.operations.len());
        let mut firsts: Vec<usize> = Vec::new();
        for (index, operation) in plan.operations.iter().enumerate() {
            let operands = firsts.len() - operation.kind.operand_count();
            let first = firsts.drain(operands..).next().unwrap_or(index);
            firsts.push(first);
            accounts.push(Account { first, ..Account::default() });
        }
        // Which samples a subquery reads for nothing depends on when it reads them.
        let by_step = counting == Counting::Steps
            || plan.operations.iter().any(|operation| {
                matches!(operation.kind, OperationKind::Subquery(_)) && operation.grid.steps() > 1
            });
        let samples_max = samples_max as u64;
        let (accounts, slack) = (RefCell::new(accounts), Cell::new(0));
        Self { plan, accounts, samples_max, counting, by_step, slack }
    }

    /// Counts one series of the result of `operation`.
    ///
    /// # Errors
    ///
    /// Where the query holds too many samples.
    pub(super) fn add_series(&self, operation: usize, row: Row<'_>) -> Result<(), QueryError> {
        let account = &mut self.accounts.borrow_mut()[operation];
        account.values.add(row);
        self.check(account.values.points())
    }

    /// Counts a result that is complete, and with it the part of the query that it is the result of.
    ///
    /// # Errors
    ///
    /// Where the query holds too many samples.
    pub(super) fn finish(&self, operation: usize, result: &Operand<'_>) -> Result<(), QueryError> {
        match result {
            Operand::Scalar(Scalar::Constant(_) | Scalar::Steps(_)) => {
                let steps = self.plan.operations[operation].grid.steps();
                self.accounts.borrow_mut()[operation].values.add_scalar(steps);
            }
            Operand::Text(_) | Operand::Range(RangeVector::Stepped { .. }) => {}
            Operand::Range(RangeVector::Selected { .. }) => return Ok(()),
            Operand::Vector(series) => {
                let Some(block) = series.as_block() else { return Ok(()) };
                for (_, row) in block.rows() {
                    self.add_series(operation, row)?;
                }
            }
        }
        self.check(self.settle(operation))
    }

    /// Counts the samples in the windows over one series, on which `operation` evaluates a function.
    /// Of samples that a subquery made, `from_store` is false. Returns how many the reference holds
    /// when it comes to the end of the series.
    ///
    /// # Errors
    ///
    /// Where the query was told to stop, or holds too many samples.
    pub(super) fn add_windows(
        &self,
        operation: usize,
        samples: Samples<'_>,
        windows: &Windows,
        from_store: bool,
    ) -> Result<u64, QueryError> {
        let account = &mut self.accounts.borrow_mut()[operation];
        let WindowTally { total, read, .. } = &mut account.windows;
        let counts = if self.by_step {
            let steps = windows.grid.steps();
            total.steps.resize(steps, 0);
            read.steps.resize(steps, 0);
            WindowCounts::by_step(windows, samples, |step, in_window, fresh| {
                total.steps[step] += in_window;
                read.steps[step] += if from_store { fresh } else { 0 };
            })
        } else if self.counting == Counting::Totals {
            WindowCounts::of(windows, samples)
        } else {
            WindowCounts::by_step(windows, samples, |_, _, _| {})
        };
        self.slack.set(self.slack.get().max(counts.slack));
        total.sum += counts.total;
        read.sum += if from_store { counts.fresh } else { 0 };
        let tally = &mut account.windows;
        tally.peak = tally.peak.max(tally.held + counts.max);
        self.check(tally.peak)?;
        Ok(counts.last)
    }

    /// Counts what the function of `operation` made of a series whose last window held `last`
    /// samples.
    ///
    /// # Errors
    ///
    /// Where the query holds too many samples.
    pub(super) fn add_results(
        &self,
        operation: usize,
        row: Row<'_>,
        last: u64,
    ) -> Result<(), QueryError> {
        let tally = &mut self.accounts.borrow_mut()[operation].windows;
        tally.held += step_counts::points_of(row);
        tally.peak = tally.peak.max(tally.held + last);
        self.check(tally.peak)
    }

    /// Counts the samples around the steps of a smoothed selector: the reference counts none of them
    /// as looked at, and forgets to let go of them.
    ///
    /// # Errors
    ///
    /// Where the query holds too many samples.
    pub(super) fn add_smoothed(
        &self,
        operation: usize,
        samples: Samples<'_>,
        windows: &Windows,
    ) -> Result<(), QueryError> {
        let counts = WindowCounts::by_step(windows, samples, |_, _, _| {});
        let tally = &mut self.accounts.borrow_mut()[operation].windows;
        tally.peak = tally.peak.max(tally.held + counts.max);
        tally.held += counts.last;
        self.check(tally.peak)
    }

    /// Counts one series of a range vector that is the answer: `shown` samples of `seen`.
    ///
    /// # Errors
    ///
    /// Where the query holds too many samples.
    pub(crate) fn add_matrix(
        &self,
        operation: usize,
        seen: u64,
        shown: u64,
    ) -> Result<(), QueryError> {
        let tally = &mut self.accounts.borrow_mut()[operation].windows;
        let steps = usize::from(self.by_step);
        for part in [&mut tally.total, &mut tally.read] {
            part.steps.resize(steps, 0);
            part.add(0, shown);
        }
        tally.held += seen;
        tally.peak = tally.held;
        self.check(tally.peak)
    }

    /// Counts one info series that `operation` looked at.
    ///
    /// # Errors
    ///
    /// Where the query holds too many samples.
    pub(super) fn add_info(&self, operation: usize, row: Row<'_>) -> Result<(), QueryError> {
        let steps = if self.by_step { row.values().len() } else { 0 };
        let tally = &mut self.accounts.borrow_mut()[operation].windows;
        for part in [&mut tally.total, &mut tally.read] {
            part.steps.resize(steps, 0);
            for (step, _) in row.iter() {
                part.add(step, 1);
            }
        }
        tally.held += row.count() as u64;
        self.check(tally.held)
    }

    /// Returns what the query came to, which is evaluated; `None` where it came so close to the limit
    /// that only [`Counting::Peak`] tells whether it held too many samples.
    ///
    /// # Errors
    ///
    /// Where it held too many samples.
    pub(crate) fn close(&self, grid: Grid) -> Result<Option<SampleStats>, QueryError> {
        let Some(root) = self.plan.operations.len().checked_sub(1) else {
            return Ok(Some(SampleStats::default()));
        };
        self.settle(root);
        let cost = self.accounts.borrow_mut()[root].cost.take().unwrap_or_default();
        let cost = cost.of_answer(grid);
        self.check(cost.peak)?;
        if self.check(cost.peak + self.slack.get()).is_err() {
            return Ok(None);
        }
        let steps_of = |mut tally: Tally| {
            tally.steps.resize(grid.steps(), 0);
            tally.steps
        };
        let (total, read) = (cost.total.sum, cost.read.sum);
        let peak = (self.counting >= Counting::Peak).then_some(cost.peak);
        let steps = (self.counting == Counting::Steps).then(|| StepStats {
            grid,
            total: steps_of(cost.total),
            read: steps_of(cost.read),
        });
        Ok(Some(SampleStats { total, read, peak, steps }))
    }

    /// Fails where so many samples are too many.
    fn check(&self, samples: u64) -> Result<(), QueryError> {
        if samples > self.samples_max { Err(QueryError::TooManySamples) } else { Ok(()) }
    }

    /// Settles the accounts of the part of the query that `root` is the last operation of. Returns
    /// the most samples that it held at a time.
    fn settle(&self, root: usize) -> u64 {
        let operations = &self.plan.operations;
        let accounts = &mut *self.accounts.borrow_mut();
        let first = accounts[root].first;
        let mut stack: Vec<usize> = Vec::new();
        let mut index = first;
        while index <= root {
            if let Some(settled) = accounts[index].settled_until.filter(|until| *until <= root) {
                stack.push(settled);
                index = settled + 1;
                continue;
            }
            let operand_count = operations[index].kind.operand_count();
            let operands = stack.split_off(stack.len() - operand_count);
            let cost = cost::of(operations, index, &operands, accounts, self.by_step);
            for operand in operands {
                // Nobody asks again.
                accounts[operand].values = StepCounts::default();
                accounts[operand].cost = None;
            }
            accounts[index].cost = Some(cost);
            stack.push(index);
            index += 1;
        }
        accounts[first].settled_until = Some(root);
        accounts[root].cost.as_ref().map_or(0, |cost| cost.peak)
    }
}
