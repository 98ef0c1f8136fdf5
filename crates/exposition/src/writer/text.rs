//! Families in the text format.

use narthex_model::{BUCKET_LABEL, QUANTILE_LABEL};

use super::family::{Family, Metric, Point};
use super::line::push_series;
use super::text_writer::{push_metadata, push_value};
use crate::escaping::EscapingScheme;
use crate::number;

/// Appends a family.
pub(super) fn write(page: &mut String, family: &Family, escaping: EscapingScheme) {
    let name = escaping.escape(&family.name);
    push_metadata(page, &name, family.metric_type, &family.help);
    let names = Names { family: &name, escaping };
    for metric in &family.metrics {
        match &metric.point {
            Point::Number { value, .. } => names.sample(page, metric, "", None, *value),
            Point::Histogram(histogram) => {
                for (bound, count, _) in histogram.all_buckets() {
                    names.sample(page, metric, "_bucket", Some((BUCKET_LABEL, bound)), count);
                }
                names.sample(page, metric, "_sum", None, histogram.sum);
                names.sample(page, metric, "_count", None, histogram.count);
            }
            Point::Summary(summary) => {
                for quantile in &summary.quantiles {
                    let bound = Some((QUANTILE_LABEL, quantile.quantile));
                    names.sample(page, metric, "", bound, quantile.value);
                }
                names.sample(page, metric, "_sum", None, summary.sum);
                names.sample(page, metric, "_count", None, summary.count);
            }
        }
    }
}

/// How samples are called.
struct Names<'a> {
    family: &'a str,
    escaping: EscapingScheme,
}

impl Names<'_> {
    fn sample(
        &self,
        page: &mut String,
        metric: &Metric,
        suffix: &str,
        bound: Option<(&str, f64)>,
        value: f64,
    ) {
        let labels = metric.labels.iter();
        let labels = labels.map(|(name, value)| (self.escaping.escape(name), value));
        let name = format!("{}{suffix}", self.family);
        push_series(page, &name, labels, bound, number::push_float);
        push_value(page, value, metric.timestamp_ms);
    }
}
