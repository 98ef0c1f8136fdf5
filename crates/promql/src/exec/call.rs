use std::f64::consts::PI;

use narthex_model::Labels;
use narthex_promql_parser::{Span, StringLiteral};
use smallvec::SmallVec;

use super::{Equals, FunctionSource, Operand, Run, Series, Stack};
use crate::annotations::Annotation;
use crate::instant_fn::{
    HistogramSpans, Map, Statistic, absent, histogram, histogram_quantiles, label_join,
    label_replace, sort, sort_by_label,
};
use crate::plan::{CallPlan, DatePart, Function};
use crate::range_fn::RangeFn;
use crate::scalar::Scalar;
use crate::{Grid, QueryError, gomath};

/// Replaces the arguments of a function by its result.
pub(super) fn call<'a>(
    run: &'a Run<'a>,
    plan: &'a CallPlan,
    (operation, grid): (usize, Grid),
    stack: &mut Stack<'a>,
) -> Result<Operand<'a>, QueryError> {
    if let Some(scalar) = scalar_function(run, &plan.function, grid, stack)? {
        return Ok(Operand::Scalar(scalar));
    }
    let vector = match &plan.function {
        Function::OverRange(function) => over_range(run, *function, plan, operation, stack)?,
        Function::AbsentOverTime(labels) => {
            let source = FunctionSource {
                function: RangeFn::Present,
                params: Vec::new(),
                vector: stack.pop_range(),
                span: Span::default(),
                operation,
            };
            let vector = Series::function(run, source)?;
            absent_of(run, &vector, labels)?
        }
        Function::Absent(labels) => absent_of(run, &stack.pop_vector(), labels)?,
        Function::Math(function) => map(run, stack, Map::Math(*function))?,
        Function::Round => {
            let nearest =
                if plan.arg_count > 1 { stack.pop_scalar() } else { Scalar::Constant(1.0) };
            map(run, stack, Map::Round(nearest))?
        }
        Function::Clamp | Function::ClampMin | Function::ClampMax => {
            let clamp = clamp(&plan.function, stack);
            map(run, stack, clamp)?
        }
        Function::Date(part) => date(run, *part, plan, grid, stack)?,
        Function::Timestamp => map(run, stack, Map::StepTime(grid))?,
        Function::TimestampOfSample => stack.pop_vector().drop_names(run, Equals::Join)?,
        Function::Vector => Series::of_scalar(run, grid, &stack.pop_scalar())?,
        Function::Sort { .. } | Function::SortByLabel { .. } if !grid.is_instant() => {
            if grid.steps() > 0 {
                run.annotate(Annotation::sort_in_range_query(plan.span));
            }
            pop_texts(stack, plan.arg_count - 1);
            match plan.function {
                // It still takes the histograms away.
                Function::Sort { .. } => stack.pop_vector().map(Map::Math(|value| value)),
                _ => stack.pop_vector(),
            }
        }
        Function::SortByLabel { descending } => {
            let names = pop_texts(stack, plan.arg_count - 1);
            let names: SmallVec<[&str; 8]> = names.into_iter().map(StringLiteral::as_str).collect();
            let held = sort_by_label(run, stack.pop_vector(), &names, *descending)?;
            Series::held(grid, held)
        }
        Function::Sort { descending } => {
            Series::held(grid, sort(run, stack.pop_vector(), *descending)?)
        }
        Function::HistogramQuantile => histogram_quantile(run, plan, grid, stack)?,
        Function::HistogramFraction => {
            let vector = stack.pop_vector();
            let upper = stack.pop_scalar();
            let statistic = Statistic::Fraction { lower: stack.pop_scalar(), upper };
            histogram(run, vector, &statistic, histogram_spans(run, plan, 2))?
        }
        Function::LabelReplace => {
            let mut texts = [(); 4].map(|()| stack.pop_text());
            texts.reverse();
            label_replace(run, stack.pop_vector(), texts)?
        }
        Function::LabelJoin => {
            let texts = pop_texts(stack, plan.arg_count - 1);
            label_join(run, stack.pop_vector(), texts[0], &texts[1], &texts[2..])?
        }
        Function::StartTimestamp => {
            stack.pop_vector().skip(run)?;
            Series::empty(run, grid)
        }
        Function::Summary(summary) => map(run, stack, Map::Summary(*summary))?,
        Function::HistogramQuantiles => histogram_quantiles_of(run, plan, grid, stack)?,
        Function::Time | Function::Pi | Function::Scalar | Function::MinOf | Function::MaxOf => {
            unreachable!("the function returns a scalar")
        }
    };
    Ok(Operand::Vector(vector))
}

