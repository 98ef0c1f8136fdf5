//! Nodes as they are looked at.

use narthex_promql_lexer::Span;

use super::{Kind, Length, MatcherSlot, Matching, Modifiers, Run, SubquerySlot, Tree, run_of};
use crate::ast::{
    Aggregate, Binary, Call, Cardinality, DurationValue, LabelNames, MatcherRef, Matchers,
    MatrixSelector, Node, NodeId, StringLiteral, Subquery, VectorMatching, VectorSelector,
};
use crate::ops::BinaryOp;
use crate::value_type::ValueType;
impl Tree {
    /// Returns a node, for matching.
    pub(crate) fn node(&self, id: NodeId) -> Node<'_> {
        match self.kind(id) {
            Kind::Number(number) => Node::NumberLiteral(number),
            Kind::String { text, bytes } => Node::StringLiteral(self.string(text, bytes)),
            Kind::VectorSelector { name, matchers, modifiers } => {
                let Modifiers { offset, at, extended } = self.modifiers(modifiers);
                Node::VectorSelector(VectorSelector {
                    name: name.map(|name| self.text(name)),
                    matchers: self.matchers(matchers),
                    offset: self.duration(offset),
                    at,
                    extended,
                })
            }
            Kind::MatrixSelector { selector, range } => {
                Node::MatrixSelector(MatrixSelector { selector, range: self.duration(range) })
            }
            Kind::Subquery(number) => Node::Subquery(self.subquery(number)),
            Kind::Call { function, args } => Node::Call(Call { function, args: self.args(args) }),
            Kind::Aggregate { op, without, param, expr, labels } => {
                let grouping = self.labels(labels);
                Node::Aggregate(Aggregate { op, param, expr, grouping, without })
            }
            Kind::Binary { op, return_bool, lhs, rhs, matching } => {
                let matching = self.matching(op, [lhs, rhs], matching);
                Node::Binary(Binary { op, lhs, rhs, return_bool, matching })
            }
            Kind::Unary(unary) => Node::Unary(unary),
            Kind::Paren(expr) => Node::Paren(expr),
        }
    }

    pub(crate) fn matchers(&self, run: Run) -> Matchers<'_> {
        Matchers::of_tree(self, run_of(&self.matchers, run))
    }

    pub(crate) fn matcher(&self, slot: MatcherSlot) -> MatcherRef<'_> {
        let regex = slot.regex.map(|number| &self.rare().regexes[number as usize]);
        let [name, value] = [slot.name, slot.value].map(|part| self.text(part));
        MatcherRef { op: slot.op, name, value, regex }
    }

    pub(crate) fn labels(&self, run: Run) -> LabelNames<'_> {
        LabelNames::of_text(&self.text, run_of(&self.labels, run))
    }

    /// Returns the matching as it was written, whatever the types of the operands.
    pub(crate) fn matching_as_written(&self, matching: Matching) -> Option<VectorMatching<'_>> {
        let slot = match matching {
            Matching::None => return None,
            Matching::Plain => return Some(VectorMatching::default()),
            Matching::Listed(number) => self.rare().matchings[number as usize],
        };
        Some(VectorMatching {
            cardinality: slot.cardinality,
            labels: self.labels(slot.labels),
            on: slot.on,
            include: self.labels(slot.include),
            fill_left: slot.fill_left,
            fill_right: slot.fill_right,
        })
    }

    /// Returns the matching of an operation, which only vectors have.
    fn matching(
        &self,
        op: BinaryOp,
        operands: [NodeId; 2],
        matching: Matching,
    ) -> Option<VectorMatching<'_>> {
        if operands.map(|id| self.value_type(id)) != [ValueType::Vector; 2] {
            return None;
        }
        let mut matching = self.matching_as_written(matching)?;
        if op.is_set() {
            matching.cardinality = Cardinality::ManyToMany;
        }
        Some(matching)
    }

    fn subquery(&self, number: u32) -> Subquery<'_> {
        let SubquerySlot { expr, range, step, modifiers } = self.rare().subqueries[number as usize];
        Subquery {
            expr,
            range: self.duration(range),
            step: step.map(|step| self.duration(step)),
            offset: self.duration(modifiers.offset),
            at: modifiers.at,
        }
    }

    fn duration(&self, length: Length) -> DurationValue<'_> {
        match length {
            Length::Millis(millis) => DurationValue::Millis(millis),
            Length::Expr(number) => DurationValue::Expr(&self.rare().durations[number as usize]),
        }
    }

    fn string(&self, text: Span, bytes: Option<u32>) -> StringLiteral<'_> {
        let text = self.text(text);
        let bytes = bytes.map_or(text.as_bytes(), |number| &self.rare().bytes[number as usize]);
        StringLiteral { text, bytes }
    }
}
