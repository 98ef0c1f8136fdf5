//! Nodes of other trees, copied.

use narthex_promql_lexer::Span;

use super::{Kind, Length, Matching, MatchingSlot, Modifiers, Run, SubquerySlot, Tree};
use super::{number_of, push_numbered};
use crate::ast::{
    Aggregate, Binary, Call, DurationValue, LabelNames, MatrixSelector, Node, NodeId, Subquery,
    VectorMatching, VectorSelector,
};
impl Tree {
    /// Adds a copy of a node whose children were added before.
    pub(crate) fn push_node(&mut self, node: Node<'_>, span: Span) -> NodeId {
        let kind = match node {
            Node::NumberLiteral(number) => Kind::Number(number),
            Node::StringLiteral(literal) => self.push_bytes(literal.as_bytes()),
            Node::VectorSelector(selector) => self.copy_selector(&selector),
            Node::MatrixSelector(MatrixSelector { selector, range }) => {
                Kind::MatrixSelector { selector, range: self.copy_duration(range) }
            }
            Node::Subquery(subquery) => self.copy_subquery(&subquery),
            Node::Call(Call { function, args }) => {
                Kind::Call { function, args: self.push_args(args) }
            }
            Node::Aggregate(Aggregate { op, param, expr, grouping, without }) => {
                let labels = self.copy_labels(grouping);
                Kind::Aggregate { op, without, param, expr, labels }
            }
            Node::Binary(Binary { op, lhs, rhs, return_bool, matching }) => {
                let matching = self.copy_matching(matching);
                Kind::Binary { op, return_bool, lhs, rhs, matching }
            }
            Node::Unary(unary) => Kind::Unary(unary),
            Node::Paren(expr) => Kind::Paren(expr),
        };
        self.push(kind, span)
    }

    fn copy_selector(&mut self, selector: &VectorSelector<'_>) -> Kind {
        let name = selector.name.map(|name| self.push_text(name));
        let start = self.matcher_count();
        for matcher in selector.matchers.iter() {
            let texts = [matcher.name, matcher.value].map(|text| self.push_text(text));
            self.push_matcher(matcher.op, texts, matcher.regex.cloned());
        }
        let matchers = self.matchers_since(start);
        let VectorSelector { offset, at, extended, .. } = *selector;
        let modifiers = if offset.is_zero() && at.is_none() && extended.is_none() {
            None
        } else {
            let offset = self.copy_duration(offset);
            Some(push_numbered(&mut self.rare_mut().modifiers, Modifiers { offset, at, extended }))
        };
        Kind::VectorSelector { name, matchers, modifiers }
    }

    fn copy_subquery(&mut self, subquery: &Subquery<'_>) -> Kind {
        let range = self.copy_duration(subquery.range);
        let step = subquery.step.map(|step| self.copy_duration(step));
        let offset = self.copy_duration(subquery.offset);
        let modifiers = Modifiers { offset, at: subquery.at, extended: None };
        let slot = SubquerySlot { expr: subquery.expr, range, step, modifiers };
        Kind::Subquery(push_numbered(&mut self.rare_mut().subqueries, slot))
    }

    fn copy_matching(&mut self, matching: Option<VectorMatching<'_>>) -> Matching {
        let Some(matching) = matching else { return Matching::None };
        let slot = MatchingSlot {
            cardinality: matching.cardinality,
            on: matching.on,
            labels: self.copy_labels(matching.labels),
            include: self.copy_labels(matching.include),
            fill_left: matching.fill_left,
            fill_right: matching.fill_right,
        };
        self.push_matching(slot)
    }

    fn copy_labels(&mut self, names: LabelNames<'_>) -> Run {
        let start = number_of(&self.labels);
        for name in names.iter() {
            let part = self.push_text(name);
            self.labels.push(part);
        }
        Run { start, end: number_of(&self.labels) }
    }

    fn copy_duration(&mut self, duration: DurationValue<'_>) -> Length {
        match duration {
            DurationValue::Millis(millis) => Length::Millis(millis),
            DurationValue::Expr(expr) => self.push_duration(expr.clone()),
        }
    }
}
