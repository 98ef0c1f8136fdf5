//! A query stops soon after it is told to, whatever it is doing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use narthex_model::{Labels, LabelsBuilder, Matcher};
use narthex_promql::{Engine, EngineOptions, Grid, QueryError};
use narthex_promql_parser::{ParseOptions, parse_with};
use narthex_storage::{
    Columns, Interrupt, Projection, Querier, QueryContext, Queryable, SelectHints, Selection,
    StorageError, TimeRange,
};
use rustix::time::{ClockId, clock_gettime};

/// A store that makes up its series as they are read, and interrupts the query at one of them.
struct Store<'a> {
    ctx: &'a QueryContext,
    series: usize,
    samples: usize,
    /// How many series are read before the query is told to stop.
    reads_before: usize,
    reads: AtomicUsize,
    interrupted: parking_lot::Mutex<Option<Duration>>,
}

impl Store<'_> {
    fn count_read(&self) {
        if self.reads.fetch_add(1, Ordering::Relaxed) + 1 == self.reads_before {
            self.interrupt();
        }
    }

    fn interrupt(&self) {
        *self.interrupted.lock() = Some(time_at_work());
        self.ctx.interrupt(Interrupt::Canceled);
    }
}

impl Queryable for Store<'_> {
    fn querier(&self, _: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        Ok(Box::new(Found(self)))
    }
}

struct Found<'a>(&'a Store<'a>);

impl Querier for Found<'_> {
    fn select(
        &self,
        _: &QueryContext,
        _: &[Matcher],
        _: &SelectHints,
    ) -> Result<Box<dyn Selection + '_>, StorageError> {
        Ok(Box::new(Found(self.0)))
    }

    fn label_names(
        &self,
        _: &QueryContext,
        _: &[Matcher],
        _: Option<usize>,
    ) -> Result<Vec<Box<str>>, StorageError> {
        Ok(Vec::new())
    }

    fn label_values(
        &self,
        _: &QueryContext,
        _: &str,
        _: &[Matcher],
        _: Option<usize>,
    ) -> Result<Vec<Box<str>>, StorageError> {
        Ok(Vec::new())
    }
}

impl Selection for Found<'_> {
    fn len(&self) -> usize {
        self.0.series
    }

    fn labels(&self, index: usize, _: &Projection, out: &mut LabelsBuilder) {
        out.reset(&self.series_labels(index));
    }

    fn series_labels(&self, index: usize) -> Labels {
        if self.0.reads_before == 0 && index + 1 == self.0.series {
            self.0.interrupt();
        }
        // In no order, so that there is something to sort.
        let number = (index * 2_654_435_761 % 1_000_003).to_string();
        Labels::from_pairs([
            ("__name__", "m"),
            ("instance", &*number),
            ("job", "j"),
            ("le", if index.is_multiple_of(2) { "1" } else { "+Inf" }),
        ])
    }

    fn read(&self, _: &QueryContext, index: usize, out: &mut Columns) -> Result<(), StorageError> {
        out.clear();
        for sample in 0..self.0.samples {
            out.push(sample as i64 * 1000, (index * 7919 % 10_007) as f64);
        }
        self.0.count_read();
        Ok(())
    }
}

/// What is interrupted, and when: after that many reads of that many series; with 0 after the labels
/// of the last one.
struct Case {
    query: &'static str,
    series: usize,
    samples: usize,
    steps: i64,
    reads_before: usize,
}

/// What is left to do takes several times the bound, in code that is not optimised, unless it is
/// interrupted.
const CASES: [Case; 15] = [
    // While series are read.
    read_in_turn("m", 20),
    read_in_turn("sum(rate(m[1m]))", 20),
    // Within a series: windows that hold many samples each.
    within_a_series("double_exponential_smoothing(m[30m], 0.1, 0.1)"),
    within_a_series("deriv(m[30m])"),
    // Before any series is read, when labels are.
    with_the_labels("label_replace(m, \"x\", \"$1\", \"instance\", \"(.*)\")"),
    with_the_labels("label_join(m, \"x\", \"-\", \"instance\", \"job\")"),
    // After the last series was read.
    after_the_last("quantile by (instance) (0.5, m)", 1),
    after_the_last("topk(10, m)", 400),
    after_the_last("sort(m)", 1),
    after_the_last("sort_by_label(m, \"instance\")", 1),
    after_the_last("histogram_quantile(0.9, m)", 1),
    after_the_last("max_over_time(m[1m:1s])", 1),
    // The answer of a range query is sorted.
    after_the_last("m", 2),
    both_sides("m + on (instance, le) m"),
    both_sides("m and m"),
];

const fn read_in_turn(query: &'static str, reads_before: usize) -> Case {
    Case { query, series: SERIES, samples: 60, steps: 60, reads_before }
}

const fn within_a_series(query: &'static str) -> Case {
    Case { query, series: 1, samples: 100_000, steps: 50_000, reads_before: 1 }
}

const fn with_the_labels(query: &'static str) -> Case {
    Case { query, series: SERIES, samples: 1, steps: 1, reads_before: 0 }
}

const fn after_the_last(query: &'static str, steps: i64) -> Case {
    Case { query, series: SERIES, samples: 1, steps, reads_before: SERIES }
}

const fn both_sides(query: &'static str) -> Case {
    Case { query, series: SERIES, samples: 1, steps: 1, reads_before: 2 * SERIES }
}

const SERIES: usize = 100_000;

/// A tenth of a second, and more for code that is not optimised.
const BOUND: Duration = Duration::from_millis(if cfg!(debug_assertions) { 300 } else { 100 });

#[test]
fn every_phase_stops_soon() {
    for case in CASES {
        let went_on = time_to_stop(&case);
        assert!(went_on < BOUND, "{} went on for {went_on:?}", case.query);
    }
}

/// Returns how long the query went on after it was interrupted.
fn time_to_stop(&Case { query, series, samples, steps, reads_before }: &Case) -> Duration {
    let ctx = QueryContext::default();
    let (reads, interrupted) = (AtomicUsize::new(0), parking_lot::Mutex::new(None));
    let store = Store { ctx: &ctx, series, samples, reads_before, reads, interrupted };
    let expr = parse_with(query, &ParseOptions::experimental()).unwrap();
    let engine = Engine::new(EngineOptions::default());
    let error = if steps == 1 {
        engine.instant(&ctx, &store, &expr, 1000).unwrap_err()
    } else {
        let grid = Grid::range(1000, steps * 1000, 1000).unwrap();
        engine.range(&ctx, &store, &expr, grid).unwrap_err()
    };
    let since = time_at_work() - store.interrupted.lock().unwrap();
    assert!(matches!(error, QueryError::Interrupted(Interrupt::Canceled)), "{query}: {error}");
    assert_eq!(ctx.bytes_used(), 0, "{query}");
    since
}

/// Returns how long this thread was at work: what else the machine does is not counted.
fn time_at_work() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}
