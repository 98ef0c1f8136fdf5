//! What there is to remark.

use narthex_promql_parser::Span;

use super::{Annotation, Forced, HistogramOperation, Kind};

impl Annotation {
    /// A quantile is not between 0 and 1.
    pub(crate) fn invalid_quantile(q: f64, span: Span) -> Self {
        Self { kind: Kind::InvalidQuantile(q), span }
    }

    /// A ratio is not between -1 and 1, and counts as the nearer of them.
    pub(crate) fn invalid_ratio(ratio: f64, capped: f64, span: Span) -> Self {
        Self { kind: Kind::InvalidRatio { ratio, capped }, span }
    }

    /// A series among histogram buckets has no bound.
    pub(crate) fn bad_bucket_label(value: &str, metric_name: &str, span: Span) -> Self {
        let (value, metric_name) = (value.into(), metric_name.into());
        Self { kind: Kind::BadBucketLabel { value, metric_name }, span }
    }

    /// `sort` does nothing in a range query.
    pub(crate) fn sort_in_range_query(span: Span) -> Self {
        Self { kind: Kind::SortInRangeQuery, span }
    }

    /// A rate of something that is not called like a counter.
    pub(crate) fn possible_non_counter(metric_name: &str, span: Span) -> Self {
        Self { kind: Kind::PossibleNonCounter(metric_name.into()), span }
    }

    /// A rate of something that is not labelled as a counter.
    pub(crate) fn possible_non_counter_type(
        metric_name: &str,
        metric_type: &str,
        span: Span,
    ) -> Self {
        let (metric_name, metric_type) = (metric_name.into(), metric_type.into());
        Self { kind: Kind::PossibleNonCounterType { metric_name, metric_type }, span }
    }

    /// Samples start before the sample before them was taken, in so many windows.
    pub(crate) fn start_time_overlap(metric_name: &str, count: usize, span: Span) -> Self {
        Self { kind: Kind::StartTimeOverlap { metric_name: metric_name.into(), count }, span }
    }

    /// An operator that these operands do not have.
    pub(crate) fn incompatible_types(
        left: &'static str,
        op: &'static str,
        right: &'static str,
        span: Span,
    ) -> Self {
        Self { kind: Kind::IncompatibleTypes { left, op, right }, span }
    }

    /// The counts of histograms did not rise with the bounds.
    pub(crate) fn forced_monotonicity(forced: Forced, metric_name: &str, span: Span) -> Self {
        Self { kind: Kind::ForcedMonotonicity { forced, metric_name: metric_name.into() }, span }
    }

    /// A window holds floats and histograms, which do not go together.
    pub(crate) fn mixed_floats_histograms(metric_name: &str, span: Span) -> Self {
        Self { kind: Kind::MixedFloatsHistograms(metric_name.into()), span }
    }

    /// A group holds floats and histograms, which do not go together.
    pub(crate) fn mixed_floats_histograms_in_aggregation(span: Span) -> Self {
        Self { kind: Kind::MixedFloatsHistogramsInAggregation, span }
    }

    /// A classic and a native histogram have equal labels.
    pub(crate) fn mixed_classic_native(metric_name: &str, span: Span) -> Self {
        Self { kind: Kind::MixedClassicNative(metric_name.into()), span }
    }

    /// A rate of a histogram that is a gauge.
    pub(crate) fn histogram_not_counter(metric_name: &str, span: Span) -> Self {
        Self { kind: Kind::HistogramNotCounter(metric_name.into()), span }
    }

    /// A difference of histograms that are counters.
    pub(crate) fn histogram_not_gauge(metric_name: &str, span: Span) -> Self {
        Self { kind: Kind::HistogramNotGauge(metric_name.into()), span }
    }

    /// Histograms with exponential and with custom buckets meet.
    pub(crate) fn mixed_exponential_custom(metric_name: &str, span: Span) -> Self {
        Self { kind: Kind::MixedExponentialCustom(metric_name.into()), span }
    }

    /// Histograms with exponential and with custom buckets are the operands of an operator.
    pub(crate) fn incompatible_bucket_layout(op: &'static str, span: Span) -> Self {
        Self { kind: Kind::IncompatibleBucketLayout(op), span }
    }

    /// An aggregation does not look at histograms.
    pub(crate) fn ignored_in_aggregation(op: &'static str, span: Span) -> Self {
        Self { kind: Kind::IgnoredInAggregation(op), span }
    }

    /// A function over a window does not look at the histograms beside the floats.
    pub(crate) fn ignored_in_mixed_range(metric_name: &str, span: Span) -> Self {
        Self { kind: Kind::IgnoredInMixedRange(metric_name.into()), span }
    }

    /// The quantile lies among observations of NaN.
    pub(crate) fn quantile_nan_result(metric_name: &str, span: Span) -> Self {
        Self { kind: Kind::QuantileNanResult(metric_name.into()), span }
    }

    /// There are observations of NaN above the quantile.
    pub(crate) fn quantile_nan_skew(metric_name: &str, span: Span) -> Self {
        Self { kind: Kind::QuantileNanSkew(metric_name.into()), span }
    }

    /// There are observations of NaN, which lie between no bounds.
    pub(crate) fn fraction_nan(metric_name: &str, span: Span) -> Self {
        Self { kind: Kind::FractionNan(metric_name.into()), span }
    }

    /// Of two histograms one follows a reset, the other does not.
    pub(crate) fn reset_collision(operation: HistogramOperation, span: Span) -> Self {
        Self { kind: Kind::ResetCollision(operation), span }
    }

    /// Two histograms have different custom bounds.
    pub(crate) fn mismatched_bounds(operation: HistogramOperation, span: Span) -> Self {
        Self { kind: Kind::MismatchedBounds(operation), span }
    }

    /// The store had something to say.
    pub(crate) fn storage(text: Box<str>) -> Self {
        Self { kind: Kind::Storage(text), span: Span::default() }
    }
}
