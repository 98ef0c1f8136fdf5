use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use narthex_host::Clock;
use narthex_model::Labels;
use narthex_promql::{Engine, QueryError, Value};
use narthex_promql_parser::{Expr, ParseOptions};
use narthex_storage::{Appendable, Interrupt, QueryContext, Queryable};
use parking_lot::Mutex;

use crate::Notify;
use crate::sample::{Found, FoundValue};
use crate::stats::TimingStats;

/// What rules are evaluated with: whoever embeds them has it.
#[derive(Clone)]
pub struct Parts {
    /// What answers queries.
    pub engine: Engine,
    /// What is queried.
    pub queryable: Arc<dyn Queryable>,
    /// What takes the samples that rules come to: mostly the same store.
    pub appendable: Arc<dyn Appendable>,
    /// Who is told of alerts.
    pub notify: Arc<dyn Notify>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// How rules are evaluated. The defaults are the reference's.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// How long the state of alerts outlives a server that is down: longer, and they begin anew.
    pub outage_tolerance: Duration,
    /// The least time between a restart and the moment when a restored alert fires. Rules with a shorter
    /// `for` are not restored.
    pub for_grace_period: Duration,
    /// The least time until an alert is told again.
    pub resend_delay: Duration,
    /// How many rules beyond one of each group are evaluated at a time, where rules do not depend on each
    /// other: 0 evaluates those of a group one after the other.
    pub concurrent_rules_max: usize,
    /// How long a query may take.
    pub query_timeout: Duration,
    /// How many bytes a query may hold.
    pub query_bytes_max: usize,
    /// Which experimental parts of the language queries in templates may use.
    pub parse: ParseOptions,
    /// Where people reach the server, such as `https://example.org/prometheus`.
    pub external_url: Box<str>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            outage_tolerance: Duration::from_hours(1),
            for_grace_period: Duration::from_mins(10),
            resend_delay: Duration::from_mins(1),
            concurrent_rules_max: 0,
            query_timeout: Duration::from_mins(2),
            query_bytes_max: usize::MAX,
            parse: ParseOptions::default(),
            external_url: Box::default(),
        }
    }
}

/// What a configuration says about all rules.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// How often groups are evaluated that do not say so, and the step of subqueries without one.
    pub interval: Duration,
    /// How far back the queries of groups look that do not say so.
    pub query_offset: Duration,
    /// The labels of this server, which templates can show.
    pub external_labels: Labels,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interval: Duration::from_mins(1),
            query_offset: Duration::ZERO,
            external_labels: Labels::empty(),
        }
    }
}

/// Why a rule came to nothing. The words are the reference's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// The query has no answer.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The expression is a text or a range vector.
    #[error("rule result is not a vector or scalar")]
    ResultType,
    /// Two results have the same labels once they have those of the recording rule.
    #[error("vector contains metrics with the same labelset after applying rule labels")]
    DuplicateSeries,
    /// Two results have the same labels once they have those of the alerting rule.
    #[error("vector contains metrics with the same labelset after applying alert labels")]
    DuplicateAlert,
    /// There are more results than the group allows.
    #[error("exceeded limit of {limit} with {count} {what}")]
    Limit {
        /// How many it allows.
        limit: i64,
        /// How many there are.
        count: usize,
        /// What they are.
        what: &'static str,
    },
}

impl EvalError {
    /// Returns whether somebody did not want the answer any more.
    pub(crate) fn is_interruption(&self) -> bool {
        matches!(self, Self::Query(QueryError::Interrupted(Interrupt::Canceled)))
    }
}

/// What all groups share.
pub(crate) struct Environment {
    pub(crate) parts: Parts,
    pub(crate) options: Options,
    settings: Mutex<Arc<Settings>>,
    /// That of the parts, with the settings.
    engine: Mutex<Engine>,
    running: Mutex<Running>,
    counts: Counts,
    /// How many threads beside those of the groups are at work.
    helpers: AtomicUsize,
}

#[derive(Debug, Default)]
struct Counts {
    rules: Mutex<TimingStats>,
    groups: Mutex<TimingStats>,
}

