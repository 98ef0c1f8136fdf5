//! Families in OpenMetrics.

use narthex_model::{
    BUCKET_LABEL, Exemplar, MetricType, QUANTILE_LABEL, is_legacy_label_name, is_legacy_metric_name,
};

use super::family::{Family, Metric, Point};
use super::line::{push_name, push_series};
use crate::escaping::EscapingScheme;
use crate::{escape, number};

/// Appends a family.
pub(super) fn write(page: &mut String, family: &Family, escaping: EscapingScheme) {
    let name = escaping.escape(&family.name);
    let writer = Writer::new(&name, family.metric_type, escaping);
    writer.metadata(page, family);
    for metric in &family.metrics {
        writer.metric(page, metric);
    }
}

/// How a family is written.
struct Writer<'a> {
    /// The name in metadata.
    family: &'a str,
    /// What a sample that is a number has behind that name.
    suffix: &'a str,
    metric_type: MetricType,
    escaping: EscapingScheme,
}

/// What a sample has for a value.
#[derive(Clone, Copy)]
enum Number {
    /// A float, which shows that it is one.
    Float(f64),
    /// A count, which is an integer if it can be.
    Count(f64),
    /// A time in milliseconds since the Unix epoch.
    Time(i64),
}

impl<'a> Writer<'a> {
    fn new(name: &'a str, metric_type: MetricType, escaping: EscapingScheme) -> Self {
        let suffix = match metric_type {
            MetricType::Counter => "_total",
            MetricType::Info => "_info",
            _ => "",
        };
        // The format knows those types by their suffixes.
        let (family, metric_type) = match name.strip_suffix(suffix) {
            Some(family) if !family.is_empty() => (family, metric_type),
            _ => (name, MetricType::Unknown),
        };
        let suffix = &name[family.len()..];
        Self { family, suffix, metric_type, escaping }
    }

    fn metadata(&self, page: &mut String, family: &Family) {
        let mut line = |keyword: &str, write: &dyn Fn(&mut String)| {
            page.push_str(keyword);
            push_name(page, self.family, is_legacy_metric_name(self.family));
            page.push(' ');
            write(page);
            page.push('\n');
        };
        if !family.help.is_empty() {
            line("# HELP ", &|page| escape::push_label(page, &family.help));
        }
        line("# TYPE ", &|page| page.push_str(self.metric_type.as_str()));
        let stem = self.family.strip_suffix(&family.unit);
        if !family.unit.is_empty() && stem.is_some_and(|stem| stem.ends_with('_')) {
            line("# UNIT ", &|page| escape::push_label(page, &family.unit));
        }
    }

    fn metric(&self, page: &mut String, metric: &Metric) {
        match &metric.point {
            Point::Number { value, exemplar } => {
                let is_counter = self.metric_type == MetricType::Counter;
                let exemplar = exemplar.as_ref().filter(|_| is_counter);
                self.sample(page, metric, (self.suffix, None), Number::Float(*value), exemplar);
                if is_counter {
                    self.created(page, metric);
                }
            }
            Point::Histogram(histogram) => {
                for (bound, count, exemplar) in histogram.all_buckets() {
                    let name = ("_bucket", Some((BUCKET_LABEL, bound)));
                    self.sample(page, metric, name, Number::Count(count), exemplar);
                }
                let is_gauge = self.metric_type == MetricType::GaugeHistogram;
                let (sum, count) = if is_gauge { ("_gsum", "_gcount") } else { ("_sum", "_count") };
                self.sample(page, metric, (sum, None), Number::Float(histogram.sum), None);
                self.sample(page, metric, (count, None), Number::Count(histogram.count), None);
                if !is_gauge {
                    self.created(page, metric);
                }
            }
            Point::Summary(summary) => {
                for quantile in &summary.quantiles {
                    let name = ("", Some((QUANTILE_LABEL, quantile.quantile)));
                    self.sample(page, metric, name, Number::Float(quantile.value), None);
                }
                self.sample(page, metric, ("_sum", None), Number::Float(summary.sum), None);
                self.sample(page, metric, ("_count", None), Number::Count(summary.count), None);
                self.created(page, metric);
            }
        }
    }

    /// Appends the start timestamp of a metric, where that is known.
    fn created(&self, page: &mut String, metric: &Metric) {
        if metric.start_timestamp_ms != 0 {
            let start = Number::Time(metric.start_timestamp_ms);
            self.sample(page, metric, ("_created", None), start, None);
        }
    }

    /// Appends a sample whose name ends with a suffix, and which may have one more label.
    fn sample(
        &self,
        page: &mut String,
        metric: &Metric,
        (suffix, bound): (&str, Option<(&str, f64)>),
        value: Number,
        exemplar: Option<&Exemplar>,
    ) {
        let labels = metric.labels.iter();
        let labels = labels.map(|(name, value)| (self.escaping.escape(name), value));
        let name = format!("{}{suffix}", self.family);
        push_series(page, &name, labels, bound, number::push_bound);
        page.push(' ');
        match value {
            Number::Count(count) if count.fract() == 0.0 => page.push_str(&count.to_string()),
            Number::Float(value) | Number::Count(value) => number::push_bound(page, value),
            Number::Time(timestamp_ms) => push_seconds(page, timestamp_ms),
        }
        if let Some(timestamp_ms) = metric.timestamp_ms {
            page.push(' ');
            push_seconds(page, timestamp_ms);
        }
        if let Some(exemplar) = exemplar {
            push_exemplar(page, exemplar);
        }
        page.push('\n');
    }
}

fn push_exemplar(page: &mut String, exemplar: &Exemplar) {
    page.push_str(" # {");
    for (index, (name, value)) in exemplar.labels.iter().enumerate() {
        if index > 0 {
            page.push(',');
        }
        push_name(page, name, is_legacy_label_name(name));
        page.push_str("=\"");
        escape::push_label(page, value);
        page.push('"');
    }
    page.push_str("} ");
    number::push_bound(page, exemplar.value);
    if exemplar.has_own_timestamp {
        page.push(' ');
        push_seconds(page, exemplar.timestamp_ms);
    }
}

/// Appends a time as the format has it: in seconds, with as many decimals as it takes.
fn push_seconds(page: &mut String, timestamp_ms: i64) {
    if timestamp_ms < 0 {
        page.push('-');
    }
    let milliseconds = timestamp_ms.unsigned_abs();
    page.push_str(&(milliseconds / 1_000).to_string());
    if !milliseconds.is_multiple_of(1_000) {
        let decimals = format!(".{:03}", milliseconds % 1_000);
        page.push_str(decimals.trim_end_matches('0'));
    }
}
