//! Native histograms out of their messages.

use narthex_model::MetricType;
use narthex_model::histogram::{
    Buckets, ClassicError, ClassicHistogram, FloatHistogram, Histogram,
};

use super::metric::{HistogramMessage, Side};
use crate::native::{Native, reset_hint};

impl HistogramMessage<'_> {
    /// Returns the native side of the histogram, without its empty buckets.
    pub(super) fn read_native(&self, out: &mut Native, metric_type: MetricType) {
        let reset_hint = reset_hint(metric_type);
        let Self { schema, zero_threshold, sum, .. } = *self;
        if self.is_float() {
            let mut histogram = FloatHistogram {
                reset_hint,
                schema,
                zero_threshold,
                zero_count: self.zero_count_float,
                count: self.count_float,
                sum,
                positive: copy(&self.positive, &self.positive.counts),
                negative: copy(&self.negative, &self.negative.counts),
                ..FloatHistogram::default()
            };
            histogram.compact();
            out.set_float(histogram);
        } else {
            let mut histogram = Histogram {
                reset_hint,
                schema,
                zero_threshold,
                zero_count: self.zero_count,
                count: self.count,
                sum,
                positive: copy(&self.positive, &self.positive.deltas),
                negative: copy(&self.negative, &self.negative.deltas),
                ..Histogram::default()
            };
            histogram.compact();
            out.set_integer(histogram);
        }
    }

    /// Returns whether the histogram is native, whatever else it is. A span without buckets tells
    /// that of one that has observed nothing yet.
    pub(super) fn is_native(&self) -> bool {
        !self.positive.spans.is_empty()
            || !self.negative.spans.is_empty()
            || self.zero_threshold > 0.0
            || self.zero_count > 0
    }

    /// Returns whether native buckets are counted in floats.
    fn is_float(&self) -> bool {
        self.count_float > 0.0 || self.zero_count_float > 0.0
    }

    /// Returns the number of observations.
    pub(super) fn total(&self) -> f64 {
        or_integer(self.count_float, self.count)
    }

    /// Checks that each side has as many buckets as its spans say.
    pub(super) fn check_spans(&self) -> Result<(), SpanMismatch> {
        for (side, buckets) in [("positive", &self.positive), ("negative", &self.negative)] {
            let found = match self.is_float() {
                true => buckets.counts.len(),
                false => buckets.deltas.len(),
            };
            let needed = buckets.spans.iter().map(|span| u64::from(span.length)).sum();
            if found as u64 != needed {
                return Err(SpanMismatch { side, needed, found });
            }
        }
        Ok(())
    }

    /// Returns the classic side of the histogram.
    pub(super) fn read_classic(&self, out: &mut ClassicHistogram) -> Result<(), ClassicError> {
        out.clear();
        out.set_count(self.total())?;
        out.set_sum(self.sum);
        for bucket in &self.buckets {
            let count = or_integer(bucket.cumulative_count_float, bucket.cumulative_count);
            out.set_bucket(bucket.upper_bound, count)?;
        }
        Ok(())
    }
}

/// Spans that say another number of buckets than there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpanMismatch {
    pub(super) side: &'static str,
    pub(super) needed: u64,
    pub(super) found: usize,
}

/// Returns the float, or where there is none the integer.
#[expect(clippy::cast_precision_loss, reason = "samples are floats")]
pub(super) fn or_integer(float: f64, integer: u64) -> f64 {
    // NaN stays what it is, as in the reference.
    if float == 0.0 { integer as f64 } else { float }
}

fn copy<N: Clone>(side: &Side, counts: &[N]) -> Buckets<N> {
    Buckets { spans: side.spans.clone(), counts: counts.to_vec() }
}
