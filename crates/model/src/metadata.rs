use std::fmt;
use std::str::FromStr;

use crate::quote::Quoted;

/// What kind of instrument a metric is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MetricType {
    /// A count that only rises, but for resets to zero.
    Counter,
    /// A value that rises and falls.
    Gauge,
    /// Counts of observations in buckets.
    Histogram,
    /// Counts of current values in buckets: they rise and fall.
    GaugeHistogram,
    /// Quantiles computed by the target.
    Summary,
    /// Constant facts as labels of a series with the value 1.
    Info,
    /// One series a state, 1 for those that hold.
    StateSet,
    /// Nothing was said of the type.
    #[default]
    Unknown,
}

impl MetricType {
    /// Returns the lower-case word of the exposition formats. [`MetricType::Unknown`] is `unknown`,
    /// which the classic text format writes `untyped`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for MetricType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for MetricType {
    type Err = UnknownMetricType;

    fn from_str(word: &str) -> Result<Self, UnknownMetricType> {
        Ok(match word {
            "counter" => Self::Counter,
            "gauge" => Self::Gauge,
            "histogram" => Self::Histogram,
            "gaugehistogram" => Self::GaugeHistogram,
            "summary" => Self::Summary,
            "info" => Self::Info,
            "stateset" => Self::StateSet,
            "unknown" => Self::Unknown,
            _ => return Err(UnknownMetricType { word: word.into() }),
        })
    }
}

/// A word that names no metric type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid metric type {}", Quoted(word))]
pub struct UnknownMetricType {
    /// The word.
    pub word: Box<str>,
}

/// What a target says of a metric beside its samples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Metadata {
    /// The kind of instrument.
    pub metric_type: MetricType,
    /// What the metric means, for people.
    pub help: Box<str>,
    /// The unit, such as `seconds`; often empty.
    pub unit: Box<str>,
}
