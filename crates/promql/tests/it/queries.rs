//! Queries over a small store, each with the answer that it must have.

use std::fmt::Write as _;

use narthex_model::{Labels, STALE_NAN, Sample, float};
use narthex_promql::{Engine, Grid, QueryError, Severity, Value};
use narthex_promql_parser::{ValueType, parse};
use narthex_storage::{MemoryStore, QueryContext};

use crate::store::append;

/// Samples ten seconds apart, from 0 on. `_` is none, `stale` the staleness marker.
const SERIES: [(&str, &str); 14] = [
    ("load{host=a}", "1 2 3 4 5 6"),
    ("load{host=b}", "10 20 _ 40 stale _"),
    ("load{host=c}", "NaN NaN NaN NaN NaN NaN"),
    ("requests_total{host=a,code=200}", "0 10 20 5 15 25"),
    ("requests_total{host=a,code=500}", "0 0 1 1 2 2"),
    ("requests_total{host=b,code=200}", "100 110 120 130 140 150"),
    ("info{host=a,version=1}", "1 1 1 1 1 1"),
    ("info{host=b,version=2}", "1 1 1 1 1 1"),
    ("latency_bucket{le=0.1}", "0 1 2 3 4 5"),
    ("latency_bucket{le=1}", "0 2 4 6 8 10"),
    ("latency_bucket{le=+Inf}", "0 2 4 6 8 20"),
    ("broken_bucket{le=1}", "5 5 5 5 5 5"),
    ("broken_bucket{le=2}", "4 4 4 4 4 4"),
    ("broken_bucket{le=+Inf}", "6 6 6 6 6 6"),
];

/// Returns a store of [`SERIES`].
pub(crate) fn store() -> MemoryStore {
    let store = MemoryStore::default();
    for (series, values) in SERIES {
        let (name, labels) = series.strip_suffix('}').unwrap().split_once('{').unwrap();
        let pairs = labels.split(',').map(|pair| pair.split_once('=').unwrap());
        let labels = Labels::from_pairs(pairs.chain([("__name__", name)]));
        let samples: Vec<(i64, f64)> = values
            .split(' ')
            .enumerate()
            .filter_map(|(index, text)| {
                let value = match text {
                    "_" => return None,
                    "stale" => STALE_NAN,
                    text => float::parse(text).unwrap(),
                };
                Some((index as i64 * 10_000, value))
            })
            .collect();
        append(&store, &labels, &samples);
    }
    store
}

/// Returns the answer to an instant query at `time_s` on one line: series in their order, then
/// annotations.
fn instant(store: &MemoryStore, query: &str, time_s: i64) -> String {
    let expr = parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let ctx = QueryContext::default();
    match Engine::default().instant(&ctx, store, &expr, time_s * 1000) {
        Err(error) => format!("error: {error}"),
        Ok(answer) => {
            let mut text = print(&answer.value);
            for severity in [Severity::Warning, Severity::Info] {
                for annotation in answer.annotations.texts(severity, query, 0) {
                    write!(text, " | {annotation}").unwrap();
                }
            }
            text
        }
    }
}

/// Returns the answer to a range query from 0 to 50 seconds, by ten.
fn range(store: &MemoryStore, query: &str) -> String {
    let expr = parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let grid = Grid::range(0, 50_000, 10_000).unwrap();
    match Engine::default().range(&QueryContext::default(), store, &expr, grid) {
        Err(error) => format!("error: {error}"),
        Ok(answer) => print(&answer.value),
    }
}

fn print(value: &Value) -> String {
    let number = |value: f64| {
        let mut text = String::new();
        float::write_json(&mut text, value).unwrap();
        text
    };
    match value {
        Value::Scalar(sample) => number(sample.value),
        Value::String { text, .. } => format!("{text:?}"),
        Value::Vector(vector) => {
            let series = vector
                .iter()
                .map(|(labels, sample)| format!("{} {}", labels.as_series(), number(sample.value)));
            series.collect::<Vec<_>>().join("; ")
        }
        Value::Matrix(matrix) => {
            let series = matrix.iter().map(|series| {
                let samples = series.samples().map(|sample| {
                    format!(" {}@{}", number(sample.value), sample.timestamp_ms / 1000)
                });
                format!("{}{}", series.labels().as_series(), samples.collect::<String>())
            });
            series.collect::<Vec<_>>().join("; ")
        }
    }
}

