//! The wire form of syntax trees.
//!
//! # Source
//!
//! `web/api/v1/translate_ast.go` of Prometheus, which its page draws trees from. It fails where a
//! fill value is NaN or infinite; here such a value is a string, as values are elsewhere.

use narthex_model::{Matcher, float};
use narthex_promql_parser::{
    At, DurationExpr, DurationKind, DurationValue, Expr, ExtendedRange, Function, Node, NodeId,
    NumberLiteral, Subquery, VectorMatching, VectorSelector,
};
use serde::Serialize;

use super::object::{Object, Part};
use crate::answer::Pieces;

/// A syntax tree on its way to the client.
pub(super) struct Tree {
    expr: Expr,
    /// What is not written yet, next part last.
    pending: Vec<Part<NodeId>>,
}

impl Tree {
    pub(super) fn new(expr: Expr) -> Self {
        let pending = vec![Part::Node(expr.root().id())];
        Self { expr, pending }
    }
}

impl Pieces for Tree {
    fn write_piece(&mut self, out: &mut String) -> bool {
        match self.pending.pop() {
            Some(Part::Text(text)) => out.push_str(&text),
            Some(Part::Node(id)) => object(&self.expr, id).push_to(&mut self.pending),
            None => return false,
        }
        true
    }
}

fn object(expr: &Expr, id: NodeId) -> Object<NodeId> {
    match expr.get(id).node() {
        Node::NumberLiteral(number) => {
            Object::new("numberLiteral").field("val", &fixed(number.value))
        }
        Node::StringLiteral(text) => Object::new("stringLiteral").field("val", text.as_str()),
        Node::Paren(inner) => Object::new("parenExpr").child("expr", Some(inner)),
        Node::Unary(unary) => {
            Object::new("unaryExpr").field("op", unary.op.as_str()).child("expr", Some(unary.expr))
        }
        Node::VectorSelector(selector) => with_selector(Object::new("vectorSelector"), &selector),
        Node::MatrixSelector(matrix) => {
            let object = with_duration(Object::new("matrixSelector"), RANGE, Some(matrix.range));
            match expr.get(matrix.selector).node() {
                Node::VectorSelector(selector) => with_selector(object, &selector),
                // The parser puts a range on nothing else.
                _ => object.child("expr", Some(matrix.selector)),
            }
        }
        Node::Subquery(subquery) => with_subquery(Object::new("subquery"), &subquery),
        Node::Call(call) => Object::new("call")
            .field("func", &FunctionObject::from(call.function))
            .children("args", call.args.iter().copied()),
        Node::Aggregate(aggregate) => Object::new("aggregation")
            .field("op", aggregate.op.as_str())
            .child("expr", Some(aggregate.expr))
            .child("param", aggregate.param)
            .field("grouping", &aggregate.grouping.iter().collect::<Vec<_>>())
            .field("without", &aggregate.without),
        Node::Binary(binary) => Object::new("binaryExpr")
            .field("op", binary.op.as_str())
            .child("lhs", Some(binary.lhs))
            .child("rhs", Some(binary.rhs))
            .field("matching", &binary.matching.map(MatchingObject::from))
            .field("bool", &binary.return_bool),
    }
}

fn with_selector(object: Object<NodeId>, selector: &VectorSelector<'_>) -> Object<NodeId> {
    let matchers = selector.to_matchers();
    let matchers: Vec<_> = matchers.iter().map(MatcherObject::from).collect();
    let object = object
        .field("name", selector.name.unwrap_or_default())
        .field("matchers", &matchers)
        .field("anchored", &(selector.extended == Some(ExtendedRange::Anchored)))
        .field("smoothed", &(selector.extended == Some(ExtendedRange::Smoothed)));
    with_at(with_duration(object, OFFSET, Some(selector.offset)), selector.at)
}

fn with_subquery(object: Object<NodeId>, subquery: &Subquery<'_>) -> Object<NodeId> {
    let object = object.child("expr", Some(subquery.expr));
    let object = with_duration(object, RANGE, Some(subquery.range));
    let object = with_duration(object, STEP, subquery.step);
    with_at(with_duration(object, OFFSET, Some(subquery.offset)), subquery.at)
}

