//! Operators by precedence, with what waits for its right side on a stack.

use narthex_promql_lexer::{Keyword, Span, Token, TokenKind};
use smallvec::SmallVec;

use super::call::Callee;
use super::{Parsed, Parser};
use crate::ast::{Kind, Matching, NodeId, NumberLiteral, Unary};
use crate::error::NotEnabled;
use crate::ops::{BinaryOp, UNARY_PRECEDENCE, UnaryOp};

/// What waits for an operand to be complete.
#[derive(Clone, Copy)]
enum Frame {
    Paren(Span),
    /// Its arguments are those of the parser from the first on.
    Call {
        callee: Callee,
        first_arg: usize,
    },
    Operator {
        op: BinaryOp,
        lhs: NodeId,
        modifiers: Modifiers,
    },
    Sign {
        op: UnaryOp,
        span: Span,
    },
}

/// What waits, the innermost last. As many as nearly every query has need no allocation.
type Frames = SmallVec<[Frame; 16]>;

/// What stands between an operator and its right side.
#[derive(Clone, Copy)]
pub(super) struct Modifiers {
    pub(super) return_bool: bool,
    pub(super) matching: Matching,
}

impl Parser<'_> {
    /// Reads the query to its end and returns the root of its expression.
    pub(super) fn expr(&mut self) -> Parsed<NodeId> {
        let mut frames = Frames::new();
        loop {
            let Some(mut node) = self.operand(&mut frames)? else { continue };
            loop {
                node = self.postfix(node)?;
                if let Some(op) = binary_op(self.peek_kind()?) {
                    self.take();
                    let lhs = self.close_operators(&mut frames, node, op.precedence())?;
                    let modifiers = self.modifiers()?;
                    frames.push(Frame::Operator { op, lhs, modifiers });
                    break;
                }
                node = self.close_operators(&mut frames, node, 0)?;
                match self.close_bracket(&mut frames, node)? {
                    Some(closed) => node = closed,
                    None if frames.is_empty() => return Ok(node),
                    None => break,
                }
            }
        }
    }

    /// Reads the start of an operand. `None` where it waits for the rest.
    fn operand(&mut self, frames: &mut Frames) -> Parsed<Option<NodeId>> {
        let token = self.peek()?;
        let node = match token.kind {
            TokenKind::LeftParen => {
                self.take();
                self.descend()?;
                frames.push(Frame::Paren(token.span));
                return Ok(None);
            }
            TokenKind::Add | TokenKind::Sub => {
                self.take();
                let op = unary_op(token.kind);
                frames.push(Frame::Sign { op, span: token.span });
                return Ok(None);
            }
            TokenKind::Number | TokenKind::Duration => {
                let number = self.number_or_duration()?;
                self.tree.push(Kind::Number(number), token.span)
            }
            TokenKind::String => {
                self.take();
                let text = self.string(token);
                self.tree.push(text, token.span)
            }
            TokenKind::LeftBrace => self.vector_selector(None)?,
            _ if is_metric_name(token.kind) => {
                self.take();
                return self.name(token, frames);
            }
            _ => return self.unexpected(self.in_expr()),
        };
        Ok(Some(node))
    }

    /// Reads what follows a name: a call, an aggregation, or a selector.
    fn name(&mut self, name: Token, frames: &mut Frames) -> Parsed<Option<NodeId>> {
        let next = self.peek_kind()?;
        let callee = match name.kind {
            TokenKind::Keyword(keyword) => match (Callee::aggregation(keyword), next) {
                (Some(op), TokenKind::LeftParen)
                | (Some(op), TokenKind::Keyword(Keyword::By | Keyword::Without)) => {
                    Some(self.aggregation(op, name.span)?)
                }
                (None, TokenKind::LeftParen) if Callee::is_function(keyword) => {
                    Some(Callee::function(name.span))
                }
                _ => None,
            },
            TokenKind::Identifier if next == TokenKind::LeftParen => {
                Some(Callee::function(name.span))
            }
            _ => None,
        };
        let Some(callee) = callee else {
            return self.vector_selector(Some(name.span)).map(Some);
        };
        self.take();
        self.descend()?;
        self.open_aggregations += usize::from(callee.is_aggregation());
        let first_arg = self.args.len();
        if self.take_if(TokenKind::RightParen)?.is_some() {
            return self.finish_call(callee, first_arg).map(Some);
        }
        frames.push(Frame::Call { callee, first_arg });
        Ok(None)
    }

    /// Completes what waits for `node` and binds at least as tightly as an operator of that
    /// precedence behind it.
    #[inline]
    fn close_operators(
        &mut self,
        frames: &mut Frames,
        mut node: NodeId,
        precedence: u8,
    ) -> Parsed<NodeId> {
        while let Some(&frame) = frames.last()
            && frame.binds_before(precedence)
        {
            frames.pop();
            node = self.close_operator(frame, node)?;
        }
        Ok(node)
    }

    fn close_operator(&mut self, frame: Frame, node: NodeId) -> Parsed<NodeId> {
        match frame {
            Frame::Operator { op, lhs, modifiers } => self.binary(op, lhs, node, modifiers),
            Frame::Sign { op, span } => Ok(self.signed(op, span, node)),
            Frame::Paren(_) | Frame::Call { .. } => unreachable!("brackets bind to nothing"),
        }
    }

    /// Reads what follows a complete expression in brackets, or the end of the query.
    ///
    /// Returns what the closing bracket completes. `None` for a comma before another argument,
    /// and, where no frame is left, for the end.
    fn close_bracket(&mut self, frames: &mut Frames, node: NodeId) -> Parsed<Option<NodeId>> {
        match frames.last().copied() {
            None => {
                self.expect(TokenKind::Eof, self.in_expr())?;
                Ok(None)
            }
            Some(Frame::Paren(open)) => {
                let close = self.expect(TokenKind::RightParen, self.in_expr())?;
                frames.pop();
                self.ascend();
                let span = open.to(close.span);
                Ok(Some(self.tree.push(Kind::Paren(node), span)))
            }
            Some(Frame::Call { callee, first_arg }) => {
                self.args.push(node);
                if let Some(comma) = self.take_if(TokenKind::Comma)? {
                    self.expect_argument(comma)?;
                    return Ok(None);
                }
                self.expect(TokenKind::RightParen, self.in_expr())?;
                frames.pop();
                self.finish_call(callee, first_arg).map(Some)
            }
            Some(Frame::Operator { .. } | Frame::Sign { .. }) => {
                unreachable!("operators are completed before brackets")
            }
        }
    }

    fn binary(
        &mut self,
        op: BinaryOp,
        lhs: NodeId,
        rhs: NodeId,
        modifiers: Modifiers,
    ) -> Parsed<NodeId> {
        let Modifiers { return_bool, matching } = modifiers;
        let span = self.tree.span(lhs).to(self.tree.span(rhs));
        if !self.options.fill_modifiers && self.tree.fills(matching) {
            return self.fail(span, NotEnabled::Fill);
        }
        Ok(self.tree.push(Kind::Binary { op, return_bool, lhs, rhs, matching }, span))
    }

    /// Puts a sign before an expression; a literal takes it in.
    fn signed(&mut self, op: UnaryOp, sign: Span, expr: NodeId) -> NodeId {
        let span = sign.to(self.tree.span(expr));
        if let Kind::Number(number) = self.tree.kind_mut(expr) {
            *number = number.signed(op);
            self.tree.set_span(expr, span);
            return expr;
        }
        self.tree.push(Kind::Unary(Unary { op, expr }), span)
    }
}

