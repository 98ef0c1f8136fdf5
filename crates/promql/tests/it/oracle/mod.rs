//! A literal evaluator of PromQL: slow, and meant to be obviously right.
//!
//! It is written from the reference's semantics, step by step over samples in plain vectors, and
//! shares nothing with the evaluator under test but the parser and the model: the arithmetic of
//! native histograms is the model's. It recurses over the expression, which the tests keep small.
//! Where the reference leaves the order of series to a hash map, they come in the order of the series
//! that they were made of.
//!
//! The digits of functions that come from tables or polynomials (`sin`, `exp`, most of `^`) are held
//! against recorded numbers of Go elsewhere; here they are asked of the evaluator, value by value.
//!
//! It does not know `info`, `anchored` and `smoothed`, start timestamps, and names that go at the end
//! of a query.

mod aggregate;
mod binary;
mod buckets;
mod call;
mod date;
mod digits;
mod go;
mod invariance;
mod labels;
mod native;
mod natural;
mod over_time;
mod rate;
mod relabel;
mod select;
mod totals;
mod value;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use narthex_model::Labels;
use narthex_promql::EngineOptions;
use narthex_promql_parser::{Expr, ExprRef, Node, NodeId, Span, UnaryOp};

pub(crate) use value::{Point, Series, Value};

/// Why there is no answer: how the reference's message begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure(pub(crate) &'static str);

const DUPLICATE_LABELSET: Failure = Failure("vector cannot contain metrics with the same labelset");

/// The times at which an expression is evaluated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) step_ms: i64,
}

impl Steps {
    pub(crate) fn instant(time_ms: i64) -> Self {
        Self { start_ms: time_ms, end_ms: time_ms, step_ms: 1 }
    }

    fn is_instant(self) -> bool {
        self.start_ms == self.end_ms
    }

    fn times(self) -> impl Iterator<Item = i64> {
        (0..)
            .map(move |step| self.start_ms + step * self.step_ms)
            .take_while(move |time_ms| *time_ms <= self.end_ms)
    }

    fn last_ms(self) -> i64 {
        self.times().last().unwrap_or(self.start_ms)
    }
}

/// One element of a vector at a step.
#[derive(Clone, Debug)]
struct Element {
    labels: Labels,
    value: Value,
    /// The index of the series that it was made of, which decides about the order of a matrix.
    from: usize,
}

/// The evaluator.
#[derive(Debug)]
pub(crate) struct Oracle<'a> {
    /// What is stored, in the order in which a selection returns it.
    stored: &'a [Series],
    lookback_delta_ms: i64,
    default_subquery_step_ms: i64,
    /// The times of the query, which `start()` and `end()` stand for.
    query: Steps,
    /// The selectors of which nobody needs the buckets.
    totals: Vec<NodeId>,
    /// What there was to remark, and where it came up last.
    remarks: RefCell<BTreeMap<String, Span>>,
}

/// Series, and what there is to remark, each with its place.
pub(crate) type Answer = (Vec<Series>, BTreeMap<String, Span>);

impl<'a> Oracle<'a> {
    /// Returns an evaluator of one query over the series in `stored`.
    pub(crate) fn new(stored: &'a [Series], options: &EngineOptions, query: Steps) -> Self {
        Self {
            stored,
            lookback_delta_ms: options.lookback_delta_ms,
            default_subquery_step_ms: options.default_subquery_step_ms,
            query,
            totals: Vec::new(),
            remarks: RefCell::default(),
        }
    }

    /// Returns the series of a scalar or an instant vector at all steps of the query. A scalar is one
    /// series without labels.
    pub(crate) fn eval(mut self, expr: &Expr) -> Result<Answer, Failure> {
        self.totals = totals::selectors(expr.root());
        let series = self.eval_node(expr.root(), self.query)?;
        Ok((series, self.remarks.into_inner()))
    }

    fn remark(&self, text: impl Into<String>, span: Span) {
        self.remarks.borrow_mut().insert(text.into(), span);
    }

    fn eval_node(&self, expr: ExprRef<'_>, steps: Steps) -> Result<Vec<Series>, Failure> {
        if steps.end_ms < steps.start_ms {
            return Ok(Vec::new());
        }
        if !steps.is_instant() && invariance::of(expr).is_wrapped {
            let once = Steps { end_ms: steps.start_ms, ..steps };
            let mut series = self.eval_once(expr, once)?;
            for series in &mut series {
                let value = series.points[0].value.clone();
                let point = |timestamp_ms| Point { timestamp_ms, value: value.clone() };
                series.points = steps.times().map(point).collect();
            }
            return Ok(series);
        }
        self.eval_once(expr, steps)
    }

