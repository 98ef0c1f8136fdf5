use narthex_promql_parser::{DurationExprError, ExtendedRange};
use narthex_storage::{Interrupt, StorageError};

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// A range query needs a scalar or an instant vector, and this expression is neither.
    #[error("invalid expression type {found:?} for range query, must be Scalar or instant Vector")]
    RangeQueryType {
        /// The type in prose.
        found: &'static str,
    },
    /// The steps of a range query do not lead from its start to its end.
    #[error("zero or negative query resolution step widths are not accepted")]
    Step,
    /// A duration expression has no value for this query.
    #[error(transparent)]
    Duration(#[from] DurationExprError),
    /// The expression uses what this evaluator does not have.
    #[error("{what} is not implemented")]
    NotImplemented {
        /// The function or the part of the language.
        what: Box<str>,
    },
    /// The function does not know samples around its window.
    #[error(
        "{} modifier can only be used with: {} - not with {function}",
        kind.as_str(),
        functions_that_take(*kind)
    )]
    ExtendedRange {
        /// The modifier of the selector.
        kind: ExtendedRange,
        /// The function.
        function: &'static str,
    },
    /// Scalars do not have the operator.
    #[error("operator {op:?} not allowed for Scalar operations")]
    ScalarOperator {
        /// The operator.
        op: &'static str,
    },
    /// Two series of a vector have the same labels.
    #[error("vector cannot contain metrics with the same labelset")]
    DuplicateLabelset,
    /// Several series of the side that must be unique have the same matching labels.
    #[error(
        "found duplicate series for the match group {group} on the {side} hand-side of the operation: [{first}, {second}];many-to-many matching not allowed: matching labels must be unique on one side"
    )]
    DuplicateMatch {
        /// The labels that match.
        group: Box<str>,
        /// `left` or `right`.
        side: &'static str,
        /// One of the series.
        first: Box<str>,
        /// Another one.
        second: Box<str>,
    },
    /// Two info series of one name and target have their newest sample at the same time.
    #[error(
        "found duplicate series for info metric: existing {existing} @ {timestamp_ms}, new {new} @ {timestamp_ms}"
    )]
    DuplicateInfo {
        /// One of the series.
        existing: Box<str>,
        /// The other one.
        new: Box<str>,
        /// The time of the samples, in milliseconds since the Unix epoch.
        timestamp_ms: i64,
    },
    /// An info series holds a native histogram.
    #[error("info sample should be float")]
    InfoHistogram,
    /// Two info series of one target have different values of a label.
    #[error("conflicting label: {label}")]
    ConflictingInfo {
        /// The label.
        label: Box<str>,
    },
    /// Several series of the left side match one of the right side.
    #[error(
        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
    )]
    ImplicitManyToOne,
    /// Several matches of a grouped operation would have the same labels.
    #[error("multiple matches for labels: grouping labels must ensure unique matches")]
    AmbiguousGroup,
    /// The number of series that `topk` and its like keep is no number.
    #[error("Parameter value is NaN")]
    ParameterNan,
    /// The ratio of series that `limit_ratio` keeps is no number.
    #[error("Ratio value is NaN")]
    RatioNan,
    /// The number of series to keep does not fit 64 bits.
    #[error("Scalar value {value} {verb} int64")]
    ParameterRange {
        /// The number in Go's notation.
        value: Box<str>,
        /// `overflows` or `underflows`.
        verb: &'static str,
    },
    /// A name that an argument gives to a label is none.
    #[error("invalid {role} label name in {function}(): {name}")]
    LabelName {
        /// `source` or `destination`.
        role: &'static str,
        /// The function.
        function: &'static str,
        /// The name.
        name: Box<str>,
    },
    /// The parameter of `count_values` is no label name.
    #[error("invalid label name {quoted}")]
    CountValuesLabel {
        /// The name, quoted.
        quoted: Box<str>,
    },
    /// The pattern of `label_replace` is no regular expression.
    #[error("invalid regular expression in label_replace(): {pattern}")]
    LabelReplacePattern {
        /// The pattern.
        pattern: Box<str>,
    },
    /// A factor of `double_exponential_smoothing` is not between 0 and 1.
    #[error("invalid {role} factor. Expected: 0 < {symbol} < 1, got: {value:.6}")]
    SmoothingFactor {
        /// `smoothing` or `trend`.
        role: &'static str,
        /// `sf` or `tf`.
        symbol: &'static str,
        /// The factor.
        value: f64,
    },
    /// The query would hold more samples than it may.
    #[error("query processing would load too many samples into memory in query execution")]
    TooManySamples,
    /// The query was told to stop.
    #[error("{0} in expression evaluation")]
    Interrupted(Interrupt),
    /// The query would hold more bytes than its context allows.
    #[error("query would hold more than its budget of {bytes_max} bytes")]
    OverBudget {
        /// The budget.
        bytes_max: usize,
    },
    /// All queries together would hold more bytes than they may.
    #[error("queries would together hold more than their budget of {bytes_max} bytes")]
    OverSharedBudget {
        /// The budget.
        bytes_max: usize,
    },
    /// The store failed.
    #[error("expanding series: {0}")]
    Storage(#[source] StorageError),
}

fn functions_that_take(kind: ExtendedRange) -> &'static str {
    match kind {
        ExtendedRange::Anchored => "changes, delta, increase, rate, resets",
        ExtendedRange::Smoothed => "delta, increase, rate",
    }
}

/// What sort of error it is: the `errorType` of the HTTP API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request makes no sense.
    BadData,
    /// The evaluation failed.
    Execution,
    /// The caller does not want the answer any more.
    Canceled,
    /// The query's time is over.
    Timeout,
    /// The store failed.
    Internal,
}

impl QueryError {
    /// Returns what sort of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::RangeQueryType { .. } | Self::Step | Self::Duration(_) => ErrorKind::BadData,
            Self::Interrupted(Interrupt::Canceled) => ErrorKind::Canceled,
            Self::Interrupted(Interrupt::TimedOut) => ErrorKind::Timeout,
            Self::Storage(_) => ErrorKind::Internal,
            _ => ErrorKind::Execution,
        }
    }
}

impl From<StorageError> for QueryError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Interrupted(reason) => Self::Interrupted(reason),
            StorageError::BudgetExceeded { bytes_max } => Self::OverBudget { bytes_max },
            StorageError::SharedBudgetExceeded { bytes_max } => {
                Self::OverSharedBudget { bytes_max }
            }
            error => Self::Storage(error),
        }
    }
}
