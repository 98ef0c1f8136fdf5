//! Words of a page. Which ones may stand at a place depends on the words before it.

use memchr::memchr;

use crate::text::{LABEL, LABEL_START, NAME, NAME_START, is_class, skip_class};

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// No word of those that may stand here.
    Invalid,
    /// The page ends.
    End,
    LineFeed,
    Help,
    Type,
    Unit,
    /// `# EOF`.
    EndWord,
    /// The rest of a line of metadata, from its space to its line feed.
    Text,
    /// ` # {`, before an exemplar.
    Exemplar,
    MetricName,
    /// A name in quotes.
    QuotedName,
    BraceOpen,
    BraceClose,
    LabelName,
    LabelValue,
    Equal,
    Comma,
    /// A space and a timestamp.
    Timestamp,
    /// A space and a value.
    Value,
}

impl Token {
    /// Returns what the reference's errors call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Invalid => "INVALID",
            Self::End => "EOF",
            Self::LineFeed => "LINEBREAK",
            Self::Help => "HELP",
            Self::Type => "TYPE",
            Self::Unit => "UNIT",
            Self::EndWord => "EOFWORD",
            Self::Text => "TEXT",
            Self::Exemplar => "COMMENT",
            Self::MetricName => "MNAME",
            Self::QuotedName => "QSTRING",
            Self::BraceOpen => "BOPEN",
            Self::BraceClose => "BCLOSE",
            Self::LabelName => "LNAME",
            Self::LabelValue => "LVALUE",
            Self::Equal => "EQUAL",
            Self::Comma => "COMMA",
            Self::Timestamp => "TIMESTAMP",
            Self::Value => "VALUE",
        }
    }
}

/// What the words so far let follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    LineStart,
    MetadataName,
    MetadataText,
    Labels,
    LabelValue,
    Value,
    Timestamp,
    Exemplar,
    ExemplarValue,
    ExemplarTimestamp,
}

