//! Canonical text: one line, and pretty over several.

mod duration;
mod pretty;
mod selector;

use std::fmt::{self, Write};

use narthex_model::quote::write_quoted;
use narthex_model::{float, is_legacy_label_name};

use crate::ast::{
    Aggregate, Binary, Cardinality, Expr, ExprRef, LabelNames, Node, NodeId, VectorMatching,
};

/// Prints the canonical text, which parses to an equal expression.
///
/// # Source
///
/// `promql/parser/printer.go` in Prometheus.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root().fmt(f)
    }
}

impl fmt::Display for ExprRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_expr(f, *self)
    }
}

impl Expr {
    /// Returns the text broken into lines of 100 columns where it can be broken.
    ///
    /// # Source
    ///
    /// `promql/parser/prettier.go` in Prometheus.
    #[must_use]
    pub fn pretty(&self) -> String {
        pretty::pretty(self)
    }
}

impl ExprRef<'_> {
    /// Returns the text of the node without its operands: `sum by (job)`, `rate`, `+ on (job)`,
    /// `[5m:1m]` of a subquery, nothing of parentheses, and the whole text of a selector or literal.
    ///
    /// # Examples
    ///
    /// ```
    /// use narthex_promql_parser::parse;
    ///
    /// let expr = parse("-(sum by (job) (rate(errors_total[5m]))) / on (job) total")?;
    /// let heads: Vec<String> = expr.nodes().rev().map(|node| node.head()).collect();
    /// let wanted =
    ///     ["/ on (job)", "total", "-", "", "sum by (job)", "rate", "errors_total[5m]", "errors_total"];
    /// assert_eq!(heads, wanted);
    /// # Ok::<(), narthex_promql_parser::ParseError>(())
    /// ```
    #[must_use]
    pub fn head(self) -> String {
        let mut head = String::new();
        // Writing into a string does not fail.
        let _ = match self.node() {
            Node::Call(call) => head.write_str(call.function.name),
            Node::Aggregate(aggregate) => write_aggregate_head(&mut head, &aggregate),
            Node::Binary(binary) => write_binary_operator(&mut head, &binary),
            Node::Subquery(subquery) => selector::write_subquery_window(&mut head, &subquery),
            Node::Unary(unary) => head.write_str(unary.op.as_str()),
            Node::Paren(_) => Ok(()),
            Node::NumberLiteral(_)
            | Node::StringLiteral(_)
            | Node::VectorSelector(_)
            | Node::MatrixSelector(_) => write_expr(&mut head, self),
        };
        head.truncate(head.trim_end().len());
        head
    }
}

/// One piece of text still to be written.
enum Piece {
    Expr(NodeId),
    Text(&'static str),
    /// The operator of a binary expression, with its modifiers.
    Operator(NodeId),
    /// What stands behind a subquery's expression.
    Window(NodeId),
}

/// Writes an expression. The pieces that follow wait on a stack, so depth costs no recursion.
fn write_expr(out: &mut impl Write, root: ExprRef<'_>) -> fmt::Result {
    let mut stack = vec![Piece::Expr(root.id())];
    while let Some(piece) = stack.pop() {
        match piece {
            Piece::Text(text) => out.write_str(text)?,
            Piece::Operator(id) => write_operator(out, root.get(id))?,
            Piece::Window(id) => write_window(out, root.get(id))?,
            Piece::Expr(id) => {
                let first = stack.len();
                open(out, root.get(id), &mut stack)?;
                // They were pushed in the order of the text.
                stack[first..].reverse();
            }
        }
    }
    Ok(())
}

/// Writes what a node starts with and pushes what follows, in the order of the text.
fn open(out: &mut impl Write, expr: ExprRef<'_>, rest: &mut Vec<Piece>) -> fmt::Result {
    match expr.node() {
        Node::NumberLiteral(number) => duration::write_number(out, number)?,
        Node::StringLiteral(text) => write_string(out, text.as_bytes())?,
        Node::VectorSelector(selector) => selector::write_vector(out, &selector)?,
        Node::MatrixSelector(matrix) => selector::write_matrix(out, expr, &matrix)?,
        Node::Subquery(subquery) => {
            rest.extend([Piece::Expr(subquery.expr), Piece::Window(expr.id())]);
        }
        Node::Call(call) => {
            write!(out, "{}(", call.function.name)?;
            for (index, &arg) in call.args.iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                rest.extend([Piece::Text(comma), Piece::Expr(arg)]);
            }
            rest.push(Piece::Text(")"));
        }
        Node::Aggregate(aggregate) => {
            write_aggregate_head(out, &aggregate)?;
            out.write_char('(')?;
            if let Some(param) = aggregate.param {
                rest.extend([Piece::Expr(param), Piece::Text(", ")]);
            }
            rest.extend([Piece::Expr(aggregate.expr), Piece::Text(")")]);
        }
        Node::Binary(binary) => rest.extend([
            Piece::Expr(binary.lhs),
            Piece::Text(" "),
            Piece::Operator(expr.id()),
            Piece::Text(" "),
            Piece::Expr(binary.rhs),
        ]),
        Node::Unary(unary) => {
            out.write_str(unary.op.as_str())?;
            rest.push(Piece::Expr(unary.expr));
        }
        Node::Paren(inner) => {
            out.write_char('(')?;
            rest.extend([Piece::Expr(inner), Piece::Text(")")]);
        }
    }
    Ok(())
}

