//! What stands between a binary operator and its right side.

use narthex_promql_lexer::{Keyword, TokenKind};

use super::expr::{Modifiers, starts_expr, unary_op};
use super::{Parsed, Parser};
use crate::ast::{Cardinality, Matching, MatchingSlot};
use crate::ops::UnaryOp;

impl Parser<'_> {
    pub(super) fn modifiers(&mut self) -> Parsed<Modifiers> {
        let mut return_bool = false;
        // PERF: most operators have none of these words behind them.
        let TokenKind::Keyword(_) = self.peek_kind()? else {
            return Ok(Modifiers { return_bool, matching: Matching::Plain });
        };
        return_bool = self.take_keyword(Keyword::Bool)?;
        let on = self.take_keyword(Keyword::On)?;
        let mut slot = MatchingSlot { on, ..MatchingSlot::default() };
        let is_listed = on || self.take_keyword(Keyword::Ignoring)?;
        if is_listed {
            slot.labels = self.label_list()?;
            self.group_modifier(&mut slot)?;
        }
        self.fill_modifiers(&mut slot)?;
        let is_plain = !is_listed && slot.fill_left.is_none() && slot.fill_right.is_none();
        let matching = if is_plain { Matching::Plain } else { self.tree.push_matching(slot) };
        Ok(Modifiers { return_bool, matching })
    }

    fn group_modifier(&mut self, matching: &mut MatchingSlot) -> Parsed<()> {
        matching.cardinality = if self.take_keyword(Keyword::GroupLeft)? {
            Cardinality::ManyToOne
        } else if self.take_keyword(Keyword::GroupRight)? {
            Cardinality::OneToMany
        } else {
            return Ok(());
        };
        let next = self.peek_kind()?;
        // What cannot start the right side either is taken for a label list that went wrong.
        if next == TokenKind::LeftParen || !starts_expr(next) {
            matching.include = self.label_list()?;
        }
        Ok(())
    }

    fn fill_modifiers(&mut self, matching: &mut MatchingSlot) -> Parsed<()> {
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
        let next = self.peek_kind()?;
        let sign = if matches!(next, TokenKind::Add | TokenKind::Sub) {
            self.take();
            unary_op(next)
        } else {
            UnaryOp::Plus
        };
        if !matches!(self.peek_kind()?, TokenKind::Number | TokenKind::Duration) {
            return self.unexpected(in_expr);
        }
        let value = self.number_or_duration()?.signed(sign).value;
        self.expect(TokenKind::RightParen, in_expr)?;
        Ok(value)
    }
}
