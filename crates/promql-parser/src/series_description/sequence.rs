//! The values of a series. Spaces mean something here and `x` is an operator, so that the tokens of
//! queries do not fit.

use std::iter;

use narthex_model::quote::Quoted;
use narthex_model::{NORMAL_NAN, STALE_NAN};
use narthex_promql_lexer::{LexProblem, Span};

use super::{SequenceValue, SeriesDescription};
use crate::error::{Expected, ParseError, ParseProblem, SeriesProblem, Short};
use crate::parse::{Parsed, number};

/// Reads values from left to right.
pub(super) struct Sequence<'a> {
    text: &'a str,
    position: usize,
    values: Vec<SequenceValue>,
}

impl<'a> Sequence<'a> {
    /// Returns a reader of the values that start at `position` with the spaces before them.
    pub(super) fn new(text: &'a str, position: usize) -> Self {
        Self { text, position, values: Vec::new() }
    }

    pub(super) fn read(mut self) -> Parsed<Vec<SequenceValue>> {
        while self.peek().is_some() {
            if self.take_while(is_space).is_empty() {
                return self.unexpected("");
            }
            if let Some(first) = self.peek() {
                self.item(first)?;
            }
        }
        Ok(self.values)
    }

    /// Reads a value and how it goes on.
    fn item(&mut self, first: char) -> Parsed<()> {
        if first == '_' {
            self.position += 1;
            let count = if self.take('x') { self.repetitions()? } else { 1 };
            return self.repeat(SequenceValue::Omitted, count);
        }
        if self.rest().starts_with("{{") {
            return self.histograms();
        }
        let mut value = self.float(first)?;
        let (step, repetitions) = match self.peek() {
            Some('x') => (None, self.times()?),
            Some(sign @ ('+' | '-')) => (Some(self.signed(sign)?), self.times()?),
            _ => (None, 0),
        };
        let Some(step) = step else {
            return self.repeat(SequenceValue::Float(value), repetitions.saturating_add(1));
        };
        self.allow(repetitions.saturating_add(1))?;
        for _ in 0..=repetitions {
            self.push(SequenceValue::Float(value));
            value += step;
        }
        Ok(())
    }

    /// Adds a value that was allowed.
    pub(super) fn push(&mut self, value: SequenceValue) {
        self.values.push(value);
    }

    fn float(&mut self, first: char) -> Parsed<f64> {
        match first {
            '+' | '-' => self.signed(first),
            'a'..='z' | 'A'..='Z' if !self.at_number_word() => {
                let start = self.position;
                if self.take_while(is_word) == "stale" {
                    return Ok(STALE_NAN);
                }
                self.position = start;
                self.unexpected("number or \"stale\"")
            }
            _ => self.unsigned(),
        }
    }

    fn signed(&mut self, sign: char) -> Parsed<f64> {
        self.position += 1;
        let value = self.unsigned()?;
        Ok(if sign == '-' { -value } else { value })
    }

    pub(super) fn unsigned(&mut self) -> Parsed<f64> {
        if !self.at_number() {
            return self.unexpected("");
        }
        let start = self.position;
        let text = self.take_number()?;
        match number(text) {
            Ok(value) if value.is_nan() => Ok(NORMAL_NAN),
            Ok(value) => Ok(value),
            Err(reason) => self.fail(start, ParseProblem::Number { text: text.into(), reason }),
        }
    }

    /// Reads `x` and the number behind it.
    pub(super) fn times(&mut self) -> Parsed<usize> {
        if self.take('x') { self.repetitions() } else { self.unexpected("") }
    }

    pub(super) fn repetitions(&mut self) -> Parsed<usize> {
        if !self.at_number() {
            return self.unexpected("");
        }
        let start = self.position;
        let text = self.take_number()?;
        let reason = match text.parse::<u64>() {
            Ok(count) => return Ok(usize::try_from(count).unwrap_or(usize::MAX)),
            Err(_) if text.bytes().all(|byte| byte.is_ascii_digit()) => "value out of range",
            Err(_) => "invalid syntax",
        };
        self.fail(start, SeriesProblem::Repetition { text: text.into(), reason })
    }

