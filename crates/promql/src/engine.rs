use std::sync::Arc;
use std::time::Duration;

use narthex_model::Sample;
use narthex_promql_parser::{Expr, ValueType};
use narthex_storage::{Querier, QueryContext, Queryable, Selection, StorageError};

use crate::annotations::Annotation;
use crate::exec::{Operand, Profiler, RangeVector, Run, Scratch, Series, run_plan};
use crate::plan::{Plan, PlanContext, plan};
use crate::range_fn::shown_samples;
use crate::value::{Answer, Matrix, StoredSeries, Value, Vector};
use crate::window_counts::{WindowCounts, samples_of_histogram};
use crate::{Counting, EngineOptions, Explanation, Grid, Profile, QueryError, Timings};

/// Evaluates expressions over any store.
///
/// It holds nothing but options, so one serves any number of queries and threads at a time.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    options: EngineOptions,
}

impl Engine {
    /// Returns an engine with these options.
    #[must_use]
    pub fn new(options: EngineOptions) -> Self {
        Self { options }
    }

    /// Returns the options.
    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// Evaluates an expression at one time, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// Where there is no answer; see [`QueryError`].
    pub fn instant(
        &self,
        ctx: &QueryContext,
        store: &dyn Queryable,
        expr: &Expr,
        time_ms: i64,
    ) -> Result<Answer, QueryError> {
        let plan = self.instant_plan(expr, time_ms)?;
        self.evaluate(ctx, store, &plan, None)
    }

    /// Evaluates an expression at each step of `grid`. The value is a [`Value::Matrix`].
    ///
    /// # Errors
    ///
    /// Where the expression is neither a scalar nor an instant vector, or there is no answer; see
    /// [`QueryError`].
    pub fn range(
        &self,
        ctx: &QueryContext,
        store: &dyn Queryable,
        expr: &Expr,
        grid: Grid,
    ) -> Result<Answer, QueryError> {
        let plan = self.range_plan(expr, grid)?;
        self.evaluate(ctx, store, &plan, None)
    }

    /// Tells how [`Engine::instant`] evaluates an expression, without doing it.
    ///
    /// # Errors
    ///
    /// Where the expression cannot be evaluated in any store.
    pub fn explain_instant(&self, expr: &Expr, time_ms: i64) -> Result<Explanation, QueryError> {
        Ok(Explanation::new(expr, &self.instant_plan(expr, time_ms)?.plan))
    }

    /// Tells how [`Engine::range`] evaluates an expression, without doing it.
    ///
    /// # Errors
    ///
    /// Where the expression cannot be evaluated in any store.
    pub fn explain_range(&self, expr: &Expr, grid: Grid) -> Result<Explanation, QueryError> {
        Ok(Explanation::new(expr, &self.range_plan(expr, grid)?.plan))
    }

    /// Does what [`Engine::instant`] does, and tells what each part of it took. `clock` returns the
    /// time since some moment in the past.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::instant`].
    pub fn profile_instant(
        &self,
        ctx: &QueryContext,
        store: &dyn Queryable,
        expr: &Expr,
        time_ms: i64,
        clock: &dyn Fn() -> Duration,
    ) -> Result<(Answer, Profile), QueryError> {
        self.profile(ctx, store, expr, &self.instant_plan(expr, time_ms)?, clock)
    }

    /// Does what [`Engine::range`] does, and tells what each part of it took. `clock` returns the
    /// time since some moment in the past.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::range`].
    pub fn profile_range(
        &self,
        ctx: &QueryContext,
        store: &dyn Queryable,
        expr: &Expr,
        grid: Grid,
        clock: &dyn Fn() -> Duration,
    ) -> Result<(Answer, Profile), QueryError> {
        self.profile(ctx, store, expr, &self.range_plan(expr, grid)?, clock)
    }

