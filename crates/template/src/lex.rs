//! Splits a text into what stands outside of `{{` and `}}`, and the tokens inside.

use crate::unicode::is_name;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// The token's text says what is wrong.
    Error,
    End,
    Text,
    LeftDelimiter,
    RightDelimiter,
    Space,
    /// `=`
    Assign,
    /// `:=`
    Declare,
    Pipe,
    LeftParen,
    RightParen,
    /// Any other printable ASCII character.
    Char,
    CharConstant,
    Number,
    Complex,
    String,
    RawString,
    Bool,
    /// A dot and a name.
    Field,
    Identifier,
    /// A dollar sign, and perhaps a name.
    Variable,
    Keyword(Keyword),
}

/// A word that is no function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    Dot,
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Nil,
    Template,
    With,
}

impl Keyword {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "block" => Self::Block,
            "break" => Self::Break,
            "continue" => Self::Continue,
            "define" => Self::Define,
            "else" => Self::Else,
            "end" => Self::End,
            "if" => Self::If,
            "range" => Self::Range,
            "nil" => Self::Nil,
            "template" => Self::Template,
            "with" => Self::With,
            _ => return None,
        })
    }
}

/// A piece of the text.
#[derive(Clone, Debug)]
pub(crate) struct Token<'t> {
    pub(crate) kind: TokenKind,
    /// Where it starts, in bytes.
    pub(crate) at: usize,
    pub(crate) text: &'t str,
    /// The line at which it starts; the first is 1.
    pub(crate) line: usize,
    /// What is wrong, of an error.
    pub(crate) problem: Option<Box<str>>,
}

impl Token<'_> {
    pub(crate) fn is(&self, kind: TokenKind) -> bool {
        self.kind == kind
    }

    pub(crate) fn is_keyword(&self, keyword: Keyword) -> bool {
        self.kind == TokenKind::Keyword(keyword)
    }

    /// Returns the token as error messages show it.
    pub(crate) fn shown(&self) -> String {
        match self.kind {
            TokenKind::End => "EOF".to_owned(),
            TokenKind::Error => self.problem.as_deref().unwrap_or_default().to_owned(),
            TokenKind::Keyword(_) => format!("<{}>", self.text),
            _ if self.text.len() > 10 => {
                let start: String = self.text.chars().take(10).collect();
                format!("{}...", crate::format::Quoted(&start))
            }
            _ => crate::format::Quoted(self.text).to_string(),
        }
    }
}

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

