//! The syntax tree: nodes in an arena, spans and types beside them.

mod builder;
mod duration;
mod lists;
mod node;
mod tree;

use std::fmt;

use narthex_promql_lexer::Span;

pub use self::builder::ExprBuilder;
pub(crate) use self::duration::SECONDS_MAX;
pub use self::duration::{
    DurationExpr, DurationExprError, DurationKind, DurationNode, DurationOp, DurationProblem,
    DurationValue, QueryTimes,
};
pub use self::lists::{LabelNames, MatcherRef, Matchers};
pub use self::node::{
    Aggregate, At, Binary, Call, Cardinality, ExtendedRange, MatrixSelector, Node, NumberLiteral,
    StringLiteral, Subquery, Unary, VectorMatching, VectorSelector,
};
pub(crate) use self::tree::{Kind, Length, Matching, MatchingSlot, Modifiers, Run, Tree};
use crate::value_type::ValueType;

/// An expression: the root of a syntax tree together with the tree.
///
/// The nodes lie in post-order in one `Vec`, children before parents in the order of the text and
/// the root last. So a bottom-up walk is a loop over [`Expr::nodes`], a copy is a copy of a few
/// vectors, and dropping a deep tree needs no deep stack. What is kept is compact and private; a
/// [`Node`] is made of it to look at. Equality compares nodes and ignores spans.
///
/// # Examples
///
/// ```
/// use narthex_promql_parser::{Node, parse};
///
/// let expr = parse("sum(rate(http_requests_total[5m]))")?;
/// let Node::Aggregate(sum) = expr.root().node() else { unreachable!() };
/// assert_eq!(expr.get(sum.expr).to_string(), "rate(http_requests_total[5m])");
/// # Ok::<(), narthex_promql_parser::ParseError>(())
/// ```
#[derive(Clone)]
pub struct Expr {
    tree: Tree,
}

/// Names a node within its [`Expr`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

impl NodeId {
    /// Returns the node's place in post-order, from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }

    fn at_index(index: usize) -> Self {
        Self(u32::try_from(index).expect("a tree counts its nodes in 32 bits"))
    }
}

impl Expr {
    /// Returns the node that the whole expression is.
    #[must_use]
    pub fn root(&self) -> ExprRef<'_> {
        self.at_index(self.tree.len() - 1)
    }

    /// Returns a node of this expression.
    ///
    /// # Panics
    ///
    /// Where `id` comes from another, larger expression.
    #[must_use]
    pub fn get(&self, id: NodeId) -> ExprRef<'_> {
        self.at_index(id.index())
    }

    /// Returns every node in post-order: children before parents, the root last.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = ExprRef<'_>> + ExactSizeIterator {
        (0..self.tree.len()).map(|index| self.at_index(index))
    }

    /// Returns how many nodes there are; at least one.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.tree.len()
    }

    /// Returns what the expression evaluates to.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        self.root().value_type()
    }

    fn at_index(&self, index: usize) -> ExprRef<'_> {
        debug_assert!(index < self.tree.len(), "a node of another expression");
        ExprRef { expr: self, id: NodeId::at_index(index) }
    }
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.nodes()).finish()
    }
}

/// Equality ignores spans: `a+b` equals `a + b`.
impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.nodes().map(ExprRef::node).eq(other.nodes().map(ExprRef::node))
    }
}

/// A node seen together with the expression that it belongs to.
#[derive(Clone, Copy)]
pub struct ExprRef<'a> {
    expr: &'a Expr,
    id: NodeId,
}

impl<'a> ExprRef<'a> {
    /// Returns the node's name within its expression.
    #[must_use]
    pub fn id(self) -> NodeId {
        self.id
    }

    /// Returns the node, for matching.
    #[must_use]
    pub fn node(self) -> Node<'a> {
        self.expr.tree.node(self.id)
    }

    /// Returns another node of the same expression, such as a child.
    #[must_use]
    pub fn get(self, id: NodeId) -> ExprRef<'a> {
        self.expr.get(id)
    }

    /// Returns the children in the order of the text.
    pub fn children(self) -> impl Iterator<Item = ExprRef<'a>> {
        self.node().children().into_iter().map(move |child| self.get(child))
    }

    /// Returns where the node stands in the query that was parsed.
    #[must_use]
    pub fn span(self) -> Span {
        self.expr.tree.span(self.id)
    }

    /// Returns what the node evaluates to.
    #[must_use]
    pub fn value_type(self) -> ValueType {
        self.expr.tree.value_type(self.id)
    }

    /// Returns the expression that the node belongs to.
    #[must_use]
    pub fn expr(self) -> &'a Expr {
        self.expr
    }

    /// Returns the node without the parentheses around it.
    #[must_use]
    pub fn without_parens(mut self) -> Self {
        while let Node::Paren(inner) = self.node() {
            self = self.get(inner);
        }
        self
    }
}

impl fmt::Debug for ExprRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExprRef").field(&self.id).field(&self.node()).finish()
    }
}