#[test]
fn instant_answers() {
    let store = store();
    let cases = include_str!("../data/instant.txt");
    check(cases, |query| {
        let (time_s, query) = query.split_once(' ').unwrap();
        instant(&store, query, time_s.parse().unwrap())
    });
}

#[test]
fn range_answers() {
    let store = store();
    check(include_str!("../data/range.txt"), |query| range(&store, query));
}

/// Holds every case, `query` on one line and `=> answer` on the next, against what `answer` says.
fn check(cases: &str, answer: impl Fn(&str) -> String) {
    let mut wrong = String::new();
    let mut query = "";
    for line in cases.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let Some(expected) = line.strip_prefix("=>") else {
            query = line;
            continue;
        };
        let got = answer(query);
        if got.trim() != expected.trim() {
            writeln!(wrong, "{query}\n=> {got}\nnot {expected}\n").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A range query is what instant queries at its steps are, series by series.
#[test]
fn a_range_is_a_row_of_instants() {
    let store = store();
    let cases = include_str!("../data/instant.txt").lines();
    let queries = cases.filter(|line| !line.is_empty() && !line.starts_with(['#', '=']));
    for query in queries.map(|line| line.split_once(' ').unwrap().1) {
        let expr = parse(query).unwrap();
        if matches!(expr.value_type(), ValueType::Matrix | ValueType::String) {
            continue;
        }
        let grid = Grid::range(0, 50_000, 10_000).unwrap();
        let range = Engine::default().range(&QueryContext::default(), &store, &expr, grid);
        let instants: Result<Vec<Value>, QueryError> = grid
            .times_ms()
            .map(|time_ms| {
                let ctx = QueryContext::default();
                Ok(Engine::default().instant(&ctx, &store, &expr, time_ms)?.value)
            })
            .collect();
        // Where series become equal, a range may fail though no step does.
        let Ok(range) = range else { continue };
        let instants = instants.unwrap_or_else(|error| panic!("{query}: a step fails: {error}"));
        let mut row: Vec<_> = instants.iter().flat_map(points).collect();
        let mut points = points(&range.value);
        row.sort_unstable();
        points.sort_unstable();
        assert_eq!(points, row, "{query}");
    }
}

/// Returns time, labels and bits of every sample.
fn points(value: &Value) -> Vec<(i64, String, u64)> {
    let point = |labels: &Labels, sample: Sample| {
        (sample.timestamp_ms, labels.to_string(), sample.value.to_bits())
    };
    match value {
        Value::Scalar(sample) => vec![point(&Labels::empty(), *sample)],
        Value::String { .. } => Vec::new(),
        Value::Vector(vector) => vector.iter().map(|(labels, s)| point(labels, s)).collect(),
        Value::Matrix(matrix) => matrix
            .iter()
            .flat_map(|series| series.samples().map(move |s| point(series.labels(), s)))
            .collect(),
    }
}

#[test]
fn what_is_not_there_is_said() {
    let store = store();
    let error = {
        let expr = parse("label_replace(load, \"x\", \"$1\", \"host\", \"(\")").unwrap();
        Engine::default().instant(&QueryContext::default(), &store, &expr, 0).unwrap_err()
    };
    assert!(matches!(error, QueryError::LabelReplacePattern { .. }), "{error}");
    let expr = parse("load[1m]").unwrap();
    let grid = Grid::range(0, 1000, 1000).unwrap();
    let error = Engine::default().range(&QueryContext::default(), &store, &expr, grid).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid expression type \"range vector\" for range query, must be Scalar or instant Vector"
    );
}
