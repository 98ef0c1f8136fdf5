//! What stands behind an expression: ranges, subqueries, `offset`, `@`, `anchored`, `smoothed`.

use narthex_promql_lexer::{Keyword, Span, TokenKind};

use super::duration::{Duration, millis, to_i64};
use super::expr::unary_op;
use super::{Parsed, Parser};
use crate::ast::{At, ExtendedRange, Kind, Length, Modifiers, NodeId};
use crate::error::{Expected, ModifierProblem, NotEnabled, ParseProblem};
use crate::ops::UnaryOp;

impl Parser<'_> {
    /// Reads every modifier behind `node` and returns what they make of it.
    pub(super) fn postfix(&mut self, mut node: NodeId) -> Parsed<NodeId> {
        loop {
            match self.peek_kind()? {
                TokenKind::LeftBracket => node = self.window(node)?,
                TokenKind::At => self.at(node)?,
                TokenKind::Keyword(Keyword::Offset) => self.offset(node)?,
                TokenKind::Keyword(Keyword::Anchored) => {
                    self.extended(node, ExtendedRange::Anchored)?;
                }
                TokenKind::Keyword(Keyword::Smoothed) => {
                    self.extended(node, ExtendedRange::Smoothed)?;
                }
                _ => return Ok(node),
            }
        }
    }

    /// Reads `[5m]` or `[1h:5m]`.
    fn window(&mut self, expr: NodeId) -> Parsed<NodeId> {
        let open = self.take().span;
        let what = "number, duration, step(), or range()";
        let expected = Expected { context: "subquery or range selector", what };
        let range = self.positive_duration(expected)?;
        if let Some(close) = self.take_if(TokenKind::RightBracket)? {
            return self.matrix_selector(expr, range, open.to(close.span));
        }
        let expected = Expected { context: "subquery or range", what: "\":\" or \"]\"" };
        self.expect(TokenKind::Colon, expected)?;
        let mut step = None;
        if self.take_if(TokenKind::RightBracket)?.is_none() {
            let context = "subquery selector";
            let what = "number, duration, step(), range(), or \"]\"";
            step = Some(self.positive_duration(Expected { context, what })?);
            self.expect(TokenKind::RightBracket, Expected { context, what: "\"]\"" })?;
        }
        let span = self.tree.span(expr).to(self.last);
        Ok(self.tree.push_subquery(expr, range, step, span))
    }

    fn matrix_selector(
        &mut self,
        selector: NodeId,
        range: Length,
        brackets: Span,
    ) -> Parsed<NodeId> {
        let Kind::VectorSelector { modifiers, .. } = self.tree.kind(selector) else {
            return self.fail(brackets, ModifierProblem::RangeTarget);
        };
        let modifiers = self.tree.modifiers(modifiers);
        if !modifiers.offset.is_zero() {
            return self.fail(brackets, ModifierProblem::OffsetBeforeRange);
        }
        if modifiers.at.is_some() {
            return self.fail(brackets, ModifierProblem::AtBeforeRange);
        }
        let span = self.tree.span(selector).to(brackets);
        Ok(self.tree.push(Kind::MatrixSelector { selector, range }, span))
    }

    fn offset(&mut self, node: NodeId) -> Parsed<()> {
        self.take();
        let what = "number, duration, step(), or range()";
        let offset = self.offset_duration(Expected { context: "offset", what })?;
        let span = self.tree.span(node);
        match self.modifiers_mut(node) {
            None => self.fail(span, ModifierProblem::OffsetTarget),
            Some(modifiers) if !modifiers.offset.is_zero() => {
                self.fail(span, ModifierProblem::OffsetTwice)
            }
            Some(modifiers) => {
                modifiers.offset = offset;
                self.tree.set_span(node, span.to(self.last));
                Ok(())
            }
        }
    }

    fn at(&mut self, node: NodeId) -> Parsed<()> {
        self.take();
        let span = self.tree.span(node);
        let at = self.at_time(span)?;
        match self.modifiers_mut(node) {
            None => self.fail(span, ModifierProblem::AtTarget),
            Some(modifiers) if modifiers.at.is_some() => self.fail(span, ModifierProblem::AtTwice),
            Some(modifiers) => {
                modifiers.at = Some(at);
                self.tree.set_span(node, span.to(self.last));
                Ok(())
            }
        }
    }

    /// Reads what follows `@`. `target` is the span of what it follows.
    fn at_time(&mut self, target: Span) -> Parsed<At> {
        let expected = Expected { context: "@", what: "timestamp" };
        let mut next = self.peek_kind()?;
        let at = match next {
            TokenKind::Keyword(Keyword::Start) => At::Start,
            TokenKind::Keyword(Keyword::End) => At::End,
            _ => {
                let mut sign = UnaryOp::Plus;
                if matches!(next, TokenKind::Add | TokenKind::Sub) {
                    sign = unary_op(next);
                    self.take();
                    next = self.peek_kind()?;
                }
                if !matches!(next, TokenKind::Number | TokenKind::Duration) {
                    return self.unexpected(expected);
                }
                let seconds = self.number_or_duration()?.signed(sign).value;
                // The bounds of 64 bits, though it is milliseconds that are stored.
                if seconds.is_nan() || seconds.abs() >= -(i64::MIN as f64) {
                    return self.fail(target, ModifierProblem::AtOutOfBounds { seconds });
                }
                return Ok(At::Timestamp(to_i64((seconds * 1000.0).round())));
            }
        };
        self.take();
        self.expect(TokenKind::LeftParen, expected)?;
        self.expect(TokenKind::RightParen, expected)?;
        Ok(at)
    }

    fn extended(&mut self, node: NodeId, extended: ExtendedRange) -> Parsed<()> {
        self.take();
        let modifier = extended.as_str();
        let span = self.tree.span(node);
        if !self.options.extended_range_selectors {
            return self.fail(span, NotEnabled::ExtendedRange { modifier });
        }
        let selector = self.selector_of(node);
        let problem = match self.tree.kind(selector) {
            Kind::VectorSelector { .. } => {
                let before = self
                    .tree
                    .modifiers_mut(selector)
                    .and_then(|modifiers| modifiers.extended.replace(extended));
                if before.is_none_or(|before| before == extended) {
                    return Ok(());
                }
                ModifierProblem::ExtendedTwice
            }
            Kind::Subquery(_) => ModifierProblem::ExtendedSubquery { modifier },
            _ => ModifierProblem::ExtendedTarget { modifier },
        };
        self.fail(span, problem)
    }

    /// Reads the range or the step of a window.
    fn positive_duration(&mut self, expected: Expected) -> Parsed<Length> {
        match self.duration_expr(expected)? {
            Duration::Literal(number, span) if number.value <= 0.0 => {
                self.fail(span, ParseProblem::DurationNotPositive)
            }
            duration => Ok(self.length(duration)),
        }
    }

    fn offset_duration(&mut self, expected: Expected) -> Parsed<Length> {
        let duration = self.offset_expr(expected)?;
        Ok(self.length(duration))
    }

    fn length(&mut self, duration: Duration) -> Length {
        match duration {
            Duration::Literal(number, _) => Length::Millis(millis(number)),
            Duration::Expr(expr) => self.tree.push_duration(expr),
        }
    }

    /// Returns where `offset` and `@` of a node are kept, if it can have any.
    fn modifiers_mut(&mut self, node: NodeId) -> Option<&mut Modifiers> {
        let selector = self.selector_of(node);
        self.tree.modifiers_mut(selector)
    }

    /// Returns the selector within a range, and any other node as it is.
    fn selector_of(&self, node: NodeId) -> NodeId {
        match self.tree.kind(node) {
            Kind::MatrixSelector { selector, .. } => selector,
            _ => node,
        }
    }
}
