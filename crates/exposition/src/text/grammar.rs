//! The text format as the reference reads it, in one place and in reading order.
//!
//! A line is taken from the front of the rest of the page, since a quoted text may hold line feeds.
//! The end of the page stands for a line feed.
//!
//! Where NUL bytes are passed over and where they end the page or are refused is a matter of the
//! states of the reference's lexer, and kept as it is.

use nom::branch::alt;
use nom::bytes::complete::{is_not, tag, take, take_till, take_while, take_while1};
use nom::character::complete::{char, digit1, one_of};
use nom::combinator::{eof, fail, map, opt, peek, recognize, value, verify};
use nom::multi::many0_count;
use nom::sequence::{preceded, terminated};
use nom::{Err, IResult, Parser};

use narthex_model::MetricType;

use super::scan;
use crate::number::{FloatProblem, parse_value};

/// What one line says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Line<'a> {
    Blank,
    /// The page ends here, for the reference ends it at certain NUL bytes.
    End,
    Comment(&'a [u8]),
    Help {
        name: &'a str,
        text: &'a str,
    },
    Type {
        name: &'a str,
        metric_type: MetricType,
    },
    Sample {
        series: &'a str,
        value: f64,
        timestamp_ms: Option<i64>,
    },
}

/// Why there is no line, and the rest of the page from the offending text on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failure<'a> {
    pub(super) rest: &'a [u8],
    pub(super) cause: Cause<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause<'a> {
    /// This should stand there.
    Expected(Expected),
    /// The text there is wrong.
    MetricType(&'a [u8]),
    Help(&'a [u8]),
    LabelValue(&'a [u8]),
    Name(&'a [u8]),
    Float(&'a [u8], FloatProblem),
    Timestamp(&'a [u8]),
    /// The line up to there has two names, or none.
    NameAlreadySet,
    NameNotSet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Start,
    NameAfterHelp,
    NameAfterType,
    LineFeedAfterMetadata,
    LabelName,
    Equal,
    LabelValue,
    Value,
    TimestampOrEnd,
    EndAfterTimestamp,
}

type Parsed<'a, T> = IResult<&'a [u8], T, Failure<'a>>;

/// Reads one line and returns what follows it.
pub(super) fn line(page: &[u8]) -> Result<(&[u8], Line<'_>), Failure<'_>> {
    let blank = value(Line::Blank, line_end);
    let end = value(Line::End, char('\0'));
    let kinds = alt((blank, end, hash_line, |input| sample(page, input)));
    match preceded(blanks, expect(Expected::Start, kinds)).parse(page) {
        Ok(parsed) => Ok(parsed),
        Err(Err::Error(failure) | Err::Failure(failure)) => Err(failure),
        // The parsers of complete input never ask for more.
        Err(Err::Incomplete(_)) => Ok((&[], Line::End)),
    }
}

/// `# HELP …`, `# TYPE …` or a comment.
fn hash_line(input: &[u8]) -> Parsed<'_, Line<'_>> {
    alt((
        preceded((char('#'), blanks1, keyword("HELP")), help),
        preceded((char('#'), blanks1, keyword("TYPE")), metric_type),
        preceded(char('#'), comment),
    ))
    .parse(input)
}

/// A comment ends the page at a NUL byte, unless a blank and another character come first.
fn comment(input: &[u8]) -> Parsed<'_, Line<'_>> {
    let (rest, text) = terminated(take_till(|byte| byte == b'\n'), line_end).parse(input)?;
    let (words, blanks) = blanks(text)?;
    let ends_page = if blanks.is_empty() { words.contains(&0) } else { words.starts_with(b"\0") };
    Ok((rest, if ends_page { Line::End } else { Line::Comment(text) }))
}

fn help(input: &[u8]) -> Parsed<'_, Line<'_>> {
    let (at_text, name) = metadata_name(Expected::NameAfterHelp, input)?;
    let (rest, text) = metadata_text(at_text)?;
    let text = utf8(at_text, text, Cause::Help)?;
    let (rest, _) = expect(Expected::LineFeedAfterMetadata, line_end).parse(rest)?;
    Ok((rest, Line::Help { name, text }))
}

fn metric_type(input: &[u8]) -> Parsed<'_, Line<'_>> {
    let (at_word, name) = metadata_name(Expected::NameAfterType, input)?;
    let (rest, word) = metadata_text(at_word)?;
    let known = std::str::from_utf8(word).ok().and_then(scan::metric_type);
    let metric_type = known.ok_or(failure(at_word, Cause::MetricType(word)))?;
    let (rest, _) = expect(Expected::LineFeedAfterMetadata, line_end).parse(rest)?;
    Ok((rest, Line::Type { name, metric_type }))
}

fn metadata_name(expected: Expected, input: &[u8]) -> Parsed<'_, &str> {
    let quoted = map(quoted_name, |quoted| &quoted[1..quoted.len() - 1]);
    let (rest, name) = expect(expected, alt((quoted, bare_name))).parse(input)?;
    Ok((rest, utf8(input, name, Cause::Name)?))
}

/// The rest of the line without its first character, whichever that is: a space by rights. A text
/// of blanks alone is none; one that begins with a NUL byte is empty and leaves that byte.
fn metadata_text(input: &[u8]) -> Parsed<'_, &[u8]> {
    let (rest, text) = take_till(|byte| byte == b'\n').parse(input)?;
    if text.starts_with(b"\0") {
        return Ok((input, &[]));
    }
    let blank = text.first().is_none_or(|byte| scan::is_blank(*byte))
        && text.iter().all(|byte| scan::is_blank(*byte) || *byte == 0);
    Ok((rest, if blank { &[] } else { &text[1..] }))
}

/// `name value`, `name{…} value` or `{"name", …} value`, each with an optional timestamp. Blanks at
/// the start of the line belong to the series text.
fn sample<'a>(line: &'a [u8], input: &'a [u8]) -> Parsed<'a, Line<'a>> {
    let (rest, name) = opt(bare_name).parse(input)?;
    let (in_braces, brace) = opt(preceded(blanks, char('{'))).parse(rest)?;
    let (rest, named) = match (name, brace) {
        (_, Some(_)) => labels(in_braces, name.is_some())?,
        (Some(_), None) => (rest, true),
        (None, None) => fail().parse(input)?,
    };
    let series = utf8(line, &line[..line.len() - rest.len()], Cause::Name)?;
    if !named {
        let (rest, _) =
            preceded(blanks, opt(alt((value_text, recognize(char('{')))))).parse(rest)?;
        return Err(failure(rest, Cause::NameNotSet));
    }
    let (rest, value) = preceded(blanks, float).parse(rest)?;
    let (rest, timestamp_ms) = preceded(blanks, timestamp).parse(rest)?;
    Ok((rest, Line::Sample { series, value, timestamp_ms }))
}

/// What stands in braces, and the closing one: labels, and a metric name once unless there is one.
/// Commas are optional after a label. Returns whether there is a name.
fn labels(mut input: &[u8], mut named: bool) -> Parsed<'_, bool> {
    loop {
        if let (rest, Some(_)) = opt(preceded(blanks, char('}'))).parse(input)? {
            return Ok((rest, named));
        }
        let item = alt((value(true, name_in_braces), value(false, label)));
        let (rest, is_name) = preceded(blanks, expect(Expected::LabelName, item)).parse(input)?;
        if is_name && named {
            let (rest, _) = preceded(blanks, one_of(",}")).parse(rest)?;
            return Err(failure(rest, Cause::NameAlreadySet));
        }
        named |= is_name;
        (input, _) = opt(preceded(blanks, char(','))).parse(rest)?;
    }
}

/// A quoted text is the metric name where a comma or the closing brace follows.
fn name_in_braces(input: &[u8]) -> Parsed<'_, &[u8]> {
    terminated(quoted_name, peek(preceded(blanks, one_of(",}")))).parse(input)
}

fn label(input: &[u8]) -> Parsed<'_, ()> {
    let (rest, _) = alt((quoted_name, bare_label_name)).parse(input)?;
    let (rest, _) = preceded(blanks, expect(Expected::Equal, char('='))).parse(rest)?;
    let (at_value, _) = alt((blanks_and_nuls, blanks)).parse(rest)?;
    let (rest, value) = expect(Expected::LabelValue, quoted_value).parse(at_value)?;
    utf8(at_value, value, Cause::LabelValue)?;
    Ok((rest, ()))
}

