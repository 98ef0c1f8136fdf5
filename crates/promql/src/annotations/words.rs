//! The reference's texts.

use std::fmt;

use narthex_model::float::write_general;
use narthex_model::quote::write_quoted;

use super::{HistogramOperation, Kind};

/// Prints what there is to remark, without how grave it is.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidQuantile(q) => {
                f.write_str("quantile value should be between 0 and 1, got ")?;
                write_general(f, *q)
            }
            Self::InvalidRatio { ratio, capped } => {
                f.write_str("ratio value should be between -1 and 1, got ")?;
                write_general(f, *ratio)?;
                f.write_str(", capping to ")?;
                write_general(f, *capped)
            }
            Self::BadBucketLabel { value, metric_name } => {
                f.write_str(r#"bucket label "le" is missing or has a malformed value of "#)?;
                write_quoted(f, value)?;
                write_metric_name(f, metric_name)
            }
            Self::SortInRangeQuery => f.write_str(
                "sort is ineffective for range queries since results are always ordered by labels",
            ),
            Self::PossibleNonCounter(metric_name) => {
                f.write_str(
                    "metric might not be a counter, name does not end in \
                     _total/_sum/_count/_bucket: ",
                )?;
                write_quoted(f, metric_name)
            }
            Self::PossibleNonCounterType { metric_name, metric_type } => {
                f.write_str(
                    "metric might not be a counter, __type__ label is not set to \"counter\" or \
                     \"histogram\", got ",
                )?;
                write_quoted(f, metric_type)?;
                f.write_str(": ")?;
                write_quoted(f, metric_name)
            }
            Self::StartTimeOverlap { metric_name, .. } => {
                f.write_str(
                    "sample has start time that overlaps with previous sample timestamp for \
                     metric ",
                )?;
                write_quoted(f, metric_name)
            }
            Self::IncompatibleTypes { left, op, right } => write!(
                f,
                "incompatible sample types encountered for binary operator {op:?}: \
                 {left} {op} {right}"
            ),
            Self::ForcedMonotonicity { metric_name, .. } => {
                f.write_str(
                    "input to histogram_quantile needed to be fixed for monotonicity (see \
                 https://prometheus.io/docs/prometheus/latest/querying/functions/\
                 #histogram_quantile)",
                )?;
                write_metric_name(f, metric_name)
            }
            Self::Storage(text) => f.write_str(text),
            histograms => histograms.write_of_histograms(f),
        }
    }
}

impl Kind {
    /// Writes the text of a remark on native histograms.
    fn write_of_histograms(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, metric_name) = match self {
            Self::MixedFloatsHistograms(name) => {
                ("encountered a mix of histograms and floats for metric name ", name)
            }
            Self::HistogramNotCounter(name) => {
                ("this native histogram metric is not a counter: ", name)
            }
            Self::HistogramNotGauge(name) => {
                ("this native histogram metric is not a gauge: ", name)
            }
            Self::MixedExponentialCustom(name) => (
                "vector contains a mix of histograms with exponential and custom buckets schemas \
                 for metric name ",
                name,
            ),
            Self::IgnoredInMixedRange(name) => (
                "ignored histograms in a range containing both floats and histograms for metric \
                 name ",
                name,
            ),
            Self::IncompatibleBucketLayout(op) => {
                return write!(
                    f,
                    "incompatible bucket layout encountered for binary operator {op}"
                );
            }
            Self::IgnoredInAggregation(op) => {
                return write!(f, "ignored histogram in {op} aggregation");
            }
            Self::ResetCollision(operation) => {
                return write!(f, "conflicting counter resets during histogram {operation}");
            }
            Self::MismatchedBounds(operation) => {
                return write!(f, "mismatched custom buckets were reconciled during {operation}");
            }
            Self::MixedFloatsHistogramsInAggregation => {
                return f.write_str("encountered a mix of histograms and floats for aggregation");
            }
            Self::MixedClassicNative(name) => {
                f.write_str("vector contains a mix of classic and native histograms")?;
                return write_metric_name(f, name);
            }
            Self::QuantileNanResult(name) => {
                f.write_str("input to histogram_quantile has NaN observations, result is NaN")?;
                return write_metric_name(f, name);
            }
            Self::QuantileNanSkew(name) => {
                f.write_str(
                    "input to histogram_quantile has NaN observations, result is skewed higher",
                )?;
                return write_metric_name(f, name);
            }
            Self::FractionNan(name) => {
                f.write_str(
                    "input to histogram_fraction has NaN observations, which are excluded from \
                     all fractions",
                )?;
                return write_metric_name(f, name);
            }
            _ => unreachable!("the other texts are not those of histograms"),
        };
        f.write_str(text)?;
        write_quoted(f, metric_name)
    }
}

impl fmt::Display for HistogramOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Addition => "addition",
            Self::Subtraction => "subtraction",
            Self::Aggregation => "aggregation",
        })
    }
}

/// Writes the name of the metric where it is known: it is not once names were removed.
fn write_metric_name(f: &mut fmt::Formatter<'_>, metric_name: &str) -> fmt::Result {
    if metric_name.is_empty() {
        return Ok(());
    }
    f.write_str(" for metric name ")?;
    write_quoted(f, metric_name)
}
