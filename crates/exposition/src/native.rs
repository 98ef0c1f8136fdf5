//! The native histogram that a reader lends.

use narthex_model::MetricType;
use narthex_model::histogram::{
    ClassicError, ClassicHistogram, FloatHistogram, Histogram, ResetHint,
};

use crate::entry::Value;

/// A native histogram, integer or float: whichever was read last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Native {
    integer: Histogram,
    float: FloatHistogram,
    is_float: bool,
}

impl Native {
    pub(crate) fn value(&self) -> Value<'_> {
        match self.is_float {
            true => Value::FloatHistogram(&self.float),
            false => Value::Histogram(&self.integer),
        }
    }

    /// Replaces the histogram by one that counts in integers.
    pub(crate) fn set_integer(&mut self, histogram: Histogram) {
        self.integer = histogram;
        self.is_float = false;
    }

    /// Replaces the histogram by one that counts in floats.
    pub(crate) fn set_float(&mut self, histogram: FloatHistogram) {
        self.float = histogram;
        self.is_float = true;
    }

    /// Replaces the histogram by what a classic one becomes.
    pub(crate) fn convert(
        &mut self,
        classic: &ClassicHistogram,
        metric_type: MetricType,
    ) -> Result<(), ClassicError> {
        let reset_hint = reset_hint(metric_type);
        match classic.to_integer()? {
            Some(integer) => self.set_integer(Histogram { reset_hint, ..integer }),
            None => self.set_float(FloatHistogram { reset_hint, ..classic.to_float()? }),
        }
        Ok(())
    }

    /// Returns whether the histogram is one that a store takes.
    pub(crate) fn is_valid(&self) -> bool {
        match self.is_float {
            true => self.float.validate().is_ok(),
            false => self.integer.validate().is_ok(),
        }
    }
}

/// Returns what is known about resets of a histogram of that type.
pub(crate) fn reset_hint(metric_type: MetricType) -> ResetHint {
    match metric_type {
        MetricType::GaugeHistogram => ResetHint::Gauge,
        _ => ResetHint::Unknown,
    }
}
