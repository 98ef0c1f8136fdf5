use std::f64::consts::PI;
use std::sync::Arc;

use narthex_model::histogram::FloatHistogram;

use super::date::date_part;
use super::native::Summary;
use crate::annotations::Annotation;
use crate::binary::{Kept, Made, MixedOp, Side};
use crate::block::Column;
use crate::gomath;
use crate::plan::DatePart;
use crate::scalar::Scalar;
use crate::{Grid, bits};

/// What happens to each value of a column by itself.
///
/// All but a few take native histograms away.
#[derive(Debug)]
pub(crate) enum Map {
    /// A function of the value alone.
    Math(fn(f64) -> f64),
    /// The value is negated, and so are histograms.
    Negate,
    /// A number of each histogram; floats are taken away.
    Summary(Summary),
    /// The value is cut to lie between two scalars; there is none where they cross.
    Clamp { min: Scalar, max: Scalar },
    /// The value is rounded to a multiple of the scalar.
    Round(Scalar),
    /// A part of the date that the value stands for.
    Date(DatePart),
    /// The time of the step, in seconds, for histograms too.
    StepTime(Grid),
    /// The value and a scalar go into an operator, and histograms do where it has them.
    Operator { op: MixedOp, scalar: Scalar, scalar_is_left: bool, return_bool: bool },
}

impl Map {
    /// Changes a column. `annotate` takes what there is to remark.
    pub(crate) fn apply(&self, column: &mut Column, annotate: impl FnMut(Annotation)) {
        if column.has_histograms() || self.is_for_histograms() {
            self.apply_to_histograms(column, annotate);
        } else {
            self.apply_to_floats(column);
        }
    }

    /// Returns whether the map does nothing with floats that a function of floats would do.
    fn is_for_histograms(&self) -> bool {
        match self {
            Self::Summary(_) => true,
            Self::Operator { op, .. } => op.op.is_trim(),
            _ => false,
        }
    }

    /// Changes a column with histograms, or changes it as if it had some.
    fn apply_to_histograms(&self, column: &mut Column, mut annotate: impl FnMut(Annotation)) {
        match self {
            Self::StepTime(_) => {
                column.take_histograms();
                self.apply_to_floats(column);
            }
            Self::Summary(summary) => {
                let histograms = column.take_histograms();
                each(column, |step, _| Some(summary.of(histograms.get(step)?.as_ref()?)));
            }
            Self::Negate => {
                let histograms = column.take_histograms();
                self.apply_to_floats(column);
                for (step, histogram) in present(&histograms) {
                    let mut negated = histogram.clone();
                    negated.mul(-1.0);
                    column.set_histogram(step, Arc::new(negated));
                }
            }
            Self::Operator { op, scalar, scalar_is_left, return_bool } => {
                let mut operator = Operator {
                    op: *op,
                    scalar_is_left: *scalar_is_left,
                    return_bool: *return_bool,
                    annotate: &mut annotate,
                };
                operator.apply(scalar, column);
            }
            Self::Math(_) | Self::Clamp { .. } | Self::Round(_) | Self::Date(_) => {
                column.drop_histograms();
                self.apply_to_floats(column);
            }
        }
    }

    fn apply_to_floats(&self, column: &mut Column) {
        match self {
            Self::Negate => each(column, |_, value| Some(-value)),
            Self::Summary(_) => each(column, |_, _| None),
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
                    operate(op, value, scalar.at(step), *scalar_is_left, *return_bool)
                });
            }
        }
    }
}

/// Returns what an operator makes of a value and a scalar. A comparison keeps the value, whichever
/// side it stands on.
fn operate(
    op: &MixedOp,
    value: f64,
    scalar: f64,
    scalar_is_left: bool,
    return_bool: bool,
) -> Option<f64> {
    let (left, right) = if scalar_is_left { (scalar, value) } else { (value, scalar) };
    match op.op.apply(left, right) {
        Kept::Value(result) => Some(result),
        Kept::Truth(truth) if return_bool => Some(f64::from(u8::from(truth))),
        Kept::Truth(truth) => truth.then_some(value),
        Kept::Nothing => None,
    }
}

/// An operator between a column, in which there may be histograms, and a scalar.
struct Operator<'a> {
    op: MixedOp,
    scalar_is_left: bool,
    return_bool: bool,
    annotate: &'a mut dyn FnMut(Annotation),
}

impl Operator<'_> {
    fn apply(&mut self, scalar: &Scalar, column: &mut Column) {
        let histograms = column.take_histograms();
        let steps: Vec<(usize, f64)> = column.row().iter().collect();
        for (step, value) in steps {
            let histogram = histograms.get(step).and_then(Option::as_ref);
            let element = histogram.map_or(Side::Float(value), |it| Side::Histogram(it));
            let scalar = Side::Float(scalar.at(step));
            let (left, right) =
                if self.scalar_is_left { (scalar, element) } else { (element, scalar) };
            column.clear(step);
            match self.op.apply(left, right) {
                Ok((Made::Float(result), _)) => column.set(step, result),
                Ok((Made::Histogram(result), _)) => column.set_histogram(step, Arc::new(result)),
                Ok((Made::Truth(truth), _)) if self.return_bool => {
                    column.set(step, f64::from(u8::from(truth)));
                }
                // Only floats can be compared with a scalar.
                Ok((Made::Truth(true), _)) => column.set(step, value),
                Ok((Made::Truth(false), _)) => {}
                Err(remark) => (self.annotate)(remark),
            }
        }
    }
}

fn present(
    histograms: &[Option<Arc<FloatHistogram>>],
) -> impl Iterator<Item = (usize, &FloatHistogram)> {
    let places = histograms.iter().enumerate();
    places.filter_map(|(step, histogram)| Some((step, &**histogram.as_ref()?)))
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
