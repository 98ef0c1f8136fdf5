//! What stands between a binary operator and its right side.

use narthex_promql_lexer::{Keyword, TokenKind};

use super::expr::{Modifiers, starts_expr, unary_op};
use super::{Parsed, Parser};
use crate::ast::{Cardinality, VectorMatching};
use crate::ops::UnaryOp;

impl Parser<'_> {
    pub(super) fn modifiers(&mut self) -> Parsed<Modifiers> {
        let return_bool = self.take_keyword(Keyword::Bool)?;
        let on = self.take_keyword(Keyword::On)?;
        let mut matching = VectorMatching { on, ..VectorMatching::default() };
        if on || self.take_keyword(Keyword::Ignoring)? {
            matching.labels = self.label_list()?;
            self.group_modifier(&mut matching)?;
        }
        self.fill_modifiers(&mut matching)?;
        Ok(Modifiers { return_bool, matching })
    }

    fn group_modifier(&mut self, matching: &mut VectorMatching) -> Parsed<()> {
        matching.cardinality = if self.take_keyword(Keyword::GroupLeft)? {
            Cardinality::ManyToOne
        } else if self.take_keyword(Keyword::GroupRight)? {
            Cardinality::OneToMany
        } else {
            return Ok(());
        };
        let next = self.peek()?.kind;
        // What cannot start the right side either is taken for a label list that went wrong.
        if next == TokenKind::LeftParen || !starts_expr(next) {
            matching.include = self.label_list()?;
        }
        Ok(())
    }

    fn fill_modifiers(&mut self, matching: &mut VectorMatching) -> Parsed<()> {
        if self.take_keyword(Keyword::Fill)? {
            let value = Some(self.fill_value()?);
            (matching.fill_left, matching.fill_right) = (value, value);
        } else if self.take_keyword(Keyword::FillLeft)? {
            matching.fill_left = Some(self.fill_value()?);
            if self.take_keyword(Keyword::FillRight)? {
                matching.fill_right = Some(self.fill_value()?);
            }
        } else if self.take_keyword(Keyword::FillRight)? {
            matching.fill_right = Some(self.fill_value()?);
            if self.take_keyword(Keyword::FillLeft)? {
                matching.fill_left = Some(self.fill_value()?);
            }
        }
        Ok(())
    }

    /// Reads a number in parentheses, which may have a sign.
    fn fill_value(&mut self) -> Parsed<f64> {
        let in_expr = self.in_expr();
        self.expect(TokenKind::LeftParen, in_expr)?;
        let next = self.peek()?.kind;
        let sign = if matches!(next, TokenKind::Add | TokenKind::Sub) {
            self.take()?;
            unary_op(next)
        } else {
            UnaryOp::Plus
        };
        if !matches!(self.peek()?.kind, TokenKind::Number | TokenKind::Duration) {
            return self.unexpected(in_expr);
        }
        let value = self.number_or_duration()?.signed(sign).value;
        self.expect(TokenKind::RightParen, in_expr)?;
        Ok(value)
    }
}