fn float(input: &[u8]) -> Parsed<'_, f64> {
    let (rest, text) = expect(Expected::Value, value_text).parse(input)?;
    match parse_value(text) {
        Ok(value) => Ok((rest, value)),
        Err(problem) => Err(failure(input, Cause::Float(text, problem))),
    }
}

/// Digits, or none, and the end of the line. The format has no sign here.
fn timestamp(input: &[u8]) -> Parsed<'_, Option<i64>> {
    let end_or_digits = alt((map(line_end, |_| None), map(digit1, Some)));
    let (rest, digits) = expect(Expected::TimestampOrEnd, end_or_digits).parse(input)?;
    let Some(digits) = digits else { return Ok((rest, None)) };
    let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    let timestamp_ms = number.ok_or(failure(input, Cause::Timestamp(digits)))?;
    let (rest, _) = preceded(blanks, expect(Expected::EndAfterTimestamp, line_end)).parse(rest)?;
    Ok((rest, Some(timestamp_ms)))
}

// The tokens.

pub(super) fn value_text(input: &[u8]) -> Parsed<'_, &[u8]> {
    is_not("{ \t\n\0").parse(input)
}

/// A word and the blanks after it, which the page may strew with NUL bytes.
fn keyword<'a>(word: &'static str) -> impl FnMut(&'a [u8]) -> Parsed<'a, ()> {
    move |mut input| {
        for letter in word.chars() {
            (input, _) = terminated(char(letter), take_while(is_nul)).parse(input)?;
        }
        value((), blanks_and_nuls).parse(input)
    }
}

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`.
fn bare_name(input: &[u8]) -> Parsed<'_, &[u8]> {
    let name = take_while1(|byte| scan::is_class(byte, scan::NAME));
    verify(name, |name: &[u8]| scan::is_class(name[0], scan::NAME_START)).parse(input)
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`.
pub(super) fn bare_label_name(input: &[u8]) -> Parsed<'_, &[u8]> {
    let name = take_while1(|byte| scan::is_class(byte, scan::LABEL));
    verify(name, |name: &[u8]| scan::is_class(name[0], scan::LABEL_START)).parse(input)
}

