use std::f64::consts::PI;

use super::date::date_part;
use crate::binary::{ElementOp, Kept};
use crate::block::Column;
use crate::gomath;
use crate::plan::DatePart;
use crate::scalar::Scalar;
use crate::{Grid, bits};

/// What happens to each value of a column by itself.
#[derive(Debug)]
pub(crate) enum Map {
    /// A function of the value alone.
    Math(fn(f64) -> f64),
    /// The value is cut to lie between two scalars; there is none where they cross.
    Clamp { min: Scalar, max: Scalar },
    /// The value is rounded to a multiple of the scalar.
    Round(Scalar),
    /// A part of the date that the value stands for.
    Date(DatePart),
    /// The time of the step, in seconds.
    StepTime(Grid),
    /// The value and a scalar go into an operator.
    Operator { op: ElementOp, scalar: Scalar, scalar_is_left: bool, return_bool: bool },
}

impl Map {
    /// Changes a column.
    pub(crate) fn apply(&self, column: &mut Column) {
        match self {
            Self::Math(function) => each(column, |_, value| Some(function(value))),
            Self::Clamp { min, max } => each(column, |step, value| {
                let (min, max) = (min.at(step), max.at(step));
                let cross = max < min;
                (!cross).then(|| gomath::max(min, gomath::min(max, value)))
            }),
            Self::Round(nearest) => each(column, |step, value| {
                let inverse = 1.0 / nearest.at(step);
                Some((value * inverse + 0.5).floor() / inverse)
            }),
            Self::Date(part) => each(column, |_, value| Some(date_part(*part, value))),
            Self::StepTime(grid) => {
                each(column, |step, _| Some(grid.time_ms(step) as f64 / 1000.0));
            }
            Self::Operator { op, scalar, scalar_is_left, return_bool } => {
                each(column, |step, value| {
                    operate(*op, value, scalar.at(step), *scalar_is_left, *return_bool)
                });
            }
        }
    }
}

/// Returns what an operator makes of a value and a scalar. A comparison keeps the value, whichever
/// side it stands on.
fn operate(
    op: ElementOp,
    value: f64,
    scalar: f64,
    scalar_is_left: bool,
    return_bool: bool,
) -> Option<f64> {
    let (left, right) = if scalar_is_left { (scalar, value) } else { (value, scalar) };
    match op.apply(left, right) {
        Kept::Value(result) => Some(result),
        Kept::Truth(truth) if return_bool => Some(f64::from(u8::from(truth))),
        Kept::Truth(truth) => truth.then_some(value),
    }
}

/// Replaces each value by what `change(step, value)` makes of it, or takes it away.
fn each(column: &mut Column, mut change: impl FnMut(usize, f64) -> Option<f64>) {
    let (values, present) = column.parts_mut();
    for (index, word) in present.iter_mut().enumerate() {
        let mut rest = *word;
        while rest != 0 {
            let bit = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let step = index * 64 + bit;
            match change(step, values[step]) {
                Some(value) => values[step] = value,
                None => bits::clear(std::slice::from_mut(word), bit),
            }
        }
    }
}

/// Returns radians in degrees.
pub(crate) fn degrees(radians: f64) -> f64 {
    radians * 180.0 / PI
}

/// Returns degrees in radians.
pub(crate) fn radians(degrees: f64) -> f64 {
    degrees * PI / 180.0
}

/// Returns -1, 1, or the number itself where it is zero or NaN.
pub(crate) fn sign(value: f64) -> f64 {
    if value < 0.0 {
        -1.0
    } else if value > 0.0 {
        1.0
    } else {
        value
    }
}
