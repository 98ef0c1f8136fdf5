//! Remarks that come with an answer: warnings, where it may be wrong, and infos.

use std::fmt::{self, Write};

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use narthex_model::float::write_general;
use narthex_model::quote::write_quoted;
use narthex_promql_parser::Span;

use crate::date::rfc3339;
use crate::quantile::Repair;

/// A remark on an answer and the place in the query that gave rise to it.
///
/// The texts are the reference's.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    kind: Kind,
    span: Span,
}

/// How grave an annotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The answer may be wrong.
    Warning,
    /// The answer is right; the query may not be what was meant.
    Info,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    InvalidQuantile(f64),
    InvalidRatio { ratio: f64, capped: f64 },
    BadBucketLabel { value: Box<str>, metric_name: Box<str> },
    SortInRangeQuery,
    PossibleNonCounter(Box<str>),
    PossibleNonCounterType { metric_name: Box<str>, metric_type: Box<str> },
    StartTimeOverlap { metric_name: Box<str>, count: usize },
    IncompatibleTypes { left: &'static str, op: &'static str, right: &'static str },
    ForcedMonotonicity { forced: Forced, metric_name: Box<str> },
    MixedFloatsHistograms(Box<str>),
    MixedFloatsHistogramsInAggregation,
    MixedClassicNative(Box<str>),
    HistogramNotCounter(Box<str>),
    HistogramNotGauge(Box<str>),
    MixedExponentialCustom(Box<str>),
    IncompatibleBucketLayout(&'static str),
    IgnoredInAggregation(&'static str),
    IgnoredInMixedRange(Box<str>),
    QuantileNanResult(Box<str>),
    QuantileNanSkew(Box<str>),
    FractionNan(Box<str>),
    ResetCollision(HistogramOperation),
    MismatchedBounds(HistogramOperation),
    Storage(Box<str>),
}

/// What was done with native histograms when there was something to remark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HistogramOperation {
    Addition,
    Subtraction,
    Aggregation,
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

/// What was repaired in the buckets of histograms, over all histograms and steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Forced {
    pub(crate) repair: Repair,
    /// The first step at which something was repaired.
    pub(crate) first_ms: i64,
    /// The last step at which something was repaired.
    pub(crate) last_ms: i64,
    /// The number of repairs, as the reference counts them.
    pub(crate) count: i64,
}

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

    /// Returns how grave it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self.kind {
            Kind::PossibleNonCounter(_)
            | Kind::PossibleNonCounterType { .. }
            | Kind::IncompatibleTypes { .. }
            | Kind::ForcedMonotonicity { .. }
            | Kind::IgnoredInAggregation(_)
            | Kind::IgnoredInMixedRange(_)
            | Kind::QuantileNanResult(_)
            | Kind::QuantileNanSkew(_)
            | Kind::FractionNan(_)
            | Kind::MismatchedBounds(_) => Severity::Info,
            _ => Severity::Warning,
        }
    }

    /// Returns the place in the query.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// Returns the text, which ends with line and column in `query`.
    #[must_use]
    pub fn text(&self, query: &str) -> String {
        let mut text = self.to_string();
        // Writing into a string does not fail.
        let _ = match &self.kind {
            Kind::ForcedMonotonicity { forced, .. } => forced.write_details(&mut text),
            Kind::StartTimeOverlap { count, .. } if *count > 1 => {
                write!(text, " ({count} occurrences)")
            }
            _ => Ok(()),
        };
        if !matches!(self.kind, Kind::Storage(_)) {
            let _ = match self.span.line_column(query) {
                Some((line, column)) => write!(text, " ({line}:{column})"),
                None if query.is_empty() => write!(text, " (unknown position)"),
                None => write!(text, " (invalid position)"),
            };
        }
        text
    }

    /// Takes over what the same remark said before.
    fn absorb(&mut self, before: &Self) {
        match (&mut self.kind, &before.kind) {
            (
                Kind::ForcedMonotonicity { forced: now, .. },
                Kind::ForcedMonotonicity { forced: before, .. },
            ) => {
                *now = now.join(before);
            }
            (
                Kind::StartTimeOverlap { count, .. },
                Kind::StartTimeOverlap { count: before, .. },
            ) => *count += before,
            _ => {}
        }
    }
}

