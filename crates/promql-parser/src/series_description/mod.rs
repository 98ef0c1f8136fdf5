//! The series of test scripts: `http_requests_total{job="api"} 0+10x5 _ stale`.

mod histogram;
mod labels;
mod sequence;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use narthex_model::histogram::FloatHistogram;
use narthex_model::{Labels, float, is_stale_nan};

use crate::error::ParseError;
use crate::options::ParseOptions;
use crate::parse::{Parsed, Parser};
use sequence::Sequence;

/// A series and its values, as test scripts write them.
#[derive(Clone, Debug)]
pub struct SeriesDescription {
    /// The labels of the series.
    pub labels: Labels,
    /// The values, one a step from the first step on. Repetitions are written out.
    pub values: Vec<SequenceValue>,
}

/// One value of a [`SeriesDescription`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SequenceValue {
    /// `_`: there is no sample at this step.
    Omitted,
    /// A number; `stale` is the staleness marker.
    Float(f64),
    /// `{{schema:1 count:3 …}}`: a native histogram.
    Histogram {
        /// The histogram. Nothing checks whether its fields fit together.
        histogram: Arc<FloatHistogram>,
        /// Whether the text has `counter_reset_hint`: without it, a hint of
        /// [`Unknown`](narthex_model::histogram::ResetHint::Unknown) may stand for any.
        has_reset_hint: bool,
    },
}

/// Prints the value as a script may write it.
impl fmt::Display for SequenceValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Omitted => f.write_str("_"),
            Self::Float(value) if is_stale_nan(*value) => f.write_str("stale"),
            Self::Float(value) => float::write_general(f, *value),
            Self::Histogram { histogram, .. } => histogram.test_expression().fmt(f),
        }
    }
}

impl SeriesDescription {
    /// How many values one description may have, repetitions written out. A histogram that is the
    /// sum of others counts for 32, and for one more each bucket.
    pub const VALUES_MAX: usize = 1 << 20;
}

/// Returns the series that `text` describes: labels, and behind them values with spaces between.
///
/// | written | values |
/// |---|---|
/// | `3` | 3 |
/// | `_`, `_x2` | none at one step, at two steps |
/// | `stale` | the staleness marker |
/// | `3x2` | 3, 3, 3: repeated so often *after* the first |
/// | `3+2x2`, `3-2x2` | 3, 5, 7 and 3, 1, -1 |
/// | `{{schema:1 count:3 sum:5 buckets:[1 2]}}` | a native histogram |
/// | `{{…}}x2`, `{{…}}+{{…}}x2`, `{{…}}-{{…}}x2` | three histograms, as three numbers |
///
/// The keys of a histogram are `schema`, `sum`, `count`, `z_bucket`, `z_bucket_w`, `buckets`, `offset`
/// (the index of the first bucket), `n_buckets`, `n_offset`, `custom_values` and
/// `counter_reset_hint` with `unknown`, `reset`, `not_reset` or `gauge`. Each is zero where it is left
/// out.
///
/// # Examples
///
/// ```
/// use narthex_promql_parser::parse_series_description;
///
/// let series = parse_series_description(r#"up{job="node"} 1x2 _ 0+10x1"#)?;
/// assert_eq!(series.labels.to_string(), r#"{__name__="up", job="node"}"#);
/// let values: Vec<String> = series.values.iter().map(ToString::to_string).collect();
/// assert_eq!(values, ["1", "1", "1", "_", "0", "10"]);
/// # Ok::<(), narthex_promql_parser::ParseError>(())
/// ```
///
/// # Errors
///
/// The first thing that is wrong with the text, in the reference's words; and more than
/// [`SeriesDescription::VALUES_MAX`] values, which the reference would go on to make.
///
/// # Source
///
/// `ParseSeriesDesc` in Prometheus `promql/parser/parse.go`.
pub fn parse_series_description(text: &str) -> Result<SeriesDescription, ParseError> {
    whole_description(text).map_err(|error| *error)
}

fn whole_description(text: &str) -> Parsed<SeriesDescription> {
    let options = ParseOptions { query_size_max: u32::MAX, ..ParseOptions::default() };
    let mut parser = Parser::new(text, &options)?;
    let labels = parser.series_labels()?;
    let values = Sequence::new(text, parser.position()).read()?;
    Ok(SeriesDescription { labels, values })
}
