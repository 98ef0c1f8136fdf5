use narthex_exposition::{DuplicateLabel, ParseError};
use narthex_model::Labels;
use narthex_model::quote::Quoted;
use narthex_storage::AppendError;

use crate::content_type::ContentTypeError;
use crate::fetch::FetchError;

/// Why a scrape failed. The texts are the reference's where it has one: they are shown as a target's
/// last error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScrapeError {
    /// The page could not be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The job has more targets than it may, and none of them is scraped.
    #[error("target_limit exceeded (number of targets: {target_count}, limit: {limit})")]
    TargetLimit {
        /// The number of targets.
        target_count: usize,
        /// The most that the job may have.
        limit: u64,
    },
    /// The page is in no format that is understood.
    #[error(transparent)]
    ContentType(#[from] ContentTypeError),
    /// The page could not be read.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A series has two labels of one name.
    #[error(transparent)]
    DuplicateLabel(#[from] DuplicateLabel),
    /// A series has no metric name.
    #[error("missing metric name (__name__ label)")]
    NoMetricName,
    /// A series has a label that may not be named so.
    #[error("invalid metric name or label names: {labels}")]
    InvalidName {
        /// The labels.
        labels: Labels,
    },
    /// The page has more samples than the job allows.
    #[error("sample limit exceeded")]
    SampleLimit,
    /// A native histogram has more buckets than the job allows, however coarse it is.
    #[error("histogram bucket limit exceeded")]
    BucketLimit,
    /// A series has more labels than any may have.
    #[error("more than {limit} labels in {series}")]
    TooManyLabels {
        /// The series, shortened.
        series: Box<str>,
        /// How many it may have.
        limit: usize,
    },
    /// A series has more labels than the job allows.
    #[error(
        "label_limit exceeded (metric: {metric}, number of labels: {label_count}, limit: {limit})"
    )]
    LabelLimit {
        /// The metric's name, shortened.
        metric: Box<str>,
        /// How many labels the series has.
        label_count: usize,
        /// How many it may have.
        limit: u64,
    },
    /// The name of a label is longer than the job allows.
    #[error(
        "label_name_length_limit exceeded (metric: {metric}, label name: {name}, length: {length}, \
         limit: {limit})"
    )]
    LabelNameLimit {
        /// The metric's name, shortened.
        metric: Box<str>,
        /// The label's name, shortened.
        name: Box<str>,
        /// Its length in bytes.
        length: usize,
        /// The most bytes it may have.
        limit: u64,
    },
    /// The value of a label is longer than the job allows.
    #[error(
        "label_value_length_limit exceeded (metric: {metric}, label name: {name}, value: {}, \
         length: {length}, limit: {limit})",
        Quoted(value)
    )]
    LabelValueLimit {
        /// The metric's name, shortened.
        metric: Box<str>,
        /// The label's name, shortened.
        name: Box<str>,
        /// The value, shortened.
        value: Box<str>,
        /// Its length in bytes.
        length: usize,
        /// The most bytes it may have.
        limit: u64,
    },
    /// The store did not take the samples.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The scrape came to a sudden end by a fault of the program; the next one starts afresh.
    #[error("scrape aborted by an internal error")]
    Aborted,
}
