//! Walking and rewriting.

use smallvec::SmallVec;

use crate::ast::{Expr, ExprBuilder, ExprRef, Node, NodeId};

/// Sees the nodes of an expression on the way down and on the way up. See [`Expr::visit`].
///
/// Where only the way up matters, a loop over [`Expr::nodes`] is simpler.
pub trait Visitor {
    /// Sees a node before its children. Returns whether to go down to them.
    fn enter(&mut self, expr: ExprRef<'_>) -> bool;

    /// Sees a node after its children, where [`Self::enter`] went down.
    fn leave(&mut self, _expr: ExprRef<'_>) {}
}

impl Expr {
    /// Shows every node to `visitor`, parents around their children, from left to right.
    ///
    /// # Examples
    ///
    /// ```
    /// use narthex_promql_parser::{ExprRef, Node, Visitor, parse};
    ///
    /// /// Collects the metric names outside of subqueries.
    /// struct Names(Vec<String>);
    ///
    /// impl Visitor for Names {
    ///     fn enter(&mut self, expr: ExprRef<'_>) -> bool {
    ///         if let Node::VectorSelector(selector) = expr.node() {
    ///             self.0.extend(selector.name.map(String::from));
    ///         }
    ///         !matches!(expr.node(), Node::Subquery(_))
    ///     }
    /// }
    ///
    /// let mut names = Names(Vec::new());
    /// parse("a + max_over_time(b[1h:1m]) / rate(c[5m])")?.visit(&mut names);
    /// assert_eq!(names.0, ["a", "c"]);
    /// # Ok::<(), narthex_promql_parser::ParseError>(())
    /// ```
    pub fn visit(&self, visitor: &mut impl Visitor) {
        let mut stack = vec![(self.root(), false)];
        while let Some((expr, children_done)) = stack.pop() {
            if children_done {
                visitor.leave(expr);
            } else if visitor.enter(expr) {
                stack.push((expr, true));
                let children = expr.node().children();
                stack.extend(children.into_iter().rev().map(|child| (expr.get(child), false)));
            }
        }
    }

    /// Returns a copy in which every node is what `rewrite` makes of it, from the leaves up.
    ///
    /// `rewrite` is given a node whose children are rewritten already. It adds what stands for the
    /// node to the builder, and returns its name; adding the node itself changes nothing.
    ///
    /// Nothing checks the types of the result.
    ///
    /// # Examples
    ///
    /// ```
    /// use narthex_promql_parser::{Node, parse};
    ///
    /// let expr = parse("-((a)) * (b + c)")?;
    /// let bare = expr.rewrite(|builder, node, span| match node {
    ///     Node::Paren(inner) if !matches!(builder.node(inner), Node::Binary(_)) => inner,
    ///     node => builder.push(node, span),
    /// });
    /// assert_eq!(bare.to_string(), "-a * (b + c)");
    /// # Ok::<(), narthex_promql_parser::ParseError>(())
    /// ```
    #[must_use]
    pub fn rewrite(
        &self,
        mut rewrite: impl FnMut(&mut ExprBuilder, Node<'_>, crate::Span) -> NodeId,
    ) -> Self {
        let mut builder = ExprBuilder::default();
        let mut renamed: Vec<NodeId> = Vec::with_capacity(self.node_count());
        for expr in self.nodes() {
            let mut args = SmallVec::new();
            let node = expr.node().with_children(&mut args, |child| renamed[child.index()]);
            renamed.push(rewrite(&mut builder, node, expr.span()));
        }
        let root = renamed[self.root().id().index()];
        builder.finish(root)
    }
}
