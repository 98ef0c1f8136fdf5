use narthex_promql_lexer::Span;
use smallvec::SmallVec;

use super::tree::Tree;
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
    tree: Tree,
}

impl ExprBuilder {
    /// Adds a copy of a node and returns its name. `span` is where it stands in a query, if in any.
    ///
    /// # Panics
    ///
    /// Where a child was not pushed before, or there are 2³² nodes.
    pub fn push(&mut self, node: Node<'_>, span: Span) -> NodeId {
        assert!(
            node.children().iter().all(|child| child.index() < self.tree.len()),
            "children come before their parents"
        );
        self.tree.push_node(node, span)
    }

    /// Returns a node that was pushed.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Node<'_> {
        self.tree.node(id)
    }

    /// Returns where a node stands.
    #[must_use]
    pub fn span(&self, id: NodeId) -> Span {
        self.tree.span(id)
    }

    /// Changes where a node stands.
    pub fn set_span(&mut self, id: NodeId, span: Span) {
        self.tree.set_span(id, span);
    }

    /// Returns what a node evaluates to.
    #[must_use]
    pub fn value_type(&self, id: NodeId) -> ValueType {
        self.tree.value_type(id)
    }

    /// Returns the expression under `root`. Nodes that it does not use are left out.
    #[must_use]
    pub fn finish(self, root: NodeId) -> Expr {
        if is_canonical(&self.tree, root) {
            return Expr { tree: self.tree };
        }
        let mut compact = Tree::default();
        let mut renamed = vec![NodeId(0); self.tree.len()];
        // A node is met twice: the first time its children go on the stack above it.
        let mut stack = vec![(root, false)];
        while let Some((id, children_done)) = stack.pop() {
            let node = self.node(id);
            if children_done {
                let mut args = SmallVec::new();
                let node = node.with_children(&mut args, |child| renamed[child.index()]);
                renamed[id.index()] = compact.push_node(node, self.span(id));
            } else {
                stack.push((id, true));
                stack.extend(node.children().into_iter().rev().map(|child| (child, false)));
            }
        }
        Expr { tree: compact }
    }
}

impl Expr {
    /// Returns the expression under `root`, the node pushed last, where every node was pushed once
    /// for its place and in the order of the text: so the parser works.
    pub(crate) fn in_order(tree: Tree, root: NodeId) -> Self {
        debug_assert!(is_canonical(&tree, root), "the nodes are in post-order");
        Self { tree }
    }
}

/// Returns whether the nodes are those under `root`, each once, in post-order.
fn is_canonical(tree: &Tree, root: NodeId) -> bool {
    // Walked from the back, a post-order names the last child first: each node must be the one that
    // is due.
    let mut due = vec![root];
    for id in (0..tree.len()).rev().map(NodeId::at_index) {
        match due.pop() {
            Some(next) if next == id => due.extend(tree.node(id).children()),
            _ => return false,
        }
    }
    due.is_empty()
}
