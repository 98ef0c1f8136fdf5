//! Durations: literals, and expressions over them.

use narthex_promql_lexer::{Keyword, Span, TokenKind};

use super::expr::unary_op;
use super::{Parsed, Parser};
use crate::ast::{DurationExpr, DurationKind, DurationOp, NumberLiteral, SECONDS_MAX};
use crate::error::{Expected, NotEnabled, ParseProblem};
use crate::ops::{UNARY_PRECEDENCE, UnaryOp};

/// What waits for an operand to be complete.
enum Frame {
    Paren,
    /// `min_of(` or `max_of(`, with the first argument once it is complete.
    Choice {
        op: DurationOp,
        first: Option<u32>,
    },
    Operator {
        op: DurationOp,
        span: Span,
        lhs: u32,
    },
    Sign {
        op: UnaryOp,
        span: Span,
    },
}

/// How far a duration goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// As far as operators go.
    Expression,
    /// One operand with its sign: `offset 5m + 1` adds to the selector.
    Operand,
}

/// A duration that was read.
pub(super) enum Duration {
    Literal(NumberLiteral, Span),
    Expr(DurationExpr),
}

impl Parser<'_> {
    /// Reads a duration between brackets.
    pub(super) fn duration_expr(&mut self, expected: Expected) -> Parsed<Duration> {
        // PERF: nearly every duration is a literal alone, and needs no tree.
        let mut expr = DurationExpr::default();
        if let Some((number, span)) = self.duration_literal()? {
            if infix_op(self.peek_kind()?).is_none() {
                return Ok(Duration::Literal(number, span));
            }
            let node = expr.push(DurationKind::Literal(number), span);
            return self.duration(expected, Extent::Expression, Vec::new(), expr, Some(node));
        }
        self.duration(expected, Extent::Expression, Vec::new(), expr, None)
    }

    /// Reads a duration behind `offset`: an operand, unless it starts with a parenthesis or two
    /// signs.
    pub(super) fn offset_expr(&mut self, expected: Expected) -> Parsed<Duration> {
        let expr = DurationExpr::default();
        let first = self.peek()?;
        match first.kind {
            TokenKind::LeftParen => self.duration_expr(expected),
            TokenKind::Add | TokenKind::Sub => {
                self.take();
                let op = unary_op(first.kind);
                if let Some((number, span)) = self.duration_literal()? {
                    return Ok(Duration::Literal(number.signed(op), first.span.to(span)));
                }
                let frames = vec![Frame::Sign { op, span: first.span }];
                let extent = match self.peek_kind()? {
                    TokenKind::Add | TokenKind::Sub => Extent::Expression,
                    _ => Extent::Operand,
                };
                self.duration(expected, extent, frames, expr, None)
            }
            _ => match self.duration_literal()? {
                Some((number, span)) => Ok(Duration::Literal(number, span)),
                None => self.duration(expected, Extent::Operand, Vec::new(), expr, None),
            },
        }
    }

    /// Reads a literal where one follows.
    fn duration_literal(&mut self) -> Parsed<Option<(NumberLiteral, Span)>> {
        let token = self.peek()?;
        if !matches!(token.kind, TokenKind::Number | TokenKind::Duration) {
            return Ok(None);
        }
        let number = self.number_or_duration()?;
        if number.value.abs() > SECONDS_MAX {
            return self.fail(token.span, ParseProblem::DurationOutOfRange);
        }
        Ok(Some((number, token.span)))
    }

    /// Reads the rest of a duration, behind its first operand if that was read.
    fn duration(
        &mut self,
        expected: Expected,
        extent: Extent,
        mut frames: Vec<Frame>,
        mut expr: DurationExpr,
        mut first: Option<u32>,
    ) -> Parsed<Duration> {
        let signed = frames.len();
        loop {
            let operand = match first.take() {
                Some(node) => Some(node),
                None => self.duration_operand(&mut expr, &mut frames, expected)?,
            };
            let Some(mut node) = operand else { continue };
            loop {
                if extent == Extent::Operand && frames.len() == signed {
                    return self.finish_operand(expr, node, &frames);
                }
                let next = self.peek()?;
                if let Some(op) = infix_op(next.kind) {
                    self.take();
                    let lhs =
                        self.close_durations(&mut expr, &mut frames, node, op.precedence())?;
                    frames.push(Frame::Operator { op, span: next.span, lhs });
                    break;
                }
                node = self.close_durations(&mut expr, &mut frames, node, 0)?;
                match frames.pop() {
                    None => return Ok(expr.into()),
                    Some(Frame::Choice { op, first: None }) => {
                        self.expect(TokenKind::Comma, expected)?;
                        frames.push(Frame::Choice { op, first: Some(node) });
                        break;
                    }
                    Some(closing) => {
                        self.expect(TokenKind::RightParen, expected)?;
                        self.ascend();
                        node = self.close_duration_bracket(&mut expr, closing, node)?;
                    }
                }
            }
        }
    }

    /// Reads the start of an operand. `None` where it waits for the rest.
    fn duration_operand(
        &mut self,
        expr: &mut DurationExpr,
        frames: &mut Vec<Frame>,
        expected: Expected,
    ) -> Parsed<Option<u32>> {
        let token = self.peek()?;
        match token.kind {
            TokenKind::Number | TokenKind::Duration => {
                let literal = self.duration_literal()?;
                return Ok(
                    literal.map(|(number, span)| expr.push(DurationKind::Literal(number), span))
                );
            }
            TokenKind::Keyword(keyword @ (Keyword::Step | Keyword::Range)) => {
                self.take();
                self.expect(TokenKind::LeftParen, expected)?;
                let close = self.expect(TokenKind::RightParen, expected)?;
                let span = token.span.to(close.span);
                self.require_expressions(span)?;
                let kind = match keyword {
                    Keyword::Step => DurationKind::Step,
                    _ => DurationKind::Range,
                };
                return Ok(Some(expr.push(kind, span)));
            }
            TokenKind::Keyword(keyword @ (Keyword::MinOf | Keyword::MaxOf)) => {
                self.take();
                self.expect(TokenKind::LeftParen, expected)?;
                self.descend()?;
                let op = match keyword {
                    Keyword::MinOf => DurationOp::MinOf,
                    _ => DurationOp::MaxOf,
                };
                frames.push(Frame::Choice { op, first: None });
            }
            TokenKind::LeftParen => {
                self.take();
                self.descend()?;
                frames.push(Frame::Paren);
            }
            TokenKind::Add | TokenKind::Sub => {
                self.take();
                frames.push(Frame::Sign { op: unary_op(token.kind), span: token.span });
            }
            _ => return self.unexpected(expected),
        }
        Ok(None)
    }

    /// Completes what waits for `node` and binds at least as tightly as an operator of that
    /// precedence behind it.
    fn close_durations(
        &mut self,
        expr: &mut DurationExpr,
        frames: &mut Vec<Frame>,
        mut node: u32,
        precedence: u8,
    ) -> Parsed<u32> {
        while let Some(frame) = frames.pop_if(|frame| frame.binds_before(precedence)) {
            node = match frame {
                Frame::Operator { op, span, lhs } => {
                    self.duration_operator(expr, op, span, lhs, node)?
                }
                Frame::Sign { op, span } => self.duration_sign(expr, op, span, node)?,
                Frame::Paren | Frame::Choice { .. } => unreachable!("brackets bind to nothing"),
            };
        }
        Ok(node)
    }

    fn close_duration_bracket(
        &mut self,
        expr: &mut DurationExpr,
        closing: Frame,
        node: u32,
    ) -> Parsed<u32> {
        if let Frame::Choice { op, first: Some(lhs) } = closing {
            // As in the reference, where it stands from its first operand to its last, as any
            // operation does.
            let span = expr.span_of(lhs).to(expr.span_of(node));
            self.require_expressions(span)?;
            return Ok(expr.push(DurationKind::Binary { op, lhs, rhs: node }, span));
        }
        self.require_expressions(expr.span_of(node))?;
        let node_in_parens = expr.node_mut(node);
        // The parentheses of a literal vanish.
        node_in_parens.wrapped = !matches!(node_in_parens.kind, DurationKind::Literal(_));
        Ok(node)
    }

    fn duration_operator(
        &mut self,
        expr: &mut DurationExpr,
        op: DurationOp,
        op_span: Span,
        lhs: u32,
        rhs: u32,
    ) -> Parsed<u32> {
        self.require_expressions(expr.span_of(lhs))?;
        let divisor_is_zero = matches!(
            expr.node_mut(rhs).kind,
            DurationKind::Literal(number) if number.value == 0.0
        );
        match op {
            DurationOp::Div if divisor_is_zero => self.fail(op_span, ParseProblem::DivisionByZero),
            DurationOp::Mod if divisor_is_zero => self.fail(op_span, ParseProblem::ModuloByZero),
            _ => {
                let span = expr.span_of(lhs).to(expr.span_of(rhs));
                Ok(expr.push(DurationKind::Binary { op, lhs, rhs }, span))
            }
        }
    }

    /// Puts a sign before a duration; a literal takes it in, and a plus vanishes.
    fn duration_sign(
        &mut self,
        expr: &mut DurationExpr,
        op: UnaryOp,
        sign: Span,
        node: u32,
    ) -> Parsed<u32> {
        let span = sign.to(expr.span_of(node));
        if let DurationKind::Literal(number) = &mut expr.node_mut(node).kind {
            *number = number.signed(op);
            expr.set_span(node, span);
            return Ok(node);
        }
        match op {
            UnaryOp::Plus => Ok(node),
            UnaryOp::Minus => Ok(expr.push(DurationKind::Unary { op, operand: node }, span)),
        }
    }

    /// Completes a duration of one operand with at most one sign.
    fn finish_operand(
        &mut self,
        mut expr: DurationExpr,
        node: u32,
        frames: &[Frame],
    ) -> Parsed<Duration> {
        let Some(&Frame::Sign { op, span }) = frames.last() else { return Ok(expr.into()) };
        let root = expr.node_mut(node);
        let keeps_plus = !root.wrapped && !matches!(root.kind, DurationKind::Literal(_));
        if op == UnaryOp::Plus && keeps_plus {
            let span = span.to(expr.span_of(node));
            expr.push(DurationKind::Unary { op, operand: node }, span);
        } else {
            self.duration_sign(&mut expr, op, span, node)?;
        }
        Ok(expr.into())
    }

    fn require_expressions(&self, span: Span) -> Parsed<()> {
        if self.options.duration_expressions {
            Ok(())
        } else {
            self.fail(span, NotEnabled::DurationExpression)
        }
    }
}

