//! Random queries: the evaluator against the oracle, bit for bit.
//!
//! `NARTHEX_RANDOM_QUERIES` says how many, instead of a number that suits a debug build. The seed
//! is fixed, so that a difference can be had again.

mod data;
mod query;
mod splitmix;
mod steps;

use std::collections::BTreeSet;
use std::rc::Rc;

use narthex_model::Labels;
use narthex_promql::{
    Answer, Engine, EngineOptions, ErrorKind, Grid, QueryError, Severity, Value as AnswerValue,
};
use narthex_promql_parser::{AggregateOp, Expr, Node, ParseOptions, Span, parse_with};
use narthex_storage::{
    Appendable, Columns, MemoryStore, QueryContext, Queryable, SampleTime, SampleValue,
    SelectHints, SeriesKey, TimeRange,
};

use self::data::{RandomSeries, RandomValue};
use self::query::Generator;
use self::splitmix::Random;
use crate::oracle::{Failure, Oracle, Point, Series, Steps, Value};

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
    /// With samples and remarks on them.
    remarked: usize,
    failed: usize,
}

/// The same series for both evaluators.
struct World {
    /// What the store returns.
    stored: Vec<Series>,
    store: MemoryStore,
}

impl World {
    fn new(random: &mut Random) -> Self {
        let store = MemoryStore::default();
        let mut appender = store.appender();
        for RandomSeries { labels, samples } in data::series(random) {
            // Where it is known since when samples count, that changes at times.
            let knows_starts = random.one_in(2);
            let mut start_timestamp_ms = 0;
            for (timestamp_ms, value) in &samples {
                if knows_starts && (start_timestamp_ms == 0 || random.one_in(20)) {
                    start_timestamp_ms = timestamp_ms - 1 - random.below(20_000) as i64;
                }
                let value = match value {
                    RandomValue::Float(value) => SampleValue::Float(*value),
                    RandomValue::Histogram(histogram) => SampleValue::FloatHistogram(histogram),
                };
                let time = SampleTime { timestamp_ms: *timestamp_ms, start_timestamp_ms };
                appender.append_with_start(SeriesKey::Labels(&labels), time, value).unwrap();
            }
        }
        appender.commit().unwrap();
        drop(appender);
        Self { stored: read(&store), store }
    }
}

fn read(store: &MemoryStore) -> Vec<Series> {
    let ctx = QueryContext::default();
    let querier = store.querier(TimeRange::ALL).unwrap();
    let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
    let mut columns = Columns::default();
    let series = (0..selection.len()).map(|index| {
        selection.read(&ctx, index, &mut columns).unwrap();
        let points = columns.iter().enumerate().map(|(index, sample)| Point {
            timestamp_ms: sample.timestamp_ms,
            value: match columns.histogram(index) {
                Some(histogram) => Value::Histogram(Rc::new(histogram.as_ref().clone())),
                None => Value::Float(sample.value),
            },
        });
        Series { labels: selection.series_labels(index), points: points.collect() }
    });
    series.collect()
}

/// Asks both evaluators one query and describes the difference, if there is one.
fn check(world: &World, random: &mut Random, tally: &mut Tally) -> Option<String> {
    let steps = steps(random);
    let is_instant = steps.start_ms == steps.end_ms;
    let query = Generator::new(random, is_instant).query();
    let expr = parse_with(&query, &ParseOptions::experimental())
        .unwrap_or_else(|error| panic!("{query}: {error}"));
    let options = EngineOptions::default();
    let has_order = is_instant && has_order(&expr);
    let expected =
        Oracle::new(&world.stored, &options, steps).eval(&expr).map(|(series, remarks)| {
            let text = |(text, span): (String, Span)| format!("{text} (1:{})", span.start + 1);
            (series, remarks.into_iter().map(text).collect())
        });
    let expected = render(expected, has_order);
    let (engine, ctx) = (Engine::new(options), QueryContext::default());
    let got = match is_instant {
        true => engine.instant(&ctx, &world.store, &expr, steps.start_ms),
        false => {
            let grid = Grid::range(steps.start_ms, steps.end_ms, steps.step_ms).unwrap();
            engine.range(&ctx, &world.store, &expr, grid)
        }
    };
    let got = got.map(|answer| {
        let remarks = remarks_of(&answer, &query);
        (series_of(answer), remarks)
    });
    let got = render(got, has_order);
    match &expected {
        Err(_) => tally.failed += 1,
        Ok(lines) if lines.is_empty() => tally.empty += 1,
        Ok(lines) if lines.iter().any(|line| line.starts_with("PromQL")) => tally.remarked += 1,
        Ok(_) => tally.with_samples += 1,
    }
    (!agree(&got, &expected)).then(|| describe(&query, steps, &got, &expected))
}