    fn instant_plan<'e>(&self, expr: &'e Expr, time_ms: i64) -> Result<QueryPlan<'e>, QueryError> {
        self.plan(expr, Grid::instant(time_ms), 0)
    }

    fn range_plan<'e>(&self, expr: &'e Expr, grid: Grid) -> Result<QueryPlan<'e>, QueryError> {
        let value_type = expr.value_type();
        if !matches!(value_type, ValueType::Scalar | ValueType::Vector) {
            return Err(QueryError::RangeQueryType { found: value_type.documented() });
        }
        self.plan(expr, grid, grid.step_ms())
    }

    /// `step_ms` is 0 for an instant query.
    fn plan<'e>(
        &self,
        expr: &'e Expr,
        grid: Grid,
        step_ms: i64,
    ) -> Result<QueryPlan<'e>, QueryError> {
        let started = self.options.clock.map_or(Duration::ZERO, |clock| clock());
        let plan = plan(expr, PlanContext { options: &self.options, grid, step_ms })?;
        Ok(QueryPlan { plan, grid, is_instant: step_ms == 0, started })
    }

    fn profile(
        &self,
        ctx: &QueryContext,
        store: &dyn Queryable,
        expr: &Expr,
        query: &QueryPlan<'_>,
        clock: &dyn Fn() -> Duration,
    ) -> Result<(Answer, Profile), QueryError> {
        let profiler = Profiler::new(query.plan.operations.len(), clock);
        let answer = self.evaluate(ctx, store, query, Some(&profiler))?;
        let explanation = Explanation::new(expr, &query.plan);
        Ok((answer, Profile::new(explanation, &profiler.into_costs())))
    }

    /// Runs a plan. Where there is a profiler, it counts what each operation does.
    fn evaluate(
        &self,
        ctx: &QueryContext,
        store: &dyn Queryable,
        query: &QueryPlan<'_>,
        profiler: Option<&Profiler<'_>>,
    ) -> Result<Answer, QueryError> {
        // A profile is one of a single run.
        let at_least = if profiler.is_some() { Counting::Peak } else { Counting::Totals };
        let counting = self.options.counting.max(at_least);
        let queriers = open(store, &query.plan)?;
        match self.run(ctx, &queriers, query, counting, profiler)? {
            Some(answer) => Ok(answer),
            // A window more or less decides whether the query held too many samples, which is so
            // rare that it may take the time of another run.
            None => self
                .run(ctx, &queriers, query, Counting::Peak, profiler)?
                .ok_or(QueryError::TooManySamples),
        }
    }

    /// Returns the answer; `None` where it takes [`Counting::Peak`] to tell whether there is one.
    fn run(
        &self,
        ctx: &QueryContext,
        queriers: &[Box<dyn Querier + '_>],
        query: &QueryPlan<'_>,
        counting: Counting,
        profiler: Option<&Profiler<'_>>,
    ) -> Result<Option<Answer>, QueryError> {
        let QueryPlan { plan, grid, is_instant, .. } = query;
        let run = Run::new(ctx, &self.options, plan, counting, profiler);
        let selections = select(&run, queriers, plan)?;
        let prepared = run.now();
        let value = run_plan(&run, plan, &selections).and_then(|operand| {
            if *is_instant {
                instant_value(&run, operand, *grid)
            } else {
                range_value(&run, operand, *grid)
            }
        })?;
        let Some(stats) = run.ledger.close(*grid)? else { return Ok(None) };
        for warning in ctx.take_warnings() {
            run.annotate(Annotation::storage(warning));
        }
        let timings = Timings {
            prepare: prepared.saturating_sub(query.started),
            evaluate: run.now().saturating_sub(prepared).saturating_sub(run.sorting()),
            sort: run.sorting(),
        };
        Ok(Some(Answer { value, annotations: run.into_annotations(), stats, timings }))
    }
}

/// What is to be done for a query, and what the answer is to look like.
struct QueryPlan<'e> {
    plan: Plan<'e>,
    grid: Grid,
    is_instant: bool,
    /// When planning began.
    started: Duration,
}

