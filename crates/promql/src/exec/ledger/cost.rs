//! How the cost of an operation follows from what is known of it and from the cost of its operands.
//!
//! # Source
//!
//! `eval` and what it calls in Prometheus `promql/engine.go`, as far as `currentSamples` and
//! `samplesStats` are concerned; `MergeSamplesReadFromSubquery` in `util/stats/query_stats.go`.

use narthex_promql_parser::AggregateOp;

use super::{Account, StepCounts, Tally};
use crate::Grid;
use crate::plan::{Function, Operation, OperationKind, Take};
use crate::window::Windows;

/// What a part of a query comes to in the reference's reckoning, in samples.
#[derive(Clone, Debug, Default)]
pub(super) struct Cost {
    /// The most that are held at a time.
    pub(super) peak: u64,
    /// Those that are held afterwards.
    held: u64,
    pub(super) total: Tally,
    pub(super) read: Tally,
    /// Where and when a subquery looked: what of it counts is for the operation around to say.
    subquery: Option<(Grid, Windows)>,
}

impl Cost {
    /// Adds what is evaluated next while the result so far is held.
    fn then(&mut self, next: &Self) {
        self.peak = self.peak.max(self.held + next.peak);
        self.held += next.held;
        self.total.merge(&next.total);
        self.read.merge(&next.read);
    }

    /// Adds the samples of a selector or of windows.
    fn read(&mut self, account: &Account) {
        self.total.merge(&account.windows.total);
        self.read.merge(&account.windows.read);
    }

    /// Returns the cost of an answer at the steps of `grid`: a subquery that is the answer counts at
    /// the last.
    pub(super) fn of_answer(mut self, grid: Grid) -> Self {
        if let Some((child, _)) = self.subquery.take() {
            let steps = grid.steps();
            let total = std::mem::take(&mut self.total);
            let read = std::mem::take(&mut self.read);
            self.total = Tally { sum: 0, steps: vec![0; steps] };
            self.total.add(steps.saturating_sub(1), total.sum);
            self.read = read_of_subquery(&read, child, grid, (0, 0));
        }
        self
    }
}

impl Tally {
    fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        if self.steps.len() < other.steps.len() {
            self.steps.resize(other.steps.len(), 0);
        }
        for (known, more) in self.steps.iter_mut().zip(&other.steps) {
            *known += more;
        }
    }
}

