use std::fmt;

use narthex_model::quote;

/// The most bytes of a page that an error quotes in one [`Excerpt`].
pub const EXCERPT_SIZE_MAX: usize = 1024;

/// Why a page could not be read on, and where.
///
/// It prints the reference's message followed by the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (line {line}, column {column})")]
pub struct ParseError {
    /// The line on which the offending text begins, from 1.
    pub line: usize,
    /// Where it begins on that line, in bytes from 1.
    pub column: usize,
    /// What is wrong. It prints the reference's message.
    pub kind: Box<ParseErrorKind>,
}

/// What is wrong with a page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