impl Frame {
    /// Returns whether the frame completes before an operator of that precedence takes over.
    fn binds_before(&self, precedence: u8) -> bool {
        match self {
            Self::Operator { op, .. } if op.is_right_associative() => op.precedence() > precedence,
            Self::Operator { op, .. } => op.precedence() >= precedence,
            Self::Sign { .. } => UNARY_PRECEDENCE >= precedence,
            Self::Paren(_) | Self::Call { .. } => false,
        }
    }
}

impl NumberLiteral {
    /// Returns the literal with a sign before it.
    pub(super) fn signed(self, op: UnaryOp) -> Self {
        match op {
            UnaryOp::Plus => self,
            UnaryOp::Minus => Self { value: -self.value, ..self },
        }
    }
}

/// Returns the sign that `+` or `-` is.
pub(super) fn unary_op(kind: TokenKind) -> UnaryOp {
    if kind == TokenKind::Sub { UnaryOp::Minus } else { UnaryOp::Plus }
}

/// Returns whether a selector may start with the token: with a name or a keyword that may be one.
pub(crate) fn is_metric_name(kind: TokenKind) -> bool {
    match kind {
        TokenKind::Identifier | TokenKind::MetricIdentifier => true,
        TokenKind::Keyword(keyword) => !matches!(
            keyword,
            Keyword::Bool
                | Keyword::On
                | Keyword::Ignoring
                | Keyword::GroupLeft
                | Keyword::GroupRight
                | Keyword::Atan2
        ),
        _ => false,
    }
}

/// Returns whether an expression may start with the token.
pub(super) fn starts_expr(kind: TokenKind) -> bool {
    is_metric_name(kind)
        || matches!(
            kind,
            TokenKind::LeftParen
                | TokenKind::LeftBrace
                | TokenKind::Add
                | TokenKind::Sub
                | TokenKind::Number
                | TokenKind::Duration
                | TokenKind::String
        )
}

fn binary_op(kind: TokenKind) -> Option<BinaryOp> {
    Some(match kind {
        TokenKind::Add => BinaryOp::Add,
        TokenKind::Sub => BinaryOp::Sub,
        TokenKind::Mul => BinaryOp::Mul,
        TokenKind::Div => BinaryOp::Div,
        TokenKind::Mod => BinaryOp::Mod,
        TokenKind::Pow => BinaryOp::Pow,
        TokenKind::Equal => BinaryOp::Equal,
        TokenKind::NotEqual => BinaryOp::NotEqual,
        TokenKind::Greater => BinaryOp::Greater,
        TokenKind::Less => BinaryOp::Less,
        TokenKind::GreaterEqual => BinaryOp::GreaterEqual,
        TokenKind::LessEqual => BinaryOp::LessEqual,
        TokenKind::TrimUpper => BinaryOp::TrimUpper,
        TokenKind::TrimLower => BinaryOp::TrimLower,
        TokenKind::Keyword(Keyword::Atan2) => BinaryOp::Atan2,
        TokenKind::Keyword(Keyword::And) => BinaryOp::And,
        TokenKind::Keyword(Keyword::Or) => BinaryOp::Or,
        TokenKind::Keyword(Keyword::Unless) => BinaryOp::Unless,
        _ => return None,
    })
}