/// Prints the text without its place.
impl fmt::Display for Annotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = match self.severity() {
            Severity::Warning => "PromQL warning: ",
            Severity::Info => "PromQL info: ",
        };
        if !matches!(self.kind, Kind::Storage(_)) {
            f.write_str(prefix)?;
        }
        match &self.kind {
            Kind::InvalidQuantile(q) => {
                f.write_str("quantile value should be between 0 and 1, got ")?;
                write_general(f, *q)
            }
            Kind::InvalidRatio { ratio, capped } => {
                f.write_str("ratio value should be between -1 and 1, got ")?;
                write_general(f, *ratio)?;
                f.write_str(", capping to ")?;
                write_general(f, *capped)
            }
            Kind::BadBucketLabel { value, metric_name } => {
                f.write_str(r#"bucket label "le" is missing or has a malformed value of "#)?;
                write_quoted(f, value)?;
                write_metric_name(f, metric_name)
            }
            Kind::SortInRangeQuery => f.write_str(
                "sort is ineffective for range queries since results are always ordered by labels",
            ),
            Kind::PossibleNonCounter(metric_name) => {
                f.write_str(
                    "metric might not be a counter, name does not end in \
                     _total/_sum/_count/_bucket: ",
                )?;
                write_quoted(f, metric_name)
            }
            Kind::PossibleNonCounterType { metric_name, metric_type } => {
                f.write_str(
                    "metric might not be a counter, __type__ label is not set to \"counter\" or \
                     \"histogram\", got ",
                )?;
                write_quoted(f, metric_type)?;
                f.write_str(": ")?;
                write_quoted(f, metric_name)
            }
            Kind::StartTimeOverlap { metric_name, .. } => {
                f.write_str(
                    "sample has start time that overlaps with previous sample timestamp for \
                     metric ",
                )?;
                write_quoted(f, metric_name)
            }
            Kind::IncompatibleTypes { left, op, right } => write!(
                f,
                "incompatible sample types encountered for binary operator {op:?}: \
                 {left} {op} {right}"
            ),
            Kind::ForcedMonotonicity { metric_name, .. } => {
                f.write_str(
                    "input to histogram_quantile needed to be fixed for monotonicity (see \
                 https://prometheus.io/docs/prometheus/latest/querying/functions/\
                 #histogram_quantile)",
                )?;
                write_metric_name(f, metric_name)
            }
            Kind::Storage(text) => f.write_str(text),
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

/// Writes the name of the metric where it is known: it is not once names were removed.
fn write_metric_name(f: &mut fmt::Formatter<'_>, metric_name: &str) -> fmt::Result {
    if metric_name.is_empty() {
        return Ok(());
    }
    f.write_str(" for metric name ")?;
    write_quoted(f, metric_name)
}

impl Forced {
    /// Returns what was repaired in both cases.
    pub(crate) fn join(&self, before: &Self) -> Self {
        let (now, old) = (self.repair, before.repair);
        Self {
            repair: Repair {
                min_bound: now.min_bound.min(old.min_bound),
                max_bound: now.max_bound.max(old.max_bound),
                max_diff: now.max_diff.max(old.max_diff),
            },
            first_ms: self.first_ms.min(before.first_ms),
            last_ms: self.last_ms.max(before.last_ms),
            count: self.count.wrapping_add(before.count),
        }
    }

    fn write_details(&self, out: &mut impl Write) -> fmt::Result {
        out.write_str(", from buckets ")?;
        write_general(out, self.repair.min_bound)?;
        out.write_str(" to ")?;
        write_general(out, self.repair.max_bound)?;
        out.write_str(", with a max diff of ")?;
        write_two_digits(out, self.repair.max_diff)?;
        let (first, last) = (rfc3339(self.first_ms), rfc3339(self.last_ms));
        write!(out, ", over {} samples from {first} to {last}", self.count)
    }
}

/// Writes a number as Go's `%.2g` does.
fn write_two_digits(out: &mut impl Write, value: f64) -> fmt::Result {
    if !value.is_finite() {
        return write_general(out, value);
    }
    let scientific = format!("{value:.1e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    match exponent.parse::<i32>().unwrap_or(0) {
        exponent @ -4..2 => {
            let decimals = usize::try_from(1 - exponent).unwrap_or(0);
            let plain = format!("{value:.decimals$}");
            let plain = if plain.contains('.') {
                plain.trim_end_matches('0').trim_end_matches('.')
            } else {
                &plain
            };
            out.write_str(plain)
        }
        exponent => {
            let sign = if exponent < 0 { '-' } else { '+' };
            write!(out, "{digits}e{sign}{:02}", exponent.abs())
        }
    }
}

/// The annotations of one answer, each text once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotations {
    list: Vec<Annotation>,
    /// Where each text lies in the list.
    by_text: HashMap<String, usize>,
}

impl Annotations {
    /// Returns the annotations.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Annotation> {
        self.list.iter()
    }

    /// Returns whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the texts of one severity, each with its place in `query`. At most `texts_max` come
    /// out, where it is not 0; then a text says how many are left out.
    #[must_use]
    pub fn texts(&self, severity: Severity, query: &str, texts_max: usize) -> Vec<String> {
        let all = || self.iter().filter(|annotation| annotation.severity() == severity);
        let shown = if texts_max == 0 { usize::MAX } else { texts_max };
        let mut texts: Vec<String> =
            all().take(shown).map(|annotation| annotation.text(query)).collect();
        let omitted = all().count() - texts.len();
        if omitted > 0 {
            let name = match severity {
                Severity::Warning => "warning",
                Severity::Info => "info",
            };
            texts.push(format!("{omitted} more {name} annotations omitted"));
        }
        texts
    }

    /// Adds an annotation. Of equal texts the last one stays, as in the reference.
    pub(crate) fn add(&mut self, mut annotation: Annotation) {
        match self.by_text.entry(annotation.to_string()) {
            Entry::Occupied(entry) => {
                let known = &mut self.list[*entry.get()];
                annotation.absorb(known);
                *known = annotation;
            }
            Entry::Vacant(entry) => {
                entry.insert(self.list.len());
                self.list.push(annotation);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::write_two_digits;

    #[test]
    fn two_digits_as_go_prints_them() {
        for (value, expected) in [
            (0.0, "0"),
            (1.0, "1"),
            (10.0, "10"),
            (99.6, "1e+02"),
            (123.0, "1.2e+02"),
            (0.5, "0.5"),
            (0.123, "0.12"),
            (0.000_12, "0.00012"),
            (0.000_012, "1.2e-05"),
            (f64::INFINITY, "+Inf"),
        ] {
            let mut text = String::new();
            write_two_digits(&mut text, value).unwrap();
            assert_eq!(text, expected, "{value}");
        }
    }
}
