use narthex_model::SampleTime;
use narthex_model::histogram::{FloatHistogram, Histogram, ResetHint};

/// One sample of any kind, on its way to a chunk or from one to another.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) time: SampleTime,
    pub(crate) value: Value,
}

/// The value of a sample. Histograms are boxed, for most samples are floats.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Float(f64),
    Histogram(Box<Histogram>),
    FloatHistogram(Box<FloatHistogram>),
}

impl Value {
    /// Forgets what is known about a reset, as the sample before is another than it was.
    pub(crate) fn forget_reset(&mut self) {
        let hint = match self {
            Self::Float(_) => return,
            Self::Histogram(histogram) => &mut histogram.reset_hint,
            Self::FloatHistogram(histogram) => &mut histogram.reset_hint,
        };
        if *hint != ResetHint::Gauge {
            *hint = ResetHint::Unknown;
        }
    }
}
