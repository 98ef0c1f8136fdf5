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

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use narthex_model::Labels;
use narthex_promql::{Engine, Grid, Value};
use narthex_promql_parser::{Expr, parse};
use narthex_storage::{Appendable, MemoryStore, QueryContext, SampleValue, SeriesKey};

/// The distance of samples and of steps.
const STEP_MS: i64 = 15_000;

fn promql_eval(criterion: &mut Criterion) {
    range_functions(criterion, "counters", &|index| (index * 7 % 1_000 * (index % 190)) as f64);
    range_functions(criterion, "fractions", &|index| (index as f64 * 0.37).sin() * 100.0);
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

/// A function of the samples in a window, whose end and length follow.
type OfWindow = fn(&[(i64, f64)], i64, i64) -> f64;

fn range_functions(criterion: &mut Criterion, values: &str, value_at: &dyn Fn(u64) -> f64) {
    const SERIES: u64 = 20;
    const STEPS: usize = 1_000;
    const FUNCTIONS: [(&str, OfWindow); 8] = [
        ("rate", |samples, end_ms, range_ms| {
            literal_increase(samples, end_ms, range_ms, range_ms as f64 / 1000.0)
        }),
        ("increase", |samples, end_ms, range_ms| literal_increase(samples, end_ms, range_ms, 1.0)),
        ("sum_over_time", |samples, _, _| literal_sum(samples)),
        ("avg_over_time", |samples, _, _| literal_mean(samples)),
        ("max_over_time", |samples, _, _| literal_extreme(samples, |new, best| new > best)),
        ("min_over_time", |samples, _, _| literal_extreme(samples, |new, best| new < best)),
        ("count_over_time", |samples, _, _| samples.len() as f64),
        ("quantile_over_time", |samples, _, _| literal_quantile(samples)),
    ];
    const WINDOW_MAX: u64 = 240;
    let series = (0..SERIES).map(|number| {
        let labels = Labels::from_pairs([("__name__", "m"), ("number", &format!("{number:03}"))]);
        let samples = (0..STEPS as u64 + WINDOW_MAX)
            .map(|index| ((index as i64) * STEP_MS, value_at(index + number * 31)));
        (labels, samples.collect())
    });
    let data = Data::new(series.collect());
    let start_ms = WINDOW_MAX as i64 * STEP_MS;
    let end_ms = start_ms + (STEPS as i64 - 1) * STEP_MS;
    let grid = Grid::range(start_ms, end_ms, STEP_MS).expect("steps lie apart");
    for (function, of_window) in FUNCTIONS {
        let mut group = criterion.benchmark_group(format!("promql_eval/range/{values}/{function}"));
        group.throughput(Throughput::Elements(SERIES * STEPS as u64));
        for window in [4, 20, WINDOW_MAX] {
            let range_ms = window as i64 * STEP_MS;
            let argument = if function == "quantile_over_time" { "0.9, " } else { "" };
            let query = format!("{function}({argument}m[{}s])", range_ms / 1000);
            let expr = parse(&query).expect("the query is well");
            let literal = || -> Vec<Vec<f64>> {
                let windows = |(_, samples): &(Labels, Vec<(i64, f64)>)| {
                    literal_windows(samples, grid, range_ms, of_window)
                };
                data.series.iter().map(windows).collect()
            };
            check_bits(&query, &data.evaluate(&expr, grid), &literal());
            group.bench_function(format!("narthex/{window}"), |bencher| {
                bencher.iter(|| data.query(black_box(&expr), grid));
            });
            group.bench_function(format!("literal/{window}"), |bencher| bencher.iter(literal));
        }
        group.finish();
    }
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
        add: |state, value| kahan_add(value, state),
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

/// Moves a buffer of samples on from step to step.
fn literal_windows(
    samples: &[(i64, f64)],
    grid: Grid,
    range_ms: i64,
    of_window: OfWindow,
) -> Vec<f64> {
    let mut buffer: Vec<(i64, f64)> = Vec::new();
    let mut next = samples.iter().copied().peekable();
    let mut results = Vec::with_capacity(grid.steps());
    for end_ms in grid.times_ms() {
        let old = buffer.iter().take_while(|(time_ms, _)| *time_ms <= end_ms - range_ms).count();
        buffer.copy_within(old.., 0);
        buffer.truncate(buffer.len() - old);
        while let Some(sample) = next.next_if(|(time_ms, _)| *time_ms <= end_ms) {
            if sample.0 > end_ms - range_ms {
                buffer.push(sample);
            }
        }
        if !buffer.is_empty() {
            results.push(of_window(&buffer, end_ms, range_ms));
        }
    }
    results
}

fn literal_increase(samples: &[(i64, f64)], end_ms: i64, range_ms: i64, unit_s: f64) -> f64 {
    let (first, last) = (samples[0], samples[samples.len() - 1]);
    let mut rise = last.1 - first.1;
    let mut before = first.1;
    for &(_, value) in &samples[1..] {
        if value < before {
            rise += before;
        }
        before = value;
    }
    let mut to_start = (first.0 - (end_ms - range_ms)) as f64 / 1000.0;
    let mut to_end = (end_ms - last.0) as f64 / 1000.0;
    let sampled = (last.0 - first.0) as f64 / 1000.0;
    let spacing = sampled / (samples.len() - 1) as f64;
    if to_start >= spacing * 1.1 {
        to_start = spacing / 2.0;
    }
    if rise > 0.0 && first.1 >= 0.0 {
        let to_zero = sampled * (first.1 / rise);
        if to_zero < to_start {
            to_start = to_zero;
        }
    }
    if to_end >= spacing * 1.1 {
        to_end = spacing / 2.0;
    }
    rise * ((sampled + to_start + to_end) / sampled / unit_s)
}

fn kahan_add(addend: f64, (sum, compensation): (f64, f64)) -> (f64, f64) {
    let total = sum + addend;
    if total.is_infinite() {
        (total, 0.0)
    } else if sum.abs() >= addend.abs() {
        (total, compensation + ((sum - total) + addend))
    } else {
        (total, compensation + ((addend - total) + sum))
    }
}

fn literal_sum(samples: &[(i64, f64)]) -> f64 {
    let (sum, rest) = samples.iter().fold((0.0, 0.0), |total, (_, value)| kahan_add(*value, total));
    if sum.is_infinite() { sum } else { sum + rest }
}

/// No sum here overflows.
fn literal_mean(samples: &[(i64, f64)]) -> f64 {
    let first = (samples[0].1, 0.0);
    let (sum, rest) = samples[1..].iter().fold(first, |total, (_, value)| kahan_add(*value, total));
    let count = samples.len() as f64;
    sum / count + rest / count
}

fn literal_extreme(samples: &[(i64, f64)], beats: fn(f64, f64) -> bool) -> f64 {
    samples.iter().fold(samples[0].1, |best, (_, value)| {
        if beats(*value, best) || best.is_nan() { *value } else { best }
    })
}

fn literal_quantile(samples: &[(i64, f64)]) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(|(_, value)| *value).collect();
    values.sort_unstable_by(f64::total_cmp);
    let rank = 0.9 * (values.len() - 1) as f64;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and less than the length")]
    let lower = rank.floor() as usize;
    let weight = rank - rank.floor();
    let upper = (lower + 1).min(values.len() - 1);
    values[lower] * (1.0 - weight) + values[upper] * weight
}

criterion_group!(benches, promql_eval);
criterion_main!(benches);
