//! What each token looks like. Every scanner takes the rest of a query that starts with its token.

use nom::bytes::complete::{take_till, take_while, take_while_m_n};
use nom::character::complete::{char, digit1, one_of};
use nom::combinator::{opt, recognize};
use nom::{IResult, Parser};

use crate::LexProblem;

/// Takes a comment up to the end of its line.
pub(crate) fn comment(text: &str) -> IResult<&str, &str> {
    recognize((char('#'), take_till(|c| c == '\n' || c == '\r'))).parse(text)
}

/// Takes letters, digits and underscores.
pub(crate) fn label(text: &str) -> IResult<&str, &str> {
    take_while(is_alphanumeric).parse(text)
}

/// Takes letters, digits, underscores and colons.
pub(crate) fn word(text: &str) -> IResult<&str, &str> {
    take_while(|c| is_alphanumeric(c) || c == ':').parse(text)
}

/// Takes letters and underscores.
pub(crate) fn letters(text: &str) -> IResult<&str, &str> {
    take_while(is_alpha).parse(text)
}

/// Takes the units of a duration whose first number was taken: `h30m` of `1h30m`.
///
/// Bad units such as `hs` are left to the parser of durations. An error holds the rest of the text
/// from where reading stopped.
pub(crate) fn duration_rest(text: &str) -> IResult<&str, ()> {
    let (mut text, _) = (one_of("smhdwy"), opt(char('s'))).parse(text)?;
    while text.starts_with(is_digit) {
        (text, _) = (digit1, one_of("smhdw"), opt(char('s'))).parse(text)?;
    }
    // The character that spoils the duration counts as read.
    let (after, spoilt) = take_while_m_n(0, 1, is_alphanumeric).parse(text)?;
    if spoilt.is_empty() {
        Ok((text, ()))
    } else {
        Err(nom::Err::Error(nom::error::make_error(after, nom::error::ErrorKind::Eof)))
    }
}

/// Takes a number and returns its length, and whether it is one: what is none may still become a
/// duration.
///
/// The number may be malformed in ways that only its parser sees, such as `1e`.
pub(crate) fn number(text: &str) -> (usize, bool) {
    let mut digits = Digits { bytes: text.as_bytes(), position: 0, radix: 10 };
    let is_number =
        digits.scan() && !digits.peek().is_some_and(|byte| is_alphanumeric(byte.into()));
    (digits.position, is_number)
}

/// The bytes of a number.
struct Digits<'a> {
    bytes: &'a [u8],
    position: usize,
    radix: u32,
}

impl Digits<'_> {
    /// # Source
    ///
    /// `scanNumber` in `promql/parser/lex.go`, with its quirks: a hexadecimal number knows
    /// exponents too.
    fn scan(&mut self) -> bool {
        if self.accept(b"0") && self.accept(b"xX") {
            self.accept(b"_");
            self.radix = 16;
        }
        self.accept(b".");
        self.accept_digit();
        let (mut had_dot, mut had_exponent) = (false, false);
        loop {
            let ok = match self.peek() {
                Some(b'.') => self.dot(&mut had_dot),
                Some(b'e' | b'E') => self.exponent(&mut had_exponent),
                Some(b'_') => {
                    self.position += 1;
                    !self.accept(b"._eE") && self.peek().is_some()
                }
                Some(byte) if char::from(byte).is_digit(self.radix) => {
                    while self.accept_digit() {}
                    true
                }
                _ => return self.position > 0,
            };
            if !ok {
                return false;
            }
        }
    }

    fn dot(&mut self, had_dot: &mut bool) -> bool {
        self.position += 1;
        !std::mem::replace(had_dot, true) && !self.accept(b"_.") && self.radix == 10
    }

    fn exponent(&mut self, had_exponent: &mut bool) -> bool {
        self.position += 1;
        if std::mem::replace(had_exponent, true) {
            return false;
        }
        self.accept(b"+-");
        !self.accept(b"._eE") && self.peek().is_some()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    fn accept(&mut self, set: &[u8]) -> bool {
        let accepted = self.peek().is_some_and(|byte| set.contains(&byte));
        self.position += usize::from(accepted);
        accepted
    }

    fn accept_digit(&mut self) -> bool {
        let accepted = self.peek().is_some_and(|byte| char::from(byte).is_digit(self.radix));
        self.position += usize::from(accepted);
        accepted
    }
}

/// Returns the length of a string in quotes.
///
/// # Errors
///
/// Where it is not closed on its line, or an escape is malformed.
pub(crate) fn quoted(text: &str) -> Result<usize, LexProblem> {
    let mut chars = text.chars();
    let quote = chars.next();
    loop {
        match chars.next() {
            None | Some('\n') => return Err(LexProblem::UnterminatedString),
            Some(char::REPLACEMENT_CHARACTER) => return Err(LexProblem::InvalidUtf8),
            Some('\\') => escape(&mut chars, quote)?,
            end if end == quote => return Ok(text.len() - chars.as_str().len()),
            Some(_) => {}
        }
    }
}

/// Returns the length of a string in backticks.
///
/// # Errors
///
/// Where it is not closed.
pub(crate) fn raw_string(text: &str) -> Result<usize, LexProblem> {
    for (position, c) in text.char_indices().skip(1) {
        match c {
            char::REPLACEMENT_CHARACTER => return Err(LexProblem::InvalidUtf8),
            '`' => return Ok(position + 1),
            _ => {}
        }
    }
    Err(LexProblem::UnterminatedRawString)
}

/// Takes what follows a backslash.
fn escape(chars: &mut std::str::Chars<'_>, quote: Option<char>) -> Result<(), LexProblem> {
    let found = chars.next().ok_or(LexProblem::UnterminatedEscape)?;
    match found {
        'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' => Ok(()),
        _ if Some(found) == quote => Ok(()),
        '0'..='7' => code_point(chars, found.to_digit(8), 2, 8, 255),
        'x' => code_point(chars, None, 2, 16, 255),
        'u' => code_point(chars, None, 4, 16, CODE_POINT_MAX),
        'U' => code_point(chars, None, 8, 16, CODE_POINT_MAX),
        _ => Err(LexProblem::UnknownEscape { found }),
    }
}

fn code_point(
    chars: &mut std::str::Chars<'_>,
    first: Option<u32>,
    digits: u32,
    radix: u32,
    max: u32,
) -> Result<(), LexProblem> {
    let mut value = first.unwrap_or_default();
    for _ in 0..digits {
        let found = chars.next().ok_or(LexProblem::UnterminatedEscape)?;
        let digit = found.to_digit(radix).ok_or(LexProblem::IllegalEscape { found })?;
        // Eight hexadecimal digits fill the 32 bits.
        value = value << radix.ilog2() | digit;
    }
    let is_surrogate = (0xD800..0xE000).contains(&value);
    if value > max || is_surrogate { Err(LexProblem::InvalidCodePoint) } else { Ok(()) }
}

pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

pub(crate) fn is_alpha(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

pub(crate) fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

fn is_alphanumeric(c: char) -> bool {
    is_alpha(c) || is_digit(c)
}

const CODE_POINT_MAX: u32 = 0x10_FFFF;
