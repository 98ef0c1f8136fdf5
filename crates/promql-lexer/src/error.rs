use std::fmt;

use crate::Span;

/// Why a query cannot be cut into tokens. The messages are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct LexError {
    /// From where reading failed to the end of the query.
    pub span: Span,
    /// What is wrong there.
    pub problem: LexProblem,
}

/// What is wrong with a query. A missing character stands for the end of the query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LexProblem {
    /// The query ends within `(`.
    #[error("unclosed left parenthesis")]
    UnclosedParen,
    /// The query ends within `[`.
    #[error("unclosed left bracket")]
    UnclosedBracket,
    /// The query ends within `{`.
    #[error("unexpected end of input inside braces")]
    UnclosedBrace,
    /// The query ends behind `[`.
    #[error("unexpected end of input in duration expression")]
    UnclosedDuration,
    /// A bracket that nothing allows here.
    #[error("unexpected {name} '{bracket}'")]
    UnexpectedBracket {
        /// The bracket in words.
        name: &'static str,
        /// The bracket.
        bracket: char,
    },
    /// A character that starts no token.
    #[error("unexpected character{place}: {}", Rune(Some(*found)))]
    UnexpectedCharacter {
        /// The character.
        found: char,
        /// Where: empty, ` inside braces` or ` in duration expression`.
        place: &'static str,
    },
    /// A word that is no part of a duration.
    #[error("unexpected character: {}, expected ':'", Rune(Some(*found)))]
    ExpectedColon {
        /// Its first character.
        found: char,
    },
    /// A character that cannot continue an operator.
    #[error("unexpected character after {operator}: {}", Rune(*found))]
    UnexpectedAfter {
        /// What stands before it.
        operator: &'static str,
        /// The character.
        found: Option<char>,
    },
    /// A second `:` within brackets.
    #[error("unexpected colon ':'")]
    RepeatedColon,
    /// A second `:` within brackets, before any number of theirs.
    #[error("unexpected repeated colon in duration expression")]
    RepeatedColonInDuration,
    /// A `:` without a range before it.
    #[error("unexpected colon before duration in duration expression")]
    ColonBeforeDuration,
    /// A number or duration that breaks off.
    #[error("bad number or duration syntax: {text:?}")]
    BadNumber {
        /// As far as it was read.
        text: Box<str>,
    },
    /// Text without its closing quote.
    #[error("unterminated quoted string")]
    UnterminatedString,
    /// Text without its closing backtick.
    #[error("unterminated raw string")]
    UnterminatedRawString,
    /// The query ends within an escape.
    #[error("escape sequence not terminated")]
    UnterminatedEscape,
    /// A backslash before a character that needs none.
    #[error("unknown escape sequence {}", CodePoint(*found))]
    UnknownEscape {
        /// The character.
        found: char,
    },
    /// A character that is no digit of an escape.
    #[error("illegal character {} in escape sequence", CodePoint(*found))]
    IllegalEscape {
        /// The character.
        found: char,
    },
    /// An escape that names no character.
    #[error("escape sequence is an invalid Unicode code point")]
    InvalidCodePoint,
    /// A replacement character, which the reference takes for bytes that are not UTF-8.
    #[error("invalid UTF-8 rune")]
    InvalidUtf8,
}

/// A character in quotes as Go prints it; the end of the query prints as U+FFFD.
struct Rune(Option<char>);

impl fmt::Display for Rune {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rune = self.0.unwrap_or(char::REPLACEMENT_CHARACTER);
        match rune {
            '\u{7}' => f.write_str(r"'\a'"),
            '\u{8}' => f.write_str(r"'\b'"),
            '\u{c}' => f.write_str(r"'\f'"),
            '\u{b}' => f.write_str(r"'\v'"),
            '\n' | '\r' | '\t' | '\'' | '\\' => write!(f, "'{}'", rune.escape_default()),
            _ if is_printable(rune) => write!(f, "'{rune}'"),
            '\0'..='\u{7f}' => write!(f, "'\\x{:02x}'", u32::from(rune)),
            '\u{80}'..='\u{ffff}' => write!(f, "'\\u{:04x}'", u32::from(rune)),
            _ => write!(f, "'\\U{:08x}'", u32::from(rune)),
        }
    }
}

/// A character as Go's `%#U` prints it: `U+0071 'q'`.
struct CodePoint(char);

impl fmt::Display for CodePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U+{:04X}", u32::from(self.0))?;
        if is_printable(self.0) { write!(f, " '{}'", self.0) } else { Ok(()) }
    }
}

/// Returns whether a character is shown as it is.
fn is_printable(rune: char) -> bool {
    // Behind another character, the standard library escapes only what is not printable, and
    // quotes, which are.
    let mut escaped = ['a', rune].iter().collect::<String>();
    escaped = escaped.escape_debug().collect();
    !escaped.starts_with("a\\") || matches!(rune, '"' | '\'' | '\\')
}
