//! What each token looks like. Every scanner takes the rest of a query that starts with its token, and
//! returns how many bytes the token has.

use crate::LexProblem;

/// Returns the length of a comment: up to the end of its line.
pub(crate) fn comment(text: &[u8]) -> usize {
    length_while(text, |byte| byte != b'\n' && byte != b'\r')
}

/// Returns the length of letters, digits and underscores.
pub(crate) fn label(text: &[u8]) -> usize {
    length_while(text, is_alphanumeric)
}

/// Returns the length of letters, digits, underscores and colons.
pub(crate) fn word(text: &[u8]) -> usize {
    length_while(text, |byte| is_alphanumeric(byte) || byte == b':')
}

/// Returns the length of letters and underscores.
pub(crate) fn letters(text: &[u8]) -> usize {
    length_while(text, is_alpha)
}

fn length_while(text: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    text.iter().position(|&byte| !belongs(byte)).unwrap_or(text.len())
}

/// Returns whether a word is a number.
pub(crate) fn is_number_word(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"nan")
}

/// Returns the length of the units of a duration whose first number was taken, `h30m` of `1h30m`,
/// and whether it is one. What is none is as long as it was read.
///
/// Bad units such as `hs` are left to the parser of durations.
pub(crate) fn duration_rest(text: &[u8]) -> (usize, bool) {
    let mut length = 0;
    let mut units: &[u8] = b"smhdwy";
    loop {
        if !text.get(length).is_some_and(|byte| units.contains(byte)) {
            return (length, false);
        }
        length += 1;
        length += usize::from(text.get(length) == Some(&b's'));
        match text.get(length) {
            Some(b'0'..=b'9') => length += length_while(&text[length..], is_digit),
            // The character that spoils the duration counts as read.
            Some(&byte) if is_alphanumeric(byte) => return (length + 1, false),
            _ => return (length, true),
        }
        units = b"smhdw";
    }
}

/// Takes a number and returns its length, and whether it is one: what is none may still become a
/// duration.
///
/// The number may be malformed in ways that only its parser sees, such as `1e`.
pub(crate) fn number(text: &[u8]) -> (usize, bool) {
    // PERF: nearly all numbers are plain digits, or digits and a unit.
    let length = length_while(text, is_digit);
    if length > 0 && !matches!(text.get(length), Some(b'.' | b'_' | b'e' | b'E' | b'x' | b'X')) {
        return (length, !text.get(length).is_some_and(|&byte| is_alphanumeric(byte)));
    }
    let mut digits = Digits { bytes: text, position: 0, radix: 10 };
    let is_number = digits.scan() && !digits.peek().is_some_and(is_alphanumeric);
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
    let bytes = text.as_bytes();
    let quote = bytes[0];
    let mut position = 1;
    loop {
        match bytes.get(position) {
            None | Some(b'\n') => return Err(LexProblem::UnterminatedString),
            Some(&byte) if byte == quote => return Ok(position + 1),
            Some(b'\\') => {
                let mut rest = text[position + 1..].chars();
                escape(&mut rest, quote.into())?;
                position = text.len() - rest.as_str().len();
            }
            Some(&REPLACEMENT_START) if at_replacement(bytes, position) => {
                return Err(LexProblem::InvalidUtf8);
            }
            Some(_) => position += 1,
        }
    }
}

/// Returns the length of a string in backticks.
///
/// # Errors
///
/// Where it is not closed.
pub(crate) fn raw_string(text: &str) -> Result<usize, LexProblem> {
    let bytes = text.as_bytes();
    for position in 1..bytes.len() {
        match bytes[position] {
            b'`' => return Ok(position + 1),
            REPLACEMENT_START if at_replacement(bytes, position) => {
                return Err(LexProblem::InvalidUtf8);
            }
            _ => {}
        }
    }
    Err(LexProblem::UnterminatedRawString)
}

/// Returns whether U+FFFD stands at the position.
fn at_replacement(bytes: &[u8], position: usize) -> bool {
    bytes[position..].starts_with("\u{fffd}".as_bytes())
}

/// Takes what follows a backslash.
fn escape(chars: &mut std::str::Chars<'_>, quote: char) -> Result<(), LexProblem> {
    let found = chars.next().ok_or(LexProblem::UnterminatedEscape)?;
    match found {
        'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' => Ok(()),
        _ if found == quote => Ok(()),
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

pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn is_alpha(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphabetic()
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

fn is_alphanumeric(byte: u8) -> bool {
    // PERF: a table has one load where ranges have a jump each.
    ALPHANUMERIC[usize::from(byte)]
}

/// Whether a byte is a letter, a digit or an underscore.
const ALPHANUMERIC: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte as usize] = byte == b'_' || byte.is_ascii_alphanumeric();
        byte += 1;
    }
    table
};

/// The first byte of U+FFFD in UTF-8.
const REPLACEMENT_START: u8 = 0xEF;

const CODE_POINT_MAX: u32 = 0x10_FFFF;
