//! Operators at least one side of which is a native histogram.

use narthex_model::histogram::{Added, FloatHistogram, HistogramError, Keep, ResetHint};
use narthex_promql_parser::Span;

use super::element::{ElementOp, Kept};
use crate::annotations::{Annotation, HistogramOperation};

/// An operator between any two values, and where it stands in the query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MixedOp {
    pub(crate) op: ElementOp,
    pub(crate) symbol: &'static str,
    pub(crate) span: Span,
}

/// One side of an operator.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side<'a> {
    Float(f64),
    Histogram(&'a FloatHistogram),
}

/// What an operator makes of two values.
#[derive(Debug)]
pub(crate) enum Made {
    Float(f64),
    Histogram(FloatHistogram),
    /// Whether a comparison holds.
    Truth(bool),
}

impl MixedOp {
    /// Applies the operator. Returns the result with a remark on it, if there is one.
    ///
    /// # Errors
    ///
    /// Where there is no result; the remark says why.
    ///
    /// # Source
    ///
    /// `vectorElemBinop` in Prometheus `promql/engine.go`.
    pub(crate) fn apply(
        self,
        left: Side<'_>,
        right: Side<'_>,
    ) -> Result<(Made, Option<Annotation>), Annotation> {
        let plain = match (left, right) {
            (Side::Float(left), Side::Float(right)) => match self.op.apply(left, right) {
                Kept::Value(value) => Made::Float(value),
                Kept::Truth(truth) => Made::Truth(truth),
                Kept::Nothing => return Err(self.incompatible(FLOAT, FLOAT)),
            },
            (Side::Float(factor), Side::Histogram(histogram)) if self.op == ElementOp::Mul => {
                Made::Histogram(changed(histogram, |it| it.mul(factor)))
            }
            (Side::Float(_), Side::Histogram(_)) => {
                return Err(self.incompatible(FLOAT, HISTOGRAM));
            }
            (Side::Histogram(histogram), Side::Float(number)) => {
                let result = match self.op {
                    ElementOp::Mul => changed(histogram, |it| it.mul(number)),
                    ElementOp::Div => changed(histogram, |it| it.div(number)),
                    ElementOp::TrimUpper => trimmed(histogram, Keep::Below, number),
                    ElementOp::TrimLower => trimmed(histogram, Keep::Above, number),
                    _ => return Err(self.incompatible(HISTOGRAM, FLOAT)),
                };
                Made::Histogram(result)
            }
            (Side::Histogram(left), Side::Histogram(right)) => {
                return self.apply_to_histograms(left, right);
            }
        };
        Ok((plain, None))
    }

    fn apply_to_histograms(
        self,
        left: &FloatHistogram,
        right: &FloatHistogram,
    ) -> Result<(Made, Option<Annotation>), Annotation> {
        let mut result = match self.op {
            ElementOp::Equal => return Ok((Made::Truth(left == right), None)),
            ElementOp::NotEqual => return Ok((Made::Truth(left != right), None)),
            ElementOp::Add | ElementOp::Sub => left.clone(),
            _ => return Err(self.incompatible(HISTOGRAM, HISTOGRAM)),
        };
        let (added, operation) = if self.op == ElementOp::Add {
            (result.add(right), HistogramOperation::Addition)
        } else {
            (result.sub(right), HistogramOperation::Subtraction)
        };
        let Added { resets_collided, bounds_differed } = added.map_err(|_: HistogramError| {
            Annotation::incompatible_bucket_layout(self.symbol, self.span)
        })?;
        if resets_collided {
            return Err(Annotation::reset_collision(operation, self.span));
        }
        if self.op == ElementOp::Sub {
            result.reset_hint = ResetHint::Gauge;
        }
        result.compact();
        let remark = bounds_differed.then(|| Annotation::mismatched_bounds(operation, self.span));
        Ok((Made::Histogram(result), remark))
    }

    fn incompatible(self, left: &'static str, right: &'static str) -> Annotation {
        Annotation::incompatible_types(left, self.symbol, right, self.span)
    }
}

