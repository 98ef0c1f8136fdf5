//! The way to the query engine: texts in, answers out, and what is counted on the way.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use narthex_exposition::TextWriter;
use narthex_model::Matcher;
use narthex_model::MetricType::{Counter, Gauge, Summary};
use narthex_promql::{
    Answer, Counting, Engine, EngineOptions, ErrorKind as QueryErrorKind, Grid, QueryError,
    SampleStats, Timings,
};
use narthex_promql_parser::{Expr, parse_metric_selector, parse_with};
use narthex_storage::QueryContext;
use parking_lot::Mutex;

use crate::answer::{ApiError, ErrorKind, with_sources};
use crate::state::{ServerOptions, ServerState};

/// Returns the matchers of a selector, or what is wrong with it.
pub(crate) fn parse_selector(selector: &str) -> Result<Vec<Matcher>, Box<str>> {
    parse_metric_selector(selector).map_err(|error| error.to_string().into())
}

/// Returns the syntax tree of a query in the language that the server is set to.
pub(crate) fn parse_query(state: &ServerState, query: &str) -> Result<Expr, ApiError> {
    parse_with(query, &state.options.parse)
        .map_err(|error| ApiError::invalid_parameter("query", error))
}

/// When a query is evaluated.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Times {
    At(i64),
    Steps(Grid),
}

/// A query and how it is evaluated.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) text: Box<str>,
    pub(crate) times: Times,
    /// Where it is not the server's.
    pub(crate) lookback_delta: Option<Duration>,
    /// When the request was read.
    pub(crate) received: Instant,
    /// What is counted of its samples.
    pub(crate) counting: Counting,
}

/// What a query took.
#[derive(Clone, Debug)]
pub(crate) struct QueryStats {
    /// How long it waited for its turn.
    pub(crate) queue: Duration,
    /// How long it took from then on.
    pub(crate) total: Duration,
    pub(crate) timings: Timings,
    pub(crate) samples: SampleStats,
}

/// What all queries share.
#[derive(Debug)]
pub(crate) struct Queries {
    options: EngineOptions,
    concurrency_max: usize,
    running: AtomicU64,
    totals: Mutex<Totals>,
}

/// Sums over all queries.
#[derive(Debug, Default)]
struct Totals {
    queries: u64,
    queue: Duration,
    prepare: Duration,
    evaluate: Duration,
    /// Of range queries alone.
    sort: Duration,
    sorts: u64,
    samples: u64,
    samples_read: u64,
}

impl Queries {
    pub(crate) fn new(options: &ServerOptions) -> Self {
        let mut engine = EngineOptions::default();
        engine.lookback_delta_ms = to_ms(options.lookback_delta);
        engine.max_samples = options.query_samples_max;
        engine.delayed_name_removal = options.delayed_name_removal;
        engine.type_and_unit_labels = options.type_and_unit_labels;
        engine.use_start_timestamps = options.use_start_timestamps;
        engine.clock = Some(clock);
        engine.unreleased_changes = options.unreleased_changes;
        Self {
            options: engine,
            concurrency_max: options.query_concurrency_max,
            running: AtomicU64::new(0),
            totals: Mutex::default(),
        }
    }

