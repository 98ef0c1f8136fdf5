//! The samples of one metric, which stand together.

use narthex_model::{BUCKET_LABEL, MetricType};

use super::kind::{Rule, bound, raw_label};
use crate::entry::SampleEntry;

/// The samples of one metric so far.
#[derive(Clone, Debug)]
pub(super) struct Group<'a> {
    timestamp_ms: Option<i64>,
    last_series: &'a str,
    histogram: Histogram,
}

/// What the samples of a histogram at one time say.
#[derive(Clone, Debug, Default)]
struct Histogram {
    is_used: bool,
    /// The last bucket: its bound and its count.
    bucket: Option<(f64, f64)>,
    has_negative_bound: bool,
    count: Option<f64>,
    sum: Option<f64>,
}

impl<'a> Group<'a> {
    /// Begins a metric with its first sample.
    pub(super) fn new(sample: &SampleEntry<'a>) -> Self {
        let timestamp_ms = sample.timestamp_ms;
        Self { timestamp_ms, last_series: "", histogram: Histogram::default() }
    }

    /// Adds a sample whose name ends with `suffix`.
    pub(super) fn add(
        &mut self,
        metric_type: MetricType,
        suffix: &str,
        sample: &SampleEntry<'a>,
    ) -> Result<(), Rule> {
        match (self.timestamp_ms, sample.timestamp_ms) {
            (None, None) if self.last_series == sample.series => {
                return Err("a series without timestamps must not occur twice");
            }
            (None, None) => {}
            (Some(before), Some(timestamp_ms)) if before > timestamp_ms => {
                return Err("timestamps must not fall");
            }
            (Some(before), Some(timestamp_ms)) => {
                if before < timestamp_ms {
                    self.end_point(metric_type)?;
                }
            }
            _ => return Err("either all samples of a metric have timestamps, or none"),
        }
        self.timestamp_ms = sample.timestamp_ms;
        self.last_series = sample.series;
        match metric_type {
            MetricType::Histogram | MetricType::GaugeHistogram => {
                self.histogram.add(suffix, sample)
            }
            _ => Ok(()),
        }
    }

    /// Ends the samples of one time.
    pub(super) fn end_point(&mut self, metric_type: MetricType) -> Result<(), Rule> {
        let histogram = std::mem::take(&mut self.histogram);
        if histogram.is_used { histogram.check(metric_type) } else { Ok(()) }
    }
}

impl Histogram {
    fn add(&mut self, suffix: &str, sample: &SampleEntry<'_>) -> Result<(), Rule> {
        let value = sample.value.as_float().unwrap_or_default();
        self.is_used |= suffix != "_created";
        match suffix {
            "_bucket" => {
                let bound = raw_label(sample.series, BUCKET_LABEL).and_then(bound);
                let bound = bound.unwrap_or(f64::INFINITY);
                if let Some((last_bound, last_count)) = self.bucket {
                    if bound <= last_bound {
                        return Err("the bounds of buckets must rise");
                    }
                    if value < last_count {
                        return Err("the counts of buckets must not fall");
                    }
                }
                self.has_negative_bound |= bound < 0.0;
                self.bucket = Some((bound, value));
            }
            "_count" | "_gcount" => self.count = Some(value),
            "_sum" | "_gsum" => self.sum = Some(value),
            _ => {}
        }
        Ok(())
    }

    fn check(&self, metric_type: MetricType) -> Result<(), Rule> {
        let Some((f64::INFINITY, all)) = self.bucket else {
            return Err("a histogram needs an infinite bucket");
        };
        if self.count.is_some_and(|count| count != all) {
            return Err("the infinite bucket must hold all observations");
        }
        if self.sum.is_some() && self.count.is_none() {
            return Err("a histogram with a sum needs a count");
        }
        let is_gauge = metric_type == MetricType::GaugeHistogram;
        if self.has_negative_bound {
            return match self.sum {
                Some(_) if !is_gauge => Err("a histogram of negative observations has no sum"),
                _ => Ok(()),
            };
        }
        if self.count.is_some() && self.sum.is_none() {
            return Err("a histogram with a count needs a sum");
        }
        if self.sum.is_some_and(|sum| sum < 0.0) {
            return Err("the sum must not be negative without negative buckets");
        }
        Ok(())
    }
}
