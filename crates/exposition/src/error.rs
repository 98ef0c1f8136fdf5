use std::borrow::Cow;
use std::fmt;

use memchr::{memchr_iter, memrchr};
use narthex_model::histogram::ClassicError;
use narthex_model::quote::{self, Quoted};

use crate::protobuf::WireProblem;

/// The most bytes of a page that an error quotes in one [`Excerpt`].
pub const EXCERPT_SIZE_MAX: usize = 1024;

/// Why a page could not be read on, and where.
///
/// It prints the reference's message followed by the place.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{kind} ({place})")]
pub struct ParseError {
    /// Where the offending text or message is.
    pub place: Place,
    /// What is wrong. It prints the reference's message.
    pub kind: Box<ParseErrorKind>,
}

impl ParseError {
    /// Returns the error of a part of a text before which there are so many lines.
    #[must_use]
    pub fn below(mut self, line_count: usize) -> Self {
        if let Place::Line { line, .. } = &mut self.place {
            *line += line_count;
        }
        self
    }
}

/// A place on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// In a text.
    Line {
        /// The line, from 1.
        line: usize,
        /// The byte on that line, from 1.
        column: usize,
    },
    /// In a message.
    Message {
        /// The byte on the page, from 0.
        offset: usize,
        /// The metric family in which it is; empty before its name is known.
        family: Excerpt,
    },
}

impl Place {
    /// Returns the place of the byte at `offset` in `page`, which is a text.
    pub(crate) fn in_text(page: &[u8], offset: usize) -> Self {
        let before = &page[..offset];
        let line = 1 + memchr_iter(b'\n', before).count();
        let line_start = memrchr(b'\n', before).map_or(0, |line_feed| line_feed + 1);
        Self::Line { line, column: offset - line_start + 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { line, column } => write!(f, "line {line}, column {column}"),
            Self::Message { offset, family } => write!(f, "byte {offset}, family {family}"),
        }
    }
}