/// Adds milliseconds and expression of a duration, of which one alone says something.
fn with_duration(
    object: Object<NodeId>,
    [name, expr_name]: [&'static str; 2],
    duration: Option<DurationValue<'_>>,
) -> Object<NodeId> {
    match duration {
        Some(DurationValue::Expr(expr)) => {
            object.field(name, &0).json(expr_name, &duration_json(expr))
        }
        Some(DurationValue::Millis(millis)) => object.field(name, &millis).json(expr_name, "null"),
        None => object.field(name, &0).json(expr_name, "null"),
    }
}

fn with_at(object: Object<NodeId>, at: Option<At>) -> Object<NodeId> {
    let (timestamp_ms, start_or_end) = match at {
        Some(At::Timestamp(millis)) => (Some(millis), None),
        Some(At::Start) => (None, Some("start")),
        Some(At::End) => (None, Some("end")),
        None => (None, None),
    };
    object.field("timestamp", &timestamp_ms).field("startOrEnd", &start_or_end)
}

fn duration_json(expr: &DurationExpr) -> String {
    let mut out = String::new();
    let mut pending: Vec<_> = expr.nodes().last().map(Part::Node).into_iter().collect();
    while let Some(part) = pending.pop() {
        let node = match part {
            Part::Text(text) => {
                out.push_str(&text);
                continue;
            }
            Part::Node(node) => node,
        };
        let child = |index: u32| expr.nodes().get(index as usize);
        let (op, lhs, rhs) = match node.kind {
            DurationKind::Literal(NumberLiteral { value, is_duration }) => {
                let object = Object::new("numberLiteral").field("val", &fixed(value));
                object.field("duration", &is_duration).push_to(&mut pending);
                continue;
            }
            DurationKind::Step => ("step", None, None),
            DurationKind::Range => ("range", None, None),
            DurationKind::Unary { op, operand } => (op.as_str(), None, child(operand)),
            DurationKind::Binary { op, lhs, rhs } => (op.as_str(), child(lhs), child(rhs)),
        };
        let object = Object::new("durationExpr").field("op", op).child("lhs", lhs);
        object.child("rhs", rhs).field("wrapped", &node.wrapped).push_to(&mut pending);
    }
    out
}

#[derive(Serialize)]
struct MatcherObject<'a> {
    name: &'a str,
    value: &'a str,
    r#type: &'static str,
}

impl<'a> From<&'a Matcher> for MatcherObject<'a> {
    fn from(matcher: &'a Matcher) -> Self {
        Self { name: matcher.name(), value: matcher.value(), r#type: matcher.op().as_str() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FunctionObject {
    name: &'static str,
    arg_types: Vec<&'static str>,
    variadic: i8,
    return_type: &'static str,
}

impl From<&'static Function> for FunctionObject {
    fn from(function: &'static Function) -> Self {
        Self {
            name: function.name,
            arg_types: function.arg_types.iter().map(|value_type| value_type.as_str()).collect(),
            variadic: function.variadic,
            return_type: function.return_type.as_str(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MatchingObject<'a> {
    card: &'static str,
    labels: Vec<&'a str>,
    on: bool,
    include: Vec<&'a str>,
    fill_values: FillObject,
}

#[derive(Serialize)]
struct FillObject {
    lhs: Option<FillValue>,
    rhs: Option<FillValue>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum FillValue {
    Number(serde_json::Number),
    Text(String),
}

impl<'a> From<VectorMatching<'a>> for MatchingObject<'a> {
    fn from(matching: VectorMatching<'a>) -> Self {
        Self {
            card: matching.cardinality.as_str(),
            labels: matching.labels.iter().collect(),
            on: matching.on,
            include: matching.include.iter().collect(),
            fill_values: FillObject {
                lhs: matching.fill_left.map(FillValue::from),
                rhs: matching.fill_right.map(FillValue::from),
            },
        }
    }
}

impl From<f64> for FillValue {
    fn from(value: f64) -> Self {
        // Whole numbers come without a fraction.
        let text = fixed(value);
        text.parse().map_or(Self::Text(text), Self::Number)
    }
}

fn fixed(value: f64) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = float::write_fixed(&mut text, value);
    text
}

/// The two fields of a duration: milliseconds, and an expression.
const RANGE: [&str; 2] = ["range", "rangeExpr"];
const OFFSET: [&str; 2] = ["offset", "offsetExpr"];
const STEP: [&str; 2] = ["step", "stepExpr"];