    /// Writes what was counted.
    ///
    /// # Source
    ///
    /// `promql/engine.go` of Prometheus. The reference's summaries also hold quantiles.
    pub(crate) fn write_stats(&self, page: &mut TextWriter) {
        let help = "The current number of queries being executed or waiting.";
        page.family("prometheus_engine_queries", Gauge, help)
            .sample(&[], self.running.load(Ordering::Relaxed) as f64);
        let help = "The max number of concurrent queries.";
        page.family("prometheus_engine_queries_concurrent_max", Gauge, help)
            .sample(&[], self.concurrency_max as f64);
        let totals = self.totals.lock();
        let help = "Query timings";
        let mut family = page.family("prometheus_engine_query_duration_seconds", Summary, help);
        for (slice, sum, count) in [
            ("inner_eval", totals.evaluate, totals.queries),
            ("prepare_time", totals.prepare, totals.queries),
            ("queue_time", totals.queue, totals.queries),
            ("result_sort", totals.sort, totals.sorts),
        ] {
            family.summary(&[("slice", slice)], &[], sum.as_secs_f64(), count as f64);
        }
        let help = "The total number of samples read by all queries (only new points per step for \
                    range-vector).";
        page.family("prometheus_engine_query_samples_read_total", Counter, help)
            .sample(&[], totals.samples_read as f64);
        let help = "The total number of samples loaded by all queries (full window per step for \
                    range-vector).";
        page.family("prometheus_engine_query_samples_total", Counter, help)
            .sample(&[], totals.samples as f64);
    }

    /// Counts a query from now until the returned guard is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> Entered {
        self.running.fetch_add(1, Ordering::Relaxed);
        Entered(Arc::clone(self))
    }

    /// Evaluates `query` over the server's store. The bytes of the answer stay charged to `ctx`.
    pub(crate) fn evaluate(
        &self,
        state: &ServerState,
        ctx: &QueryContext,
        query: &Query,
    ) -> Result<(Answer, QueryStats), ApiError> {
        let started = Instant::now();
        let tracker = state.active_queries.get();
        let _active = tracker.and_then(|tracker| tracker.enter(&query.text));
        let mut options = self.options.clone();
        options.default_subquery_step_ms = to_ms(state.status.evaluation_interval()).max(1);
        if let Some(lookback_delta) = query.lookback_delta {
            options.lookback_delta_ms = to_ms(lookback_delta).max(1);
        }
        options.counting = query.counting;
        let engine = Engine::new(options);
        let expr = parse_query(state, &query.text)?;
        let store = &*state.store;
        let answer = match query.times {
            Times::At(time_ms) => engine.instant(ctx, store, &expr, time_ms),
            Times::Steps(grid) => engine.range(ctx, store, &expr, grid),
        };
        // The answer counts until it is sent.
        let answer = answer.and_then(|answer| {
            ctx.charge(answer.value.size_bytes())?;
            Ok(answer)
        });
        let answer = answer.map_err(|error| api_error(&error))?;
        let stats = QueryStats {
            queue: started - query.received,
            total: started.elapsed(),
            timings: answer.timings,
            samples: answer.stats.clone(),
        };
        self.totals.lock().add(&stats, matches!(query.times, Times::Steps(_)));
        Ok((answer, stats))
    }
}

/// A query that is counted as running or waiting.
#[derive(Debug)]
pub(crate) struct Entered(Arc<Queries>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Totals {
    fn add(&mut self, stats: &QueryStats, sorts: bool) {
        self.queries += 1;
        self.queue += stats.queue;
        self.prepare += stats.timings.prepare;
        self.evaluate += stats.timings.evaluate;
        self.sort += stats.timings.sort;
        self.sorts += u64::from(sorts);
        self.samples += stats.samples.total;
        self.samples_read += stats.samples.read;
    }
}

fn api_error(error: &QueryError) -> ApiError {
    let kind = match error.kind() {
        QueryErrorKind::BadData => return ApiError::invalid_parameter("query", error),
        QueryErrorKind::Execution => ErrorKind::Execution,
        QueryErrorKind::Canceled => ErrorKind::Canceled,
        QueryErrorKind::Timeout => ErrorKind::Timeout,
        QueryErrorKind::Internal => {
            // What is wrong with the store is for its owner; the client learns that much, too.
            let text = with_sources(error);
            tracing::error!(err = text, "Query failed");
            return ApiError::internal(text);
        }
    };
    ApiError::new(kind, error.to_string())
}

/// Returns the time since the first query.
fn clock() -> Duration {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    FIRST.elapsed()
}

fn to_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
