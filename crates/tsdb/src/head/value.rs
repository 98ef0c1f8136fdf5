use narthex_model::histogram::{FloatHistogram, Histogram};
use narthex_model::is_stale_nan;
use narthex_storage::{AppendError, SampleValue};

use crate::sample::Value;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Float,
    Histogram { is_custom: bool },
    FloatHistogram { is_custom: bool },
}

impl Value {
    /// Returns the value, checked.
    pub(super) fn new(value: SampleValue<'_>) -> Result<Self, AppendError> {
        Ok(match value {
            SampleValue::Float(value) => Self::Float(value),
            SampleValue::Histogram(histogram) => {
                histogram.validate().map_err(AppendError::InvalidHistogram)?;
                Self::Histogram(Box::new(histogram.clone()))
            }
            SampleValue::FloatHistogram(histogram) => {
                histogram.validate().map_err(AppendError::InvalidHistogram)?;
                Self::FloatHistogram(Box::new(histogram.clone()))
            }
        })
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Float(_) => Kind::Float,
            Self::Histogram(histogram) => {
                Kind::Histogram { is_custom: histogram.has_custom_buckets() }
            }
            Self::FloatHistogram(histogram) => {
                Kind::FloatHistogram { is_custom: histogram.has_custom_buckets() }
            }
        }
    }

    /// Makes a staleness marker one of the kind of sample that it ends. Other values stay.
    pub(super) fn into_end_of(self, kind: Kind) -> Self {
        match (self, kind) {
            (Self::Float(sum), Kind::Histogram { .. }) if is_stale_nan(sum) => {
                Self::Histogram(Box::new(Histogram { sum, ..Histogram::default() }))
            }
            (Self::Float(sum), Kind::FloatHistogram { .. }) if is_stale_nan(sum) => {
                Self::FloatHistogram(Box::new(FloatHistogram { sum, ..FloatHistogram::default() }))
            }
            (value, _) => value,
        }
    }
}
