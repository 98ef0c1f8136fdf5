//! Selectors: a name and matchers in braces.

use narthex_model::{METRIC_NAME_LABEL, MatchOp, Matcher};
use narthex_promql_lexer::{Span, Token, TokenKind};

use super::expr::is_metric_name;
use super::{NOTHING, Parsed, Parser};
use crate::ast::{DurationValue, Node, NodeId, VectorSelector};
use crate::error::{Expected, ParseProblem};

impl Parser<'_> {
    /// Reads a selector without modifiers.
    pub(super) fn metric_selector(&mut self) -> Parsed<VectorSelector> {
        let name = self.peek()?;
        if name.kind == TokenKind::LeftBrace {
            return Ok(self.selector(None)?.0);
        }
        if !is_metric_name(name.kind) {
            return self.unexpected(NOTHING);
        }
        self.take()?;
        Ok(self.selector(Some(name))?.0)
    }

    /// Reads the braces of a selector whose name was taken.
    pub(super) fn vector_selector(&mut self, name: Option<Token>) -> Parsed<NodeId> {
        let (selector, span) = self.selector(name)?;
        Ok(self.builder.push(Node::VectorSelector(Box::new(selector)), span))
    }

    fn selector(&mut self, name: Option<Token>) -> Parsed<(VectorSelector, Span)> {
        let mut matchers = Vec::new();
        let mut span = name.map(|name| name.span);
        if let Some(open) = self.take_if(TokenKind::LeftBrace)? {
            self.matchers(&mut matchers)?;
            span = Some(span.unwrap_or(open.span).to(self.last));
        }
        let name = name.map(|name| name.span.text(self.query));
        matchers.extend(name.map(|name| Matcher::equal(METRIC_NAME_LABEL, name)));
        let selector = VectorSelector {
            name: name.map(Box::from),
            matchers,
            offset: DurationValue::ZERO,
            at: None,
            extended: None,
        };
        Ok((selector, span.unwrap_or_default()))
    }

    /// Reads matchers up to and with the closing brace.
    fn matchers(&mut self, matchers: &mut Vec<Matcher>) -> Parsed<()> {
        while self.take_if(TokenKind::RightBrace)?.is_none() {
            matchers.push(self.matcher()?);
            if self.take_if(TokenKind::Comma)?.is_none() {
                self.expect(TokenKind::RightBrace, label_matching("\",\" or \"}\""))?;
                break;
            }
        }
        Ok(())
    }

    fn matcher(&mut self) -> Parsed<Matcher> {
        let label = self.peek()?;
        let name = match label.kind {
            TokenKind::Identifier => label.span.text(self.query).into(),
            TokenKind::String => self.unquote_name(label),
            _ => return self.unexpected(label_matching("identifier or \"}\"")),
        };
        self.take()?;
        let op = match self.peek()?.kind {
            TokenKind::Assign => MatchOp::Equal,
            TokenKind::NotEqual => MatchOp::NotEqual,
            TokenKind::Match => MatchOp::Regex,
            TokenKind::NotMatch => MatchOp::NotRegex,
            // Text alone is the metric's name.
            _ if label.kind == TokenKind::String => {
                return Ok(Matcher::equal(METRIC_NAME_LABEL, &name));
            }
            _ => return self.unexpected(label_matching("label matching operator")),
        };
        self.take()?;
        let value = self.expect(TokenKind::String, label_matching("string"))?;
        let text = self.unquote_name(value);
        match Matcher::new(op, &name, &text) {
            Ok(matcher) => Ok(matcher),
            Err(error) => self.fail(label.span.to(value.span), ParseProblem::Matcher(error)),
        }
    }
}

fn label_matching(what: &'static str) -> Expected {
    Expected { context: "label matching", what }
}
