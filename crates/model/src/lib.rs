//! The nouns of Prometheus, shared by every narthex crate.
//!
//! - [`Labels`], an immutable label set in one shared allocation, and [`LabelsBuilder`];
//! - [`Matcher`], one condition on a label, [`Regex`], a pattern with the syntax, the meaning and
//!   the error texts of Go's, and [`SearchRegex`], one that is looked for within a text;
//! - [`Sample`], [`SampleTime`], the [staleness marker](STALE_NAN) and how bits of NaN are kept;
//! - [`histogram`], native histograms with integer and float counts;
//! - [`MetricType`] and [`Metadata`]; [`Exemplar`], an event behind a sample;
//! - [`duration`] for `1h30m`, [`float`] for numbers and [`quote`] for texts in Go's notation.
//!
//! ```
//! use narthex_model::Labels;
//!
//! let labels = Labels::from_pairs([("job", "node"), ("__name__", "up")]);
//! assert_eq!(labels.get("job"), Some("node"));
//! assert_eq!(labels.as_series().to_string(), r#"up{job="node"}"#);
//! ```
//!
//! Timestamps are milliseconds since the Unix epoch in an `i64`, here and in every other crate.

#![forbid(unsafe_code)]

pub mod duration;
mod exemplar;
pub mod float;
pub mod histogram;
mod labels;
mod matcher;
mod metadata;
pub mod quote;
mod sample;

pub use exemplar::{EXEMPLAR_LABEL_CHARS_MAX, Exemplar};
pub use labels::{
    BUCKET_LABEL, EncodedLabel, INSTANCE_LABEL, JOB_LABEL, Labels, LabelsBuilder, LabelsIter,
    METRIC_NAME_LABEL, QUANTILE_LABEL, SeriesDisplay, is_legacy_label_name, is_legacy_metric_name,
};
pub use matcher::{
    Captures, MatchOp, Matcher, MatcherError, Regex, RegexError, RegexProblem, SearchRegex,
};
pub use metadata::{Metadata, MetricType, UnknownMetricType};
pub use sample::{NORMAL_NAN, STALE_NAN, Sample, SampleTime, is_stale_nan};
