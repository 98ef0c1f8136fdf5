use narthex_model::float::write_general;
use narthex_promql_parser::{AggregateOp, Span};

use super::{Operand, Run, Series, Stack};
use crate::aggregate::{Choice, count_values, fold, limit_ratio, quantile_of_groups, select};
use crate::annotations::Annotation;
use crate::plan::AggregatePlan;
use crate::scalar::Scalar;
use crate::{Grid, QueryError, gomath};

/// Replaces a vector, and the parameter under it, by its aggregation.
pub(super) fn aggregate<'a>(
    run: &'a Run<'a>,
    plan: &AggregatePlan<'_>,
    grid: Grid,
    stack: &mut Stack<'a>,
) -> Result<Operand<'a>, QueryError> {
    let vector = stack.pop_vector();
    if let Some(result) = fold(run, plan, &vector) {
        return Ok(Operand::Vector(Series::held(grid, result?)));
    }
    if plan.op == AggregateOp::CountValues {
        let held = count_values(run, &stack.pop_text(), &plan.grouping, &vector)?;
        return Ok(Operand::Vector(Series::held(grid, held)));
    }
    let param = stack.pop_scalar();
    if grid.steps() == 0 {
        return Ok(Operand::Vector(Series::empty(run, grid)));
    }
    let bounds = Bounds::of(&param, grid);
    let choice = match plan.op {
        AggregateOp::Topk => Choice::Top,
        AggregateOp::Bottomk => Choice::Bottom,
        AggregateOp::Limitk => Choice::First,
        AggregateOp::Quantile => {
            warn_of_quantiles(run, &bounds, plan.param_span.unwrap_or_default());
            let held = quantile_of_groups(run, &param, plan, vector)?;
            return Ok(Operand::Vector(Series::held(grid, held)));
        }
        AggregateOp::LimitRatio => {
            if bounds.max == 0.0 && bounds.min == 0.0 {
                vector.skip(run)?;
                return Ok(Operand::Vector(Series::empty(run, grid)));
            }
            if let Err(error) = bounds.check_ratio(run, plan.param_span.unwrap_or_default()) {
                // What is wrong with the vector comes first.
                vector.skip(run)?;
                return Err(error);
            }
            let held = limit_ratio(run, &param, &plan.grouping, vector)?;
            return Ok(Operand::Vector(Series::held(grid, held)));
        }
        op => unreachable!("{} was folded", op.as_str()),
    };
    if bounds.max < 1.0 {
        vector.skip(run)?;
        return Ok(Operand::Vector(Series::empty(run, grid)));
    }
    if let Err(error) = bounds.check_count() {
        vector.skip(run)?;
        return Err(error);
    }
    let held = select(run, choice, &param, plan, vector)?;
    Ok(Operand::Vector(Series::held(grid, held)))
}

/// The range of a parameter over all steps.
struct Bounds {
    min: f64,
    max: f64,
    any_nan: bool,
}

impl Bounds {
    fn of(param: &Scalar, grid: Grid) -> Self {
        let start = Self { min: f64::MAX, max: -f64::MAX, any_nan: false };
        let values = match param {
            // As it stands, even where it lies beyond the start values.
            Scalar::Constant(value) => {
                return Self { min: *value, max: *value, any_nan: value.is_nan() };
            }
            Scalar::Steps(_) => (0..grid.steps()).map(|step| param.at(step)),
        };
        values.fold(start, |bounds, value| Self {
            min: gomath::min(bounds.min, value),
            max: gomath::max(bounds.max, value),
            any_nan: bounds.any_nan || value.is_nan(),
        })
    }

    /// Fails where a ratio is no number, and warns where it is beyond -1 or 1.
    fn check_ratio(&self, run: &Run<'_>, span: Span) -> Result<(), QueryError> {
        if self.any_nan {
            return Err(QueryError::RatioNan);
        }
        if self.max > 1.0 {
            run.annotate(Annotation::invalid_ratio(self.max, 1.0, span));
        }
        if self.min < -1.0 {
            run.annotate(Annotation::invalid_ratio(self.min, -1.0, span));
        }
        Ok(())
    }

    /// Fails where a number of series to keep is none.
    fn check_count(&self) -> Result<(), QueryError> {
        let out_of_range = |value: f64, verb| {
            let mut text = String::new();
            // Writing into a string does not fail.
            let _ = write_general(&mut text, value);
            Err(QueryError::ParameterRange { value: text.into(), verb })
        };
        if self.any_nan {
            return Err(QueryError::ParameterNan);
        }
        if self.min <= COUNT_MIN {
            return out_of_range(self.min, "underflows");
        }
        if self.max >= COUNT_MAX {
            return out_of_range(self.max, "overflows");
        }
        Ok(())
    }
}

fn warn_of_quantiles(run: &Run<'_>, bounds: &Bounds, span: Span) {
    let warn = |q| run.annotate(Annotation::invalid_quantile(q, span));
    if bounds.any_nan {
        warn(f64::NAN);
    }
    if bounds.max > 1.0 {
        warn(bounds.max);
    }
    if bounds.min < 0.0 {
        warn(bounds.min);
    }
}

/// A number of series from here down does not fit 64 bits.
const COUNT_MIN: f64 = i64::MIN as f64;
/// The greatest float that fits 64 bits; from here on, a number of series is refused.
const COUNT_MAX: f64 = 9_223_372_036_854_774_784.0;
