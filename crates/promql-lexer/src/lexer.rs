use crate::error::LexProblem;
use crate::scan;
use crate::{Keyword, LexError, Span, Token, TokenKind};

/// Cuts a query into tokens, comments included, one at a time.
///
/// As an iterator it ends before [`TokenKind::Eof`], or after the first error.
///
/// # Source
///
/// `promql/parser/lex.go` in Prometheus: what counts as a token depends on the brackets around it.
#[derive(Clone, Debug)]
pub struct Lexer<'a> {
    query: &'a str,
    /// Where the token being read starts.
    start: usize,
    position: usize,
    paren_depth: u32,
    in_braces: bool,
    bracket: Bracket,
    /// Whether the open brackets had a colon.
    had_colon: bool,
    /// Whether any brackets so far had a number.
    had_duration: bool,
    failed: bool,
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

type Lexed = Result<TokenKind, LexProblem>;

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
            failed: false,
        }
    }

    /// Returns the next token; at the end and after an error that is [`TokenKind::Eof`].
    ///
    /// # Errors
    ///
    /// Where the query has no token here, or ends within brackets.
    pub fn next_token(&mut self) -> Result<Token, LexError> {
        if self.failed {
            self.start = self.query.len();
            self.position = self.start;
            return Ok(Token { kind: TokenKind::Eof, span: self.span(self.start) });
        }
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
            Ok(kind) => Ok(Token { kind, span: self.span(self.position) }),
            Err(problem) => {
                self.failed = true;
                Err(LexError { span: self.span(self.query.len()), problem })
            }
        }
    }

    fn statement(&mut self) -> Lexed {
        let Some(found) = self.peek() else { return self.end() };
        let kind = match found {
            '#' => self.one_of(scan::comment, TokenKind::Comment),
            '(' => self.open_paren(),
            ')' => return self.close_paren(),
            '{' => {
                self.in_braces = true;
                self.sign(1, TokenKind::LeftBrace)
            }
            '[' => return self.open_bracket(),
            ']' => return self.close_bracket(),
            '"' | '\'' | '`' => return self.string(found),
            '0'..='9' | '.' if self.at_number() => return self.number_or_duration(),
            ':' if self.bracket != Bracket::Outside => return self.colon(),
            'a'..='z' | 'A'..='Z' | '_' if self.bracket != Bracket::Outside => {
                return self.duration_keyword(LexProblem::ExpectedColon { found });
            }
            'a'..='z' | 'A'..='Z' | '_' | ':' => self.keyword_or_identifier(),
            _ => return self.operator(found),
        };
        Ok(kind)
    }

    fn end(&self) -> Lexed {
        if self.paren_depth > 0 {
            Err(LexProblem::UnclosedParen)
        } else if self.bracket != Bracket::Outside {
            Err(LexProblem::UnclosedBracket)
        } else {
            Ok(TokenKind::Eof)
        }
    }

    fn operator(&mut self, found: char) -> Lexed {
        let second = self.peek_second();
        let (length, kind) = match (found, second) {
            (',', _) => (1, TokenKind::Comma),
            ('@', _) => (1, TokenKind::At),
            ('=', Some('=')) => (2, TokenKind::Equal),
            ('=', Some('~')) => {
                return Err(LexProblem::UnexpectedAfter { operator: "'='", found: second });
            }
            ('=', _) => (1, TokenKind::Assign),
            ('!', Some('=')) => (2, TokenKind::NotEqual),
            ('!', _) => return Err(LexProblem::UnexpectedAfter { operator: "'!'", found: second }),
            ('<', Some('=')) => (2, TokenKind::LessEqual),
            ('<', Some('/')) => (2, TokenKind::TrimUpper),
            ('<', _) => (1, TokenKind::Less),
            ('>', Some('=')) => (2, TokenKind::GreaterEqual),
            ('>', Some('/')) => (2, TokenKind::TrimLower),
            ('>', _) => (1, TokenKind::Greater),
            _ => return self.arithmetic(found, ""),
        };
        Ok(self.sign(length, kind))
    }

    fn arithmetic(&mut self, found: char, place: &'static str) -> Lexed {
        let kind = match found {
            '+' => TokenKind::Add,
            '-' => TokenKind::Sub,
            '*' => TokenKind::Mul,
            '/' => TokenKind::Div,
            '%' => TokenKind::Mod,
            '^' => TokenKind::Pow,
            _ => return Err(LexProblem::UnexpectedCharacter { found, place }),
        };
        Ok(self.sign(1, kind))
    }

    /// Between braces no word is a keyword.
    fn inside_braces(&mut self) -> Lexed {
        let found = self.peek().ok_or(LexProblem::UnclosedBrace)?;
        let second = self.peek_second();
        let (length, kind) = match (found, second) {
            ('#', _) => return Ok(self.one_of(scan::comment, TokenKind::Comment)),
            ('"' | '\'' | '`', _) => return self.string(found),
            ('a'..='z' | 'A'..='Z' | '_', _) => {
                return Ok(self.one_of(scan::label, TokenKind::Identifier));
            }
            (',', _) => (1, TokenKind::Comma),
            ('=', Some('~')) => (2, TokenKind::Match),
            ('=', _) => (1, TokenKind::Assign),
            ('!', Some('~')) => (2, TokenKind::NotMatch),
            ('!', Some('=')) => (2, TokenKind::NotEqual),
            ('!', _) => {
                let operator = "'!' inside braces";
                return Err(LexProblem::UnexpectedAfter { operator, found: second });
            }
            ('{', _) => return Err(unexpected_bracket("left brace", '{')),
            ('}', _) => {
                self.in_braces = false;
                (1, TokenKind::RightBrace)
            }
            _ => {
                return Err(LexProblem::UnexpectedCharacter { found, place: " inside braces" });
            }
        };
        Ok(self.sign(length, kind))
    }

    /// Behind `[` and up to the first number.
    fn inside_brackets(&mut self) -> Lexed {
        let found = self.peek().ok_or(LexProblem::UnclosedDuration)?;
        let place = " in duration expression";
        match found {
            ']' => self.close_bracket(),
            ':' => self.colon_before_number(),
            '(' => Ok(self.open_paren()),
            ')' => self.close_paren(),
            ',' => Ok(self.sign(1, TokenKind::Comma)),
            '0'..='9' | '.' if self.at_number() => {
                self.had_duration = true;
                self.bracket = Bracket::Continued;
                self.number_or_duration()
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                self.duration_keyword(LexProblem::UnexpectedCharacter { found, place })
            }
            _ => self.arithmetic(found, place),
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
            return Err(unexpected_bracket("right parenthesis", ')'));
        };
        self.paren_depth = depth;
        Ok(kind)
    }

    fn open_bracket(&mut self) -> Lexed {
        if self.bracket != Bracket::Outside {
            return Err(unexpected_bracket("left bracket", '['));
        }
        self.bracket = Bracket::Opened;
        self.had_colon = false;
        Ok(self.sign(1, TokenKind::LeftBracket))
    }

    fn close_bracket(&mut self) -> Lexed {
        if self.bracket == Bracket::Outside {
            return Err(unexpected_bracket("right bracket", ']'));
        }
        self.bracket = Bracket::Outside;
        Ok(self.sign(1, TokenKind::RightBracket))
    }

    fn colon(&mut self) -> Lexed {
        if std::mem::replace(&mut self.had_colon, true) {
            return Err(LexProblem::RepeatedColon);
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
        Err(problem)
    }

    /// Returns whether a digit stands here, or a point before one.
    fn at_number(&self) -> bool {
        match self.query.as_bytes().get(self.position..) {
            Some([b'.', digit, ..] | [digit, ..]) => digit.is_ascii_digit(),
            _ => false,
        }
    }

    fn number_or_duration(&mut self) -> Lexed {
        let (length, is_number) = scan::number(self.rest());
        self.position += length;
        if is_number {
            return Ok(TokenKind::Number);
        }
        let rest = match scan::duration_rest(self.rest()) {
            Ok((rest, ())) => rest,
            Err(nom::Err::Error(error) | nom::Err::Failure(error)) => {
                let read = self.query.len() - error.input.len();
                let text = self.query[self.start..read].into();
                return Err(LexProblem::BadNumber { text });
            }
            Err(nom::Err::Incomplete(_)) => unreachable!("the scanners read complete text"),
        };
        self.position = self.query.len() - rest.len();
        Ok(TokenKind::Duration)
    }

    /// Between brackets only the words of duration expressions are allowed.
    fn duration_keyword(&mut self, otherwise: LexProblem) -> Lexed {
        let word = self.take(scan::letters);
        match Keyword::parse(word) {
            Some(keyword @ (Keyword::Step | Keyword::Range | Keyword::MaxOf | Keyword::MinOf)) => {
                Ok(TokenKind::Keyword(keyword))
            }
            _ => Err(otherwise),
        }
    }

    fn keyword_or_identifier(&mut self) -> TokenKind {
        let word = self.take(scan::word);
        match Keyword::parse(word) {
            // These came late to the language, so that metrics may have their names.
            Some(Keyword::Fill | Keyword::FillLeft | Keyword::FillRight)
                if !self.before_left_paren() =>
            {
                TokenKind::Identifier
            }
            Some(keyword) => TokenKind::Keyword(keyword),
            None if ["inf", "nan"].iter().any(|name| word.eq_ignore_ascii_case(name)) => {
                TokenKind::Number
            }
            None if word.contains(':') => TokenKind::MetricIdentifier,
            None => TokenKind::Identifier,
        }
    }

    fn before_left_paren(&self) -> bool {
        self.rest().trim_start_matches(scan::is_space).starts_with('(')
    }

    fn string(&mut self, quote: char) -> Lexed {
        let scan = if quote == '`' { scan::raw_string } else { scan::quoted };
        self.position += scan(self.rest())?;
        Ok(TokenKind::String)
    }

    fn skip_spaces(&mut self) {
        let bytes = self.query.as_bytes();
        while bytes.get(self.position).is_some_and(|&byte| scan::is_space(byte.into())) {
            self.position += 1;
        }
    }

    fn rest(&self) -> &'a str {
        &self.query[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.char_at(self.position)
    }

    /// Returns the character behind one that is ASCII.
    fn peek_second(&self) -> Option<char> {
        self.char_at(self.position + 1)
    }

    fn char_at(&self, position: usize) -> Option<char> {
        match self.query.as_bytes().get(position)? {
            byte @ 0..0x80 => Some(char::from(*byte)),
            _ => self.query.get(position..)?.chars().next(),
        }
    }

    /// Takes a sign of ASCII characters.
    fn sign(&mut self, length: usize, kind: TokenKind) -> TokenKind {
        self.position += length;
        kind
    }

    fn one_of(&mut self, scanner: Scanner<'a>, kind: TokenKind) -> TokenKind {
        self.take(scanner);
        kind
    }

    /// Takes what a scanner that cannot fail takes.
    fn take(&mut self, scanner: Scanner<'a>) -> &'a str {
        let Ok((_, taken)) = scanner(self.rest()) else { return "" };
        self.position += taken.len();
        taken
    }

    fn span(&self, end: usize) -> Span {
        #[expect(clippy::cast_possible_truncation, reason = "`new` refuses longer queries")]
        Span::new(self.start as u32, end as u32)
    }
}

type Scanner<'a> = fn(&'a str) -> nom::IResult<&'a str, &'a str>;

impl Iterator for Lexer<'_> {
    type Item = Result<Token, LexError>;

    fn next(&mut self) -> Option<Self::Item> {
        let token = self.next_token();
        token.as_ref().map_or(true, |token| token.kind != TokenKind::Eof).then_some(token)
    }
}

fn unexpected_bracket(name: &'static str, bracket: char) -> LexProblem {
    LexProblem::UnexpectedBracket { name, bracket }
}
