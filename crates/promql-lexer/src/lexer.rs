use crate::error::LexProblem;
use crate::scan::{self, is_space};
use crate::{Keyword, LexError, Span, Token, TokenKind};

/// Cuts a query into tokens, comments included, one at a time.
///
/// As an iterator it ends before [`TokenKind::Eof`], or after the first error. [`Self::next_token`]
/// is faster, and leaves errors to be asked for.
///
/// # Source
///
/// `promql/parser/lex.go` in Prometheus: what counts as a token depends on the brackets around it.
#[derive(Clone, Debug)]
pub struct Lexer<'a> {
    query: &'a str,
    /// Where the token being read starts.
    start: usize,
    /// How far the query is read.
    position: usize,
    paren_depth: u32,
    in_braces: bool,
    bracket: Bracket,
    /// Whether the open brackets had a colon.
    had_colon: bool,
    /// Whether any brackets so far had a number.
    had_duration: bool,
    /// Boxed, since it is rare.
    error: Option<Box<LexError>>,
}

/// Where the lexer stands with regard to `[`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bracket {
    Outside,
    /// Before the first number.
    Opened,
    /// After the first number, where comments are allowed.
    Continued,
}

/// The kind of a token, or what is wrong in its place: boxed, so that it passes in registers.
type Lexed = Result<TokenKind, Box<LexProblem>>;

impl<'a> Lexer<'a> {
    /// Returns a lexer at the start of `query`.
    ///
    /// # Panics
    ///
    /// Where the query is 4 GiB or longer: spans have 32 bits.
    #[must_use]
    pub fn new(query: &'a str) -> Self {
        assert!(u32::try_from(query.len()).is_ok(), "a query is shorter than 4 GiB");
        Self {
            query,
            start: 0,
            position: 0,
            paren_depth: 0,
            in_braces: false,
            bracket: Bracket::Outside,
            had_colon: false,
            had_duration: false,
            error: None,
        }
    }

    /// Returns the next token. At the end that is [`TokenKind::Eof`], and [`TokenKind::Invalid`]
    /// where the query has no token, or ends within brackets: [`Self::error`] then tells why.
    pub fn next_token(&mut self) -> Token {
        self.skip_spaces();
        self.start = self.position;
        let lexed = if self.in_braces {
            self.inside_braces()
        } else if self.bracket == Bracket::Opened {
            self.inside_brackets()
        } else {
            self.statement()
        };
        match lexed {
            Ok(kind) => Token { kind, span: self.span(self.position) },
            Err(problem) => self.fail(*problem),
        }
    }

    /// Returns why the last token is [`TokenKind::Invalid`].
    #[must_use]
    pub fn error(&self) -> Option<&LexError> {
        self.error.as_deref()
    }

    /// Notes the first error. Nothing is read behind it.
    #[cold]
    fn fail(&mut self, problem: LexProblem) -> Token {
        let end = self.query.len();
        let span = self.span(end);
        let error = self.error.get_or_insert_with(|| Box::new(LexError { span, problem }));
        (self.position, self.in_braces) = (end, true);
        Token { kind: TokenKind::Invalid, span: error.span }
    }