/// Returns the cost of `operation`, whose operands are settled.
pub(super) fn of(
    operations: &[Operation<'_>],
    index: usize,
    operands: &[usize],
    accounts: &[Account],
    by_step: bool,
) -> Cost {
    let (operation, account) = (&operations[index], &accounts[index]);
    let steps = operation.grid.steps();
    let by_step_of = |at: &dyn Fn(usize) -> u64| match by_step {
        true => (0..steps).map(at).collect(),
        false => Vec::new(),
    };
    match &operation.kind {
        OperationKind::Text(_) => Cost::default(),
        OperationKind::Number(_) | OperationKind::Binary(_) => {
            step_by_step(steps, account, operands, accounts)
        }
        OperationKind::Instant(instant) => match instant.take {
            Take::Smoothed => held_and_read(account),
            Take::Value | Take::TimeMs => {
                let points = account.values.points();
                let steps = by_step_of(&|step| account.values.points_at(step));
                let total = Tally { sum: points, steps };
                Cost { peak: points, held: points, read: total.clone(), total, subquery: None }
            }
            // The function around it holds the samples, one step's at a time.
            Take::Time | Take::StartTime => {
                let sum = (0..steps).map(|step| account.values.values_at(step)).sum();
                let steps = by_step_of(&|step| account.values.values_at(step));
                let total = Tally { sum, steps };
                Cost { read: total.clone(), total, ..Cost::default() }
            }
        },
        OperationKind::Window { .. } => held_and_read(account),
        OperationKind::Subquery(windows) => {
            let mut cost = in_turn(operands, accounts);
            cost.subquery = operands.first().map(|inner| (operations[*inner].grid, *windows));
            cost
        }
        OperationKind::Spread => spread(steps, account, in_turn(operands, accounts), by_step),
        OperationKind::Negate => in_turn(operands, accounts),
        OperationKind::Info(_) => {
            let mut cost = in_turn(operands, accounts);
            let infos = account.windows.held;
            cost.held += infos;
            cost.peak = cost.peak.max(cost.held);
            cost.read(account);
            let held = cost.held;
            gather(&mut cost, steps, account, operands, accounts);
            // It forgets to let go of what it joined.
            cost.held += held;
            cost
        }
        OperationKind::Call(call) => match &call.function {
            Function::OverRange(_) | Function::AbsentOverTime(_) => {
                over_range(operation.grid, account, operands, accounts)
            }
            Function::LabelReplace | Function::LabelJoin => in_turn(operands, accounts),
            _ => step_by_step(steps, account, operands, accounts),
        },
        OperationKind::Aggregate(aggregate) if aggregate.op == AggregateOp::CountValues => {
            step_by_step(steps, account, operands, accounts)
        }
        OperationKind::Aggregate(_) => {
            let mut cost = in_turn(operands, accounts);
            cost.held = account.values.points();
            cost.peak = cost.peak.max(cost.held);
            cost
        }
    }
}

fn held_and_read(account: &Account) -> Cost {
    let mut cost =
        Cost { peak: account.windows.peak, held: account.windows.held, ..Cost::default() };
    cost.read(account);
    cost
}

/// Returns the cost of evaluating one operand after the other.
fn in_turn(operands: &[usize], accounts: &[Account]) -> Cost {
    let mut cost = Cost::default();
    for operand in operands {
        if let Some(next) = &accounts[*operand].cost {
            cost.then(next);
        }
    }
    cost
}

/// Returns the cost of an operation that takes the values of its operands step by step.
fn step_by_step(steps: usize, account: &Account, operands: &[usize], accounts: &[Account]) -> Cost {
    let mut cost = in_turn(operands, accounts);
    gather(&mut cost, steps, account, operands, accounts);
    cost
}

/// Adds to the cost of operands what is held while their values are taken step by step: those of
/// one step once more, and the results so far.
fn gather(
    cost: &mut Cost,
    steps: usize,
    account: &Account,
    operands: &[usize],
    accounts: &[Account],
) {
    let values = &account.values;
    let inputs = || operands.iter().map(|operand| &accounts[*operand].values);
    let gathered_at = |step| inputs().map(|input| input.values_at(step)).sum::<u64>();
    if steps > 0 && values.is_even() && inputs().all(StepCounts::is_even) {
        // PERF: the last step is the worst, and series without gaps are the rule.
        let results = values.values_at(0) * steps as u64;
        cost.peak = cost.peak.max(cost.held + gathered_at(0) + results);
    } else {
        let mut results = 0;
        for step in 0..steps {
            results += values.vector_at(step);
            cost.peak = cost.peak.max(cost.held + gathered_at(step) + results);
        }
    }
    cost.held = values.points();
}

/// Returns the cost of a function over the windows of an operand.
fn over_range(grid: Grid, account: &Account, operands: &[usize], accounts: &[Account]) -> Cost {
    let cost_of = |operand: &usize| accounts[*operand].cost.as_ref();
    let mut cost = Cost::default();
    let mut subquery_held = 0;
    // The reference evaluates a subquery before the other arguments.
    let subquery = operands.iter().filter_map(cost_of).find(|cost| cost.subquery.is_some());
    if let Some((subquery, (child, windows))) =
        subquery.and_then(|cost| Some((cost, cost.subquery.as_ref()?)))
    {
        subquery_held = subquery.held;
        let reach = (windows.offset_ms, windows.range_ms);
        cost.peak = subquery.peak;
        cost.held = subquery.held;
        cost.read = read_of_subquery(&subquery.read, *child, grid, reach);
    }
    for other in operands.iter().filter_map(cost_of).filter(|cost| cost.subquery.is_none()) {
        cost.then(other);
    }
    cost.peak = cost.peak.max(cost.held + account.windows.peak);
    cost.held = cost.held - subquery_held + account.windows.held;
    cost.read(account);
    cost
}

/// Returns the cost of something that is evaluated once and then has its value at every step.
fn spread(steps: usize, account: &Account, once: Cost, by_step: bool) -> Cost {
    let points = account.values.points();
    let each = once.total.sum;
    let mut read = Tally { sum: 0, steps: vec![0; if by_step { steps } else { 0 }] };
    read.add(0, once.read.sum);
    Cost {
        peak: once.peak.max(points),
        held: points,
        total: Tally {
            sum: each * steps as u64,
            steps: if by_step { vec![each; steps] } else { Vec::new() },
        },
        read,
        subquery: None,
    }
}

/// Returns which samples that a subquery read count at the steps of `grid`: each at the first step
/// that comes after it, shifted by the offset, unless it lies before the window of that step. A
/// range of 0 takes all of them.
fn read_of_subquery(
    read: &Tally,
    child: Grid,
    grid: Grid,
    (offset_ms, range_ms): (i64, i64),
) -> Tally {
    let steps = grid.steps();
    if steps <= 1 {
        return Tally { sum: read.sum, steps: vec![read.sum] };
    }
    let mut merged = Tally { sum: 0, steps: vec![0; steps] };
    for (at, samples) in read.steps.iter().enumerate().filter(|(_, samples)| **samples > 0) {
        let time_ms = child.time_ms(at).saturating_add(offset_ms);
        let after_ms = time_ms.saturating_sub(grid.start_ms()).max(0);
        let step = usize::try_from(after_ms.saturating_add(grid.step_ms() - 1) / grid.step_ms());
        let step = step.unwrap_or(usize::MAX).min(steps - 1);
        if range_ms > 0 && time_ms <= grid.time_ms(step).saturating_sub(range_ms) {
            continue;
        }
        merged.add(step, *samples);
    }
    merged
}