/// Returns the remarks on an answer, without the details of some.
fn remarks_of(answer: &Answer, query: &str) -> BTreeSet<String> {
    let all = [Severity::Warning, Severity::Info].map(|it| answer.annotations.texts(it, query, 0));
    let short = |text: String| match text.split_once(" (see https") {
        Some((start, end)) => format!("{start}{}", &end[end.rfind(" (").unwrap_or(end.len())..]),
        None => text,
    };
    all.into_iter().flatten().map(short).collect()
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

/// Series one by one, then remarks.
fn render<E>(answer: Result<(Vec<Series>, BTreeSet<String>), E>, has_order: bool) -> Rendered<E> {
    let (series, remarks) = answer?;
    let mut lines: Vec<String> = series.iter().map(line).collect();
    if !has_order || lines.len() > STABLE_SORT_MAX {
        lines.sort_unstable();
    }
    lines.extend(remarks);
    Ok(lines)
}

/// Prints every bit, but for those that one NaN has and another has not.
fn line(series: &Series) -> String {
    let point = |Point { timestamp_ms, value }: &Point| match value {
        Value::Float(value) => {
            let bits = if value.is_nan() { f64::NAN } else { *value }.to_bits();
            format!(" {bits:016x}({value})@{timestamp_ms}")
        }
        Value::Histogram(histogram) => format!(" {}@{timestamp_ms}", histogram.test_expression()),
    };
    format!("{}{}", series.labels, series.points.iter().map(point).collect::<String>())
}

fn agree(got: &Rendered<QueryError>, expected: &Rendered<Failure>) -> bool {
    match (got, expected) {
        (Ok(got), Ok(expected)) => got == expected,
        (Err(got), Err(Failure(text))) => {
            got.kind() == ErrorKind::Execution && got.to_string().starts_with(text)
        }
        _ => false,
    }
}

fn series_of(answer: Answer) -> Vec<Series> {
    let float = |timestamp_ms, value| Point { timestamp_ms, value: Value::Float(value) };
    let histogram = |timestamp_ms, it: &narthex_model::histogram::FloatHistogram| Point {
        timestamp_ms,
        value: Value::Histogram(Rc::new(it.clone())),
    };
    match answer.value {
        AnswerValue::Scalar(sample) => vec![Series {
            labels: Labels::empty(),
            points: vec![float(sample.timestamp_ms, sample.value)],
        }],
        AnswerValue::Vector(vector) => {
            let series = |(index, (labels, sample)): (usize, (&Labels, narthex_model::Sample))| {
                let point = match vector.histogram(index) {
                    Some(it) => histogram(sample.timestamp_ms, it),
                    None => float(sample.timestamp_ms, sample.value),
                };
                Series { labels: labels.clone(), points: vec![point] }
            };
            vector.iter().enumerate().map(series).collect()
        }
        AnswerValue::Matrix(matrix) => matrix
            .iter()
            .map(|series| {
                let floats = series.samples().map(|it| float(it.timestamp_ms, it.value));
                let histograms = series.histograms().map(|(time_ms, it)| histogram(time_ms, it));
                let mut points: Vec<Point> = floats.chain(histograms).collect();
                points.sort_by_key(|point| point.timestamp_ms);
                Series { labels: series.labels().clone(), points }
            })
            .collect(),
        AnswerValue::String { .. } => unreachable!("the generator makes numbers"),
    }
}

/// Returns whether the query sorts its answer.
fn has_order(expr: &Expr) -> bool {
    match expr.root().without_parens().node() {
        Node::Call(call) => call.function.name.starts_with("sort"),
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
            expected.as_ref().map_or_else(|error| error.0.to_owned(), |lines| lines.join("\n    ")),
        ),
    };
    format!("{query}\n  {steps:?}\n  got\n    {got}\n  expected\n    {expected}")
}

/// How many elements Go's sort leaves in order where they are equal.
const STABLE_SORT_MAX: usize = 12;
/// How many differences are shown.
const SHOWN_MAX: usize = 10;