/// Returns the texts that lie uppermost on the stack, in their order.
fn pop_texts<'a>(stack: &mut Stack<'a>, count: usize) -> SmallVec<[StringLiteral<'a>; 8]> {
    let mut texts: SmallVec<[StringLiteral<'a>; 8]> =
        (0..count).map(|_| stack.pop_text()).collect();
    texts.reverse();
    texts
}

/// Returns the result of a function that returns a scalar, or `None` for any other.
fn scalar_function<'a>(
    run: &'a Run<'a>,
    function: &Function,
    grid: Grid,
    stack: &mut Stack<'a>,
) -> Result<Option<Scalar>, QueryError> {
    Ok(Some(match function {
        Function::Time => {
            run.fits_steps(grid.steps())?;
            Scalar::Steps(grid.times_ms().map(|time_ms| time_ms as f64 / 1000.0).collect())
        }
        Function::Pi => Scalar::Constant(PI),
        Function::MinOf | Function::MaxOf => {
            let (right, left) = (stack.pop_scalar(), stack.pop_scalar());
            let least = matches!(function, Function::MinOf);
            left.zip(right, if least { gomath::min } else { gomath::max })
        }
        Function::Scalar => only_value(run, &stack.pop_vector())?,
        _ => return Ok(None),
    }))
}

/// Returns the value of a vector at each step where it has just one, and NaN elsewhere.
fn only_value<'a>(run: &'a Run<'a>, vector: &Series<'a>) -> Result<Scalar, QueryError> {
    run.fits_steps(vector.grid.steps())?;
    let mut found = vec![None; vector.grid.steps()];
    vector.for_each(run, |_, column| {
        for (step, value) in column.row().floats() {
            found[step] = Some(found[step].map_or(value, |_: f64| f64::NAN));
        }
        Ok(())
    })?;
    Ok(Scalar::Steps(found.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect()))
}

fn over_range<'a>(
    run: &'a Run<'a>,
    function: RangeFn,
    plan: &CallPlan,
    operation: usize,
    stack: &mut Stack<'a>,
) -> Result<Series<'a>, QueryError> {
    let mut params = Vec::new();
    let mut range = None;
    for _ in 0..plan.arg_count {
        match stack.pop() {
            Operand::Scalar(scalar) => params.push(scalar),
            Operand::Range(vector) => range = Some(vector),
            Operand::Text(_) | Operand::Vector(_) => unreachable!("the parser has checked types"),
        }
    }
    params.reverse();
    let vector = range.expect("the parser has checked that there is a range vector");
    let span = plan.arg_spans[0];
    if function == RangeFn::Quantile {
        // The reference warns where a window has a value, for any of them.
        let q = params[0].clone();
        let source = FunctionSource { function, params, vector, span, operation };
        return warn_of_quantiles(run, Series::function(run, source)?, &q, span);
    }
    let source = FunctionSource { function, params, vector, span, operation };
    let series = Series::function(run, source)?;
    if function.keeps_name() { Ok(series) } else { series.drop_names(run, Equals::Refuse) }
}

