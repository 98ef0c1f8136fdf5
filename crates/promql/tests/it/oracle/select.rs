use narthex_model::{Labels, Sample, is_stale_nan};
use narthex_promql_parser::{
    At, DurationValue, ExprRef, MatrixSelector, Node, QueryTimes, Subquery, VectorSelector,
};

use super::{Failure, Oracle, Series, Steps};

/// A range vector: per series what it may look at, and which part of it a step sees.
#[derive(Debug)]
pub(super) struct RangeVector {
    pub(super) series: Vec<Series>,
    pub(super) range_ms: i64,
    offset_ms: i64,
    at_ms: Option<i64>,
}

impl RangeVector {
    /// Returns the end of the window at a step.
    pub(super) fn end_ms(&self, time_ms: i64) -> i64 {
        self.at_ms.unwrap_or(time_ms) - self.offset_ms
    }

    /// Returns the samples of a series in the window, which is open on the left.
    pub(super) fn window(&self, series: &Series, time_ms: i64) -> Vec<Sample> {
        let end_ms = self.end_ms(time_ms);
        let is_inside = |sample: &&Sample| {
            sample.timestamp_ms > end_ms - self.range_ms
                && sample.timestamp_ms <= end_ms
                && !is_stale_nan(sample.value)
        };
        series.samples.iter().filter(is_inside).copied().collect()
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
    pub(super) fn looked_up(
        &self,
        selector: &VectorSelector,
        series: &Series,
        time_ms: i64,
    ) -> Option<Sample> {
        let time_ms = at_ms(selector.at).unwrap_or(time_ms) - millis(selector.offset);
        let newest = series.samples.iter().rfind(|sample| sample.timestamp_ms <= time_ms)?;
        let is_fresh = newest.timestamp_ms > time_ms - self.lookback_delta_ms;
        (is_fresh && !is_stale_nan(newest.value)).then_some(*newest)
    }

    pub(super) fn instant_vector(&self, selector: &VectorSelector, steps: Steps) -> Vec<Series> {
        let mut vector = self.selected(selector);
        for series in &mut vector {
            let at_steps = steps.times().filter_map(|timestamp_ms| {
                let value = self.looked_up(selector, series, timestamp_ms)?.value;
                Some(Sample { timestamp_ms, value })
            });
            series.samples = at_steps.collect();
        }
        vector.retain(|series| !series.samples.is_empty());
        vector
    }

    pub(super) fn range_vector(
        &self,
        expr: ExprRef<'_>,
        steps: Steps,
    ) -> Result<RangeVector, Failure> {
        match expr.node() {
            Node::MatrixSelector(matrix) => Ok(self.matrix(expr, &matrix)),
            Node::Subquery(subquery) => self.subquery(expr, &subquery, steps),
            _ => unreachable!("no other node is a range vector"),
        }
    }

    fn matrix(&self, expr: ExprRef<'_>, matrix: &MatrixSelector) -> RangeVector {
        let Node::VectorSelector(selector) = expr.get(matrix.selector).node() else {
            unreachable!("a matrix selector holds a selector")
        };
        RangeVector {
            series: self.selected(&selector),
            range_ms: millis(matrix.range),
            offset_ms: millis(selector.offset),
            at_ms: at_ms(selector.at),
        }
    }

    /// Evaluates the inner expression at the multiples of its step that some window needs.
    fn subquery(
        &self,
        expr: ExprRef<'_>,
        subquery: &Subquery,
        steps: Steps,
    ) -> Result<RangeVector, Failure> {
        let (range_ms, offset_ms) = (millis(subquery.range), millis(subquery.offset));
        let step_ms = subquery.step.map_or(self.default_subquery_step_ms, millis);
        // With `@`, the window of the first step lies there, and those of the others after it.
        let shift_ms = at_ms(subquery.at).map_or(0, |at_ms| at_ms - steps.start_ms) - offset_ms;
        let before_ms = steps.start_ms + shift_ms - range_ms;
        let mut start_ms = before_ms / step_ms * step_ms;
        if start_ms <= before_ms {
            start_ms += step_ms;
        }
        let inner = Steps { start_ms, end_ms: steps.last_ms() + shift_ms, step_ms };
        let series = self.eval_node(expr.get(subquery.expr), inner)?;
        Ok(RangeVector { series, range_ms, offset_ms, at_ms: at_ms(subquery.at) })
    }
}

pub(super) fn at_ms(at: Option<At>) -> Option<i64> {
    at.map(|at| match at {
        At::Timestamp(time_ms) => time_ms,
        At::Start | At::End => unreachable!("the tests name times"),
    })
}

pub(super) fn millis(duration: DurationValue<'_>) -> i64 {
    duration.resolve_offset(QueryTimes::default()).expect("the tests write literals")
}
