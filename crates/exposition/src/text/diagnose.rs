//! Failures of the grammar in the words of the reference.

use super::grammar::{self, Cause, Expected, Failure};
use crate::error::{Excerpt, ParseError, ParseErrorKind, Place};
use crate::number::FloatProblem;

/// Returns the error that `failure` means on the line of `page` that begins at `line_start`.
pub(super) fn diagnose(page: &[u8], line_start: usize, failure: Failure<'_>) -> ParseError {
    let at = page.len() - failure.rest.len();
    let kind = Box::new(kind(page, line_start, at, failure.cause));
    ParseError { place: Place::in_text(page, at), kind }
}

fn kind(page: &[u8], line_start: usize, at: usize, cause: Cause<'_>) -> ParseErrorKind {
    let up_to = |end| excerpt(page, line_start, end);
    match cause {
        Cause::Expected(expected) => {
            let (token, end) = token(page, at, expected);
            ParseErrorKind::Unexpected {
                expected: message(expected),
                // The reference quotes a byte more than the token.
                found: excerpt(page, at, end + 1),
                token,
                parsing: up_to(end + 1),
            }
        }
        Cause::MetricType(word) => ParseErrorKind::InvalidMetricType { word: Excerpt::new(word) },
        Cause::Help(text) => ParseErrorKind::InvalidHelp { text: Excerpt::new(text) },
        Cause::LabelValue(value) => {
            ParseErrorKind::InvalidLabelValue { value: Excerpt::new(value) }
        }
        Cause::Name(name) => ParseErrorKind::InvalidName { name: Excerpt::new(name) },
        Cause::Float(text, problem) => {
            let parsing = up_to(at + text.len());
            let text = Excerpt::new(text);
            match problem {
                FloatProblem::UnsupportedCharacter => {
                    ParseErrorKind::UnsupportedCharacter { parsing }
                }
                FloatProblem::Syntax => ParseErrorKind::InvalidFloat { text, parsing },
                FloatProblem::Range => ParseErrorKind::FloatOutOfRange { text, parsing },
            }
        }
        Cause::Timestamp(text) => ParseErrorKind::TimestampOutOfRange {
            text: Excerpt::new(text),
            parsing: up_to(at + text.len()),
        },
        Cause::NameAlreadySet => ParseErrorKind::MetricNameAlreadySet { parsing: up_to(at) },
        Cause::NameNotSet => ParseErrorKind::MetricNameNotSet { parsing: up_to(at) },
    }
}

fn message(expected: Expected) -> &'static str {
    match expected {
        Expected::Start => "expected a valid start token",
        Expected::NameAfterHelp => "expected metric name after HELP",
        Expected::NameAfterType => "expected metric name after TYPE",
        Expected::LineFeedAfterMetadata => "linebreak expected after metadata",
        Expected::LabelName => "expected label name",
        Expected::Equal => "expected equal",
        Expected::LabelValue => "expected label value",
        Expected::Value => "expected value after metric",
        Expected::TimestampOrEnd => "expected timestamp or new record",
        Expected::EndAfterTimestamp => "expected next entry after timestamp",
    }
}

/// Returns what the reference's lexer sees at `at` and where that ends; of what is no token, where
/// the lexer stops.
fn token(page: &[u8], at: usize, expected: Expected) -> (&'static str, usize) {
    let text = page.get(at..).unwrap_or_default();
    let invalid = ("INVALID", at);
    match (expected, text.first()) {
        (_, None) => invalid,
        (Expected::LineFeedAfterMetadata, _) => ("EOF", at + 1),
        (Expected::LabelName | Expected::Equal, Some(b'}')) => ("BCLOSE", at + 1),
        (Expected::LabelName | Expected::Equal, Some(b'=')) => ("EQUAL", at + 1),
        (Expected::LabelName | Expected::Equal, Some(b',')) => ("COMMA", at + 1),
        (Expected::LabelName | Expected::Equal, Some(b'"')) => match grammar::quoted_name(text) {
            Ok((_, quoted)) => ("QSTRING", at + quoted.len()),
            Err(_) => ("INVALID", at + stop_in_quotes(text, grammar::name_in_quotes(text))),
        },
        (Expected::LabelName | Expected::Equal, Some(_)) => match grammar::bare_label_name(text) {
            Ok((_, name)) => ("LNAME", at + name.len()),
            Err(_) => invalid,
        },
        (Expected::NameAfterHelp | Expected::NameAfterType, Some(b'"')) => {
            ("INVALID", at + stop_in_quotes(text, grammar::name_in_quotes(text)))
        }
        (Expected::LabelValue, Some(b'"')) => {
            ("INVALID", at + stop_in_quotes(text, grammar::value_in_quotes(text)))
        }
        (Expected::Value, Some(b'{')) => ("BOPEN", at + 1),
        (Expected::EndAfterTimestamp, Some(b'0'..=b'9')) => {
            let digit_count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
            ("TIMESTAMP", at + digit_count)
        }
        _ => invalid,
    }
}

/// Returns how far the lexer comes in a quoted text that does not end.
fn stop_in_quotes<'a>(
    text: &'a [u8],
    inside: nom::IResult<&'a [u8], &'a [u8], Failure<'a>>,
) -> usize {
    let size = inside.map_or(0, |(_, inside)| inside.len());
    size + usize::from(text.get(size) == Some(&b'\\'))
}

/// Returns the page from `start` to `end`, with the line feed that the reference puts at its end.
fn excerpt(page: &[u8], start: usize, end: usize) -> Excerpt {
    let text = &page[start.min(page.len())..end.min(page.len())];
    if end > page.len() { Excerpt::new(&[text, b"\n"].concat()) } else { Excerpt::new(text) }
}
