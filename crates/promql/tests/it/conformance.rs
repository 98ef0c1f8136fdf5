//! Every recorded answer of Prometheus 3.14, bit for bit.
//!
//! `NARTHEX_CONFORMANCE` names the folder with the recordings. Values are compared as the text that
//! the HTTP API prints, which is the shortest that gives the bits back.

use std::fmt::Write as _;
use std::io::Read as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use narthex_model::histogram::FloatHistogram;
use narthex_model::{Labels, Sample, duration, float};
use narthex_promql::{Answer, Engine, ErrorKind, Grid, QueryError, Severity, Value};
use narthex_promql_parser::{AggregateOp, Expr, Node, ParseOptions, parse_with};
use narthex_storage::{MemoryStore, QueryContext};
use serde_json::{Value as Json, json};

use crate::store::load;

#[test]
fn random_queries() {
    check_folder("vectors", &ParseOptions::default());
}

#[test]
fn experimental_queries() {
    check_folder("vectors/experimental", &ParseOptions::experimental());
}

#[test]
fn compliance_queries() {
    check_folder("vectors/compliance", &ParseOptions::default());
}

/// How the answers of one folder compare.
#[derive(Default)]
struct Tally {
    agree: usize,
    /// Refused for their parameters, which only a server reads.
    for_servers: usize,
    /// How requests are answered that are answered otherwise.
    wrong: Vec<String>,
}

/// Compares the answers of a folder.
fn check_folder(folder: &str, options: &ParseOptions) {
    let Some(folder) =
        std::env::var_os("NARTHEX_CONFORMANCE").map(|root| PathBuf::from(root).join(folder))
    else {
        println!("skipped: NARTHEX_CONFORMANCE does not name the folder of the recorded answers");
        return;
    };
    let store = load(&unzip(&folder.join("series.jsonl.gz")));
    let queries = unzip(&folder.join("queries.jsonl.gz"));
    let mut tally = Tally::default();
    for line in queries.lines() {
        check_line(&store, options, &serde_json::from_str(line).unwrap(), &mut tally);
    }
    let Tally { agree, for_servers, wrong } = tally;
    let all = queries.lines().count() - for_servers;
    println!("{agree} of {all} agree; {for_servers} more are for servers alone");
    assert!(wrong.is_empty(), "{} of {all} differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn unzip(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    text
}

fn check_line(store: &MemoryStore, options: &ParseOptions, line: &Json, tally: &mut Tally) {
    let expected = &line["answer"];
    let error = expected["error"].as_str().unwrap_or_default();
    let of_query = error.strip_prefix("invalid parameter \"query\": ");
    if of_query.is_none() && expected["errorType"] == "bad_data" {
        tally.for_servers += 1;
        return;
    }
    let query = line["query"].as_str().unwrap();
    let got = match parse_with(query, options) {
        Err(error) => {
            json!({"status": "error", "errorType": "bad_data", "error": error.to_string()})
        }
        Ok(expr) => match evaluate(store, &expr, line) {
            Ok(answer) => render(&expr, query, &answer),
            Err(error) => json!({
                "status": "error",
                "errorType": kind(error.kind()),
                "error": without_examples(&error.to_string()),
            }),
        },
    };
    let expected = normalise(query, expected);
    if got == expected {
        tally.agree += 1;
    } else {
        tally.wrong.push(difference(line, &got, &expected));
    }
}

fn evaluate(store: &MemoryStore, expr: &Expr, line: &Json) -> Result<Answer, QueryError> {
    let param = |name: &str| line["params"][name].as_str().unwrap_or_default();
    let (engine, ctx) = (Engine::default(), QueryContext::default());
    if line["path"] == "/api/v1/query" {
        return engine.instant(&ctx, store, expr, time_ms(param("time")));
    }
    let step_ms = step_ms(param("step"));
    let grid = Grid::range(time_ms(param("start")), time_ms(param("end")), step_ms).unwrap();
    engine.range(&ctx, store, expr, grid)
}

#[expect(clippy::cast_possible_truncation, reason = "times of this century")]
fn time_ms(text: &str) -> i64 {
    if let Ok(seconds) = text.parse::<f64>() {
        if seconds >= i64::MAX as f64 {
            // As the processor converts such a number that the recordings were made on.
            return i64::MIN.wrapping_mul(1000);
        }
        return (seconds * 1000.0).round() as i64;
    }
    if text.is_empty() {
        // The time of the recording, long after the samples.
        return 1_795_000_000_000;
    }
    let (local, offset_minutes) = match text.strip_suffix('Z') {
        Some(local) => (local, 0),
        None => {
            let (local, offset) = text.split_at(text.len() - 6);
            let minutes = number(offset, 1..3) * 60 + number(offset, 4..6);
            (local, if offset.starts_with('-') { -minutes } else { minutes })
        }
    };
    let minutes = days(local) * 24 * 60 + number(local, 11..13) * 60 + number(local, 14..16);
    let seconds: f64 = local[17..].parse().unwrap();
    (minutes - offset_minutes) * 60_000 + (seconds * 1000.0).round() as i64
}

/// Returns the days from the Unix epoch to a date like `2006-01-02`.
fn days(date: &str) -> i64 {
    let (year, month, day) = (number(date, 0..4), number(date, 5..7), number(date, 8..10));
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months = usize::try_from(month - 1).unwrap();
    let leap_days = |year: i64| year / 4 - year / 100 + year / 400;
    let leap_day_passed = month > 2 && leap_days(year) > leap_days(year - 1);
    let years = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    years + lengths[..months].iter().sum::<i64>() + i64::from(leap_day_passed) + day - 1
}

fn number(text: &str, range: Range<usize>) -> i64 {
    text[range].parse().unwrap()
}

#[expect(clippy::cast_possible_truncation, reason = "durations of a human measure")]
fn step_ms(text: &str) -> i64 {
    match text.parse::<f64>() {
        Ok(seconds) => (seconds * 1000.0) as i64,
        Err(_) => duration::parse(text).unwrap().as_millis() as i64,
    }
}

fn kind(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::BadData => "bad_data",
        ErrorKind::Execution => "execution",
        ErrorKind::Canceled => "canceled",
        ErrorKind::Timeout => "timeout",
        ErrorKind::Internal => "internal",
    }
}