/// Leave for threads to help, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permits<'a> {
    helpers: &'a AtomicUsize,
    count: usize,
}

impl Permits<'_> {
    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

impl Drop for Permits<'_> {
    fn drop(&mut self) {
        self.helpers.fetch_sub(self.count, Ordering::Relaxed);
    }
}

/// The queries that run.
#[derive(Default)]
struct Running {
    next: u64,
    queries: HashMap<u64, (Duration, Arc<QueryContext>)>,
    is_stopped: bool,
}

impl Environment {
    pub(crate) fn new(parts: Parts, options: Options) -> Self {
        Self {
            engine: Mutex::new(parts.engine.clone()),
            parts,
            options,
            settings: Mutex::default(),
            running: Mutex::default(),
            counts: Counts::default(),
            helpers: AtomicUsize::new(0),
        }
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.lock())
    }

    pub(crate) fn set_settings(&self, settings: Settings) {
        let mut options = self.parts.engine.options().clone();
        options.default_subquery_step_ms = to_ms(settings.interval);
        *self.engine.lock() = Engine::new(options);
        *self.settings.lock() = Arc::new(settings);
    }

    /// Evaluates an expression at one time. A scalar counts as a series without labels.
    pub(crate) fn query(&self, expr: &Expr, time_ms: i64) -> Result<Vec<Found>, EvalError> {
        let ctx = Arc::new(QueryContext::with_bytes_max(self.options.query_bytes_max));
        let number = self.register(&ctx);
        let engine = self.engine.lock().clone();
        let answer = engine.instant(&ctx, &*self.parts.queryable, expr, time_ms);
        self.running.lock().queries.remove(&number);
        match answer?.value {
            Value::Vector(vector) => {
                let found = vector.iter().enumerate().map(|(index, (labels, sample))| Found {
                    labels: labels.clone(),
                    value: match vector.histogram(index) {
                        Some(histogram) => FoundValue::Histogram(Arc::clone(histogram)),
                        None => FoundValue::Float(sample.value),
                    },
                });
                Ok(found.collect())
            }
            Value::Scalar(sample) => {
                Ok(vec![Found { labels: Labels::empty(), value: FoundValue::Float(sample.value) }])
            }
            _ => Err(EvalError::ResultType),
        }
    }

    /// Takes leave for up to `wanted` threads to help.
    pub(crate) fn take_permits(&self, wanted: usize) -> Permits<'_> {
        let max = self.options.concurrent_rules_max;
        let mut count = 0;
        let _ = self.helpers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            count = wanted.min(max.saturating_sub(taken));
            Some(taken + count)
        });
        Permits { helpers: &self.helpers, count }
    }

    pub(crate) fn count_rule(&self, took: Duration) {
        self.counts.rules.lock().count(took);
    }

    pub(crate) fn count_group(&self, took: Duration) {
        self.counts.groups.lock().count(took);
    }

    /// Returns how long rules took, and how long groups.
    pub(crate) fn timings(&self) -> (TimingStats, TimingStats) {
        (self.counts.rules.lock().clone(), self.counts.groups.lock().clone())
    }

    fn register(&self, ctx: &Arc<QueryContext>) -> u64 {
        let mut running = self.running.lock();
        if running.is_stopped {
            ctx.interrupt(Interrupt::Canceled);
        }
        let deadline = self.parts.clock.elapsed().saturating_add(self.options.query_timeout);
        running.next += 1;
        let number = running.next;
        running.queries.insert(number, (deadline, Arc::clone(ctx)));
        number
    }

    /// Stops the queries that took their time.
    pub(crate) fn interrupt_overdue(&self) {
        let now = self.parts.clock.elapsed();
        for (deadline, ctx) in self.running.lock().queries.values() {
            if *deadline <= now {
                ctx.interrupt(Interrupt::TimedOut);
            }
        }
    }

    /// Stops all queries, and those that are yet to come.
    pub(crate) fn stop(&self) {
        let mut running = self.running.lock();
        running.is_stopped = true;
        for (_, ctx) in running.queries.values() {
            ctx.interrupt(Interrupt::Canceled);
        }
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Returns a duration in milliseconds.
pub(crate) fn to_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
