use std::fmt::{self, Write};
use std::time::Duration;

use narthex_model::{duration, float};

use crate::ast::{DurationExpr, DurationKind, DurationOp, DurationValue, NumberLiteral};
use crate::ops::UnaryOp;

/// Writes the length of a window or a step.
pub(super) fn write_length(out: &mut impl Write, length: DurationValue<'_>) -> fmt::Result {
    if length.is_zero() {
        // Below a millisecond; the reference prints 0s, which it cannot read back.
        return out.write_str("0.0001");
    }
    write_value(out, length)
}

/// Writes an offset.
pub(super) fn write_value(out: &mut impl Write, value: DurationValue<'_>) -> fmt::Result {
    match value {
        DurationValue::Millis(millis) => write_millis(out, millis),
        DurationValue::Expr(expr) => write_expr(out, expr),
    }
}

/// Writes a fixed duration, whose sign stands before it.
fn write_millis(out: &mut impl Write, millis: i64) -> fmt::Result {
    if millis < 0 {
        out.write_char('-')?;
    }
    write!(out, "{}", duration::display(Duration::from_millis(millis.unsigned_abs())))
}

/// Writes a number, or the duration as which it was written.
pub(super) fn write_number(out: &mut impl Write, number: NumberLiteral) -> fmt::Result {
    if !number.is_duration {
        return float::write_fixed(out, number.value);
    }
    // The reference cuts where this rounds, and so prints 1.001 seconds as 1s.
    #[expect(clippy::cast_possible_truncation, reason = "durations have whole milliseconds")]
    write_millis(out, (number.value * 1000.0).round() as i64)
}

/// One piece of text still to be written.
enum Piece {
    Node(u32),
    Text(&'static str),
}

fn write_expr(out: &mut impl Write, expr: &DurationExpr) -> fmt::Result {
    let Ok(count) = u32::try_from(expr.nodes().len()) else { return Err(fmt::Error) };
    let mut stack = vec![Piece::Node(count - 1)];
    while let Some(piece) = stack.pop() {
        let index = match piece {
            Piece::Text(text) => {
                out.write_str(text)?;
                continue;
            }
            Piece::Node(index) => index,
        };
        let node = &expr.nodes()[index as usize];
        if node.wrapped {
            out.write_char('(')?;
            stack.push(Piece::Text(")"));
        }
        match node.kind {
            DurationKind::Literal(number) => write_number(out, number)?,
            DurationKind::Step => out.write_str("step()")?,
            DurationKind::Range => out.write_str("range()")?,
            DurationKind::Unary { op, operand } => {
                if op == UnaryOp::Minus {
                    out.write_char('-')?;
                }
                stack.push(Piece::Node(operand));
            }
            DurationKind::Binary { op: op @ (DurationOp::MinOf | DurationOp::MaxOf), lhs, rhs } => {
                write!(out, "{}(", op.as_str())?;
                let call =
                    [Piece::Node(lhs), Piece::Text(", "), Piece::Node(rhs), Piece::Text(")")];
                stack.extend(call.into_iter().rev());
            }
            DurationKind::Binary { op, lhs, rhs } => {
                let [space, op] = [" ", op.as_str()].map(Piece::Text);
                let infix = [Piece::Node(lhs), space, op, Piece::Text(" "), Piece::Node(rhs)];
                stack.extend(infix.into_iter().rev());
            }
        }
    }
    Ok(())
}
