//! Aggregations: the fold of rows that are there by itself, and whole queries.

use std::hint::black_box;

use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use narthex_model::Labels;
use narthex_promql::Grid;
use narthex_promql::kernel::{Column, FoldKernel};
use narthex_promql_parser::parse;

use super::literal::{self, AGGREGATIONS, Aggregation};
use super::{Data, STEP_MS, check_bits};

const ROWS: usize = 1_000;
const STEPS: usize = 480;

/// Races aggregations of rows of which one value in twenty is missing.
pub(crate) fn aggregations(criterion: &mut Criterion) {
    for groups in [1, 10, 1_000] {
        let data = Data::new((0..ROWS).map(|row| series(row, groups)).collect());
        let samples = data.series.iter().map(|(_, samples)| samples.len() as u64).sum();
        let grid = Grid::range(0, (STEPS as i64 - 1) * STEP_MS, STEP_MS).expect("steps lie apart");
        let mut group = criterion.benchmark_group(format!("promql_eval/aggregate/{groups}"));
        group.throughput(Throughput::Elements(samples));
        for aggregation in &AGGREGATIONS {
            race(&mut group, &data, groups, grid, aggregation);
        }
        // What of a query is not aggregation: to find the samples of the steps.
        let expr = parse(&format!("last_over_time(m[{}s])", STEP_MS / 1000)).expect("it is well");
        group.bench_function("query/no aggregation", |bencher| {
            bencher.iter(|| data.query(black_box(&expr), grid));
        });
        group.finish();
    }
}

fn series(row: usize, groups: usize) -> (Labels, Vec<(i64, f64)>) {
    let labels = Labels::from_pairs([
        ("__name__", "m".into()),
        ("group", format!("{:04}", row % groups)),
        ("row", format!("{row:04}")),
    ]);
    let samples = (0..STEPS).filter(|step| !(step * 13 + row * 7).is_multiple_of(20)).map(|step| {
        ((step as i64) * STEP_MS, ((step * 31 + row * 17) as f64 * 0.37).sin() * 100.0)
    });
    (labels, samples.collect())
}

fn race(
    group: &mut BenchmarkGroup<'_, WallTime>,
    data: &Data,
    groups: usize,
    grid: Grid,
    aggregation: &Aggregation,
) {
    let op = aggregation.op;
    // A range as long as a step keeps the holes, which the lookback would fill.
    let query = format!("{} by (group) (last_over_time(m[{}s]))", op.as_str(), STEP_MS / 1000);
    let expr = parse(&query).expect("the query is well");
    let rows: Vec<&[(i64, f64)]> = data.series.iter().map(|(_, samples)| &samples[..]).collect();
    let literal = || literal::aggregation(&rows, groups, grid, aggregation);
    let columns: Vec<Column> = rows.iter().map(|samples| column(samples)).collect();
    let mut kernel = FoldKernel::new(op, STEPS).expect("it folds");
    let mut results = vec![Column::default(); groups];
    let mut run = || {
        kernel.clear();
        for (row, column) in columns.iter().enumerate() {
            kernel.add(row % groups, column);
        }
        for (number, result) in results.iter_mut().enumerate() {
            kernel.finish(number, result);
        }
    };
    run();
    let expected = literal();
    check_bits(&query, &data.evaluate(&expr, grid), &expected);
    group.bench_function(format!("kernel/{}", op.as_str()), |bencher| bencher.iter(&mut run));
    let values = |column: &Column| column.iter().map(|(_, value)| value).collect();
    check_bits(&query, &results.iter().map(values).collect::<Vec<_>>(), &expected);
    group.bench_function(format!("query/{}", op.as_str()), |bencher| {
        bencher.iter(|| data.query(black_box(&expr), grid));
    });
    group.bench_function(format!("literal/{}", op.as_str()), |bencher| bencher.iter(literal));
}

fn column(samples: &[(i64, f64)]) -> Column {
    let mut column = Column::default();
    column.reset(STEPS);
    for &(timestamp_ms, value) in samples {
        let step = usize::try_from(timestamp_ms / STEP_MS).expect("time starts at 0");
        column.set(step, value);
    }
    column
}