/// A text in quotes, without NUL bytes. Anything but a line feed may be escaped.
pub(super) fn quoted_name(input: &[u8]) -> Parsed<'_, &[u8]> {
    recognize((name_in_quotes, char('"'))).parse(input)
}

/// A text in quotes, in and after which NUL bytes may stand.
fn quoted_value(input: &[u8]) -> Parsed<'_, &[u8]> {
    terminated(recognize((value_in_quotes, char('"'))), take_while(is_nul)).parse(input)
}

/// A quoted name without its closing quote.
pub(super) fn name_in_quotes(input: &[u8]) -> Parsed<'_, &[u8]> {
    let escaped = recognize((char('\\'), byte_but(b"\n\0")));
    recognize((char('"'), many0_count(alt((is_not("\"\\\0"), escaped))))).parse(input)
}

/// A label value without its closing quote. The reference passes over NUL bytes, also between a
/// backslash and what it escapes.
pub(super) fn value_in_quotes(input: &[u8]) -> Parsed<'_, &[u8]> {
    let escaped = recognize((char('\\'), take_while(is_nul), byte_but(b"\n")));
    recognize((char('"'), many0_count(alt((is_not("\"\\"), escaped))))).parse(input)
}

/// One byte that is not among `refused`.
// nom's `none_of` would take two bytes for one that is not ASCII, and panic at the end of the page.
fn byte_but<'a>(
    refused: &'static [u8],
) -> impl Parser<&'a [u8], Output = &'a [u8], Error = Failure<'a>> {
    verify(take(1_usize), |byte: &[u8]| !refused.contains(&byte[0]))
}

pub(super) fn blanks(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while(scan::is_blank).parse(input)
}

fn blanks1(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while1(scan::is_blank).parse(input)
}

/// A blank, and blanks and NUL bytes after it.
fn blanks_and_nuls(input: &[u8]) -> Parsed<'_, &[u8]> {
    let rest = take_while(|byte| scan::is_blank(byte) || is_nul(byte));
    recognize((blanks1, rest)).parse(input)
}

fn is_nul(byte: u8) -> bool {
    byte == 0
}

fn line_end(input: &[u8]) -> Parsed<'_, &[u8]> {
    alt((tag("\n"), eof)).parse(input)
}

// Failures.

/// Runs `parser`. Where it does not match, the page is wrong: `expected` should stand there.
fn expect<'a, T>(
    expected: Expected,
    mut parser: impl Parser<&'a [u8], Output = T, Error = Failure<'a>>,
) -> impl FnMut(&'a [u8]) -> Parsed<'a, T> {
    move |input| match parser.parse(input) {
        Err(Err::Error(_)) => Err(failure(input, Cause::Expected(expected))),
        other => other,
    }
}

fn failure<'a>(rest: &'a [u8], cause: Cause<'a>) -> Err<Failure<'a>> {
    Err::Failure(Failure { rest, cause })
}

fn utf8<'a>(
    rest: &'a [u8],
    text: &'a [u8],
    cause: fn(&'a [u8]) -> Cause<'a>,
) -> Result<&'a str, Err<Failure<'a>>> {
    std::str::from_utf8(text).map_err(|_| failure(rest, cause(text)))
}

/// nom asks for an error wherever an alternative does not match; [`expect`] replaces those that
/// matter.
impl<'a> nom::error::ParseError<&'a [u8]> for Failure<'a> {
    fn from_error_kind(rest: &'a [u8], _: nom::error::ErrorKind) -> Self {
        Self { rest, cause: Cause::Expected(Expected::Start) }
    }

    fn append(_: &'a [u8], _: nom::error::ErrorKind, other: Self) -> Self {
        other
    }
}