/// Takes one word after the other off a page. Of NUL bytes, those in label values and texts of metadata are
/// kept, those right behind them and behind the end are passed over, and others are part of no word.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    page: &'a [u8],
    /// Where the last word begins, and where it ends or nothing more could be made of it.
    start: usize,
    end: usize,
    state: State,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(page: &'a [u8]) -> Self {
        Self { page, start: 0, end: 0, state: State::LineStart }
    }

    pub(super) fn start(&self) -> usize {
        self.start
    }

    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// Returns the last word.
    pub(super) fn word(&self) -> &'a [u8] {
        &self.page[self.start..self.end]
    }

    /// Returns the rest of the page, where a line begins next.
    pub(super) fn line(&self) -> Option<&'a [u8]> {
        (self.state == State::LineStart).then(|| self.rest())
    }

    /// Passes over a line of `size` bytes, its line feed among them, where one begins.
    pub(super) fn pass_line(&mut self, size: usize) {
        self.end += size;
        self.start = self.end;
    }

    pub(super) fn next(&mut self) -> Token {
        // Where there is none, the last word stays the last.
        let Some(&first) = self.page.get(self.end) else { return Token::End };
        self.start = self.end;
        match self.state {
            State::LineStart => self.line_start(first),
            State::MetadataName if first == b'"' => {
                self.quoted(Token::QuotedName, State::MetadataText)
            }
            State::MetadataName => self.name(Token::MetricName, State::MetadataText),
            State::MetadataText => self.metadata_text(),
            State::Labels => match first {
                b'"' => self.quoted(Token::QuotedName, State::Labels),
                b'}' => self.take(1, Token::BraceClose, State::Value),
                b'=' => self.take(1, Token::Equal, State::LabelValue),
                b',' => self.take(1, Token::Comma, State::Labels),
                _ => self.name(Token::LabelName, State::Labels),
            },
            State::LabelValue => self.quoted(Token::LabelValue, State::Labels),
            State::Value if first == b'{' => self.take(1, Token::BraceOpen, State::Labels),
            State::Value => self.spaced(Token::Value, State::Timestamp),
            State::Timestamp if self.rest().starts_with(b" # ") => {
                self.fixed(b" # {", Token::Exemplar, State::Exemplar)
            }
            State::Timestamp => match first {
                b'\n' => self.take(1, Token::LineFeed, State::LineStart),
                _ => self.spaced(Token::Timestamp, State::Timestamp),
            },
            State::Exemplar => match first {
                b'"' => self.quoted(Token::QuotedName, State::Exemplar),
                b'}' => self.take(1, Token::BraceClose, State::ExemplarValue),
                b'=' => self.take(1, Token::Equal, State::ExemplarValue),
                b',' => self.take(1, Token::Comma, State::Exemplar),
                _ => self.name(Token::LabelName, State::Exemplar),
            },
            State::ExemplarValue if first == b'"' => {
                self.quoted(Token::LabelValue, State::Exemplar)
            }
            State::ExemplarValue => self.spaced(Token::Value, State::ExemplarTimestamp),
            State::ExemplarTimestamp => match first {
                b'\n' => self.take(1, Token::LineFeed, State::LineStart),
                _ => self.spaced(Token::Timestamp, State::ExemplarTimestamp),
            },
        }
    }

    fn line_start(&mut self, first: u8) -> Token {
        match first {
            b'{' => self.take(1, Token::BraceOpen, State::Labels),
            b'#' => {
                let word = self.rest().get(2).copied();
                match word {
                    Some(b'H') => self.fixed(b"# HELP ", Token::Help, State::MetadataName),
                    Some(b'T') => self.fixed(b"# TYPE ", Token::Type, State::MetadataName),
                    Some(b'U') => self.fixed(b"# UNIT ", Token::Unit, State::MetadataName),
                    _ => {
                        let token = self.fixed(b"# EOF", Token::EndWord, State::LineStart);
                        if token == Token::EndWord {
                            self.end += usize::from(self.rest().starts_with(b"\n"));
                            self.skip_nuls();
                        }
                        token
                    }
                }
            }
            _ => self.name(Token::MetricName, State::Value),
        }
    }

    fn rest(&self) -> &'a [u8] {
        &self.page[self.end..]
    }

    fn skip_nuls(&mut self) {
        self.end += self.rest().iter().take_while(|byte| **byte == 0).count();
    }

    fn take(&mut self, size: usize, token: Token, state: State) -> Token {
        self.end += size;
        self.state = state;
        token
    }

    /// Takes a word that is the same wherever it stands.
    fn fixed(&mut self, word: &[u8], token: Token, state: State) -> Token {
        let rest = self.rest().iter();
        let size = rest.zip(word).take_while(|(found, expected)| found == expected).count();
        match size == word.len() {
            true => self.take(size, token, state),
            false => self.take(size, Token::Invalid, self.state),
        }
    }

    /// Takes the name of a metric or a label.
    fn name(&mut self, token: Token, state: State) -> Token {
        let (first, others) = match token {
            Token::MetricName => (NAME_START, NAME),
            _ => (LABEL_START, LABEL),
        };
        if !self.rest().first().is_some_and(|byte| is_class(*byte, first)) {
            return Token::Invalid;
        }
        let size = skip_class(self.rest(), 0, others);
        self.take(size, token, state)
    }

    /// Takes a text in quotes. Names outside exemplars may hold line feeds, label values outside them
    /// NUL bytes.
    fn quoted(&mut self, token: Token, state: State) -> Token {
        let takes_lines = token == Token::QuotedName && self.state != State::Exemplar;
        let takes_nuls = self.state == State::LabelValue;
        let rest = self.rest();
        if rest.first() != Some(&b'"') {
            return Token::Invalid;
        }
        let mut size = 1;
        while let Some(byte) = rest.get(size) {
            match byte {
                b'"' => {
                    let token = self.take(size + 1, token, state);
                    if takes_nuls {
                        self.skip_nuls();
                    }
                    return token;
                }
                b'\\' if matches!(rest.get(size + 1), None | Some(b'\n' | b'\0')) => {
                    size += 1;
                    break;
                }
                b'\\' => size += 2,
                b'\n' if !takes_lines => break,
                b'\0' if !takes_nuls => break,
                _ => size += 1,
            }
        }
        self.take(size, Token::Invalid, self.state)
    }

    /// Takes a space and what follows it up to the next space or line feed.
    fn spaced(&mut self, token: Token, state: State) -> Token {
        let rest = self.rest();
        if rest.first() != Some(&b' ') {
            return Token::Invalid;
        }
        let size = rest[1..].iter().position(|byte| matches!(byte, b' ' | b'\n' | b'\0'));
        match size.unwrap_or(rest.len() - 1) {
            0 => self.take(1, Token::Invalid, self.state),
            size => self.take(1 + size, token, state),
        }
    }

    fn metadata_text(&mut self) -> Token {
        let rest = self.rest();
        match memchr(b'\n', rest) {
            Some(size) if rest[0] == b' ' => self.take(size + 1, Token::Text, State::LineStart),
            _ => Token::Invalid,
        }
    }
}