/// Returns an answer as the HTTP API has it, series without an order of their own sorted.
fn render(expr: &Expr, query: &str, answer: &Answer) -> Json {
    let (result_type, mut result) = match &answer.value {
        Value::Scalar(sample) => {
            // Scalars alone never have an exponent.
            let mut text = String::new();
            float::write_fixed(&mut text, sample.value).unwrap();
            ("scalar", json!([sample.timestamp_ms, text]))
        }
        Value::String { timestamp_ms, text } => ("string", json!([timestamp_ms, text])),
        Value::Vector(vector) => {
            let series = vector.iter().enumerate().map(|(index, (labels, sample))| {
                match vector.histogram(index) {
                    Some(it) => json!({
                        "metric": metric(labels),
                        "histogram": [sample.timestamp_ms, histogram(it)],
                    }),
                    None => json!({"metric": metric(labels), "value": pair(sample)}),
                }
            });
            ("vector", Json::Array(series.collect()))
        }
        Value::Matrix(matrix) => {
            let series = matrix.iter().map(|series| {
                let values: Vec<Json> = series.samples().map(pair).collect();
                let histograms = series.histograms();
                let histograms: Vec<Json> =
                    histograms.map(|(time_ms, it)| json!([time_ms, histogram(it)])).collect();
                let mut rendered = json!({"metric": metric(series.labels())});
                for (name, samples) in [("values", values), ("histograms", histograms)] {
                    if !samples.is_empty() {
                        rendered[name] = Json::Array(samples);
                    }
                }
                rendered
            });
            ("matrix", Json::Array(series.collect()))
        }
    };
    if result_type == "vector" && !has_order(expr) {
        sort_series(&mut result);
    }
    let mut rendered = json!({
        "status": "success", "data": {"resultType": result_type, "result": result},
    });
    for (name, severity) in [("warnings", Severity::Warning), ("infos", Severity::Info)] {
        let texts = answer.annotations.texts(severity, query, ANNOTATIONS_MAX);
        if !texts.is_empty() {
            rendered[name] = sorted_texts(texts);
        }
    }
    rendered
}