impl From<DurationExpr> for Duration {
    fn from(expr: DurationExpr) -> Self {
        match expr.literal() {
            Some(number) => Self::Literal(number, expr.span()),
            None => Self::Expr(expr),
        }
    }
}

impl Frame {
    /// Returns whether the frame completes before an operator of that precedence takes over.
    fn binds_before(&self, precedence: u8) -> bool {
        match self {
            Self::Operator { op: DurationOp::Pow, .. } => DurationOp::Pow.precedence() > precedence,
            Self::Operator { op, .. } => op.precedence() >= precedence,
            Self::Sign { .. } => UNARY_PRECEDENCE >= precedence,
            Self::Paren | Self::Choice { .. } => false,
        }
    }
}

fn infix_op(kind: TokenKind) -> Option<DurationOp> {
    Some(match kind {
        TokenKind::Add => DurationOp::Add,
        TokenKind::Sub => DurationOp::Sub,
        TokenKind::Mul => DurationOp::Mul,
        TokenKind::Div => DurationOp::Div,
        TokenKind::Mod => DurationOp::Mod,
        TokenKind::Pow => DurationOp::Pow,
        _ => return None,
    })
}

/// Returns the whole milliseconds of a literal. A rest is cut.
pub(super) fn millis(number: NumberLiteral) -> i64 {
    if number.is_duration {
        // Has no rest but what floats add, which must not cost the last millisecond.
        return to_i64((number.value * 1e3).round());
    }
    // By way of nanoseconds, as the reference does.
    to_i64((number.value * 1e9).round()) / 1_000_000
}

/// Returns the integer as the reference's machines convert it: what does not fit is the least.
pub(super) fn to_i64(value: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    if value >= i64::MIN as f64 && value < -(i64::MIN as f64) { value as i64 } else { i64::MIN }
}
