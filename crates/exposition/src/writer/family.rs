use narthex_model::histogram::{FloatHistogram, Histogram};
use narthex_model::{Exemplar, MetricType};

use super::text_writer::Quantile;

/// All metrics of one name, as [`write_page`](crate::write_page) writes them.
///
/// A page should have one family a name, in order of the names, and in each the metrics in order of
/// their labels: then it reads alike every time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Family {
    /// The name of the metric, with the suffix `_total` of a counter and `_info` of an info metric,
    /// but without the suffixes of histograms and summaries.
    pub name: String,
    /// What the metric means; empty for nothing.
    pub help: String,
    /// What values are measured in; empty for nothing. OpenMetrics shows it only of a name that ends
    /// with it.
    pub unit: String,
    /// The kind of instrument.
    pub metric_type: MetricType,
    /// The metrics.
    pub metrics: Vec<Metric>,
}

/// One metric of a family: a set of labels and what was measured under it.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The labels, in the order in which they are written.
    pub labels: Vec<(String, String)>,
    /// What was measured.
    pub point: Point,
    /// Milliseconds since the Unix epoch, where the scraper should not take its own time. The text
    /// format has no way to write a negative one; readers refuse it.
    pub timestamp_ms: Option<i64>,
    /// Since when the metric counts, in milliseconds since the Unix epoch; 0 where that is not known.
    pub start_timestamp_ms: i64,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Point {
    /// A number, and for counters an event that it counted.
    Number {
        /// The value.
        value: f64,
        /// The event.
        exemplar: Option<Exemplar>,
    },
    /// A histogram.
    Histogram(HistogramPoint),
    /// A summary.
    Summary(SummaryPoint),
}

/// Observations in buckets, classic or native or both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramPoint {
    /// The number of observations.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The classic buckets, in ascending order. Where none of them is infinite, text has one that
    /// holds all observations.
    pub buckets: Vec<ClassicBucket>,
    /// The native histogram, which protobuf alone can hold, and not with custom buckets.
    pub native: Option<NativeHistogram>,
    /// Events of the native histogram.
    pub exemplars: Vec<Exemplar>,
}

/// A bucket of a classic histogram, with an event that it counted.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassicBucket {
    /// The largest observation that it counts, in the metric's own unit.
    pub upper_bound: f64,
    /// How many observations are no larger.
    pub cumulative_count: f64,
    /// The event.
    pub exemplar: Option<Exemplar>,
}

/// A native histogram.
#[derive(Clone, Debug, PartialEq)]
pub enum NativeHistogram {
    /// One that counts in integers.
    Integer(Histogram),
    /// One that counts in floats.
    Float(FloatHistogram),
}

/// Quantiles that the target computed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SummaryPoint {
    /// The number of observations.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The quantiles, in ascending order.
    pub quantiles: Vec<Quantile>,
}

impl Family {
    /// Returns a family without metrics.
    #[must_use]
    pub fn new(name: &str, metric_type: MetricType, help: &str) -> Self {
        Self { name: name.into(), help: help.into(), metric_type, ..Self::default() }
    }

    /// Adds a metric that is a number, with its labels as `(name, value)`.
    pub fn number(&mut self, labels: &[(&str, &str)], value: f64) -> &mut Self {
        self.metrics.push(Metric::new(labels, Point::Number { value, exemplar: None }));
        self
    }
}

impl Metric {
    /// Returns a metric without times.
    #[must_use]
    pub fn new(labels: &[(&str, &str)], point: Point) -> Self {
        let labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Self { labels: labels.collect(), point, timestamp_ms: None, start_timestamp_ms: 0 }
    }
}

impl HistogramPoint {
    /// Returns the classic buckets, with the infinite one, which holds all observations where it is
    /// not said how many.
    pub(super) fn all_buckets(&self) -> impl Iterator<Item = (f64, f64, Option<&Exemplar>)> {
        let is_missing = self.buckets.iter().all(|bucket| bucket.upper_bound != f64::INFINITY);
        let infinite = is_missing.then_some((f64::INFINITY, self.count, None));
        let given = self
            .buckets
            .iter()
            .map(|bucket| (bucket.upper_bound, bucket.cumulative_count, bucket.exemplar.as_ref()));
        given.chain(infinite)
    }
}