    pub(super) fn repeat(&mut self, value: SequenceValue, count: usize) -> Parsed<()> {
        self.allow(count)?;
        self.values.extend(iter::repeat_n(value, count));
        Ok(())
    }

    /// Refuses more values than allowed.
    pub(super) fn allow(&mut self, count: usize) -> Parsed<()> {
        let values_max = SeriesDescription::VALUES_MAX;
        if self.values.len().saturating_add(count) > values_max {
            return self.fail(self.position, SeriesProblem::TooManyValues { values_max });
        }
        Ok(())
    }

    fn at_number(&self) -> bool {
        let mut chars = self.rest().chars();
        match chars.next() {
            Some('.') => chars.next().is_some_and(|next| next.is_ascii_digit()),
            Some(first) => first.is_ascii_digit() || self.at_number_word(),
            None => false,
        }
    }

    fn at_number_word(&self) -> bool {
        let word = word(self.rest());
        ["inf", "nan"].iter().any(|name| word.eq_ignore_ascii_case(name))
    }

    /// Takes a number, which `x` may follow: nothing hexadecimal is one here.
    fn take_number(&mut self) -> Parsed<&'a str> {
        if self.at_number_word() {
            return Ok(self.take_while(is_word));
        }
        let start = self.position;
        let mut after_exponent = false;
        let text = self.take_while(|c| {
            let belongs = matches!(c, '0'..='9' | '.' | '_' | 'e' | 'E')
                || after_exponent && matches!(c, '+' | '-');
            after_exponent = matches!(c, 'e' | 'E');
            belongs
        });
        match self.peek() {
            Some(next) if next != 'x' && is_word(next) => {
                let text = self.text[start..self.position + next.len_utf8()].into();
                self.fail(start, LexProblem::BadNumber { text })
            }
            _ => Ok(text),
        }
    }

    /// Complains about what stands here, in the words of the reference's tokens.
    pub(super) fn unexpected<T>(&self, what: &'static str) -> Parsed<T> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return self.found("end of input", what) };
        match first {
            '+' | '-' => self.found(&format!("<op:{first}>"), what),
            'x' | '_' | ' ' | '\t' => self.found(&Quoted(&rest[..1]).to_string(), what),
            '{' if rest.starts_with("{{") => self.found("\"{{\"", what),
            '0'..='9' => {
                let end =
                    rest.find(|c: char| c == 'x' || !is_word(c) && c != '.').unwrap_or(rest.len());
                self.found(&format!("number {}", Short(&rest[..end])), what)
            }
            _ if is_word(first) => self.found(&format!("identifier {}", Quoted(word(rest))), what),
            found => {
                let place = " in series sequence";
                self.fail(self.position, LexProblem::UnexpectedCharacter { found, place })
            }
        }
    }

    fn found<T>(&self, found: &str, what: &'static str) -> Parsed<T> {
        let expected = Expected { context: "series values", what };
        self.fail(self.position, ParseProblem::Unexpected { found: found.into(), expected })
    }

    pub(super) fn fail<T>(&self, start: usize, problem: impl Into<ParseProblem>) -> Parsed<T> {
        #[expect(clippy::cast_possible_truncation, reason = "the parser refused longer texts")]
        let span = Span::new(start as u32, self.position.max(start) as u32);
        Err(Box::new(ParseError::new(self.text, span, problem.into())))
    }

    /// Complains without a place, which prints as the first one.
    pub(super) fn fail_nowhere<T>(&self, problem: SeriesProblem) -> Parsed<T> {
        Err(Box::new(ParseError::new(self.text, Span::default(), problem.into())))
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Takes so many bytes, which the caller has seen.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.position += bytes;
    }

    pub(super) fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.position += if found { wanted.len_utf8() } else { 0 };
        found
    }

    pub(super) fn take_while(&mut self, mut belongs: impl FnMut(char) -> bool) -> &'a str {
        let rest = &self.text[self.position..];
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.position += end;
        &rest[..end]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }
}

/// Returns the word that `text` starts with, or nothing.
fn word(text: &str) -> &str {
    let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
    &text[..end]
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | ':')
}

pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}
