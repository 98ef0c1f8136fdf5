use std::fmt;
use std::sync::Arc;

use narthex_model::histogram::FloatHistogram;
use narthex_model::{Labels, float, is_stale_nan};
use narthex_promql_parser::SequenceValue;

/// What a query came to.
#[derive(Clone, Debug)]
pub enum Value {
    /// One number.
    Scalar(f64),
    /// A text.
    String(Box<str>),
    /// Series with one point each, at the time of the query. Their order may be part of the result.
    Vector(Vec<(Labels, Point)>),
    /// Series with points over time.
    Matrix(Vec<ResultSeries>),
}

/// One series of a [`Value::Matrix`].
#[derive(Clone, Debug)]
pub struct ResultSeries {
    /// The labels.
    pub labels: Labels,
    /// Times in milliseconds since the Unix epoch, and what stands there, oldest first.
    pub points: Vec<(i64, Point)>,
}

/// The value of one sample.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Point {
    /// A float.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<FloatHistogram>),
}

impl Point {
    /// Returns the point that a script writes, or `None` where it leaves one out.
    pub(crate) fn from_sequence(value: &SequenceValue) -> Option<Self> {
        match value {
            SequenceValue::Float(value) => Some(Self::Float(*value)),
            SequenceValue::Histogram { histogram, .. } => {
                Some(Self::Histogram(Arc::clone(histogram)))
            }
            _ => None,
        }
    }
}

/// Prints the point as a script writes it.
impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float(value) if is_stale_nan(*value) => f.write_str("stale"),
            Self::Float(value) => float::write_general(f, *value),
            Self::Histogram(histogram) => histogram.test_expression().fmt(f),
        }
    }
}
