//! Random queries of what the oracle does not know: every step of a range query has the answer of an
//! instant query.

use narthex_promql::{Engine, EngineOptions, Grid};
use narthex_promql_parser::{ParseOptions, parse_with};
use narthex_storage::QueryContext;

use super::splitmix::Random;
use super::{World, data, line, series_of};
use crate::oracle::Series;

/// How many queries run.
const QUERIES: usize = 1_500;
const SEED: u64 = 0x6e61_7274_6865_7802;
const STEPS: u64 = 8;

const METRICS: [&str; 9] = [
    "requests_total",
    "temperature",
    "level",
    "busy_seconds_total",
    r#"{__name__=~"requests_total|level"}"#,
    "request_seconds",
    "body_bytes",
    "error_celsius",
    "mixed",
];
/// What is asked of a metric `M` over a range `R`.
const QUERIES_OF: [&str; 16] = [
    "rate(M[R] anchored)",
    "increase(M[R] anchored)",
    "delta(M[R] anchored)",
    "changes(M[R] anchored)",
    "resets(M[R] anchored)",
    "rate(M[R] smoothed)",
    "increase(M[R] smoothed)",
    "delta(M[R] smoothed)",
    "M smoothed",
    "rate(M[R])",
    "increase(M[R] offset 90s)",
    "irate(M[R])",
    "resets(M[R])",
    "start_timestamp(M)",
    r#"info(sum by (instance) (M), {__name__="build_info"})"#,
    r#"info(max by (instance) (M offset 2m), {version=~"1.*", __name__=~".+_info"})"#,
];
/// What is made of that.
const AROUND: [&str; 7] = [
    "Q",
    "Q",
    "abs(Q)",
    "sum by (__name__, job) (-(Q))",
    r#"label_replace(Q * 2, "from", "$1", "__name__", "(.+)")"#,
    "histogram_quantile(0.9, Q)",
    "last_over_time((Q)[3m:30s])",
];
const RANGES: [&str; 5] = ["30s", "1m", "5m", "7m", "61s"];

#[test]
fn every_step_has_the_answer_of_an_instant_query() {
    let mut random = Random::new(SEED);
    let (mut differences, mut with_samples) = (Vec::new(), 0);
    let mut world = World::new(&mut random);
    for number in 0..QUERIES {
        if number % 100 == 0 {
            world = World::new(&mut random);
        }
        match check(&world, &mut random) {
            Ok(samples) => with_samples += usize::from(samples > 0),
            Err(difference) => differences.push(difference),
        }
    }
    println!("{QUERIES} queries, {with_samples} with samples, {} differ", differences.len());
    assert!(differences.is_empty(), "{}", differences[..differences.len().min(5)].join("\n"));
    assert!(with_samples > QUERIES / 2);
}

/// Asks one query both ways. Returns how many series there are, or what differs.
fn check(world: &World, random: &mut Random) -> Result<usize, String> {
    let (range, metric) = (*random.pick(&RANGES), *random.pick(&METRICS));
    let inner = random.pick(&QUERIES_OF).replace('R', range).replace('M', metric);
    let query = random.pick(&AROUND).replace('Q', &inner);
    let expr = parse_with(&query, &ParseOptions::experimental())
        .unwrap_or_else(|error| panic!("{query}: {error}"));
    let mut options = EngineOptions::default();
    options.delayed_name_removal = random.one_in(2);
    options.use_start_timestamps = random.one_in(2);
    // What `info` finds with an offset depends on all steps of the query in the release.
    options.unreleased_changes = true;
    let (engine, ctx) = (Engine::new(options), QueryContext::default());
    let start_ms = data::START_MS + random.below(data::LENGTH_MS as u64) as i64;
    let step_ms = *random.pick(&[5_000, 15_000, 37_123, 300_000]);
    let end_ms = start_ms + step_ms * STEPS as i64;
    let times = || (0..=STEPS as i64).map(|step| start_ms + step * step_ms);
    let grid = Grid::range(start_ms, end_ms, step_ms).unwrap();
    let got = engine.range(&ctx, &world.store, &expr, grid).map(series_of);
    let expected: Result<Vec<Vec<Series>>, _> = times()
        .map(|time_ms| engine.instant(&ctx, &world.store, &expr, time_ms).map(series_of))
        .collect();
    let (got, expected) = match (got, expected) {
        (Ok(got), Ok(expected)) => (got, expected),
        // Labels that are equal at different steps alone are no error in a range query.
        (got, expected) => {
            let errors = [got.err(), expected.err()].map(|error| error.map(|it| it.to_string()));
            return if errors[0] == errors[1] {
                Ok(0)
            } else {
                Err(format!("{query}: {errors:?}"))
            };
        }
    };
    for (time_ms, expected) in times().zip(&expected) {
        let at = |series: &Series| {
            let point = series.points.iter().find(|point| point.timestamp_ms == time_ms)?;
            Some(line(&Series { labels: series.labels.clone(), points: vec![point.clone()] }))
        };
        let [mut got, mut expected] =
            [&got, expected].map(|all| all.iter().filter_map(at).collect::<Vec<_>>());
        got.sort_unstable();
        expected.sort_unstable();
        if got != expected {
            return Err(format!("{query} at {time_ms}\n  got {got:?}\n  expected {expected:?}"));
        }
    }
    Ok(got.len())
}
