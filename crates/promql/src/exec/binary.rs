use super::{Equals, Operand, Run, Series, Stack};
use crate::QueryError;
use crate::binary::{ElementOp, MixedOp, Side, VectorOp, set_operation, vector_operation};
use crate::instant_fn::Map;
use crate::plan::BinaryPlan;
use crate::scalar::Scalar;

/// Replaces two operands by what the operator makes of them.
pub(super) fn binary<'a>(
    run: &'a Run<'a>,
    plan: &BinaryPlan<'_>,
    stack: &mut Stack<'a>,
) -> Result<Operand<'a>, QueryError> {
    let (right, left) = (stack.pop(), stack.pop());
    Ok(match (left, right) {
        (Operand::Scalar(left), Operand::Scalar(right)) => {
            let op = ElementOp::new(plan.op)
                .filter(|op| !op.is_trim())
                .ok_or(QueryError::ScalarOperator { op: plan.op.as_str() })?;
            Operand::Scalar(left.zip(right, |left, right| op.apply_scalars(left, right)))
        }
        (Operand::Vector(vector), Operand::Scalar(scalar)) => {
            Operand::Vector(with_scalar(run, plan, vector, scalar, false)?)
        }
        (Operand::Scalar(scalar), Operand::Vector(vector)) => {
            Operand::Vector(with_scalar(run, plan, vector, scalar, true)?)
        }
        (Operand::Vector(left), Operand::Vector(right)) => {
            Operand::Vector(vectors(run, plan, left, right)?)
        }
        _ => unreachable!("the parser has checked that operands are scalars or instant vectors"),
    })
}

fn with_scalar<'a>(
    run: &'a Run<'a>,
    plan: &BinaryPlan<'_>,
    vector: Series<'a>,
    scalar: Scalar,
    scalar_is_left: bool,
) -> Result<Series<'a>, QueryError> {
    let Some(op) = ElementOp::new(plan.op) else {
        unreachable!("the parser has checked that set operators have vectors on both sides")
    };
    let return_bool = plan.return_bool;
    let drops_names = return_bool || op.changes_metric();
    let op = MixedOp { op, symbol: plan.op.as_str(), span: plan.span };
    if op.op.is_trim() && scalar_is_left {
        return trimmed_scalar(run, op, vector);
    }
    let result = vector.map(Map::Operator { op, scalar, scalar_is_left, return_bool });
    if drops_names { result.drop_names(run, Equals::Join) } else { Ok(result) }
}

/// Returns nothing, as a scalar cannot be trimmed, and remarks on it: of all that there is to say about
/// a step, the reference keeps what comes last.
fn trimmed_scalar<'a>(
    run: &'a Run<'a>,
    op: MixedOp,
    vector: Series<'a>,
) -> Result<Series<'a>, QueryError> {
    let grid = vector.grid;
    let held = vector.into_held(run)?;
    let mut last = vec![None; grid.steps()];
    for (_, row) in held.block().rows() {
        for (step, value) in row.iter() {
            last[step] = Some((row, value));
        }
    }
    for (step, (row, value)) in
        last.into_iter().enumerate().filter_map(|(step, it)| Some((step, it?)))
    {
        let right = row.histogram(step).map_or(Side::Float(value), |it| Side::Histogram(it));
        if let Err(remark) = op.apply(Side::Float(0.0), right) {
            run.annotate(remark);
        }
    }
    Ok(Series::empty(run, grid))
}

fn vectors<'a>(
    run: &'a Run<'a>,
    plan: &BinaryPlan<'_>,
    left: Series<'a>,
    right: Series<'a>,
) -> Result<Series<'a>, QueryError> {
    let grid = left.grid;
    let (left, right) = (left.into_held(run)?, right.into_held(run)?);
    let matching = &plan.matching.unwrap_or_default();
    let (left, right) = (left.block(), right.block());
    let held = match ElementOp::new(plan.op) {
        Some(op) => {
            let (symbol, span) = (plan.op.as_str(), plan.span);
            let return_bool = plan.return_bool;
            let operation = VectorOp { op, symbol, span, return_bool, matching };
            vector_operation(run, operation, left, right)?
        }
        None => set_operation(run, plan.op, matching, left, right)?,
    };
    Ok(Series::held(grid, held))
}
