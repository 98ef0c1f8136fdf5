//! Events that samples counted, as the formats write them.

use std::iter;

use narthex_model::LabelsBuilder;

use crate::number::parse_value;
use crate::protobuf::exemplar_labels;
use crate::text::series_labels;

/// One event that a sample counted.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ExemplarEntry<'a> {
    /// The value that was observed.
    pub value: f64,
    /// When it happened, in milliseconds since the Unix epoch, where the page says so.
    pub timestamp_ms: Option<i64>,
    labels: ExemplarLabels<'a>,
}

/// The labels of an exemplar, still to be read.
#[derive(Clone, Copy, Debug, PartialEq)]
enum ExemplarLabels<'a> {
    /// `{name="value",…}`.
    Text(&'a str),
    /// The protobuf message of the exemplar, which was read before.
    Message(&'a [u8]),
}

impl<'a> ExemplarEntry<'a> {
    /// Returns the exemplar in `text`, which the reader of OpenMetrics has checked:
    /// `{name="value",…} value [timestamp]`.
    fn from_text(text: &'a str) -> Option<Self> {
        // No number holds a brace.
        let (labels, numbers) = text.split_at(text.rfind('}')? + 1);
        let mut numbers = numbers.split_ascii_whitespace().map(|text| parse_value(text.as_bytes()));
        let value = numbers.next()?.ok()?;
        let timestamp_ms = numbers.next().and_then(Result::ok).map(milliseconds);
        Some(Self { value, timestamp_ms, labels: ExemplarLabels::Text(labels) })
    }

    /// Returns an exemplar whose labels are in `message`.
    pub(crate) fn from_message(value: f64, timestamp_ms: Option<i64>, message: &'a [u8]) -> Self {
        Self { value, timestamp_ms, labels: ExemplarLabels::Message(message) }
    }

    /// Replaces what `out` holds by the labels of the exemplar.
    ///
    /// Escapes in OpenMetrics' values stay as they are, as in the reference. Of a name that occurs
    /// twice, the last value counts.
    pub fn labels(&self, out: &mut LabelsBuilder) {
        out.clear();
        match self.labels {
            ExemplarLabels::Text(text) => {
                for (name, value) in series_labels(text) {
                    out.set(name.raw(), value.raw());
                }
            }
            ExemplarLabels::Message(message) => {
                for (name, value) in exemplar_labels(message) {
                    out.set(name, value);
                }
            }
        }
    }
}

/// Where the exemplars of a sample are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Exemplars<'a> {
    None,
    /// One, as text that was checked but is read only when asked for.
    Text(&'a str),
    List(&'a [ExemplarEntry<'a>]),
}

impl<'a> Exemplars<'a> {
    pub(crate) fn iter(self) -> impl Iterator<Item = ExemplarEntry<'a>> + use<'a> {
        let (text, list) = match self {
            Self::None => (None, &[][..]),
            Self::Text(text) => (ExemplarEntry::from_text(text), &[][..]),
            Self::List(list) => (None, list),
        };
        iter::chain(text, list.iter().copied())
    }
}

/// Returns seconds as OpenMetrics writes them in milliseconds, cut as the reference cuts them.
#[expect(clippy::cast_possible_truncation, reason = "as the reference cuts it")]
pub(crate) fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1_000.0) as i64
}