fn changed(histogram: &FloatHistogram, change: impl Fn(&mut FloatHistogram)) -> FloatHistogram {
    let mut result = histogram.clone();
    change(&mut result);
    result.compact();
    result
}

fn trimmed(histogram: &FloatHistogram, keep: Keep, value: f64) -> FloatHistogram {
    let mut result = histogram.clone();
    result.trim(keep, value);
    result
}

const FLOAT: &str = "float";
const HISTOGRAM: &str = "histogram";

#[cfg(test)]
mod tests {
    use narthex_model::histogram::CUSTOM_BUCKETS_SCHEMA;

    use super::*;

    fn histogram(count: f64) -> FloatHistogram {
        let positive = [(0, count)].into_iter().collect();
        FloatHistogram { count, sum: count, positive, ..FloatHistogram::default() }
    }

    /// Returns the count of the result, the truth, or the remark that there is instead or beside.
    fn apply(op: ElementOp, left: Side<'_>, right: Side<'_>) -> String {
        let mixed = MixedOp { op, symbol: "op", span: Span { start: 0, end: 1 } };
        match mixed.apply(left, right) {
            Ok((Made::Histogram(made), None)) => format!("{} {:?}", made.count, made.reset_hint),
            Ok((Made::Truth(truth), None)) => truth.to_string(),
            Ok((Made::Float(made), None)) => made.to_string(),
            Ok((_, Some(remark))) | Err(remark) => remark.to_string(),
        }
    }

    #[test]
    fn operands_go_together_or_there_is_a_remark() {
        let (four, six) = (histogram(4.0), histogram(6.0));
        let hinted = |reset_hint| FloatHistogram { reset_hint, ..histogram(1.0) };
        let (reset, not_reset) = (hinted(ResetHint::Reset), hinted(ResetHint::NotReset));
        let bounded = |bounds: &[f64]| FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            custom_bounds: bounds.into(),
            ..histogram(4.0)
        };
        let (near, far) = (bounded(&[1.0]), bounded(&[2.0]));
        let of = Side::Histogram;
        let two = Side::Float(2.0);
        let types =
            "PromQL info: incompatible sample types encountered for binary operator \"op\":";
        for (op, left, right, expected) in [
            (ElementOp::Mul, of(&four), two, "8 Unknown"),
            (ElementOp::Mul, two, of(&four), "8 Unknown"),
            (ElementOp::Mul, of(&four), Side::Float(-1.0), "-4 Gauge"),
            (ElementOp::Div, of(&four), two, "2 Unknown"),
            (ElementOp::Div, two, of(&four), &format!("{types} float op histogram")),
            (ElementOp::Add, of(&four), two, &format!("{types} histogram op float")),
            (ElementOp::Less, of(&four), of(&six), &format!("{types} histogram op histogram")),
            (ElementOp::TrimLower, two, two, &format!("{types} float op float")),
            (ElementOp::TrimUpper, of(&four), Side::Float(0.1), "0 Unknown"),
            (ElementOp::TrimLower, of(&four), Side::Float(0.1), "4 Unknown"),
            (ElementOp::Equal, of(&four), of(&four), "true"),
            (ElementOp::NotEqual, of(&four), of(&four), "false"),
            (ElementOp::Add, of(&four), of(&six), "10 Unknown"),
            (ElementOp::Sub, of(&six), of(&four), "2 Gauge"),
            (
                ElementOp::Add,
                of(&reset),
                of(&not_reset),
                "PromQL warning: conflicting counter resets during histogram addition",
            ),
            (
                ElementOp::Sub,
                of(&near),
                of(&far),
                "PromQL info: mismatched custom buckets were reconciled during subtraction",
            ),
            (
                ElementOp::Add,
                of(&near),
                of(&four),
                "PromQL warning: incompatible bucket layout encountered for binary operator op",
            ),
        ] {
            assert_eq!(apply(op, left, right), expected, "{op:?}");
        }
    }
}
