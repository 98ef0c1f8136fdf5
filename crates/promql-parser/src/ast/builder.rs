use narthex_promql_lexer::Span;

use super::{Expr, Node, NodeId};
use crate::value_type::ValueType;

/// Builds an [`Expr`] from the leaves up: the parser and rewriters use it, and so may others.
///
/// The builder knows nothing of types beyond what a node evaluates to.
///
/// # Examples
///
/// ```
/// use narthex_promql_parser::{ExprBuilder, Node, NumberLiteral, Span, Unary, UnaryOp};
///
/// let mut builder = ExprBuilder::default();
/// let two = Node::NumberLiteral(NumberLiteral { value: 2.0, is_duration: false });
/// let two = builder.push(two, Span::default());
/// let paren = builder.push(Node::Paren(two), Span::default());
/// let root = builder.push(Node::Unary(Unary { op: UnaryOp::Minus, expr: paren }), Span::default());
/// assert_eq!(builder.finish(root).to_string(), "-(2)");
/// ```
#[derive(Clone, Debug, Default)]
pub struct ExprBuilder {
    nodes: Vec<Node>,
    spans: Vec<Span>,
    types: Vec<ValueType>,
}

impl ExprBuilder {
    /// Returns a builder with room for so many nodes.
    pub(crate) fn with_capacity(nodes: usize) -> Self {
        Self {
            nodes: Vec::with_capacity(nodes),
            spans: Vec::with_capacity(nodes),
            types: Vec::with_capacity(nodes),
        }
    }

    /// Adds a node and returns its name. `span` is where it stands in a query, if in any.
    ///
    /// # Panics
    ///
    /// Where a child was not pushed before, or there are 2³² nodes.
    pub fn push(&mut self, node: Node, span: Span) -> NodeId {
        let value_type = self.type_of(&node);
        let id = NodeId(u32::try_from(self.nodes.len()).expect("fewer than 2^32 nodes"));
        self.nodes.push(node);
        self.spans.push(span);
        self.types.push(value_type);
        id
    }

    /// Returns a node that was pushed.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// Returns a node that was pushed, for changes that keep its children.
    pub fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.index()]
    }

    /// Returns where a node stands.
    #[must_use]
    pub fn span(&self, id: NodeId) -> Span {
        self.spans[id.index()]
    }

    /// Changes where a node stands.
    pub fn set_span(&mut self, id: NodeId, span: Span) {
        self.spans[id.index()] = span;
    }

    /// Returns what a node evaluates to.
    #[must_use]
    pub fn value_type(&self, id: NodeId) -> ValueType {
        self.types[id.index()]
    }

    /// Returns the expression under `root`, the node pushed last, where every node was pushed once
    /// for its place and in the order of the text: so the parser works.
    pub(crate) fn finish_in_order(self, root: NodeId) -> Expr {
        debug_assert!(self.is_canonical(root), "the nodes are in post-order");
        Expr { nodes: self.nodes, spans: self.spans, types: self.types }
    }

    /// Returns the expression under `root`. Nodes that it does not use are left out.
    #[must_use]
    pub fn finish(self, root: NodeId) -> Expr {
        if self.is_canonical(root) {
            return self.finish_in_order(root);
        }
        let mut compact = Self::default();
        let mut renamed = vec![NodeId(0); self.nodes.len()];
        // A node is met twice: the first time its children go on the stack above it.
        let mut stack = vec![(root, false)];
        while let Some((id, children_done)) = stack.pop() {
            let node = self.node(id);
            if children_done {
                let mut node = node.clone();
                node.map_children(|child| renamed[child.index()]);
                renamed[id.index()] = compact.push(node, self.span(id));
            } else {
                stack.push((id, true));
                stack.extend(node.children().into_iter().rev().map(|child| (child, false)));
            }
        }
        Expr { nodes: compact.nodes, spans: compact.spans, types: compact.types }
    }

    /// Returns whether the nodes are those under `root`, each once, in post-order.
    fn is_canonical(&self, root: NodeId) -> bool {
        // Walked from the back, a post-order names the last child first: each node must be the one
        // that is due.
        let mut due = vec![root];
        for index in (0..self.nodes.len()).rev() {
            match due.pop() {
                Some(id) if id.index() == index => due.extend(self.nodes[index].children()),
                _ => return false,
            }
        }
        due.is_empty()
    }

    fn type_of(&self, node: &Node) -> ValueType {
        match node {
            Node::NumberLiteral(_) => ValueType::Scalar,
            Node::StringLiteral(_) => ValueType::String,
            Node::VectorSelector(_) | Node::Aggregate(_) => ValueType::Vector,
            Node::MatrixSelector(_) | Node::Subquery(_) => ValueType::Matrix,
            Node::Call(call) => call.function.return_type,
            Node::Unary(unary) => self.value_type(unary.expr),
            Node::Paren(expr) => self.value_type(*expr),
            Node::Binary(binary) => {
                let both = [binary.lhs, binary.rhs].map(|id| self.value_type(id));
                if both == [ValueType::Scalar; 2] { ValueType::Scalar } else { ValueType::Vector }
            }
        }
    }
}