/// Warns of quantiles that are not between 0 and 1 where they are taken of something.
fn warn_of_quantiles<'a>(
    run: &'a Run<'a>,
    series: Series<'a>,
    q: &Scalar,
    span: Span,
) -> Result<Series<'a>, QueryError> {
    let grid = series.grid;
    let series = series.drop_names(run, Equals::Refuse)?;
    if (0..grid.steps()).all(|step| is_quantile(q.at(step))) {
        return Ok(series);
    }
    let held = series.into_held(run)?;
    let block = held.block();
    for step in 0..grid.steps() {
        let q = q.at(step);
        if !is_quantile(q) && (0..block.len()).any(|row| block.row(row).get(step).is_some()) {
            run.annotate(Annotation::invalid_quantile(q, span));
        }
    }
    Ok(Series::held(grid, held))
}

fn is_quantile(q: f64) -> bool {
    (0.0..=1.0).contains(&q)
}

fn absent_of<'a>(
    run: &'a Run<'a>,
    vector: &Series<'a>,
    labels: &Labels,
) -> Result<Series<'a>, QueryError> {
    Ok(Series::held(vector.grid, absent(run, vector, labels.clone())?))
}

/// Returns the vector on the stack with `map` applied to its columns, without names.
fn map<'a>(run: &'a Run<'a>, stack: &mut Stack<'a>, map: Map) -> Result<Series<'a>, QueryError> {
    stack.pop_vector().map(map).drop_names(run, Equals::Join)
}

fn clamp(function: &Function, stack: &mut Stack<'_>) -> Map {
    let last = stack.pop_scalar();
    match function {
        Function::ClampMin => Map::Clamp { min: last, max: Scalar::Constant(f64::INFINITY) },
        Function::ClampMax => Map::Clamp { min: Scalar::Constant(f64::NEG_INFINITY), max: last },
        _ => Map::Clamp { min: stack.pop_scalar(), max: last },
    }
}

fn date<'a>(
    run: &'a Run<'a>,
    part: DatePart,
    plan: &CallPlan,
    grid: Grid,
    stack: &mut Stack<'a>,
) -> Result<Series<'a>, QueryError> {
    if plan.arg_count > 0 {
        return map(run, stack, Map::Date(part));
    }
    let seconds = grid.times_ms().map(|time_ms| (time_ms / 1000) as f64).collect();
    Ok(Series::of_scalar(run, grid, &Scalar::Steps(seconds))?.map(Map::Date(part)))
}

fn histogram_quantiles_of<'a>(
    run: &'a Run<'a>,
    plan: &CallPlan,
    grid: Grid,
    stack: &mut Stack<'a>,
) -> Result<Series<'a>, QueryError> {
    let mut quantiles: SmallVec<[Scalar; 4]> =
        (2..plan.arg_count).map(|_| stack.pop_scalar()).collect();
    quantiles.reverse();
    for (q, span) in quantiles.iter().zip(&plan.arg_spans[2..]) {
        warn_of_quantile(run, q, grid, *span);
    }
    let label = stack.pop_text();
    histogram_quantiles(run, stack.pop_vector(), &label, &quantiles, histogram_spans(run, plan, 0))
}

fn warn_of_quantile(run: &Run<'_>, q: &Scalar, grid: Grid, span: Span) {
    for q in (0..grid.steps()).map(|step| q.at(step)).filter(|q| !is_quantile(*q)) {
        run.annotate(Annotation::invalid_quantile(q, span));
    }
}

fn histogram_quantile<'a>(
    run: &'a Run<'a>,
    plan: &CallPlan,
    grid: Grid,
    stack: &mut Stack<'a>,
) -> Result<Series<'a>, QueryError> {
    let vector = stack.pop_vector();
    let q = stack.pop_scalar();
    warn_of_quantile(run, &q, grid, plan.arg_spans[0]);
    histogram(run, vector, &Statistic::Quantile(q), histogram_spans(run, plan, 1))
}

/// Returns where the remarks of a function stand whose argument `vector` has the histograms.
fn histogram_spans(run: &Run<'_>, plan: &CallPlan, vector: usize) -> HistogramSpans {
    let nan = if run.options.unreleased_changes { vector } else { 0 };
    HistogramSpans { vector: plan.arg_spans[vector], nan: plan.arg_spans[nan] }
}