/// Returns a recorded answer in the form of [`render`].
fn normalise(query: &str, recorded: &Json) -> Json {
    let mut answer = recorded.clone();
    if let Some(error) = recorded["error"].as_str() {
        let error = error.strip_prefix("invalid parameter \"query\": ").unwrap_or(error);
        answer["error"] = json!(without_examples(error));
        return answer;
    }
    let result = &mut answer["data"]["result"];
    match recorded["data"]["resultType"].as_str().unwrap() {
        "scalar" | "string" => round_time(&mut result[0]),
        "vector" => {
            for series in result.as_array_mut().unwrap() {
                for name in ["value", "histogram"] {
                    if let Some(sample) = series.get_mut(name) {
                        round_time(&mut sample[0]);
                    }
                }
            }
            if !parse_with(query, &ParseOptions::experimental()).is_ok_and(|expr| has_order(&expr))
            {
                sort_series(result);
            }
        }
        _ => {
            for series in result.as_array_mut().unwrap() {
                for name in ["values", "histograms"] {
                    for sample in
                        series.get_mut(name).and_then(Json::as_array_mut).into_iter().flatten()
                    {
                        round_time(&mut sample[0]);
                    }
                }
            }
        }
    }
    for name in ["warnings", "infos"] {
        if let Some(texts) = recorded[name].as_array() {
            let texts = texts.iter().map(|text| text.as_str().unwrap().to_owned()).collect();
            answer[name] = sorted_texts(texts);
        }
    }
    answer
}

/// Returns an error without the series that it takes as an example: which ones they are depends on
/// the order of a hash map where the reference evaluates a range.
fn without_examples(error: &str) -> &str {
    error.split_once(" for the match group {").map_or(error, |(kept, _)| kept)
}

/// Returns texts as a set. Which ones are left out where there are too many is up to chance.
fn sorted_texts(mut texts: Vec<String>) -> Json {
    texts.sort_unstable();
    if texts.iter().any(|text| text.ends_with("annotations omitted")) {
        return json!(texts.len());
    }
    json!(texts)
}

#[expect(clippy::cast_possible_truncation, reason = "times of this century")]
fn round_time(time: &mut Json) {
    *time = json!((time.as_f64().unwrap() * 1000.0).round() as i64);
}

fn sort_series(result: &mut Json) {
    result.as_array_mut().unwrap().sort_by_key(|series| series["metric"].to_string());
}

/// Returns whether the query sorts its answer.
fn has_order(expr: &Expr) -> bool {
    match expr.root().without_parens().node() {
        Node::Call(call) => matches!(
            call.function.name,
            "sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc"
        ),
        Node::Aggregate(aggregate) => {
            matches!(aggregate.op, AggregateOp::Topk | AggregateOp::Bottomk)
        }
        _ => false,
    }
}

/// Returns a histogram as the HTTP API has it: empty buckets are left out, and a number says which
/// bounds belong to a bucket.
fn histogram(histogram: &FloatHistogram) -> Json {
    let text = |value: f64| {
        let mut text = String::new();
        float::write_json(&mut text, value).unwrap();
        text
    };
    let populated = histogram.buckets().filter(|bucket| bucket.count != 0.0);
    let buckets = populated.map(|bucket| {
        let bounds = match (bucket.lower_inclusive, bucket.upper_inclusive) {
            (false, true) => 0,
            (true, false) => 1,
            (false, false) => 2,
            (true, true) => 3,
        };
        json!([bounds, text(bucket.lower), text(bucket.upper), text(bucket.count)])
    });
    let buckets: Vec<Json> = buckets.collect();
    let mut rendered = json!({"count": text(histogram.count), "sum": text(histogram.sum)});
    if !buckets.is_empty() {
        rendered["buckets"] = Json::Array(buckets);
    }
    rendered
}

fn pair(sample: Sample) -> Json {
    let mut text = String::new();
    float::write_json(&mut text, sample.value).unwrap();
    json!([sample.timestamp_ms, text])
}

fn metric(labels: &Labels) -> Json {
    labels.iter().map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

/// Describes a difference, cut to what a reader can take in.
fn difference(line: &Json, got: &Json, expected: &Json) -> String {
    let mut text = format!("{} {} {}\n", line["path"], line["query"], line["params"]);
    let (got, expected) = (got.to_string(), expected.to_string());
    let common = got.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
    for (name, whole) in [("got", &got), ("expected", &expected)] {
        let from = common.saturating_sub(120);
        let part: String =
            String::from_utf8_lossy(&whole.as_bytes()[from..]).chars().take(300).collect();
        writeln!(text, "  {name:>8} …{part}").unwrap();
    }
    text
}

/// How many annotations of a kind the HTTP API returns.
const ANNOTATIONS_MAX: usize = 10;