fn open<'s>(
    store: &'s dyn Queryable,
    plan: &Plan<'_>,
) -> Result<Vec<Box<dyn Querier + 's>>, StorageError> {
    plan.selections.iter().map(|selection| store.querier(selection.range)).collect()
}

fn select<'q>(
    run: &Run<'_>,
    queriers: &'q [Box<dyn Querier + '_>],
    plan: &Plan<'_>,
) -> Result<Vec<Box<dyn Selection + 'q>>, StorageError> {
    plan.selections
        .iter()
        .zip(queriers)
        .map(|(selection, querier)| {
            let _at_work = run.at_work(selection.operation);
            querier.select(run.ctx, &selection.matchers, &selection.hints)
        })
        .collect()
}

fn instant_value<'a>(
    run: &'a Run<'a>,
    operand: Operand<'a>,
    grid: Grid,
) -> Result<Value, QueryError> {
    let timestamp_ms = grid.start_ms();
    Ok(match operand {
        Operand::Scalar(scalar) => Value::Scalar(Sample { timestamp_ms, value: scalar.at(0) }),
        Operand::Text(text) => Value::String { timestamp_ms, text: text.as_str().into() },
        Operand::Vector(series) => {
            Value::Vector(Vector::new(timestamp_ms, series.into_answer(run)?.into_block()))
        }
        Operand::Range(vector) => Value::Matrix(window_samples(run, vector)?),
    })
}

fn range_value<'a>(
    run: &'a Run<'a>,
    operand: Operand<'a>,
    grid: Grid,
) -> Result<Value, QueryError> {
    let series = match operand {
        Operand::Vector(series) => series,
        Operand::Scalar(scalar) => Series::of_scalar(run, grid, &scalar)?,
        Operand::Text(_) | Operand::Range(_) => {
            unreachable!("the type of the expression was checked")
        }
    };
    let block = series.into_answer(run)?.into_block();
    let matrix = run.sorted(|| Matrix::of_steps(run.ctx, grid, block))?;
    Ok(Value::Matrix(matrix))
}

/// Returns the samples in the one window of each series.
fn window_samples<'a>(run: &'a Run<'a>, vector: RangeVector<'a>) -> Result<Matrix, QueryError> {
    let mut scratch = Scratch::new(run);
    let mut allowance = run.allowance();
    let mut all = Vec::new();
    for index in 0..vector.len() {
        vector.read(run, index, &mut scratch)?;
        let mut series = StoredSeries {
            labels: vector.series_labels(index),
            floats: Vec::new(),
            histograms: Vec::new(),
        };
        let samples = scratch.samples();
        let reach = vector.windows().reach;
        vector.windows().slide(run.ctx, samples, |window| {
            if let Some(kind) = reach.kind
                && samples.histograms.is_empty()
            {
                let shown = shown_samples(window, kind).into_iter();
                series
                    .floats
                    .extend(shown.map(|(timestamp_ms, value)| Sample { timestamp_ms, value }));
                return;
            }
            let all = window.timestamps_ms.iter().zip(window.values).enumerate();
            for (position, (&timestamp_ms, &value)) in all {
                match samples.histogram(window.first + position) {
                    Some(histogram) => {
                        series.histograms.push((timestamp_ms, Arc::clone(histogram)));
                    }
                    None => series.floats.push(Sample { timestamp_ms, value }),
                }
            }
        })?;
        let histograms = series.histograms.iter().map(|(_, h)| samples_of_histogram(h));
        let shown = series.floats.len() as u64 + histograms.sum::<u64>();
        let seen = WindowCounts::of(vector.windows(), samples).total;
        vector.count_shown(run, seen, shown)?;
        if shown > 0 {
            let count = series.floats.len() + series.histograms.len();
            allowance.grow(count * size_of::<Sample>())?;
            all.push(series);
        }
    }
    Ok(run.sorted(|| Matrix::of_samples(run.ctx, all))?)
}