/// Reads the tokens of a text, one after the other.
#[derive(Debug)]
pub(crate) struct Lexer<'t> {
    text: &'t str,
    /// Where the token under way starts.
    start: usize,
    at: usize,
    /// The line at `line_known_at`.
    line: usize,
    line_known_at: usize,
    paren_depth: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Text,
    LeftDelimiter,
    Action,
    RightDelimiter,
    Done,
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            text,
            start: 0,
            at: 0,
            line: 1,
            line_known_at: 0,
            paren_depth: 0,
            state: State::Text,
        }
    }

    /// Returns the next token: the last is an error or the end, and then the end for ever.
    pub(crate) fn next_token(&mut self) -> Token<'t> {
        loop {
            let token = match self.state {
                State::Text => self.lex_text(),
                State::LeftDelimiter => self.lex_left_delimiter(),
                State::Action => Some(self.lex_action()),
                State::RightDelimiter => Some(self.lex_right_delimiter()),
                State::Done => Some(self.emit(TokenKind::End)),
            };
            if let Some(token) = token {
                return token;
            }
        }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn accept(&mut self, accepted: &str) -> bool {
        let accepts = self.peek().is_some_and(|next| accepted.contains(next));
        if accepts {
            self.at += 1;
        }
        accepts
    }

    fn accept_run(&mut self, accepted: &str) {
        while self.accept(accepted) {}
    }

    /// Returns the line of the byte at `offset`, which must not lie before that of an earlier call.
    fn line_at(&mut self, offset: usize) -> usize {
        let skipped = &self.text.as_bytes()[self.line_known_at..offset];
        self.line += skipped.iter().filter(|&&byte| byte == b'\n').count();
        self.line_known_at = offset;
        self.line
    }

    fn emit(&mut self, kind: TokenKind) -> Token<'t> {
        let line = self.line_at(self.start);
        let token = Token {
            kind,
            at: self.start,
            text: &self.text[self.start..self.at],
            line,
            problem: None,
        };
        self.start = self.at;
        token
    }

    fn error(&mut self, problem: impl Into<Box<str>>) -> Token<'t> {
        self.state = State::Done;
        let line = self.line_at(self.start);
        let token = Token {
            kind: TokenKind::Error,
            at: self.start,
            text: "",
            line,
            problem: Some(problem.into()),
        };
        self.at = self.text.len();
        self.start = self.at;
        token
    }

    fn bad_character(&mut self) -> Token<'t> {
        let shown = self.peek().map_or_else(String::new, shown_rune);
        self.error(format!("bad character {shown}"))
    }

    fn lex_text(&mut self) -> Option<Token<'t>> {
        let found = self.rest().find(LEFT).map(|offset| self.at + offset);
        let end = found.unwrap_or(self.text.len());
        self.state = if found.is_some() { State::LeftDelimiter } else { State::Done };
        let trims = found.is_some_and(|found| has_left_marker(&self.text[found + LEFT.len()..]));
        let text = &self.text[self.start..end];
        let kept = if trims { text.trim_end_matches(SPACES) } else { text };
        self.at = self.start + kept.len();
        let token = (!kept.is_empty()).then(|| self.emit(TokenKind::Text));
        self.at = end;
        self.start = end;
        token
    }

    fn lex_left_delimiter(&mut self) -> Option<Token<'t>> {
        self.at += LEFT.len();
        let marker_size = if has_left_marker(self.rest()) { 2 } else { 0 };
        if self.text[self.at + marker_size..].starts_with("/*") {
            self.at += marker_size;
            self.start = self.at;
            return self.lex_comment();
        }
        let token = self.emit(TokenKind::LeftDelimiter);
        self.at += marker_size;
        self.start = self.at;
        self.paren_depth = 0;
        self.state = State::Action;
        Some(token)
    }

    fn lex_comment(&mut self) -> Option<Token<'t>> {
        let Some(end) = self.text[self.at + 2..].find("*/") else {
            return Some(self.error("unclosed comment"));
        };
        self.at += 2 + end + 2;
        if !self.skip_right_delimiter() {
            return Some(self.error("comment ends before closing delimiter"));
        }
        self.start = self.at;
        self.state = State::Text;
        None
    }

    /// Passes over a right delimiter, and over the space behind one that trims.
    fn skip_right_delimiter(&mut self) -> bool {
        let rest = self.rest();
        if rest.starts_with(RIGHT) {
            self.at += RIGHT.len();
        } else if has_right_marker(rest) && rest[2..].starts_with(RIGHT) {
            let after = &rest[2 + RIGHT.len()..];
            let space = after.len() - after.trim_start_matches(SPACES).len();
            self.at += 2 + RIGHT.len() + space;
        } else {
            return false;
        }
        true
    }

    fn at_right_delimiter(&self) -> bool {
        let rest = self.rest();
        rest.starts_with(RIGHT) || has_right_marker(rest) && rest[2..].starts_with(RIGHT)
    }

    fn lex_right_delimiter(&mut self) -> Token<'t> {
        self.state = State::Text;
        if has_right_marker(self.rest()) {
            self.at += 2;
            self.start = self.at;
            self.at += RIGHT.len();
            let token = self.emit(TokenKind::RightDelimiter);
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start_matches(SPACES).len();
            self.start = self.at;
            token
        } else {
            self.at += RIGHT.len();
            self.emit(TokenKind::RightDelimiter)
        }
    }

    fn lex_action(&mut self) -> Token<'t> {
        if self.at_right_delimiter() {
            return match self.paren_depth {
                0 => self.lex_right_delimiter(),
                _ => self.error("unclosed left paren"),
            };
        }
        let Some(rune) = self.next() else { return self.error("unclosed action") };
        match rune {
            ' ' | '\t' | '\r' | '\n' => self.lex_space(),
            '=' => self.emit(TokenKind::Assign),
            ':' if self.accept("=") => self.emit(TokenKind::Declare),
            ':' => self.error("expected :="),
            '|' => self.emit(TokenKind::Pipe),
            '"' => self.lex_quoted('"', TokenKind::String, "unterminated quoted string"),
            '\'' => {
                self.lex_quoted('\'', TokenKind::CharConstant, "unterminated character constant")
            }
            '`' => match self.rest().find('`') {
                Some(end) => {
                    self.at += end + 1;
                    self.emit(TokenKind::RawString)
                }
                None => self.error("unterminated raw quoted string"),
            },
            '$' => self.lex_name(TokenKind::Variable, TokenKind::Variable),
            '.' if !self.peek().is_some_and(|next| next.is_ascii_digit()) => {
                self.lex_name(TokenKind::Field, TokenKind::Keyword(Keyword::Dot))
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.at -= 1;
                self.lex_number()
            }
            '(' => {
                self.paren_depth += 1;
                self.emit(TokenKind::LeftParen)
            }
            ')' if self.paren_depth == 0 => self.error("unexpected right paren"),
            ')' => {
                self.paren_depth -= 1;
                self.emit(TokenKind::RightParen)
            }
            _ if is_name(rune) => self.lex_identifier(),
            ' '..='~' => self.emit(TokenKind::Char),
            _ => self.error(format!("unrecognized character in action: {}", shown_rune(rune))),
        }
    }

    /// Reads a run of space, of which the first is read: the last of it may belong to a delimiter
    /// that trims.
    fn lex_space(&mut self) -> Token<'t> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(SPACES).len();
        let last = &self.text[self.at - 1..];
        if has_right_marker(last) && last[2..].starts_with(RIGHT) {
            self.at -= 1;
            if self.at == self.start {
                self.state = State::RightDelimiter;
                return self.lex_right_delimiter();
            }
        }
        self.emit(TokenKind::Space)
    }

    fn lex_quoted(&mut self, quote: char, kind: TokenKind, problem: &str) -> Token<'t> {
        loop {
            match self.next() {
                Some('\\') => match self.next() {
                    None | Some('\n') => return self.error(problem),
                    Some(_) => {}
                },
                None | Some('\n') => return self.error(problem),
                Some(rune) if rune == quote => return self.emit(kind),
                Some(_) => {}
            }
        }
    }

    fn lex_identifier(&mut self) -> Token<'t> {
        while self.peek().is_some_and(is_name) {
            self.next();
        }
        if !self.at_terminator() {
            return self.bad_character();
        }
        let word = &self.text[self.start..self.at];
        let kind = match word {
            "true" | "false" => TokenKind::Bool,
            _ => Keyword::of(word).map_or(TokenKind::Identifier, TokenKind::Keyword),
        };
        self.emit(kind)
    }

    /// Reads the name behind a dot or a dollar sign, as `named`; without a name it is `alone`.
    fn lex_name(&mut self, named: TokenKind, alone: TokenKind) -> Token<'t> {
        if self.at_terminator() {
            return self.emit(alone);
        }
        while self.peek().is_some_and(is_name) {
            self.next();
        }
        if self.at_terminator() { self.emit(named) } else { self.bad_character() }
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None => true,
            Some(rune) => {
                SPACES.contains(&rune)
                    || matches!(rune, '.' | ',' | '|' | ':' | ')' | '(')
                    || self.rest().starts_with(RIGHT)
            }
        }
    }

    fn lex_number(&mut self) -> Token<'t> {
        let mut kind = TokenKind::Number;
        let mut good = self.scan_number();
        if good && self.peek().is_some_and(|next| matches!(next, '+' | '-')) {
            kind = TokenKind::Complex;
            good = self.scan_number() && self.text[..self.at].ends_with('i');
        }
        if good {
            return self.emit(kind);
        }
        let number = crate::format::Quoted(&self.text[self.start..self.at]).to_string();
        self.error(format!("bad number syntax: {number}"))
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        let exponent = match digits.len() {
            11 => "eE",
            23 => "pP",
            _ => "",
        };
        if self.accept(exponent) {
            self.accept("+-");
            self.accept_run("0123456789_");
        }
        self.accept("i");
        if self.peek().is_some_and(is_name) {
            self.next();
            return false;
        }
        true
    }
}

/// Returns `rune` as Go's `%#U` prints it.
fn shown_rune(rune: char) -> String {
    let code = u32::from(rune);
    if crate::unicode::is_print(rune) {
        format!("U+{code:04X} '{rune}'")
    } else {
        format!("U+{code:04X}")
    }
}

fn has_left_marker(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|text| text.starts_with(SPACES))
}

fn has_right_marker(text: &str) -> bool {
    text.strip_prefix(SPACES).is_some_and(|text| text.starts_with('-'))
}
