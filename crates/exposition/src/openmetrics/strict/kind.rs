//! What a type asks of its samples.

use narthex_model::{BUCKET_LABEL, MetricType, QUANTILE_LABEL, float};

use crate::entry::SampleEntry;
use crate::text::series_labels;

/// A rule of the specification that a page breaks.
pub(super) type Rule = &'static str;

/// Returns what the names of a family's samples end with.
pub(super) fn suffixes(metric_type: MetricType) -> &'static [&'static str] {
    match metric_type {
        MetricType::Counter => &["_total", "_created"],
        MetricType::Summary => &["", "_count", "_sum", "_created"],
        MetricType::Histogram => &["_bucket", "_count", "_sum", "_created"],
        MetricType::GaugeHistogram => &["_bucket", "_gcount", "_gsum"],
        MetricType::Info => &["_info"],
        MetricType::Gauge | MetricType::StateSet | MetricType::Unknown => &[""],
    }
}

/// Returns the label that tells the samples of one metric apart, where the type has one.
pub(super) fn own_label(metric_type: MetricType, family: &str) -> Option<&str> {
    match metric_type {
        MetricType::Histogram | MetricType::GaugeHistogram => Some(BUCKET_LABEL),
        MetricType::Summary => Some(QUANTILE_LABEL),
        MetricType::StateSet => Some(family),
        _ => None,
    }
}

/// Checks the value of a sample whose name ends with `suffix`, and the label that its type asks for.
pub(super) fn check(
    metric_type: MetricType,
    family: &str,
    suffix: &str,
    sample: &SampleEntry<'_>,
) -> Result<(), Rule> {
    let value = sample.value.as_float().unwrap_or_default();
    let own = own_label(metric_type, family).and_then(|name| raw_label(sample.series, name));
    match (metric_type, suffix) {
        (MetricType::Counter, "_total")
        | (MetricType::Histogram, "_count" | "_sum")
        | (MetricType::GaugeHistogram, "_gcount")
        | (MetricType::Summary, "_count" | "_sum") => check_count(value),
        (MetricType::GaugeHistogram, "_gsum") if value.is_nan() => Err(NAN),
        (MetricType::Histogram | MetricType::GaugeHistogram, "_bucket") => {
            own.and_then(bound).ok_or("a bucket needs an upper bound")?;
            check_count(value)
        }
        (MetricType::Summary, "") => {
            let quantile = own.and_then(float::parse).filter(|own| (0.0..=1.0).contains(own));
            quantile.ok_or("a quantile must be from 0 to 1")?;
            if value < 0.0 { Err(NEGATIVE) } else { Ok(()) }
        }
        (MetricType::Info, _) if value != 1.0 => Err("the value of an info must be 1"),
        (MetricType::StateSet, _) if own.is_none() => Err("a state needs a label that names it"),
        (MetricType::StateSet, _) if value != 0.0 && value != 1.0 => {
            Err("the value of a state must be 0 or 1")
        }
        _ => Ok(()),
    }
}

/// Returns whether a sample may have an exemplar.
pub(super) fn takes_exemplar(metric_type: MetricType, suffix: &str) -> bool {
    match metric_type {
        MetricType::Counter => suffix == "_total",
        MetricType::Histogram | MetricType::GaugeHistogram => suffix == "_bucket",
        _ => false,
    }
}

/// Returns the upper bound of a bucket. There is one way to write infinity.
pub(super) fn bound(text: &str) -> Option<f64> {
    let bound = float::parse(text).filter(|bound| !bound.is_nan())?;
    (bound != f64::INFINITY || text == "+Inf").then_some(bound)
}

/// Returns the value of a label as it stands on the page.
pub(super) fn raw_label<'a>(series: &'a str, name: &str) -> Option<&'a str> {
    let mut labels = series_labels(series);
    labels.find(|(other, _)| other.raw() == name).map(|(_, value)| value.raw())
}

fn check_count(value: f64) -> Result<(), Rule> {
    if value.is_nan() {
        Err(NAN)
    } else if value < 0.0 {
        Err(NEGATIVE)
    } else {
        Ok(())
    }
}

const NAN: Rule = "the value must be a number";
const NEGATIVE: Rule = "the value must not be negative";