fn write_operator(out: &mut impl Write, expr: ExprRef<'_>) -> fmt::Result {
    match expr.node() {
        Node::Binary(binary) => write_binary_operator(out, &binary),
        _ => Ok(()),
    }
}

fn write_window(out: &mut impl Write, expr: ExprRef<'_>) -> fmt::Result {
    match expr.node() {
        Node::Subquery(subquery) => selector::write_subquery_window(out, &subquery),
        _ => Ok(()),
    }
}

/// Writes a quoted string. Bytes that are not UTF-8 are escaped.
pub(crate) fn write_string(out: &mut impl Write, text: &[u8]) -> fmt::Result {
    out.write_char('"')?;
    for chunk in text.utf8_chunks() {
        write_escaped(out, chunk.valid())?;
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}")?;
        }
    }
    out.write_char('"')
}

fn write_escaped(out: &mut impl Write, text: &str) -> fmt::Result {
    let mut quoted = String::with_capacity(text.len() + 2);
    write_quoted(&mut quoted, text)?;
    let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    // The lexer takes a bare U+FFFD for broken UTF-8, as the reference does.
    for (index, part) in inner.split(char::REPLACEMENT_CHARACTER).enumerate() {
        if index > 0 {
            out.write_str("\\ufffd")?;
        }
        out.write_str(part)?;
    }
    Ok(())
}

fn write_label_list(out: &mut impl Write, labels: LabelNames<'_>) -> fmt::Result {
    out.write_char('(')?;
    for (index, label) in labels.iter().enumerate() {
        if index > 0 {
            out.write_str(", ")?;
        }
        if is_legacy_label_name(label) {
            out.write_str(label)?;
        } else {
            write_string(out, label.as_bytes())?;
        }
    }
    out.write_char(')')
}

/// Writes the operator and its grouping, up to the parenthesis: `sum by (job) `.
fn write_aggregate_head(out: &mut impl Write, aggregate: &Aggregate<'_>) -> fmt::Result {
    out.write_str(aggregate.op.as_str())?;
    if aggregate.without || !aggregate.grouping.is_empty() {
        out.write_str(if aggregate.without { " without " } else { " by " })?;
        write_label_list(out, aggregate.grouping)?;
        out.write_char(' ')?;
    }
    Ok(())
}

/// Writes the operator with its modifiers: `== bool on (job)`.
fn write_binary_operator(out: &mut impl Write, binary: &Binary<'_>) -> fmt::Result {
    out.write_str(binary.op.as_str())?;
    if binary.return_bool {
        out.write_str(" bool")?;
    }
    match &binary.matching {
        Some(matching) => write_matching(out, matching),
        None => Ok(()),
    }
}

fn write_matching(out: &mut impl Write, matching: &VectorMatching<'_>) -> fmt::Result {
    let group = match matching.cardinality {
        Cardinality::ManyToOne => Some(" group_left "),
        Cardinality::OneToMany => Some(" group_right "),
        Cardinality::OneToOne | Cardinality::ManyToMany => None,
    };
    if matching.on || !matching.labels.is_empty() || group.is_some() {
        out.write_str(if matching.on { " on " } else { " ignoring " })?;
        write_label_list(out, matching.labels)?;
    }
    if let Some(group) = group {
        out.write_str(group)?;
        write_label_list(out, matching.include)?;
    }
    match (matching.fill_left, matching.fill_right) {
        (Some(left), Some(right)) if left == right => write_fill(out, "fill", Some(left)),
        (left, right) => {
            write_fill(out, "fill_left", left)?;
            write_fill(out, "fill_right", right)
        }
    }
}

fn write_fill(out: &mut impl Write, keyword: &str, value: Option<f64>) -> fmt::Result {
    let Some(value) = value else { return Ok(()) };
    write!(out, " {keyword} (")?;
    float::write_general(out, value)?;
    out.write_char(')')
}

/// Counts the bytes that are written to it.
#[derive(Default)]
struct Counter(usize);

impl Write for Counter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}