    fn eval_once(&self, expr: ExprRef<'_>, steps: Steps) -> Result<Vec<Series>, Failure> {
        match expr.node() {
            Node::NumberLiteral(number) => Ok(scalar(steps, |_| number.value)),
            Node::StringLiteral(_) => Ok(Vec::new()),
            Node::VectorSelector(selector) => Ok(self.instant_vector(expr, &selector, steps)),
            Node::MatrixSelector(_) | Node::Subquery(_) => {
                unreachable!("range vectors are arguments, and read by the call")
            }
            Node::Call(call) => self.call(expr, &call, steps),
            Node::Aggregate(aggregate) => self.aggregate(expr, &aggregate, steps),
            Node::Binary(binary) => self.binary(expr, &binary, steps),
            Node::Unary(unary) => {
                let series = self.eval_node(expr.get(unary.expr), steps)?;
                if unary.op == UnaryOp::Plus { Ok(series) } else { negate(series) }
            }
            Node::Paren(inner) => self.eval_node(expr.get(inner), steps),
        }
    }
}

fn negate(mut all: Vec<Series>) -> Result<Vec<Series>, Failure> {
    for series in &mut all {
        series.labels = labels::without_name(&series.labels);
        for point in &mut series.points {
            match &mut point.value {
                Value::Float(value) => *value = -*value,
                Value::Histogram(histogram) => Rc::make_mut(histogram).mul(-1.0),
            }
        }
    }
    merge_equal(all)
}

fn scalar(steps: Steps, value: impl Fn(i64) -> f64) -> Vec<Series> {
    let point = |timestamp_ms| Point { timestamp_ms, value: Value::Float(value(timestamp_ms)) };
    vec![Series { labels: Labels::empty(), points: steps.times().map(point).collect() }]
}

/// Applies `at_step` to the vectors that the operands are at each step.
fn step_by_step(
    steps: Steps,
    operands: &[Vec<Series>],
    mut at_step: impl FnMut(i64, &[Vec<Element>]) -> Result<Vec<Element>, Failure>,
) -> Result<Vec<Series>, Failure> {
    let mut made: Vec<(usize, Series)> = Vec::new();
    for timestamp_ms in steps.times() {
        let vectors: Vec<Vec<Element>> =
            operands.iter().map(|operand| vector_at(operand, timestamp_ms)).collect();
        for Element { labels, value, from } in at_step(timestamp_ms, &vectors)? {
            let point = Point { timestamp_ms, value };
            match made.iter_mut().find(|(_, series)| series.labels == labels) {
                None => made.push((from, Series { labels, points: vec![point] })),
                Some((first, series)) => {
                    if series.at(timestamp_ms).is_some() {
                        return Err(DUPLICATE_LABELSET);
                    }
                    series.points.push(point);
                    *first = from.min(*first);
                }
            }
        }
    }
    if !steps.is_instant() {
        made.sort_by_key(|(from, _)| *from);
    }
    Ok(made.into_iter().map(|(_, series)| series).collect())
}

fn vector_at(operand: &[Series], time_ms: i64) -> Vec<Element> {
    let at = |(from, series): (usize, &Series)| {
        Some(Element { labels: series.labels.clone(), value: series.at(time_ms)?.clone(), from })
    };
    operand.iter().enumerate().filter_map(at).collect()
}

/// Makes one series of those with equal labels, which must not have samples at one time.
fn merge_equal(all: Vec<Series>) -> Result<Vec<Series>, Failure> {
    let mut merged: Vec<Series> = Vec::new();
    for series in all {
        match merged.iter_mut().find(|kept| kept.labels == series.labels) {
            None => merged.push(series),
            Some(kept) => {
                kept.points.extend(series.points);
                kept.points.sort_by_key(|point| point.timestamp_ms);
                if kept.points.windows(2).any(|two| two[0].timestamp_ms == two[1].timestamp_ms) {
                    return Err(DUPLICATE_LABELSET);
                }
            }
        }
    }
    Ok(merged)
}

fn check_unique(all: &[Series]) -> Result<(), Failure> {
    let is_repeated = |(index, series): (usize, &Series)| {
        all[..index].iter().any(|earlier| earlier.labels == series.labels)
    };
    if all.iter().enumerate().any(is_repeated) { Err(DUPLICATE_LABELSET) } else { Ok(()) }
}

/// More series than any vector of the tests has.
const SERIES_MAX: usize = 100_000;
