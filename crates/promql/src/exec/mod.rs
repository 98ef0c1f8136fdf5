//! Running a plan: a loop over its operations with a stack of operands.

mod aggregate;
mod binary;
mod call;
mod function_source;
mod held;
mod info;
mod ledger;
mod lookup;
mod merge;
mod profiler;
mod range_vector;
mod run;
mod scratch;
mod series;

use narthex_promql_parser::StringLiteral;
use narthex_storage::Selection;

use crate::QueryError;
use crate::block::Column;
use crate::instant_fn::Map;
use crate::plan::{Operation, OperationKind, Plan};
use crate::scalar::Scalar;
pub(crate) use function_source::FunctionSource;
pub(crate) use held::Held;
pub(crate) use merge::merge_equal_labels;
pub(crate) use profiler::Profiler;
pub(crate) use range_vector::RangeVector;
pub(crate) use run::{Allowance, Run};
pub(crate) use scratch::Scratch;
pub(crate) use series::{Equals, Series, remove_metadata};

/// What an operation leaves on the stack.
pub(crate) enum Operand<'a> {
    Scalar(Scalar),
    Text(StringLiteral<'a>),
    Vector(Series<'a>),
    Range(RangeVector<'a>),
}

/// Runs `plan`, whose selections were made in their order, and returns what is left in the end.
///
/// # Errors
///
/// Where the query has no answer; see [`QueryError`].
pub(crate) fn run_plan<'a>(
    run: &'a Run<'a>,
    plan: &'a Plan<'_>,
    selections: &'a [Box<dyn Selection + 'a>],
) -> Result<Operand<'a>, QueryError> {
    let mut stack = Stack { operands: Vec::new() };
    for (index, operation) in plan.operations.iter().enumerate() {
        run.ctx.check()?;
        run.begin(index);
        let mut operand = apply(run, index, operation, selections, &mut stack)?;
        if let Some(profiler) = run.profiler() {
            profiler.finish(&operand);
        }
        run.ledger.finish(index, &operand)?;
        if let Operand::Vector(series) = &mut operand
            && series.as_block().is_none()
        {
            series.mark(index);
        }
        stack.operands.push(operand);
    }
    Ok(stack.pop())
}

fn apply<'a>(
    run: &'a Run<'a>,
    index: usize,
    operation: &'a Operation<'_>,
    selections: &'a [Box<dyn Selection + 'a>],
    stack: &mut Stack<'a>,
) -> Result<Operand<'a>, QueryError> {
    let grid = operation.grid;
    Ok(match &operation.kind {
        OperationKind::Number(number) => Operand::Scalar(Scalar::Constant(*number)),
        OperationKind::Text(text) => Operand::Text(*text),
        OperationKind::Instant(instant) => {
            let selection = &*selections[instant.selection];
            Operand::Vector(Series::instant(run, selection, *instant, index)?)
        }
        OperationKind::Window { selection, windows, totals_only } => {
            let (selection, windows) = (&*selections[*selection], *windows);
            let totals_only = *totals_only;
            let operation = index;
            Operand::Range(RangeVector::Selected { selection, windows, totals_only, operation })
        }
        OperationKind::Subquery(windows) => {
            let vector = stack.pop_vector();
            let grid = vector.grid;
            let held = vector.into_held(run)?;
            Operand::Range(RangeVector::Stepped { held, grid, windows: *windows })
        }
        OperationKind::Spread => match stack.pop() {
            Operand::Scalar(scalar) => Operand::Scalar(Scalar::Constant(scalar.at(0))),
            Operand::Vector(vector) => Operand::Vector(spread(run, vector, operation)?),
            other => other,
        },
        OperationKind::Negate => match stack.pop() {
            Operand::Scalar(scalar) => Operand::Scalar(scalar.map(|number| -number)),
            Operand::Vector(vector) => {
                Operand::Vector(vector.map(Map::Negate).drop_names(run, Equals::Join)?)
            }
            other => other,
        },
        OperationKind::Info(plan) => {
            let base = stack.pop_vector().into_held(run)?;
            let selection = &*selections[plan.instant.selection];
            let held = info::info(run, plan, index, &base, selection)?;
            Operand::Vector(Series::held(grid, held))
        }
        OperationKind::Call(plan) => call::call(run, plan, (index, grid), stack)?,
        OperationKind::Aggregate(plan) => aggregate::aggregate(run, plan, grid, stack)?,
        OperationKind::Binary(plan) => binary::binary(run, plan, stack)?,
    })
}

/// Gives every series of a vector of one step its value at all steps of the operation.
fn spread<'a>(
    run: &'a Run<'a>,
    vector: Series<'a>,
    operation: &Operation<'_>,
) -> Result<Series<'a>, QueryError> {
    let once = vector.into_held(run)?;
    let steps = operation.grid.steps();
    let mut held = Held::new(run, steps);
    let mut column = Column::default();
    for (series, (labels, row)) in once.block().rows().enumerate() {
        column.spread(row, steps);
        held.push(labels.clone(), column.row())?;
        held.block_mut().set_nameless(series, once.block().is_nameless(series));
    }
    Ok(Series::held(operation.grid, held))
}

/// The operands that operations have left.
///
/// The parser has checked types and numbers of arguments, so an operand that is missing or of
/// another type is a broken promise of the plan.
pub(crate) struct Stack<'a> {
    operands: Vec<Operand<'a>>,
}

impl<'a> Stack<'a> {
    pub(crate) fn pop(&mut self) -> Operand<'a> {
        self.operands.pop().expect("the plan leaves an operand for each argument")
    }

    pub(crate) fn pop_scalar(&mut self) -> Scalar {
        match self.pop() {
            Operand::Scalar(scalar) => scalar,
            _ => unreachable!("the parser has checked that it is a scalar"),
        }
    }

    pub(crate) fn pop_text(&mut self) -> StringLiteral<'a> {
        match self.pop() {
            Operand::Text(text) => text,
            _ => unreachable!("the parser has checked that it is a string"),
        }
    }

    pub(crate) fn pop_vector(&mut self) -> Series<'a> {
        match self.pop() {
            Operand::Vector(vector) => vector,
            _ => unreachable!("the parser has checked that it is an instant vector"),
        }
    }

    pub(crate) fn pop_range(&mut self) -> RangeVector<'a> {
        match self.pop() {
            Operand::Range(range) => range,
            _ => unreachable!("the parser has checked that it is a range vector"),
        }
    }
}
