//! Remarks that come with an answer: warnings, where it may be wrong, and infos.

mod forced;
mod list;
mod make;
mod words;

use std::fmt::{self, Write};

use narthex_promql_parser::Span;

pub(crate) use forced::Forced;
pub use list::Annotations;

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

impl Annotation {
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

    /// Takes over what the same remark said elsewhere.
    fn absorb(&mut self, other: &Self) {
        match (&mut self.kind, &other.kind) {
            (
                Kind::ForcedMonotonicity { forced, .. },
                Kind::ForcedMonotonicity { forced: other, .. },
            ) => {
                *forced = forced.join(other);
            }
            (Kind::StartTimeOverlap { count, .. }, Kind::StartTimeOverlap { count: other, .. }) => {
                *count += other
            }
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
        self.kind.fmt(f)
    }
}
