//! Evaluates range functions and aggregations, and does the same as the reference does it.
//!
//! Each race has three sides: `kernel` is the loop over columns that are there, `query` the whole
//! through [`Engine`], with selection, copy of the samples out of the store and answer, and
//! `literal` is the reference's loop written anew over plain slices: series by series and step by
//! step it moves a buffer of samples on and calls the function on it; an aggregation goes step by
//! step over all series. All must have the same bits before the race.
//!
//! An element is a result of one series at one step for `range`, and an input sample for
//! `aggregate`. Goals are set for x86-64-v3:
//!
//! ```sh
//! RUSTFLAGS="-C target-cpu=x86-64-v3" cargo bench --bench promql_eval
//! ```

mod aggregate;
mod literal;
mod range;

use std::time::Duration;

use aggregate::aggregations;
use criterion::{Criterion, criterion_group, criterion_main};
use narthex_model::Labels;
use narthex_promql::{Engine, Grid, Value};
use narthex_promql_parser::Expr;
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
