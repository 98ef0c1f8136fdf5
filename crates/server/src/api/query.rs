//! Queries: at one time, and over a range of time.

use std::sync::Arc;
use std::time::Instant;

use narthex_promql::{
    Annotations, Answer as QueryAnswer, Counting, Grid, Matrix, Severity, Value, Vector,
};
use narthex_storage::QueryContext;

use super::Call;
use super::query_stats::write_stats;
use crate::answer::json::{
    write_histogram, write_labels, write_sample, write_scalar, write_string, write_timestamp,
};
use crate::answer::{Answer, ApiError, Pieces};
use crate::blocking::run_query;
use crate::engine::{Query, QueryStats, Times};
use crate::time::now_ms;

/// `GET,POST /api/v1/query`.
pub(super) async fn instant(call: Call) -> Result<Answer, ApiError> {
    let limit = call.params.limit()?;
    let time_ms = call.params.time_or("time", now_ms())?;
    answer(call, Times::At(time_ms), limit).await
}

/// `GET,POST /api/v1/query_range`.
pub(super) async fn range(call: Call) -> Result<Answer, ApiError> {
    let params = &call.params;
    let limit = params.limit()?;
    let start_ms = params.time("start")?;
    let end_ms = params.time("end")?;
    if end_ms < start_ms {
        let reason = "end timestamp must not be before start time";
        return Err(ApiError::invalid_parameter("end", reason));
    }
    let step_ns = params.duration_ns("step")?;
    if step_ns <= 0 {
        let reason = "zero or negative query resolution step widths are not accepted. \
                      Try a positive integer";
        return Err(ApiError::invalid_parameter("step", reason));
    }
    let length_ns = (i128::from(end_ms) - i128::from(start_ms)) * i128::from(NS_PER_MS);
    // Go's durations end at 292 years.
    if length_ns.min(i128::from(i64::MAX)) / i128::from(step_ns) > POINTS_MAX {
        return Err(ApiError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. \
             Try decreasing the query resolution (?step=XX)",
        ));
    }
    // Steps of less than a millisecond cannot be told apart.
    let step_ms = (step_ns / NS_PER_MS).max(1);
    let grid = Grid::range(start_ms, end_ms, step_ms)
        .ok_or_else(|| ApiError::internal("a positive step has a grid"))?;
    answer(call, Times::Steps(grid), limit).await
}

async fn answer(call: Call, times: Times, limit: Option<usize>) -> Result<Answer, ApiError> {
    let Call { state, params } = call;
    let timeout = params.timeout()?;
    let lookback_delta = params.lookback_delta()?;
    let stats = Box::<str>::from(params.get("stats"));
    let counting = match &*stats {
        "" => Counting::Totals,
        "all" if state.options.step_stats => Counting::Steps,
        _ => Counting::Peak,
    };
    let text = params.get("query").into();
    let query = Query { text, times, lookback_delta, received: Instant::now(), counting };
    let entered = state.queries.enter();
    run_query(&state, timeout, move |state, ctx| {
        let _entered = entered;
        let (answer, taken) = state.queries.evaluate(state, ctx, &query)?;
        Ok(written(answer, Arc::clone(ctx), &query.text, limit, taken, &stats))
    })
    .await
}

/// Returns what the client gets of a query's answer.
fn written(
    answer: QueryAnswer,
    ctx: Arc<QueryContext>,
    query: &str,
    limit: Option<usize>,
    taken: QueryStats,
    stats: &str,
) -> Answer {
    let QueryAnswer { value, annotations, .. } = answer;
    let limit = limit.unwrap_or(usize::MAX);
    let truncated = match &value {
        Value::Vector(vector) => vector.len() > limit,
        Value::Matrix(matrix) => matrix.len() > limit,
        _ => false,
    };
    let mut warnings = Vec::new();
    if !matches!(stats, "" | "true" | "all") {
        warnings.push(
            format!(
                "value {stats:?} for parameter \"stats\" is deprecated and will be rejected in \
                 the next major release, use \"true\" or \"all\""
            )
            .into(),
        );
    }
    let stats = (!stats.is_empty()).then_some(taken);
    let value = ValuePieces::new(value, limit);
    Answer::new(QueryData { value, stats, part: Part::Head, _ctx: ctx })
        .with_warnings(texts(&annotations, Severity::Warning, query))
        .with_truncation(truncated)
        .with_warnings(warnings)
        .with_infos(texts(&annotations, Severity::Info, query))
}

fn texts(annotations: &Annotations, severity: Severity, query: &str) -> Vec<Box<str>> {
    // All of them: the envelope counts what it leaves out, together with its own.
    let all = annotations.texts(severity, query, 0);
    all.into_iter().map(String::into_boxed_str).collect()
}

/// `{"resultType":"vector","result":[…]}`.
struct QueryData {
    value: ValuePieces,
    stats: Option<QueryStats>,
    part: Part,
    /// Holds the bytes of the value.
    _ctx: Arc<QueryContext>,
}

