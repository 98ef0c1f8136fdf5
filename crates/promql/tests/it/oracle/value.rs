use std::rc::Rc;

use narthex_model::histogram::FloatHistogram;
use narthex_model::{Labels, is_stale_nan};

/// A float or a native histogram.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Float(f64),
    Histogram(Rc<FloatHistogram>),
}

/// A value and when it is one.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) timestamp_ms: i64,
    pub(crate) value: Value,
}

/// A series as it is stored, or as an expression makes it: then with samples at steps alone.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    pub(crate) points: Vec<Point>,
}

impl Value {
    pub(super) fn of(histogram: FloatHistogram) -> Self {
        Self::Histogram(Rc::new(histogram))
    }

    pub(super) fn float(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Histogram(_) => None,
        }
    }

    pub(super) fn histogram(&self) -> Option<&FloatHistogram> {
        match self {
            Self::Float(_) => None,
            Self::Histogram(histogram) => Some(histogram),
        }
    }

    pub(super) fn is_stale(&self) -> bool {
        match self {
            Self::Float(value) => is_stale_nan(*value),
            Self::Histogram(histogram) => histogram.is_stale(),
        }
    }
}

impl Series {
    pub(super) fn at(&self, time_ms: i64) -> Option<&Value> {
        self.points.iter().find(|point| point.timestamp_ms == time_ms).map(|point| &point.value)
    }

    /// Returns the number that a scalar is.
    pub(super) fn number_at(&self, time_ms: i64) -> Option<f64> {
        self.at(time_ms).and_then(Value::float)
    }
}
