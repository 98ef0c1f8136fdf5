//! Selectors: a name and matchers in braces.

use narthex_model::{METRIC_NAME_LABEL, MatchOp, MatcherError, Regex};
use narthex_promql_lexer::{Span, TokenKind};

use super::expr::is_metric_name;
use super::{NOTHING, Parsed, Parser};
use crate::ast::{Kind, NodeId, Run};
use crate::error::Expected;

impl Parser<'_> {
    /// Reads a selector without modifiers.
    pub(super) fn metric_selector(&mut self) -> Parsed<NodeId> {
        let name = self.peek()?;
        if name.kind == TokenKind::LeftBrace {
            return self.vector_selector(None);
        }
        if !is_metric_name(name.kind) {
            return self.unexpected(NOTHING);
        }
        self.take();
        self.vector_selector(Some(name.span))
    }

    /// Reads the braces of a selector whose name was taken.
    pub(super) fn vector_selector(&mut self, name: Option<Span>) -> Parsed<NodeId> {
        let mut matchers = Run::default();
        let mut span = name.unwrap_or_default();
        if let Some(open) = self.take_if(TokenKind::LeftBrace)? {
            matchers = self.matchers()?;
            span = name.unwrap_or(open.span).to(self.last);
        }
        Ok(self.tree.push(Kind::VectorSelector { name, matchers, modifiers: None }, span))
    }

    /// Reads matchers up to and with the closing brace.
    fn matchers(&mut self) -> Parsed<Run> {
        let start = self.tree.matcher_count();
        while self.take_if(TokenKind::RightBrace)?.is_none() {
            self.matcher()?;
            if self.take_if(TokenKind::Comma)?.is_none() {
                self.expect(TokenKind::RightBrace, label_matching("\",\" or \"}\""))?;
                break;
            }
        }
        Ok(self.tree.matchers_since(start))
    }

    fn matcher(&mut self) -> Parsed<()> {
        let label = self.peek()?;
        let name = match label.kind {
            TokenKind::Identifier => label.span,
            TokenKind::String => self.name_part(label),
            _ => return self.unexpected(label_matching("identifier or \"}\"")),
        };
        self.take();
        let op = match self.peek_kind()? {
            TokenKind::Assign => MatchOp::Equal,
            TokenKind::NotEqual => MatchOp::NotEqual,
            TokenKind::Match => MatchOp::Regex,
            TokenKind::NotMatch => MatchOp::NotRegex,
            // Text alone is the metric's name.
            _ if label.kind == TokenKind::String => {
                let name_label = self.tree.push_text(METRIC_NAME_LABEL);
                self.tree.push_matcher(MatchOp::Equal, [name_label, name], None);
                return Ok(());
            }
            _ => return self.unexpected(label_matching("label matching operator")),
        };
        self.take();
        let value = self.expect(TokenKind::String, label_matching("string"))?;
        let pattern = self.name_part(value);
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => match Regex::new(self.tree.text(pattern)) {
                Ok(regex) => Some(regex),
                Err(error) => {
                    return self.fail(label.span.to(value.span), MatcherError::from(error));
                }
            },
        };
        self.tree.push_matcher(op, [name, pattern], regex);
        Ok(())
    }
}

fn label_matching(what: &'static str) -> Expected {
    Expected { context: "label matching", what }
}
