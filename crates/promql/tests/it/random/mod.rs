//! Random queries: the evaluator against the oracle, bit for bit.
//!
//! `NARTHEX_RANDOM_QUERIES` says how many, instead of a number that suits a debug build. The seed
//! is fixed, so that a difference can be had again.

mod data;
mod query;
mod splitmix;

use narthex_model::{Labels, Sample};
use narthex_promql::{Answer, Engine, EngineOptions, ErrorKind, Grid, QueryError, Value};
use narthex_promql_parser::{AggregateOp, Expr, Node, ParseOptions, parse_with};
use narthex_storage::{MemoryStore, QueryContext};

use self::query::Generator;
use self::splitmix::Random;
use crate::oracle::{Failure, Oracle, Series, Steps};
use crate::store::append;

/// How many queries run where nobody says.
const QUERIES: usize = 10_000;
/// How many queries look at the same data.
const QUERIES_A_STORE: usize = 250;
const SEED: u64 = 0x6e61_7274_6865_7801;

#[test]
fn random_queries_agree_with_the_oracle() {
    let queries = match std::env::var("NARTHEX_RANDOM_QUERIES") {
        Ok(count) => count.parse().unwrap(),
        Err(_) => QUERIES,
    };
    let mut random = Random::new(SEED);
    let (mut differences, mut tally) = (Vec::new(), Tally::default());
    let mut world = World::new(&mut random);
    for number in 0..queries {
        if number % QUERIES_A_STORE == 0 {
            world = World::new(&mut random);
        }
        if let Some(difference) = check(&world, &mut random, &mut tally) {
            differences.push(format!("query {number}: {difference}"));
        }
    }
    println!("{queries} random queries, seed {SEED:#x}: {tally:?}, {} differ", differences.len());
    let shown = differences.iter().take(SHOWN_MAX).map(String::as_str).collect::<Vec<_>>();
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), shown.join("\n"));
}

/// What the queries came to, to see that the generator does not ask for nothing.
#[derive(Debug, Default)]
struct Tally {
    empty: usize,
    with_samples: usize,
    failed: usize,
}

/// The same series for both evaluators.
struct World {
    stored: Vec<Series>,
    store: MemoryStore,
}

impl World {
    fn new(random: &mut Random) -> Self {
        let stored = data::series(random);
        let store = MemoryStore::default();
        for series in &stored {
            let samples: Vec<(i64, f64)> =
                series.samples.iter().map(|sample| (sample.timestamp_ms, sample.value)).collect();
            append(&store, &series.labels, &samples);
        }
        Self { stored, store }
    }
}

/// Asks both evaluators one query and describes the difference, if there is one.
fn check(world: &World, random: &mut Random, tally: &mut Tally) -> Option<String> {
    let steps = steps(random);
    let is_instant = steps.start_ms == steps.end_ms;
    let query = Generator::new(random, is_instant).query();
    let expr = parse_with(&query, &ParseOptions::experimental())
        .unwrap_or_else(|error| panic!("{query}: {error}"));
    let options = EngineOptions::default();
    let oracle = Oracle {
        stored: &world.stored,
        lookback_delta_ms: options.lookback_delta_ms,
        default_subquery_step_ms: options.default_subquery_step_ms,
    };
    let expected = oracle.eval(&expr, steps);
    let (engine, ctx) = (Engine::new(options), QueryContext::default());
    let got = match is_instant {
        true => engine.instant(&ctx, &world.store, &expr, steps.start_ms),
        false => {
            let grid = Grid::range(steps.start_ms, steps.end_ms, steps.step_ms).unwrap();
            engine.range(&ctx, &world.store, &expr, grid)
        }
    };
    let has_order = is_instant && has_order(&expr);
    let (got, expected) = (render(got.map(series_of), has_order), render(expected, has_order));
    match &expected {
        Err(_) => tally.failed += 1,
        Ok(lines) if lines.is_empty() => tally.empty += 1,
        Ok(_) => tally.with_samples += 1,
    }
    (!agree(&got, &expected)).then(|| describe(&query, steps, &got, &expected))
}