    fn statement(&mut self) -> Lexed {
        let Some(found) = self.peek() else { return self.end() };
        match found {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b':' if self.bracket == Bracket::Outside => {
                Ok(self.keyword_or_identifier())
            }
            b'(' => Ok(self.open_paren()),
            b')' => self.close_paren(),
            b'0'..=b'9' | b'.' if self.at_number() => self.number_or_duration(),
            b'{' => {
                self.in_braces = true;
                Ok(self.sign(1, TokenKind::LeftBrace))
            }
            b'[' => self.open_bracket(),
            b']' => self.close_bracket(),
            b'"' | b'\'' | b'`' => self.string(found),
            b':' => self.colon(),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                self.duration_keyword(|found| LexProblem::ExpectedColon { found })
            }
            b'#' => Ok(self.comment()),
            _ => self.operator(found),
        }
    }

    fn end(&self) -> Lexed {
        if self.paren_depth > 0 {
            Err(LexProblem::UnclosedParen.into())
        } else if self.bracket != Bracket::Outside {
            Err(LexProblem::UnclosedBracket.into())
        } else {
            Ok(TokenKind::Eof)
        }
    }

    fn operator(&mut self, found: u8) -> Lexed {
        let (length, kind) = match (found, self.peek_second()) {
            (b',', _) => (1, TokenKind::Comma),
            (b'@', _) => (1, TokenKind::At),
            (b'=', Some(b'=')) => (2, TokenKind::Equal),
            (b'=', Some(b'~')) => return self.unexpected_after("'='"),
            (b'=', _) => (1, TokenKind::Assign),
            (b'!', Some(b'=')) => (2, TokenKind::NotEqual),
            (b'!', _) => return self.unexpected_after("'!'"),
            (b'<', Some(b'=')) => (2, TokenKind::LessEqual),
            (b'<', Some(b'/')) => (2, TokenKind::TrimUpper),
            (b'<', _) => (1, TokenKind::Less),
            (b'>', Some(b'=')) => (2, TokenKind::GreaterEqual),
            (b'>', Some(b'/')) => (2, TokenKind::TrimLower),
            (b'>', _) => (1, TokenKind::Greater),
            _ => return self.arithmetic(found, ""),
        };
        Ok(self.sign(length, kind))
    }

    fn arithmetic(&mut self, found: u8, place: &'static str) -> Lexed {
        let kind = match found {
            b'+' => TokenKind::Add,
            b'-' => TokenKind::Sub,
            b'*' => TokenKind::Mul,
            b'/' => TokenKind::Div,
            b'%' => TokenKind::Mod,
            b'^' => TokenKind::Pow,
            _ => return self.unexpected_character(place),
        };
        Ok(self.sign(1, kind))
    }

    /// Between braces no word is a keyword.
    fn inside_braces(&mut self) -> Lexed {
        let found = self.peek().ok_or_else(|| Box::new(LexProblem::UnclosedBrace))?;
        let (length, kind) = match (found, self.peek_second()) {
            (b'a'..=b'z' | b'A'..=b'Z' | b'_', _) => {
                self.position += scan::label(self.rest());
                return Ok(TokenKind::Identifier);
            }
            (b'"' | b'\'' | b'`', _) => return self.string(found),
            (b',', _) => (1, TokenKind::Comma),
            (b'=', Some(b'~')) => (2, TokenKind::Match),
            (b'=', _) => (1, TokenKind::Assign),
            (b'!', Some(b'~')) => (2, TokenKind::NotMatch),
            (b'!', Some(b'=')) => (2, TokenKind::NotEqual),
            (b'!', _) => return self.unexpected_after("'!' inside braces"),
            (b'}', _) => {
                self.in_braces = false;
                (1, TokenKind::RightBrace)
            }
            (b'{', _) => return unexpected_bracket("left brace", '{'),
            (b'#', _) => return Ok(self.comment()),
            _ => return self.unexpected_character(" inside braces"),
        };
        Ok(self.sign(length, kind))
    }

    /// Behind `[` and up to the first number.
    fn inside_brackets(&mut self) -> Lexed {
        let found = self.peek().ok_or_else(|| Box::new(LexProblem::UnclosedDuration))?;
        match found {
            b'0'..=b'9' | b'.' if self.at_number() => {
                self.had_duration = true;
                self.bracket = Bracket::Continued;
                self.number_or_duration()
            }
            b']' => self.close_bracket(),
            b':' => self.colon_before_number(),
            b'(' => Ok(self.open_paren()),
            b')' => self.close_paren(),
            b',' => Ok(self.sign(1, TokenKind::Comma)),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.duration_keyword(|found| {
                LexProblem::UnexpectedCharacter { found, place: IN_DURATION }
            }),
            _ => self.arithmetic(found, IN_DURATION),
        }
    }

    fn open_paren(&mut self) -> TokenKind {
        self.paren_depth += 1;
        self.sign(1, TokenKind::LeftParen)
    }

    fn close_paren(&mut self) -> Lexed {
        let kind = self.sign(1, TokenKind::RightParen);
        let Some(depth) = self.paren_depth.checked_sub(1) else {
            // The reference names the place behind it.
            self.start = self.position;
            return unexpected_bracket("right parenthesis", ')');
        };
        self.paren_depth = depth;
        Ok(kind)
    }

    fn open_bracket(&mut self) -> Lexed {
        if self.bracket != Bracket::Outside {
            return unexpected_bracket("left bracket", '[');
        }
        self.bracket = Bracket::Opened;
        self.had_colon = false;
        Ok(self.sign(1, TokenKind::LeftBracket))
    }

    fn close_bracket(&mut self) -> Lexed {
        if self.bracket == Bracket::Outside {
            return unexpected_bracket("right bracket", ']');
        }
        self.bracket = Bracket::Outside;
        Ok(self.sign(1, TokenKind::RightBracket))
    }

    fn colon(&mut self) -> Lexed {
        if std::mem::replace(&mut self.had_colon, true) {
            return Err(LexProblem::RepeatedColon.into());
        }
        Ok(self.sign(1, TokenKind::Colon))
    }

    fn colon_before_number(&mut self) -> Lexed {
        let kind = self.sign(1, TokenKind::Colon);
        let problem = if !self.had_duration {
            LexProblem::ColonBeforeDuration
        } else if std::mem::replace(&mut self.had_colon, true) {
            LexProblem::RepeatedColonInDuration
        } else {
            return Ok(kind);
        };
        // The reference names the place behind it.
        self.start = self.position;
        Err(problem.into())
    }

    /// Returns whether a digit stands here, or a point before one.
    fn at_number(&self) -> bool {
        match self.rest() {
            [b'.', digit, ..] | [digit, ..] => digit.is_ascii_digit(),
            _ => false,
        }
    }

    fn number_or_duration(&mut self) -> Lexed {
        let (length, is_number) = scan::number(self.rest());
        self.position += length;
        if is_number {
            return Ok(TokenKind::Number);
        }
        let (length, is_duration) = scan::duration_rest(self.rest());
        self.position += length;
        if is_duration {
            return Ok(TokenKind::Duration);
        }
        let text = self.query[self.start..self.position].into();
        Err(LexProblem::BadNumber { text }.into())
    }

    /// Between brackets only the words of duration expressions are allowed.
    ///
    /// `problem` makes the error of another word out of its first letter.
    fn duration_keyword(&mut self, problem: impl FnOnce(char) -> LexProblem) -> Lexed {
        self.position += scan::letters(self.rest());
        let word = &self.query[self.start..self.position];
        match Keyword::parse(word) {
            Some(keyword @ (Keyword::Step | Keyword::Range | Keyword::MaxOf | Keyword::MinOf)) => {
                Ok(TokenKind::Keyword(keyword))
            }
            _ => Err(problem(word.chars().next().unwrap_or_default()).into()),
        }
    }

    fn keyword_or_identifier(&mut self) -> TokenKind {
        let rest = self.rest();
        let (word, after) = rest.split_at(scan::label(rest));
        self.position += word.len();
        if after.starts_with(b":") {
            self.position += scan::word(after);
            return TokenKind::MetricIdentifier;
        }
        match Keyword::from_bytes(word) {
            // These came late to the language, so that metrics may have their names.
            Some(Keyword::Fill | Keyword::FillLeft | Keyword::FillRight)
                if !self.before_left_paren() =>
            {
                TokenKind::Identifier
            }
            Some(keyword) => TokenKind::Keyword(keyword),
            None if scan::is_number_word(word) => TokenKind::Number,
            None => TokenKind::Identifier,
        }
    }

    fn before_left_paren(&self) -> bool {
        self.rest().iter().find(|&&byte| !is_space(byte)) == Some(&b'(')
    }

    fn string(&mut self, quote: u8) -> Lexed {
        let scan = if quote == b'`' { scan::raw_string } else { scan::quoted };
        self.position += scan(&self.query[self.position..])?;
        Ok(TokenKind::String)
    }

    fn comment(&mut self) -> TokenKind {
        self.position += scan::comment(self.rest());
        TokenKind::Comment
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.position += 1;
        }
    }

    /// Returns the bytes from the position on.
    fn rest(&self) -> &'a [u8] {
        self.query.as_bytes().get(self.position..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.query.as_bytes().get(self.position).copied()
    }

    fn peek_second(&self) -> Option<u8> {
        self.query.as_bytes().get(self.position + 1).copied()
    }

    #[cold]
    fn unexpected_character(&self, place: &'static str) -> Lexed {
        let found = self.query[self.position..].chars().next().unwrap_or_default();
        Err(LexProblem::UnexpectedCharacter { found, place }.into())
    }

    /// Complains about what stands behind the byte at the position.
    #[cold]
    fn unexpected_after(&self, operator: &'static str) -> Lexed {
        let found = self.query[self.position..].chars().nth(1);
        Err(LexProblem::UnexpectedAfter { operator, found }.into())
    }

    /// Takes a sign of ASCII characters.
    fn sign(&mut self, length: usize, kind: TokenKind) -> TokenKind {
        self.position += length;
        kind
    }

    fn span(&self, end: usize) -> Span {
        #[expect(clippy::cast_possible_truncation, reason = "`new` refuses longer queries")]
        Span::new(self.start as u32, end as u32)
    }
}

impl Iterator for Lexer<'_> {
    type Item = Result<Token, LexError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.error.is_some() {
            return None;
        }
        let token = self.next_token();
        match (token.kind, self.error()) {
            (TokenKind::Eof, _) => None,
            (_, Some(error)) => Some(Err(error.clone())),
            (_, None) => Some(Ok(token)),
        }
    }
}

#[cold]
fn unexpected_bracket(name: &'static str, bracket: char) -> Lexed {
    Err(LexProblem::UnexpectedBracket { name, bracket }.into())
}

const IN_DURATION: &str = " in duration expression";
