//! Numbers, durations and strings.

use std::borrow::Cow;

use narthex_model::duration;
use narthex_promql_lexer::{Span, Token, TokenKind};

use super::{Parsed, Parser};
use crate::ast::{Kind, NumberLiteral};
use crate::error::ParseProblem;

impl Parser<'_> {
    /// Reads a number or a duration, which the caller has seen to be next.
    pub(super) fn number_or_duration(&mut self) -> Parsed<NumberLiteral> {
        let token = self.take();
        let text = token.span.text(self.query);
        if token.kind == TokenKind::Duration {
            return match duration::parse(text) {
                Ok(value) => Ok(NumberLiteral { value: value.as_secs_f64(), is_duration: true }),
                Err(error) => self.fail(token.span, error),
            };
        }
        match number(text) {
            Ok(value) => Ok(NumberLiteral { value, is_duration: false }),
            Err(reason) => {
                self.fail(token.span, ParseProblem::Number { text: text.into(), reason })
            }
        }
    }

    /// Returns the node of a string token.
    pub(super) fn string(&mut self, token: Token) -> Kind {
        match self.without_escapes(token) {
            Some(text) => Kind::String { text, bytes: None },
            None => self.tree.push_bytes(&unescape(inner_text(self.text(token)))),
        }
    }

    /// Returns the part of the text that holds the name or label value which a string token stands
    /// for.
    ///
    /// Those are UTF-8 here, unlike in the reference: U+FFFD stands for other bytes.
    pub(super) fn name_part(&mut self, token: Token) -> Span {
        match self.without_escapes(token) {
            Some(text) => text,
            None => {
                let name = self.unquote_name(token);
                self.tree.push_text(&name)
            }
        }
    }

    /// Returns the name or label value that a string token stands for, as [`Self::name_part`] does.
    pub(crate) fn unquote_name(&self, token: Token) -> Box<str> {
        match self.without_escapes(token) {
            Some(text) => text.text(self.query).into(),
            None => String::from_utf8_lossy(&unescape(inner_text(self.text(token)))).into(),
        }
    }

    /// Returns what is between the quotes, where it is the text itself.
    fn without_escapes(&self, token: Token) -> Option<Span> {
        let text = self.text(token);
        let is_plain = text.starts_with('`') || !text.as_bytes().contains(&b'\\');
        is_plain.then(|| Span::new(token.span.start + 1, token.span.end - 1))
    }
}

/// Returns what is between the quotes of a string token.
fn inner_text(text: &str) -> &str {
    text.get(1..text.len() - 1).unwrap_or_default()
}

/// Returns the number that the text of a token writes.
///
/// # Source
///
/// `strconv.ParseInt` with base 0, or else `strconv.ParseFloat`: `010` is eight, `08` is eight too.
pub(crate) fn number(text: &str) -> Result<f64, &'static str> {
    const SYNTAX: &str = "invalid syntax";
    if let Some(integer) = short_integer(text.as_bytes()) {
        return Ok(integer);
    }
    let text = without_underscores(text).ok_or(SYNTAX)?;
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (&*text, 10),
    };
    match i64::from_str_radix(digits, radix) {
        Ok(integer) => return Ok(integer as f64),
        // Go reads hexadecimal numbers beyond 64 bits only with a binary exponent.
        Err(_) if radix == 16 => return Err(SYNTAX),
        Err(_) => {}
    }
    let value: f64 = text.parse().map_err(|_| SYNTAX)?;
    let is_word = text.starts_with(['i', 'I']);
    if value.is_infinite() && !is_word { Err("value out of range") } else { Ok(value) }
}

/// Returns the number that a few decimal digits write, without a zero before them.
fn short_integer(digits: &[u8]) -> Option<f64> {
    // PERF: most numbers are like this. So many digits fit 32 bits.
    if !matches!(digits, [_] | [b'1'..=b'9', ..]) || digits.len() > 9 {
        return None;
    }
    let value = digits.iter().try_fold(0, |value: u32, digit| {
        digit.is_ascii_digit().then(|| value * 10 + u32::from(digit - b'0'))
    });
    value.map(f64::from)
}

/// Returns the text without the underscores between its digits, or `None` where one is elsewhere.
fn without_underscores(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('_') {
        return Some(text.into());
    }
    let is_hex = text.get(..2).is_some_and(|prefix| prefix.eq_ignore_ascii_case("0x"));
    let is_digit = |c: char| c.is_ascii_digit() || is_hex && c.is_ascii_hexdigit();
    let mut cleaned = String::with_capacity(text.len());
    // One may follow the prefix, as if that were a digit.
    let mut after_digit = false;
    let mut after_underscore = false;
    for (position, c) in text.char_indices() {
        if c == '_' {
            if !after_digit || after_underscore {
                return None;
            }
            after_underscore = true;
            continue;
        }
        let counts_as_digit = is_digit(c) || is_hex && position == 1;
        if after_underscore && !counts_as_digit {
            return None;
        }
        (after_digit, after_underscore) = (counts_as_digit, false);
        cleaned.push(c);
    }
    (!after_underscore).then(|| cleaned.into())
}

/// Returns the bytes that text with well-formed escapes stands for.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let mut chars = escape.chars();
        let kind = chars.next().unwrap_or('\\');
        rest = chars.as_str();
        let simple = match kind {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' => {
                bytes.push(code(&mut rest, 2, 16).to_le_bytes()[0]);
                continue;
            }
            '0'..='7' => {
                rest = escape;
                bytes.push(code(&mut rest, 3, 8).to_le_bytes()[0]);
                continue;
            }
            'u' => char::from_u32(code(&mut rest, 4, 16)).unwrap_or_default(),
            'U' => char::from_u32(code(&mut rest, 8, 16)).unwrap_or_default(),
            itself => itself,
        };
        bytes.extend_from_slice(simple.encode_utf8(&mut [0; 4]).as_bytes());
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// Takes digits, which the lexer has checked, and returns their value.
fn code(rest: &mut &str, digits: usize, radix: u32) -> u32 {
    let Some((taken, after)) = rest.split_at_checked(digits) else { return 0 };
    *rest = after;
    u32::from_str_radix(taken, radix).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{number, unescape};

    #[test]
    fn numbers_as_go_reads_them() {
        let cases = [
            ("0", Ok(0.0)),
            ("08", Ok(8.0)),
            ("010", Ok(8.0)),
            ("0_10", Ok(8.0)),
            ("1_000.5", Ok(1000.5)),
            ("0x_1F", Ok(31.0)),
            ("0xe", Ok(14.0)),
            ("2.", Ok(2.0)),
            (".5e-1", Ok(0.05)),
            ("99999999999999999999", Ok(1e20)),
            ("iNf", Ok(f64::INFINITY)),
            ("1e", Err("invalid syntax")),
            ("1_", Err("invalid syntax")),
            ("0x", Err("invalid syntax")),
            ("0xffffffffffffffffff", Err("invalid syntax")),
            ("1e999", Err("value out of range")),
        ];
        for (text, value) in cases {
            assert_eq!(number(text), value, "{text}");
        }
        assert!(number("NaN").unwrap().is_nan());
    }

    #[test]
    fn escapes_stand_for_bytes() {
        let text = r#"a\n\t\\\"\x41\101\u00e9\U0001F600\xff"#;
        assert_eq!(unescape(text), b"a\n\t\\\"AA\xc3\xa9\xf0\x9f\x98\x80\xff");
    }
}