#[derive(Clone, Copy)]
enum Part {
    Head,
    Value,
    Tail,
}

impl Pieces for QueryData {
    fn write_piece(&mut self, out: &mut String) -> bool {
        match self.part {
            Part::Head => {
                out.push_str("{\"resultType\":\"");
                out.push_str(self.value.kind());
                out.push_str("\",\"result\":");
                self.part = Part::Value;
            }
            Part::Value => {
                if !self.value.write_piece(out) {
                    self.part = Part::Tail;
                }
            }
            Part::Tail => {
                if let Some(stats) = &self.stats {
                    out.push_str(",\"stats\":");
                    write_stats(out, stats);
                }
                out.push('}');
                return false;
            }
        }
        true
    }
}

/// A value and how far it is written.
enum ValuePieces {
    One(Value),
    Vector { vector: Vector, limit: usize, series: usize },
    Matrix { matrix: Matrix, limit: usize, series: usize, sample: usize },
}

impl ValuePieces {
    fn new(value: Value, limit: usize) -> Self {
        match value {
            Value::Vector(vector) => Self::Vector { vector, limit, series: 0 },
            Value::Matrix(matrix) => Self::Matrix { matrix, limit, series: 0, sample: 0 },
            one => Self::One(one),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::One(Value::Scalar(_)) => "scalar",
            Self::One(_) => "string",
            Self::Vector { .. } => "vector",
            Self::Matrix { .. } => "matrix",
        }
    }
}

impl Pieces for ValuePieces {
    fn write_piece(&mut self, out: &mut String) -> bool {
        match self {
            Self::One(value) => {
                write_one(out, value);
                false
            }
            Self::Vector { vector, limit, series } => write_vector(out, vector, *limit, series),
            Self::Matrix { matrix, limit, series, sample } => {
                write_matrix(out, matrix, *limit, series, sample)
            }
        }
    }
}

fn write_one(out: &mut String, value: &Value) {
    match value {
        Value::Scalar(sample) => write_scalar(out, sample.timestamp_ms, sample.value),
        Value::String { timestamp_ms, text } => {
            out.push('[');
            write_timestamp(out, *timestamp_ms);
            out.push(',');
            write_string(out, text);
            out.push(']');
        }
        Value::Vector(_) | Value::Matrix(_) => {}
    }
}

/// Appends a piece of a vector, from `next` on, and moves `next`. Returns whether more follows.
fn write_vector(out: &mut String, vector: &Vector, limit: usize, next: &mut usize) -> bool {
    let end = out.len() + PIECE_SIZE;
    if *next == 0 {
        out.push('[');
    }
    for (labels, sample) in vector.iter().take(limit).skip(*next) {
        if out.len() >= end {
            return true;
        }
        out.push_str(if *next == 0 { "{\"metric\":" } else { ",{\"metric\":" });
        write_labels(out, labels);
        match vector.histogram(*next) {
            Some(histogram) => {
                out.push_str(",\"histogram\":");
                write_histogram(out, sample.timestamp_ms, histogram);
            }
            None => {
                out.push_str(",\"value\":");
                write_sample(out, sample.timestamp_ms, sample.value);
            }
        }
        out.push('}');
        *next += 1;
    }
    out.push(']');
    false
}

/// Appends a piece of a matrix, from a sample of a series on, and moves both. Returns whether more
/// follows.
fn write_matrix(
    out: &mut String,
    matrix: &Matrix,
    limit: usize,
    next_series: &mut usize,
    next_sample: &mut usize,
) -> bool {
    let end = out.len() + PIECE_SIZE;
    if *next_series == 0 && *next_sample == 0 {
        out.push('[');
    }
    for series in matrix.iter().take(limit).skip(*next_series) {
        if *next_sample == 0 {
            out.push_str(if *next_series == 0 { "{\"metric\":" } else { ",{\"metric\":" });
            write_labels(out, series.labels());
        }
        for sample in series.samples().skip(*next_sample) {
            if *next_sample > 0 && out.len() >= end {
                return true;
            }
            out.push_str(if *next_sample == 0 { ",\"values\":[" } else { "," });
            write_sample(out, sample.timestamp_ms, sample.value);
            *next_sample += 1;
        }
        if *next_sample > 0 {
            out.push(']');
        }
        let mut separator = ",\"histograms\":[";
        for (timestamp_ms, histogram) in series.histograms() {
            out.push_str(separator);
            separator = ",";
            write_histogram(out, timestamp_ms, histogram);
        }
        out.push_str(if separator == "," { "]}" } else { "}" });
        *next_series += 1;
        *next_sample = 0;
    }
    out.push(']');
    false
}

/// The steps of a range query: enough for a week by the minute or a year by the hour.
const POINTS_MAX: i128 = 11_000;
const NS_PER_MS: i64 = 1_000_000;
/// How much is written before the next look at whether a chunk is full.
const PIECE_SIZE: usize = 16 << 10;
