//! What stands behind an expression: ranges, subqueries, `offset`, `@`, `anchored`, `smoothed`.

use narthex_promql_lexer::{Keyword, Span, TokenKind};

use super::duration::{millis, to_i64};
use super::expr::unary_op;
use super::{Parsed, Parser};
use crate::ast::{At, DurationValue, ExtendedRange, MatrixSelector, Node, NodeId, Subquery};
use crate::error::{Expected, ModifierProblem, NotEnabled, ParseProblem};
use crate::ops::UnaryOp;

impl Parser<'_> {
    /// Reads every modifier behind `node` and returns what they make of it.
    pub(super) fn postfix(&mut self, mut node: NodeId) -> Parsed<NodeId> {
        loop {
            match self.peek()?.kind {
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
        let open = self.take()?.span;
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
        let span = self.builder.span(expr).to(self.last);
        let subquery = Subquery { expr, range, step, offset: DurationValue::ZERO, at: None };
        Ok(self.builder.push(Node::Subquery(Box::new(subquery)), span))
    }

    fn matrix_selector(
        &mut self,
        selector: NodeId,
        range: DurationValue,
        brackets: Span,
    ) -> Parsed<NodeId> {
        let problem = match self.builder.node(selector) {
            Node::VectorSelector(vector) if !vector.offset.is_zero() => {
                ModifierProblem::OffsetBeforeRange
            }
            Node::VectorSelector(vector) if vector.at.is_some() => ModifierProblem::AtBeforeRange,
            Node::VectorSelector(_) => {
                let span = self.builder.span(selector).to(brackets);
                let matrix = MatrixSelector { selector, range };
                return Ok(self.builder.push(Node::MatrixSelector(matrix), span));
            }
            _ => ModifierProblem::RangeTarget,
        };
        self.fail(brackets, problem)
    }

    fn offset(&mut self, node: NodeId) -> Parsed<()> {
        self.take()?;
        let what = "number, duration, step(), or range()";
        let offset = self.offset_duration(Expected { context: "offset", what })?;
        let span = self.builder.span(node);
        match self.times_mut(node) {
            None => self.fail(span, ModifierProblem::OffsetTarget),
            Some(times) if !times.offset.is_zero() => self.fail(span, ModifierProblem::OffsetTwice),
            Some(times) => {
                *times.offset = offset;
                self.builder.set_span(node, span.to(self.last));
                Ok(())
            }
        }
    }

    fn at(&mut self, node: NodeId) -> Parsed<()> {
        self.take()?;
        let span = self.builder.span(node);
        let at = self.at_time(span)?;
        match self.times_mut(node) {
            None => self.fail(span, ModifierProblem::AtTarget),
            Some(times) if times.at.is_some() => self.fail(span, ModifierProblem::AtTwice),
            Some(times) => {
                *times.at = Some(at);
                self.builder.set_span(node, span.to(self.last));
                Ok(())
            }
        }
    }

    /// Reads what follows `@`. `target` is the span of what it follows.
    fn at_time(&mut self, target: Span) -> Parsed<At> {
        let expected = Expected { context: "@", what: "timestamp" };
        let mut next = self.peek()?.kind;
        let at = match next {
            TokenKind::Keyword(Keyword::Start) => At::Start,
            TokenKind::Keyword(Keyword::End) => At::End,
            _ => {
                let mut sign = UnaryOp::Plus;
                if matches!(next, TokenKind::Add | TokenKind::Sub) {
                    sign = unary_op(next);
                    self.take()?;
                    next = self.peek()?.kind;
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
        self.take()?;
        self.expect(TokenKind::LeftParen, expected)?;
        self.expect(TokenKind::RightParen, expected)?;
        Ok(at)
    }

    fn extended(&mut self, node: NodeId, extended: ExtendedRange) -> Parsed<()> {
        self.take()?;
        let modifier = extended.as_str();
        let span = self.builder.span(node);
        if !self.options.extended_range_selectors {
            return self.fail(span, NotEnabled::ExtendedRange { modifier });
        }
        let selector = match self.builder.node(node) {
            Node::MatrixSelector(matrix) => matrix.selector,
            _ => node,
        };
        let problem = match self.builder.node_mut(selector) {
            Node::VectorSelector(vector) => {
                let before = vector.extended.replace(extended);
                if before.is_none_or(|before| before == extended) {
                    return Ok(());
                }
                ModifierProblem::ExtendedTwice
            }
            Node::Subquery(_) => ModifierProblem::ExtendedSubquery { modifier },
            _ => ModifierProblem::ExtendedTarget { modifier },
        };
        self.fail(span, problem)
    }

    /// Reads the range or the step of a window.
    fn positive_duration(&mut self, expected: Expected) -> Parsed<DurationValue> {
        let duration = self.duration_expr(expected)?;
        match duration.literal() {
            Some(number) if number.value <= 0.0 => {
                self.fail(duration.span(), ParseProblem::DurationNotPositive)
            }
            Some(number) => Ok(DurationValue::Millis(millis(number))),
            None => Ok(DurationValue::Expr(Box::new(duration))),
        }
    }

    fn offset_duration(&mut self, expected: Expected) -> Parsed<DurationValue> {
        let duration = self.offset_expr(expected)?;
        Ok(match duration.literal() {
            Some(number) => DurationValue::Millis(millis(number)),
            None => DurationValue::Expr(Box::new(duration)),
        })
    }

    /// Returns where `offset` and `@` of a node are kept, if it can have any.
    fn times_mut(&mut self, node: NodeId) -> Option<Times<'_>> {
        let node = match self.builder.node(node) {
            Node::MatrixSelector(matrix) => matrix.selector,
            _ => node,
        };
        match self.builder.node_mut(node) {
            Node::VectorSelector(vector) => {
                Some(Times { offset: &mut vector.offset, at: &mut vector.at })
            }
            Node::Subquery(subquery) => {
                Some(Times { offset: &mut subquery.offset, at: &mut subquery.at })
            }
            _ => None,
        }
    }
}

/// The times that modifiers set.
struct Times<'a> {
    offset: &'a mut DurationValue,
    at: &'a mut Option<At>,
}
