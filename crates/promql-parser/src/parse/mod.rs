//! The grammar. One token of lookahead, looked at only where the grammar needs it: the reference
//! reports what is wrong before it has looked at what follows, and so do we.

mod call;
mod duration;
mod expr;
mod literal;
mod modifiers;
mod postfix;
mod selector;

use narthex_model::Matcher;
use narthex_promql_lexer::{Keyword, Lexer, Span, Token, TokenKind};
use smallvec::SmallVec;

use crate::ast::{Expr, Node, NodeId, Tree};
use crate::check;
use crate::error::{Expected, ParseError, ParseProblem, describe};
use crate::options::ParseOptions;
pub(crate) use expr::is_metric_name;
pub(crate) use literal::number;

/// Returns the expression that `query` writes, with the default options, its types checked.
///
/// # Errors
///
/// The first thing that is wrong with the query.
pub fn parse(query: &str) -> Result<Expr, ParseError> {
    parse_with(query, &ParseOptions::default())
}

/// Returns the expression that `query` writes, its types checked.
///
/// # Errors
///
/// The first thing that is wrong with the query.
pub fn parse_with(query: &str, options: &ParseOptions) -> Result<Expr, ParseError> {
    whole_query(query, options).map_err(|error| *error)
}

fn whole_query(query: &str, options: &ParseOptions) -> Parsed<Expr> {
    let mut parser = Parser::new(query, options)?;
    if parser.peek_kind()? == TokenKind::Eof {
        return parser.fail(Span::default(), ParseProblem::NoExpression);
    }
    let root = parser.expr()?;
    check::check(&parser.tree, root, query)?;
    Ok(Expr::in_order(parser.tree, root))
}

/// Returns the matchers of a selector: `up{job="node"}`, as `match[]` of the HTTP API takes it.
///
/// A name before the braces is the last matcher. Unlike an expression, a selector may match every
/// series.
///
/// # Errors
///
/// The first thing that is wrong with the selector.
pub fn parse_metric_selector(selector: &str) -> Result<Vec<Matcher>, ParseError> {
    let options = ParseOptions::default();
    let read = || {
        let mut parser = Parser::new(selector, &options)?;
        let selected = parser.metric_selector()?;
        parser.expect(TokenKind::Eof, NOTHING)?;
        Ok(Expr::in_order(parser.tree, selected))
    };
    let expr = read().map_err(|error: Box<ParseError>| *error)?;
    match expr.root().node() {
        Node::VectorSelector(selector) => Ok(selector.to_matchers()),
        _ => unreachable!("a selector was read"),
    }
}

/// Reads a query once, from left to right.
pub(crate) struct Parser<'a> {
    query: &'a str,
    options: &'a ParseOptions,
    lexer: Lexer<'a>,
    /// The next token that is no comment. It may be [`TokenKind::Invalid`] while nobody looks.
    next: Token,
    /// The span of the token taken last.
    last: Span,
    tree: Tree,
    /// The arguments of open calls that are complete.
    args: SmallVec<[NodeId; 8]>,
    /// How many brackets are open.
    depth: usize,
    /// How many aggregations are open: the reference names them in its errors.
    open_aggregations: usize,
}

/// The error is boxed, so that most results pass in registers.
pub(crate) type Parsed<T> = Result<T, Box<ParseError>>;

/// Where the reference names neither a context nor what it expected.
pub(crate) const NOTHING: Expected = Expected { context: "", what: "" };

impl<'a> Parser<'a> {
    #[inline]
    pub(crate) fn new(query: &'a str, options: &'a ParseOptions) -> Parsed<Self> {
        if u32::try_from(query.len()).map_or(true, |size| size > options.query_size_max) {
            let problem = ParseProblem::TooLong { size_max: options.query_size_max };
            return Err(Box::new(ParseError::new(query, Span::default(), problem)));
        }
        let mut parser = Self {
            query,
            options,
            lexer: Lexer::new(query),
            next: Token { kind: TokenKind::Eof, span: Span::default() },
            last: Span::default(),
            tree: Tree::of_query(query),
            args: SmallVec::new(),
            depth: 0,
            open_aggregations: 0,
        };
        parser.take();
        parser.last = Span::default();
        Ok(parser)
    }

    /// Returns the next token that is no comment, and leaves it.
    pub(crate) fn peek(&self) -> Parsed<Token> {
        match self.next.kind {
            TokenKind::Invalid => self.invalid(),
            _ => Ok(self.next),
        }
    }

    /// Returns the kind of the next token, and leaves it.
    // PERF: a kind passes in a register, a token does not.
    #[inline]
    pub(crate) fn peek_kind(&self) -> Parsed<TokenKind> {
        match self.next.kind {
            TokenKind::Invalid => self.invalid(),
            kind => Ok(kind),
        }
    }

    /// Takes the token that [`Self::peek`] has shown.
    pub(crate) fn take(&mut self) -> Token {
        let token = self.next;
        self.last = token.span;
        self.next = self.lexer.next_token();
        while matches!(self.next.kind, TokenKind::Comment) {
            self.next = self.lexer.next_token();
        }
        token
    }

    /// Takes the next token where it is of that kind.
    // PERF: inlined, for comparing with a kind that is known is a single comparison.
    #[inline]
    pub(crate) fn take_if(&mut self, kind: TokenKind) -> Parsed<Option<Token>> {
        if self.peek_kind()? == kind { Ok(Some(self.take())) } else { Ok(None) }
    }

    /// Complains about what the lexer found.
    #[cold]
    fn invalid<T>(&self) -> Parsed<T> {
        let error = self.lexer.error().expect("the lexer knows why a token is invalid");
        self.fail(error.span, error.problem.clone())
    }

    /// Returns where the token taken last ends.
    pub(crate) fn position(&self) -> usize {
        self.last.end as usize
    }

    /// Returns the text behind the token taken last.
    pub(crate) fn rest(&self) -> &'a str {
        &self.query[self.position()..]
    }

    /// Returns the text of a token.
    pub(crate) fn text(&self, token: Token) -> &'a str {
        token.span.text(self.query)
    }

    fn take_keyword(&mut self, keyword: Keyword) -> Parsed<bool> {
        Ok(self.take_if(TokenKind::Keyword(keyword))?.is_some())
    }

    #[inline]
    pub(crate) fn expect(&mut self, kind: TokenKind, expected: Expected) -> Parsed<Token> {
        match self.take_if(kind)? {
            Some(token) => Ok(token),
            None => self.unexpected(expected),
        }
    }

    /// Complains about the next token.
    #[cold]
    pub(crate) fn unexpected<T>(&self, expected: Expected) -> Parsed<T> {
        let token = self.peek()?;
        let found = describe(token, self.query);
        self.fail(token.span, ParseProblem::Unexpected { found, expected })
    }

    #[cold]
    fn fail<T>(&self, span: Span, problem: impl Into<ParseProblem>) -> Parsed<T> {
        Err(Box::new(ParseError::new(self.query, span, problem.into())))
    }

    /// Notes that a bracket opens.
    fn descend(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > self.options.nesting_max {
            let nesting_max = self.options.nesting_max;
            return self.fail(self.last, ParseProblem::TooDeep { nesting_max });
        }
        Ok(())
    }

    /// Notes that a bracket closes.
    fn ascend(&mut self) {
        self.depth -= 1;
    }

    /// Returns what the reference says where an expression goes wrong.
    fn in_expr(&self) -> Expected {
        if self.open_aggregations > 0 { IN_AGGREGATION } else { NOTHING }
    }
}

const IN_AGGREGATION: Expected = Expected { context: "aggregation", what: "" };
