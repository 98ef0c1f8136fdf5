//! The pretty printer: a node that is longer than a line breaks, and its children sit one level
//! deeper. What fits stays on one line.

use std::fmt;

use super::{Counter, Piece, open, write_aggregate_head, write_expr, write_operator, write_window};
use crate::ast::{Expr, ExprRef, Node, NodeId};

/// A node whose canonical text is longer than this, in bytes, is broken into lines.
const LINE_LENGTH_MAX: usize = 100;

/// Deeper levels are indented no further, since a long chain of operators sits ever deeper to its
/// left: without a bound, as in the reference, its text grows with the square of its length.
const LEVEL_MAX: usize = 100;

pub(super) fn pretty(expr: &Expr) -> String {
    let mut printer = Printer { expr, lengths: lengths(expr), out: String::new(), joined: false };
    printer.write(expr.root().id()).expect("writing to a string cannot fail");
    printer.out
}

/// Returns the length of each node's canonical text, in post-order.
fn lengths(expr: &Expr) -> Vec<usize> {
    let mut lengths: Vec<usize> = Vec::with_capacity(expr.node_count());
    let mut pieces = Vec::new();
    for node in expr.nodes() {
        let mut counter = Counter::default();
        open(&mut counter, node, &mut pieces).expect("counting cannot fail");
        for piece in pieces.drain(..) {
            match piece {
                Piece::Text(text) => counter.0 += text.len(),
                Piece::Expr(child) => counter.0 += lengths[child.index()],
                Piece::Operator(id) => {
                    write_operator(&mut counter, expr.get(id)).expect("counting cannot fail");
                }
                Piece::Window(id) => {
                    write_window(&mut counter, expr.get(id)).expect("counting cannot fail");
                }
            }
        }
        lengths.push(counter.0);
    }
    lengths
}

/// What is still to be written.
enum Step {
    Expr { id: NodeId, level: usize },
    Text(&'static str),
    Indent(usize),
    Operator(NodeId),
    Window(NodeId),
}

struct Printer<'a> {
    expr: &'a Expr,
    lengths: Vec<usize>,
    out: String,
    /// Whether a sign was just written: what it is put before starts on the same line.
    joined: bool,
}

impl Printer<'_> {
    fn write(&mut self, root: NodeId) -> fmt::Result {
        let mut stack = vec![Step::Expr { id: root, level: 0 }];
        while let Some(step) = stack.pop() {
            match step {
                Step::Text(text) => self.out.push_str(text),
                Step::Indent(level) => self.indent(level),
                Step::Operator(id) => write_operator(&mut self.out, self.expr.get(id))?,
                Step::Window(id) => write_window(&mut self.out, self.expr.get(id))?,
                Step::Expr { id, level } => {
                    let first = stack.len();
                    self.open(self.expr.get(id), level, &mut stack)?;
                    stack[first..].reverse();
                }
            }
        }
        Ok(())
    }

    fn indent(&mut self, level: usize) {
        if !std::mem::take(&mut self.joined) {
            self.out.extend(std::iter::repeat_n("  ", level.min(LEVEL_MAX)));
        }
    }

    /// Writes what a node starts with and pushes what follows, in the order of the text.
    fn open(&mut self, expr: ExprRef<'_>, level: usize, rest: &mut Vec<Step>) -> fmt::Result {
        let fits = self.lengths[expr.id().index()] <= LINE_LENGTH_MAX;
        let child = |id| Step::Expr { id, level: level + 1 };
        match expr.node() {
            Node::Unary(unary) => {
                self.indent(level);
                self.out.push_str(unary.op.as_str());
                self.joined = true;
                rest.push(Step::Expr { id: unary.expr, level });
            }
            // The reference does not indent a subquery that fits.
            Node::Subquery(_) if fits => return self.one_line(expr),
            Node::Subquery(subquery) => {
                rest.push(Step::Expr { id: subquery.expr, level });
                rest.push(Step::Window(expr.id()));
            }
            Node::Binary(binary) if !fits => rest.extend([
                child(binary.lhs),
                Step::Text("\n"),
                Step::Indent(level),
                Step::Operator(expr.id()),
                Step::Text("\n"),
                child(binary.rhs),
            ]),
            Node::Aggregate(aggregate) if !fits => {
                self.indent(level);
                write_aggregate_head(&mut self.out, &aggregate)?;
                let args = aggregate.param.into_iter().chain([aggregate.expr]);
                push_block(rest, args.map(child), level);
            }
            Node::Call(call) if !fits => {
                self.indent(level);
                self.out.push_str(call.function.name);
                push_block(rest, call.args.iter().copied().map(child), level);
            }
            Node::Paren(inner) if !fits => {
                self.indent(level);
                push_block(rest, std::iter::once(child(inner)), level);
            }
            _ => {
                self.indent(level);
                return self.one_line(expr);
            }
        }
        Ok(())
    }

    fn one_line(&mut self, expr: ExprRef<'_>) -> fmt::Result {
        self.joined = false;
        write_expr(&mut self.out, expr)
    }
}

/// Pushes a list in parentheses, one item a line.
fn push_block(rest: &mut Vec<Step>, items: impl Iterator<Item = Step>, level: usize) {
    rest.push(Step::Text("("));
    for (index, item) in items.enumerate() {
        rest.push(Step::Text(if index == 0 { "\n" } else { ",\n" }));
        rest.push(item);
    }
    rest.extend([Step::Text("\n"), Step::Indent(level), Step::Text(")")]);
}
