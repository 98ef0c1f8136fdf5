//! How many samples queries look at and hold, as the reference counts them.

use std::sync::Arc;

use narthex_model::Labels;
use narthex_model::histogram::{Buckets, FloatHistogram, Span};
use narthex_promql::{Answer, Counting, Engine, EngineOptions, Grid, QueryError, SampleStats};
use narthex_promql_parser::parse;
use narthex_storage::{Appendable, MemoryStore, QueryContext, SampleValue, SeriesKey};

use crate::store::append;

/// A query and what it comes to.
struct Case {
    query: &'static str,
    start_ms: i64,
    /// End and step of a range query.
    range: Option<(i64, i64)>,
    /// Of all samples, and of those that are read.
    sums: Option<[u64; 2]>,
    peak: u64,
    steps: Option<[Vec<u64>; 2]>,
}

impl Case {
    /// Reads `query | time or start..end/step | total read peak | total by step | read by step`.
    fn read(line: &'static str) -> Self {
        let fields: Vec<&str> = line.split(" | ").collect();
        let numbers =
            |text: &str| text.split(' ').map(|n| n.parse().unwrap()).collect::<Vec<u64>>();
        let (start, range) = match fields[1].split_once("..") {
            None => (fields[1], None),
            Some((start, rest)) => {
                let (end, step) = rest.split_once('/').unwrap();
                (start, Some((seconds(end), seconds(step))))
            }
        };
        let counts: Vec<&str> = fields[2].split(' ').collect();
        let number = |text: &str| text.parse().unwrap();
        Self {
            query: fields[0],
            start_ms: seconds(start),
            range,
            sums: (counts[0] != "-").then(|| [number(counts[0]), number(counts[1])]),
            peak: number(counts[2]),
            steps: (fields.len() > 3).then(|| [numbers(fields[3]), numbers(fields[4])]),
        }
    }

    fn evaluate(
        &self,
        store: &MemoryStore,
        samples_max: usize,
        counting: Counting,
    ) -> Result<Answer, QueryError> {
        let mut options = EngineOptions::default();
        options.max_samples = samples_max;
        options.counting = counting;
        let engine = Engine::new(options);
        let expr = parse(self.query).unwrap();
        let ctx = QueryContext::default();
        match self.range {
            None => engine.instant(&ctx, store, &expr, self.start_ms),
            Some((end_ms, step_ms)) => {
                let grid = Grid::range(self.start_ms, end_ms, step_ms).unwrap();
                engine.range(&ctx, store, &expr, grid)
            }
        }
    }
}

fn seconds(text: &str) -> i64 {
    text.parse::<i64>().unwrap() * 1000
}

/// Returns a store of the metrics `one`, `two` and `three`, named after the number of their series,
/// and `histogram`, each with a sample every ten seconds.
fn store() -> MemoryStore {
    let store = MemoryStore::default();
    let samples: Vec<(i64, f64)> =
        (0..=100).map(|n| (i64::from(n) * 10_000, f64::from(n))).collect();
    for labels in [
        vec![("__name__", "one")],
        vec![("__name__", "two"), ("a", "1")],
        vec![("__name__", "two"), ("a", "2")],
        vec![("__name__", "three"), ("a", "1"), ("b", "1")],
        vec![("__name__", "three"), ("a", "2"), ("b", "2")],
        vec![("__name__", "three"), ("a", "3"), ("b", "2")],
    ] {
        append(&store, &Labels::from_pairs(labels), &samples);
    }
    let labels = Labels::from_pairs([("__name__", "histogram")]);
    let mut appender = store.appender();
    for n in 0..=100 {
        let histogram = histogram(f64::from(n));
        let value = SampleValue::FloatHistogram(&histogram);
        appender.append(SeriesKey::Labels(&labels), i64::from(n) * 10_000, value).unwrap();
    }
    appender.commit().unwrap();
    drop(appender);
    store
}

/// Returns a histogram of 208 bytes in the reference's reckoning, which are 13 samples.
fn histogram(n: f64) -> FloatHistogram {
    FloatHistogram {
        schema: 1,
        count: 5.0 + 10.0 * n,
        sum: 20.0 + 5.0 * n,
        positive: Buckets {
            spans: vec![Span { offset: 0, length: 4 }],
            counts: vec![1.0 + n, 2.0 + 2.0 * n, 1.0 + 3.0 * n, 1.0 + 4.0 * n],
        },
        custom_bounds: Arc::default(),
        ..FloatHistogram::default()
    }
}

#[test]
fn samples_are_counted_as_the_reference_counts_them() {
    let store = store();
    let lines = CASES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for case in lines.map(Case::read) {
        let Case { query, sums, peak, ref steps, .. } = case;
        let SampleStats { total, read, peak: held, steps: by_step, .. } =
            case.evaluate(&store, usize::MAX, Counting::Steps).unwrap().stats;
        assert_eq!(held, Some(peak), "peak of {query}");
        assert!(sums.is_none_or(|sums| sums == [total, read]), "{query}: {total} {read}");
        if let Some(steps) = steps {
            let by_step = by_step.unwrap();
            assert_eq!([&by_step.total, &by_step.read], [&steps[0], &steps[1]], "steps of {query}");
        }
        for (counting, peak) in [(Counting::Peak, Some(peak)), (Counting::Totals, None)] {
            let less = case.evaluate(&store, usize::MAX, counting).unwrap().stats;
            let found = (less.total, less.read, less.peak, less.steps);
            assert_eq!(found, (total, read, peak, None), "{query}");
        }
    }
}

#[test]
fn the_peak_is_what_the_limit_is_about() {
    let store = store();
    let lines = CASES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for case in lines.map(Case::read).filter(|case| case.peak > 0) {
        let peak = usize::try_from(case.peak).unwrap();
        assert!(case.evaluate(&store, peak, Counting::Totals).is_ok(), "{}", case.query);
        let error = case.evaluate(&store, peak - 1, Counting::Totals).unwrap_err();
        assert!(matches!(error, QueryError::TooManySamples), "{}: {error}", case.query);
    }
}

/// Facts of the reference: `TestQueryStatistics` and `TestMaxQuerySamples` in its
/// `promql/engine_test.go`.
const CASES: &str = include_str!("stats.txt");