/// What is wrong with a page.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// Something else should stand there.
    #[error("{expected}, got {found} ({token:?}) while parsing: {parsing}")]
    Unexpected {
        /// What should, such as `expected label name`.
        expected: &'static str,
        /// What does, with the byte after it.
        found: Excerpt,
        /// What the reference's lexer calls it.
        token: &'static str,
        /// The line so far.
        parsing: Excerpt,
    },
    /// A `TYPE` line names no type of the format.
    #[error("invalid metric type {word}")]
    InvalidMetricType {
        /// What it names.
        word: Excerpt,
    },
    /// The text of a `HELP` line is not UTF-8.
    #[error("help text {text} is not a valid utf8 string")]
    InvalidHelp {
        /// The text.
        text: Excerpt,
    },
    /// A label value is not UTF-8.
    #[error("invalid UTF-8 label value: {value}")]
    InvalidLabelValue {
        /// The value in its quotes.
        value: Excerpt,
    },
    /// A quoted name is not UTF-8. The reference says so only later, when it checks names.
    #[error("invalid metric name or label names: {name}")]
    InvalidName {
        /// The text that holds the name.
        name: Excerpt,
    },
    /// A series has two metric names.
    #[error("metric name already set while parsing: {parsing}")]
    MetricNameAlreadySet {
        /// The line so far.
        parsing: Excerpt,
    },
    /// A series has labels but no metric name.
    #[error("metric name not set while parsing: {parsing}")]
    MetricNameNotSet {
        /// The line so far.
        parsing: Excerpt,
    },
    /// A value has a character of Go's float syntax that the format leaves out.
    #[error("unsupported character in float while parsing: {parsing}")]
    UnsupportedCharacter {
        /// The line so far.
        parsing: Excerpt,
    },
    /// A value is not a number.
    #[error("strconv.ParseFloat: parsing {text}: invalid syntax while parsing: {parsing}")]
    InvalidFloat {
        /// The value.
        text: Excerpt,
        /// The line so far.
        parsing: Excerpt,
    },
    /// A value is beyond the largest float.
    #[error("strconv.ParseFloat: parsing {text}: value out of range while parsing: {parsing}")]
    FloatOutOfRange {
        /// The value.
        text: Excerpt,
        /// The line so far.
        parsing: Excerpt,
    },
    /// A timestamp of OpenMetrics is infinite or no number.
    #[error("invalid {of} {text}")]
    TimestampNotFinite {
        /// Which one.
        of: &'static str,
        /// What it is.
        text: &'static str,
    },
    /// A line of metadata has no text, or no line feed behind it.
    #[error("expected text in {kind}")]
    NoMetadataText {
        /// What the line says, such as `HELP`.
        kind: &'static str,
    },
    /// A metric's name does not end with its unit.
    #[error("unit {unit} not a suffix of metric {name}")]
    UnitNotInName {
        /// The unit.
        unit: Excerpt,
        /// The name.
        name: Excerpt,
    },
    /// A page breaks a rule of the specification of OpenMetrics, which
    /// [`StrictReader`](crate::StrictReader) checks.
    #[error("{0}")]
    Specification(&'static str),
    /// Something follows the end of an OpenMetrics page.
    #[error("unexpected data after # EOF")]
    DataAfterEnd,
    /// An OpenMetrics page does not say that it ends.
    #[error("data does not end with # EOF")]
    NoEnd,
    /// A timestamp is beyond 64 bits of milliseconds.
    #[error("strconv.ParseInt: parsing {text}: value out of range while parsing: {parsing}")]
    TimestampOutOfRange {
        /// The timestamp.
        text: Excerpt,
        /// The line so far.
        parsing: Excerpt,
    },
    /// The length of a message is no number of 32 bits.
    #[error("clientpb: invalid varint encountered")]
    InvalidVarint,
    /// The page ends within a message.
    #[error(
        "clientpb: insufficient length of buffer, expected at least {needed} bytes, got {found} \
         bytes"
    )]
    FamilyCut {
        /// The bytes that the message takes, its length among them.
        needed: usize,
        /// The bytes that there are.
        found: usize,
    },
    /// A message is not encoded as it should be.
    #[error(transparent)]
    Wire(WireProblem),
    /// The name of a metric family is empty or not UTF-8.
    #[error("invalid metric name: {}", name.to_lossy())]
    InvalidMetricName {
        /// The name.
        name: Excerpt,
    },
    /// The help of a metric family is not UTF-8.
    #[error("invalid help for metric {name}: {}", help.to_lossy())]
    InvalidFamilyHelp {
        /// The name.
        name: Excerpt,
        /// The text.
        help: Excerpt,
    },
    /// The type of a metric family is none of those that there are.
    #[error("unknown metric type for metric {name}: {number}")]
    UnknownTypeNumber {
        /// The name.
        name: Excerpt,
        /// The number of the type.
        number: i32,
    },
    /// The name of a label is empty or not UTF-8.
    #[error("invalid label name: {}", name.to_lossy())]
    InvalidLabelName {
        /// The name.
        name: Excerpt,
    },
    /// A label value in a message is not UTF-8.
    #[error("invalid label value: {}", value.to_lossy())]
    InvalidLabelText {
        /// The value.
        value: Excerpt,
    },
    /// A native histogram has more or fewer buckets than its spans say.
    #[error(
        "histogram {}: {side} side: spans require {needed} buckets, have {found}",
        Quoted(name)
    )]
    SpanMismatch {
        /// The name of the metric family.
        name: Box<str>,
        /// Which side, `positive` or `negative`.
        side: &'static str,
        /// The buckets in the spans.
        needed: u64,
        /// The buckets that there are.
        found: usize,
    },
    /// A classic histogram cannot become a native one.
    #[error(transparent)]
    ClassicHistogram(ClassicError),
}

/// A piece of a page, which need not be UTF-8. It prints in quotes, with the escapes of Go's `%q`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    bytes: Box<[u8]>,
    cut: bool,
}

impl Excerpt {
    pub(crate) fn new(text: &[u8]) -> Self {
        let size = text.len().min(EXCERPT_SIZE_MAX);
        Self { bytes: text[..size].into(), cut: size < text.len() }
    }

    /// Returns the piece, cut after [`EXCERPT_SIZE_MAX`] bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the piece without quotes, with what is not UTF-8 replaced.
    fn to_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        let mut quoted = String::new();
        for chunk in self.bytes.utf8_chunks() {
            quoted.clear();
            quote::write_quoted(&mut quoted, chunk.valid())?;
            f.write_str(&quoted[1..quoted.len() - 1])?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        f.write_str(if self.cut { "…\"" } else { "\"" })
    }
}
