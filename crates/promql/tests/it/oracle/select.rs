use narthex_model::Labels;
use narthex_model::histogram::ResetHint;
use narthex_promql_parser::{
    At, DurationValue, ExprRef, MatrixSelector, Node, QueryTimes, Span, Subquery, VectorSelector,
};

use super::{Failure, Oracle, Point, Series, Steps, Value, totals};

/// A range vector: per series what it may look at, and which part of it a step sees.
#[derive(Debug)]
pub(super) struct RangeVector {
    pub(super) series: Vec<Series>,
    pub(super) range_ms: i64,
    pub(super) span: Span,
    offset_ms: i64,
    at_ms: Option<i64>,
}

impl RangeVector {
    /// Returns the end of the window at a step.
    pub(super) fn end_ms(&self, time_ms: i64) -> i64 {
        self.at_ms.unwrap_or(time_ms) - self.offset_ms
    }

    /// Returns the samples of a series in the window, which is open on the left.
    pub(super) fn window(&self, series: &Series, time_ms: i64) -> Vec<Point> {
        let end_ms = self.end_ms(time_ms);
        let is_inside = |point: &&Point| {
            point.timestamp_ms > end_ms - self.range_ms
                && point.timestamp_ms <= end_ms
                && !point.value.is_stale()
        };
        series.points.iter().filter(is_inside).cloned().collect()
    }
}

impl Oracle<'_> {
    pub(super) fn selected(&self, selector: &VectorSelector) -> Vec<Series> {
        let matchers = selector.to_matchers();
        let meets = |labels: &Labels| {
            matchers.iter().all(|matcher| matcher.matches(labels.value(matcher.name())))
        };
        self.stored.iter().filter(|series| meets(&series.labels)).cloned().collect()
    }

    /// Returns the newest sample that stands for a series at a step.
    pub(super) fn looked_up<'s>(
        &self,
        selector: &VectorSelector,
        series: &'s Series,
        time_ms: i64,
    ) -> Option<&'s Point> {
        let time_ms = self.at_ms(selector.at).unwrap_or(time_ms) - self.millis(selector.offset);
        let newest = series.points.iter().rfind(|point| point.timestamp_ms <= time_ms)?;
        let is_fresh = newest.timestamp_ms > time_ms - self.lookback_delta_ms;
        (is_fresh && !newest.value.is_stale()).then_some(newest)
    }

    /// Returns what is read of the series that a selector matches, for steps that look back so far.
    fn read(
        &self,
        expr: ExprRef<'_>,
        selector: &VectorSelector,
        steps: Steps,
        back_ms: i64,
    ) -> Vec<Series> {
        let selected = self.selected(selector);
        if !self.totals.contains(&expr.id()) {
            return selected;
        }
        let first_ms = self.at_ms(selector.at).unwrap_or(steps.start_ms);
        let before_ms = first_ms - self.millis(selector.offset) - back_ms;
        let read = |series| totals::without_buckets(series, before_ms);
        selected.into_iter().map(read).collect()
    }

    pub(super) fn instant_vector(
        &self,
        expr: ExprRef<'_>,
        selector: &VectorSelector,
        steps: Steps,
    ) -> Vec<Series> {
        let mut vector = self.read(expr, selector, steps, self.lookback_delta_ms);
        for series in &mut vector {
            let at_steps = steps.times().filter_map(|timestamp_ms| {
                let value = self.looked_up(selector, series, timestamp_ms)?.value.clone();
                Some(Point { timestamp_ms, value })
            });
            series.points = at_steps.collect();
        }
        vector.retain(|series| !series.points.is_empty());
        vector
    }

    pub(super) fn range_vector(
        &self,
        expr: ExprRef<'_>,
        steps: Steps,
    ) -> Result<RangeVector, Failure> {
        match expr.node() {
            Node::MatrixSelector(matrix) => Ok(self.matrix(expr, &matrix, steps)),
            Node::Subquery(subquery) => self.subquery(expr, &subquery, steps),
            _ => unreachable!("no other node is a range vector"),
        }
    }

    fn matrix(&self, expr: ExprRef<'_>, matrix: &MatrixSelector, steps: Steps) -> RangeVector {
        let Node::VectorSelector(selector) = expr.get(matrix.selector).node() else {
            unreachable!("a matrix selector holds a selector")
        };
        let range_ms = self.millis(matrix.range);
        RangeVector {
            series: self.read(expr.get(matrix.selector), &selector, steps, range_ms),
            range_ms,
            span: expr.span(),
            offset_ms: self.millis(selector.offset),
            at_ms: self.at_ms(selector.at),
        }
    }

    /// Evaluates the inner expression at the multiples of its step that some window needs.
    fn subquery(
        &self,
        expr: ExprRef<'_>,
        subquery: &Subquery,
        steps: Steps,
    ) -> Result<RangeVector, Failure> {
        let (range_ms, offset_ms) = (self.millis(subquery.range), self.millis(subquery.offset));
        let step = subquery.step;
        let step_ms = step.map_or(self.default_subquery_step_ms, |step| self.millis(step));
        // With `@`, the window of the first step lies there, and those of the others after it.
        let at_ms = self.at_ms(subquery.at);
        let shift_ms = at_ms.map_or(0, |at_ms| at_ms - steps.start_ms) - offset_ms;
        let before_ms = steps.start_ms + shift_ms - range_ms;
        let mut start_ms = before_ms / step_ms * step_ms;
        if start_ms <= before_ms {
            start_ms += step_ms;
        }
        let inner = Steps { start_ms, end_ms: steps.last_ms() + shift_ms, step_ms };
        let mut series = self.eval_node(expr.get(subquery.expr), inner)?;
        for point in series.iter_mut().flat_map(|series| &mut series.points) {
            forget_reset(&mut point.value);
        }
        // What stands in for it when functions look at it has no place in the query.
        Ok(RangeVector { series, range_ms, span: Span::default(), offset_ms, at_ms })
    }

    pub(super) fn at_ms(&self, at: Option<At>) -> Option<i64> {
        at.map(|at| match at {
            At::Timestamp(time_ms) => time_ms,
            At::Start => self.query.start_ms,
            At::End => self.query.end_ms,
        })
    }

    pub(super) fn millis(&self, duration: DurationValue<'_>) -> i64 {
        let Steps { start_ms, end_ms, step_ms } = self.query;
        let times = QueryTimes {
            step_ms: if self.query.is_instant() { 0 } else { step_ms },
            range_ms: end_ms - start_ms,
        };
        duration.resolve_offset(times).expect("the tests write durations that are some")
    }
}

/// Forgets what was known about a reset before a histogram: of the samples that it was known about,
/// a subquery leaves out some and repeats others.
fn forget_reset(value: &mut Value) {
    if let Value::Histogram(histogram) = value
        && histogram.reset_hint != ResetHint::Gauge
    {
        std::rc::Rc::make_mut(histogram).reset_hint = ResetHint::Unknown;
    }
}
