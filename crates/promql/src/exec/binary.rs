use narthex_promql_parser::{BinaryOp, VectorMatching};

use super::{Equals, Held, Operand, Run, Series, Stack};
use crate::QueryError;
use crate::annotations::Annotation;
use crate::binary::{ElementOp, VectorOp, set_operation, vector_operation};
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
        let grid = vector.grid;
        let held = vector.into_held(run)?;
        return Ok(Series::held(grid, trimmed_floats(run, plan, &held)));
    };
    let return_bool = plan.return_bool;
    let vector = if return_bool || !op.is_comparison() {
        vector.drop_names(run, Equals::Join)?
    } else {
        vector
    };
    Ok(vector.map(Map::Operator { op, scalar, scalar_is_left, return_bool }))
}

fn vectors<'a>(
    run: &'a Run<'a>,
    plan: &BinaryPlan<'_>,
    left: Series<'a>,
    right: Series<'a>,
) -> Result<Series<'a>, QueryError> {
    let grid = left.grid;
    let (left, right) = (left.into_held(run)?, right.into_held(run)?);
    let one_to_one = VectorMatching::default();
    let matching = plan.matching.unwrap_or(&one_to_one);
    let (left, right) = (left.block(), right.block());
    let operation = |op| {
        let operation = VectorOp { op, return_bool: plan.return_bool, matching };
        vector_operation(run, operation, left, right)
    };
    let held = match ElementOp::new(plan.op) {
        Some(op) => operation(op)?,
        None if plan.op.is_set() => set_operation(run, plan.op, matching, left, right)?,
        None => trimmed_floats(run, plan, &operation(ElementOp::Add)?),
    };
    Ok(Series::held(grid, held))
}

/// Returns nothing, which is what is left of floats when an operator for histograms trims them, and
/// remarks on it where there are some.
fn trimmed_floats<'a>(run: &'a Run<'a>, plan: &BinaryPlan<'_>, floats: &Held<'a>) -> Held<'a> {
    debug_assert!(matches!(plan.op, BinaryOp::TrimLower | BinaryOp::TrimUpper));
    if !floats.block().is_empty() {
        let op = plan.op.as_str();
        run.annotate(Annotation::incompatible_types("float", op, "float", plan.span));
    }
    Held::new(run, floats.block().steps())
}