fn steps(random: &mut Random) -> Steps {
    let start_ms = data::START_MS + random.below(data::LENGTH_MS as u64 / 1000) as i64 * 1000
        - if random.one_in(4) { random.below(1000) as i64 } else { 0 };
    if random.one_in(3) {
        return Steps::instant(start_ms);
    }
    let step_ms = *random.pick(&[5_000, 15_000, 30_000, 37_123, 60_000, 300_000]);
    // The end need not be a step.
    let end_ms = start_ms + step_ms * (1 + random.below(12) as i64) + random.below(5_000) as i64;
    Steps { start_ms, end_ms, step_ms }
}

/// The text of an error that agrees with any of its kind is its class in the oracle's words.
type Rendered<E> = Result<Vec<String>, E>;

fn render<E>(answer: Result<Vec<Series>, E>, has_order: bool) -> Rendered<E> {
    let mut lines: Vec<String> = answer?.iter().map(line).collect();
    if !has_order || lines.len() > STABLE_SORT_MAX {
        lines.sort_unstable();
    }
    Ok(lines)
}

/// Prints every bit, but for those that one NaN has and another has not.
fn line(series: &Series) -> String {
    let sample = |sample: &Sample| {
        let value = sample.value;
        let bits = if value.is_nan() { f64::NAN } else { value }.to_bits();
        format!(" {bits:016x}({value})@{}", sample.timestamp_ms)
    };
    format!("{}{}", series.labels, series.samples.iter().map(sample).collect::<String>())
}

fn agree(got: &Rendered<QueryError>, expected: &Rendered<Failure>) -> bool {
    match (got, expected) {
        (Ok(got), Ok(expected)) => got == expected,
        (Err(got), Err(_)) => got.kind() == ErrorKind::Execution,
        _ => false,
    }
}

fn series_of(answer: Answer) -> Vec<Series> {
    match answer.value {
        Value::Scalar(sample) => vec![Series { labels: Labels::empty(), samples: vec![sample] }],
        Value::Vector(vector) => {
            let series = |(labels, sample): (&Labels, Sample)| Series {
                labels: labels.clone(),
                samples: vec![sample],
            };
            vector.iter().map(series).collect()
        }
        Value::Matrix(matrix) => matrix
            .iter()
            .map(|series| Series {
                labels: series.labels().clone(),
                samples: series.samples().collect(),
            })
            .collect(),
        Value::String { .. } => unreachable!("the generator makes numbers"),
    }
}

/// Returns whether the query sorts its answer.
fn has_order(expr: &Expr) -> bool {
    match expr.root().without_parens().node() {
        Node::Call(call) => matches!(call.function.name, "sort" | "sort_desc"),
        Node::Aggregate(aggregate) => {
            matches!(aggregate.op, AggregateOp::Topk | AggregateOp::Bottomk)
        }
        _ => false,
    }
}

fn describe(
    query: &str,
    steps: Steps,
    got: &Rendered<QueryError>,
    expected: &Rendered<Failure>,
) -> String {
    let (got, expected) = match (got, expected) {
        (Ok(got), Ok(expected)) => {
            let only = |these: &[String], those: &[String]| {
                let lines = these.iter().filter(|line| !those.contains(line));
                lines.take(3).cloned().collect::<Vec<_>>().join("\n    ")
            };
            (only(got, expected), only(expected, got))
        }
        (got, expected) => (
            got.as_ref().map_or_else(|error| error.to_string(), |lines| lines.join("\n    ")),
            expected.as_ref().map_or_else(|error| error.0.into(), |lines| lines.join("\n    ")),
        ),
    };
    format!("{query}\n  {steps:?}\n  got\n    {got}\n  expected\n    {expected}")
}

/// How many elements Go's sort leaves in order where they are equal.
const STABLE_SORT_MAX: usize = 12;
/// How many differences are shown.
const SHOWN_MAX: usize = 10;
