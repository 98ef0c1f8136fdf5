//! Range functions: kernels by themselves, and whole queries.

use std::hint::black_box;

use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use narthex_model::Labels;
use narthex_promql::Grid;
use narthex_promql::kernel::{Column, RangeKernel};
use narthex_promql_parser::parse;
use narthex_storage::{Columns, QueryContext};

use super::literal::{self, OfWindow};
use super::{Data, STEP_MS, check_bits};

const SERIES: u64 = 20;
const STEPS: usize = 1_000;
const WINDOWS: [u64; 3] = [4, 20, 240];

struct Function {
    name: &'static str,
    params: &'static [f64],
    literal: OfWindow,
}

const FUNCTIONS: [Function; 8] = [
    Function {
        name: "rate",
        params: &[],
        literal: |samples, end_ms, range_ms| {
            literal::increase(samples, end_ms, range_ms, range_ms as f64 / 1000.0)
        },
    },
    Function {
        name: "increase",
        params: &[],
        literal: |samples, end_ms, range_ms| literal::increase(samples, end_ms, range_ms, 1.0),
    },
    Function { name: "sum_over_time", params: &[], literal: |samples, _, _| literal::sum(samples) },
    Function {
        name: "avg_over_time",
        params: &[],
        literal: |samples, _, _| literal::mean(samples),
    },
    Function {
        name: "max_over_time",
        params: &[],
        literal: |samples, _, _| literal::extreme(samples, |new, best| new > best),
    },
    Function {
        name: "min_over_time",
        params: &[],
        literal: |samples, _, _| literal::extreme(samples, |new, best| new < best),
    },
    Function {
        name: "count_over_time",
        params: &[],
        literal: |samples, _, _| samples.len() as f64,
    },
    Function {
        name: "quantile_over_time",
        params: &[0.9],
        literal: |samples, _, _| literal::quantile(samples),
    },
];

/// Races all functions over series with a sample each step, whose values `value_at` makes.
pub(crate) fn range_functions(
    criterion: &mut Criterion,
    values: &str,
    value_at: impl Fn(u64) -> f64,
) {
    let samples_max = STEPS as u64 + WINDOWS[WINDOWS.len() - 1];
    let series = (0..SERIES).map(|number| {
        let labels = Labels::from_pairs([("__name__", "m"), ("number", &format!("{number:03}"))]);
        let samples =
            (0..samples_max).map(|index| ((index as i64) * STEP_MS, value_at(index + number * 31)));
        (labels, samples.collect())
    });
    let data = Data::new(series.collect());
    for function in &FUNCTIONS {
        let name = format!("promql_eval/range/{values}/{}", function.name);
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(SERIES * STEPS as u64));
        for window in WINDOWS {
            race(&mut group, &data, function, window);
        }
        group.finish();
    }
}

fn race(group: &mut BenchmarkGroup<'_, WallTime>, data: &Data, function: &Function, window: u64) {
    let range_ms = window as i64 * STEP_MS;
    let start_ms = (data.series[0].1.len() - STEPS) as i64 * STEP_MS;
    let end_ms = start_ms + (STEPS as i64 - 1) * STEP_MS;
    let grid = Grid::range(start_ms, end_ms, STEP_MS).expect("steps lie apart");

    let params: String = function.params.iter().map(|param| format!("{param}, ")).collect();
    let query = format!("{}({params}m[{}s])", function.name, range_ms / 1000);
    let expr = parse(&query).expect("the query is well");
    let literal = || -> Vec<Vec<f64>> {
        let series = data.series.iter();
        series.map(|(_, list)| literal::windows(list, grid, range_ms, function.literal)).collect()
    };
    let ctx = QueryContext::default();
    let decoded: Vec<Columns> = data.series.iter().map(|(_, list)| columns(list)).collect();
    let mut kernel = RangeKernel::new(function.name, function.params).expect("there is one");
    let mut columns = vec![Column::default(); decoded.len()];
    let mut run = || {
        for (series, column) in decoded.iter().zip(&mut columns) {
            kernel.run(&ctx, series, grid, range_ms, column).expect("nobody says to stop");
        }
    };
    run();
    let expected = literal();
    check_bits(&query, &data.evaluate(&expr, grid), &expected);
    group.bench_function(format!("kernel/{window}"), |bencher| bencher.iter(&mut run));
    check_bits(&query, &columns.iter().map(values).collect::<Vec<_>>(), &expected);
    group.bench_function(format!("query/{window}"), |bencher| {
        bencher.iter(|| data.query(black_box(&expr), grid));
    });
    group.bench_function(format!("literal/{window}"), |bencher| bencher.iter(literal));
}

fn columns(samples: &[(i64, f64)]) -> Columns {
    let mut columns = Columns::default();
    for &(timestamp_ms, value) in samples {
        columns.push(timestamp_ms, value);
    }
    columns
}

fn values(column: &Column) -> Vec<f64> {
    column.iter().map(|(_, value)| value).collect()
}
