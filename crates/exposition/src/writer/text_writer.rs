use narthex_model::{BUCKET_LABEL, MetricType, QUANTILE_LABEL, is_legacy_metric_name};

use super::line::{push_name, push_series};
use crate::{escape, number};

/// Writes a page of the text format 0.0.4.
///
/// Names outside the legacy charset are quoted, as the format has it since UTF-8 names exist. Names
/// are not checked otherwise, and a family or series that is written twice stands there twice.
///
/// ```
/// use narthex_exposition::TextWriter;
/// use narthex_model::MetricType;
///
/// let mut page = TextWriter::default();
/// page.family("http_requests_total", MetricType::Counter, "Requests answered.")
///     .sample(&[("code", "200")], 1027.0)
///     .sample(&[("code", "404")], 3.0);
/// page.family("up", MetricType::Gauge, "").sample(&[], 1.0);
/// assert_eq!(
///     page.into_string().lines().collect::<Vec<_>>(),
///     [
///         "# HELP http_requests_total Requests answered.",
///         "# TYPE http_requests_total counter",
///         "http_requests_total{code=\"200\"} 1027",
///         "http_requests_total{code=\"404\"} 3",
///         "# TYPE up gauge",
///         "up 1",
///     ]
/// );
/// ```
///
/// # Source
///
/// `expfmt/text_create.go` of prometheus/common. Unlike it, the writer quotes a label name with a
/// colon: no reader takes one bare.
#[derive(Clone, Debug, Default)]
pub struct TextWriter {
    page: String,
}

impl TextWriter {
    /// Begins a metric family: writes its `HELP`, unless that is empty, and its `TYPE`.
    ///
    /// The format knows fewer types than the model: gauge histograms become histograms, info and
    /// state sets gauges.
    pub fn family<'a>(
        &'a mut self,
        name: &'a str,
        metric_type: MetricType,
        help: &str,
    ) -> FamilyWriter<'a> {
        push_metadata(&mut self.page, name, metric_type, help);
        FamilyWriter { writer: self, name, sample_name: String::new() }
    }

    /// Returns the page so far.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.page
    }

    /// Returns the page.
    #[must_use]
    pub fn into_string(self) -> String {
        self.page
    }

    fn push_sample(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        bound: Option<(&str, f64)>,
        value: f64,
        timestamp_ms: Option<i64>,
    ) {
        let labels = labels.iter().copied();
        push_series(&mut self.page, name, labels, bound, number::push_float);
        push_value(&mut self.page, value, timestamp_ms);
    }
}

/// Appends the `HELP` of a family, unless that is empty, and its `TYPE`.
pub(super) fn push_metadata(page: &mut String, name: &str, metric_type: MetricType, help: &str) {
    let is_bare = is_legacy_metric_name(name);
    if !help.is_empty() {
        page.push_str("# HELP ");
        push_name(page, name, is_bare);
        page.push(' ');
        escape::push_help(page, help);
        page.push('\n');
    }
    page.push_str("# TYPE ");
    push_name(page, name, is_bare);
    page.push_str(match metric_type {
        MetricType::Counter => " counter\n",
        MetricType::Gauge | MetricType::Info | MetricType::StateSet => " gauge\n",
        MetricType::Histogram | MetricType::GaugeHistogram => " histogram\n",
        MetricType::Summary => " summary\n",
        MetricType::Unknown => " untyped\n",
    });
}

/// Appends what follows the series on a line.
pub(super) fn push_value(page: &mut String, value: f64, timestamp_ms: Option<i64>) {
    page.push(' ');
    number::push_float(page, value);
    if let Some(timestamp_ms) = timestamp_ms {
        page.push(' ');
        page.push_str(&timestamp_ms.to_string());
    }
    page.push('\n');
}

/// Writes the samples of one family, each with its labels as `(name, value)`.
#[derive(Debug)]
pub struct FamilyWriter<'a> {
    writer: &'a mut TextWriter,
    name: &'a str,
    /// The family's name with a suffix, kept for its buffer.
    sample_name: String,
}

impl FamilyWriter<'_> {
    /// Writes a sample that carries the family's own name.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: f64) -> &mut Self {
        self.writer.push_sample(self.name, labels, None, value, None);
        self
    }

    /// Writes a sample that carries the family's own name, with a timestamp in milliseconds since
    /// the Unix epoch. The format has no way to write a negative one; readers refuse it.
    pub fn sample_at(
        &mut self,
        labels: &[(&str, &str)],
        value: f64,
        timestamp_ms: i64,
    ) -> &mut Self {
        self.writer.push_sample(self.name, labels, None, value, Some(timestamp_ms));
        self
    }

    /// Writes a histogram: its buckets, `_sum` and `_count`.
    ///
    /// `buckets` come in ascending order. Where none of them is infinite, one is added that holds
    /// all `count` observations.
    pub fn histogram(
        &mut self,
        labels: &[(&str, &str)],
        buckets: &[Bucket],
        sum: f64,
        count: f64,
    ) -> &mut Self {
        let infinite = Bucket { upper_bound: f64::INFINITY, cumulative_count: count };
        let has_infinite = buckets.iter().any(|bucket| bucket.upper_bound == f64::INFINITY);
        let added = if has_infinite { None } else { Some(&infinite) };
        for bucket in buckets.iter().chain(added) {
            let bound = Some((BUCKET_LABEL, bucket.upper_bound));
            self.suffixed("_bucket", labels, bound, bucket.cumulative_count);
        }
        self.suffixed("_sum", labels, None, sum);
        self.suffixed("_count", labels, None, count);
        self
    }

    /// Writes a summary: its quantiles, `_sum` and `_count`.
    pub fn summary(
        &mut self,
        labels: &[(&str, &str)],
        quantiles: &[Quantile],
        sum: f64,
        count: f64,
    ) -> &mut Self {
        for quantile in quantiles {
            let bound = Some((QUANTILE_LABEL, quantile.quantile));
            self.writer.push_sample(self.name, labels, bound, quantile.value, None);
        }
        self.suffixed("_sum", labels, None, sum);
        self.suffixed("_count", labels, None, count);
        self
    }

    fn suffixed(
        &mut self,
        suffix: &str,
        labels: &[(&str, &str)],
        bound: Option<(&str, f64)>,
        value: f64,
    ) {
        self.sample_name.clear();
        self.sample_name.push_str(self.name);
        self.sample_name.push_str(suffix);
        self.writer.push_sample(&self.sample_name, labels, bound, value, None);
    }
}

/// A bucket of a classic histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The largest observation that it counts, in the metric's own unit.
    pub upper_bound: f64,
    /// How many observations are no larger.
    pub cumulative_count: f64,
}

/// A quantile of a summary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    /// Which one, from 0 to 1.
    pub quantile: f64,
    /// Its value, in the metric's own unit.
    pub value: f64,
}
