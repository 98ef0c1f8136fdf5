//! Evaluates range functions and aggregations, and does the same as the reference does it.
//!
//! The figures are whole queries through [`Engine`]: selection, copy of the samples out of the
//! store, evaluation and answer. The peer, `literal`, is the reference's loop written anew over
//! plain slices that are already there: series by series and step by step it moves a buffer of
//! samples on and calls the function on it; an aggregation goes step by step over all series. Both
//! answers must have the same bits before the race.
//!
//! An element is a result of one series at one step for `range`, and an input sample for
//! `aggregate`. Goals are set for x86-64-v3:
//!
//! ```sh
//! RUSTFLAGS="-C target-cpu=x86-64-v3" cargo bench --bench promql_eval
//! ```

mod literal;
mod range;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use narthex_model::Labels;
use narthex_promql::{Engine, Grid, Value};
use narthex_promql_parser::{Expr, parse};
use narthex_storage::{Appendable, MemoryStore, QueryContext, SampleValue, SeriesKey};
use range::range_functions;

/// The distance of samples and of steps.
const STEP_MS: i64 = 15_000;

fn promql_eval(criterion: &mut Criterion) {
    range_functions(criterion, "counters", |index| (index * 7 % 1_000 * (index % 190)) as f64);
    range_functions(criterion, "fractions", |index| (index as f64 * 0.37).sin() * 100.0);
    aggregations(criterion);
}

/// Series with a sample each step.
struct Data {
    series: Vec<(Labels, Vec<(i64, f64)>)>,
    store: MemoryStore,
}

impl Data {
    fn new(series: Vec<(Labels, Vec<(i64, f64)>)>) -> Self {
        let store = MemoryStore::default();
        for (labels, samples) in &series {
            let mut appender = store.appender();
            for &(timestamp_ms, value) in samples {
                appender
                    .append(SeriesKey::Labels(labels), timestamp_ms, SampleValue::Float(value))
                    .expect("samples are in order");
            }
            appender.commit().expect("memory takes everything");
        }
        Self { series, store }
    }

    /// Returns the values of the answer, series by series in the order of their labels.
    fn evaluate(&self, expr: &Expr, grid: Grid) -> Vec<Vec<f64>> {
        let matrix = self.query(expr, grid);
        let Value::Matrix(matrix) = matrix else { unreachable!("a range query is a matrix") };
        matrix.iter().map(|series| series.samples().map(|sample| sample.value).collect()).collect()
    }

    fn query(&self, expr: &Expr, grid: Grid) -> Value {
        let answer = Engine::default().range(&QueryContext::default(), &self.store, expr, grid);
        answer.expect("the query is well").value
    }
}

fn check_bits(query: &str, got: &[Vec<f64>], expected: &[Vec<f64>]) {
    let bits = |values: &[Vec<f64>]| -> Vec<Vec<u64>> {
        values.iter().map(|row| row.iter().map(|value| value.to_bits()).collect()).collect()
    };
    assert!(bits(got) == bits(expected), "{query} differs from the literal evaluation");
}

fn aggregations(criterion: &mut Criterion) {
    const ROWS: usize = 1_000;
    const STEPS: u64 = 480;
    for groups in [1, 10, 1_000] {
        let series = (0..ROWS).map(|row| {
            let labels = Labels::from_pairs([
                ("__name__", "m".into()),
                ("group", format!("{:04}", row % groups)),
                ("row", format!("{row:04}")),
            ]);
            let samples = (0..STEPS)
                .filter(|step| !(step * 13 + row as u64 * 7).is_multiple_of(20))
                .map(|step| {
                    (
                        (step as i64) * STEP_MS,
                        ((step * 31 + row as u64 * 17) as f64 * 0.37).sin() * 100.0,
                    )
                });
            (labels, samples.collect())
        });
        let data = Data::new(series.collect());
        let samples = data.series.iter().map(|(_, samples)| samples.len() as u64).sum();
        let end_ms = (STEPS as i64 - 1) * STEP_MS;
        let grid = Grid::range(0, end_ms, STEP_MS).expect("steps lie apart");
        let mut group = criterion.benchmark_group(format!("promql_eval/aggregate/{groups}"));
        group.throughput(Throughput::Elements(samples));
        // A range as long as a step keeps the holes, which the lookback would fill.
        for aggregation in &AGGREGATIONS {
            let op = aggregation.op;
            let query = format!("{op} by (group) (last_over_time(m[{}s]))", STEP_MS / 1000);
            let expr = parse(&query).expect("the query is well");
            let literal = || literal_aggregation(&data, groups, grid, aggregation);
            check_bits(&query, &data.evaluate(&expr, grid), &literal());
            group.bench_function(format!("narthex/{op}"), |bencher| {
                bencher.iter(|| data.query(black_box(&expr), grid));
            });
            group.bench_function(format!("literal/{op}"), |bencher| bencher.iter(literal));
        }
        // What of the figures above is not aggregation: to find the samples of the steps.
        let expr = parse(&format!("last_over_time(m[{}s])", STEP_MS / 1000)).expect("as above");
        group.bench_function("narthex/no aggregation", |bencher| {
            bencher.iter(|| data.query(black_box(&expr), grid));
        });
        group.finish();
    }
}

/// The value so far with its compensation.
type State = (f64, f64);

struct Aggregation {
    op: &'static str,
    start: fn(f64) -> State,
    add: fn(State, f64) -> State,
    finish: fn(State) -> f64,
}

const AGGREGATIONS: [Aggregation; 2] = [
    Aggregation {
        op: "sum",
        start: |value| (value, 0.0),
        add: |state, value| literal::kahan_add(value, state),
        finish: |(sum, rest)| sum + rest,
    },
    Aggregation {
        op: "max",
        start: |value| (value, 0.0),
        add: |(most, _), value| (if most < value || most.is_nan() { value } else { most }, 0.0),
        finish: |(most, _)| most,
    },
];

/// Goes over all series at each step, as the reference does.
fn literal_aggregation(
    data: &Data,
    groups: usize,
    grid: Grid,
    aggregation: &Aggregation,
) -> Vec<Vec<f64>> {
    let mut rest: Vec<&[(i64, f64)]> =
        data.series.iter().map(|(_, samples)| &samples[..]).collect();
    let mut results = vec![Vec::new(); groups];
    for time_ms in grid.times_ms() {
        let mut states: Vec<Option<State>> = vec![None; groups];
        for (row, samples) in rest.iter_mut().enumerate() {
            let Some((&(timestamp_ms, value), after)) = samples.split_first() else { continue };
            if timestamp_ms != time_ms {
                continue;
            }
            *samples = after;
            let state = &mut states[row % groups];
            *state = Some(match *state {
                None => (aggregation.start)(value),
                Some(state) => (aggregation.add)(state, value),
            });
        }
        for (result, state) in results.iter_mut().zip(states) {
            result.extend(state.map(aggregation.finish));
        }
    }
    results
}

criterion_group! {
    name = benches;
    // There are many races, and what takes microseconds is soon known.
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    targets = promql_eval
}
criterion_main!(benches);
