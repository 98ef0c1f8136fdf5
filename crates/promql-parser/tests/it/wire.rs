//! The JSON of `/api/v1/parse_query`, to compare syntax trees with the reference's.

use narthex_model::{Matcher, float};
use narthex_promql_parser::{
    At, DurationExpr, DurationKind, DurationValue, Expr, ExprRef, ExtendedRange, Node,
    NumberLiteral, VectorMatching, VectorSelector,
};
use serde_json::{Value, json};

/// Returns the JSON of an expression, built from the leaves up.
pub(crate) fn expr(expr: &Expr) -> Value {
    let mut values: Vec<Value> = Vec::new();
    for node in expr.nodes() {
        let value = node_json(node, &values);
        values.push(value);
    }
    values.pop().expect("a tree has a root")
}

fn node_json(expr: ExprRef<'_>, done: &[Value]) -> Value {
    let child = |id: narthex_promql_parser::NodeId| done[id.index()].clone();
    match expr.node() {
        Node::NumberLiteral(number) => json!({"type": "numberLiteral", "val": fixed(number.value)}),
        Node::StringLiteral(text) => json!({"type": "stringLiteral", "val": &**text}),
        Node::Paren(inner) => json!({"type": "parenExpr", "expr": child(*inner)}),
        Node::Unary(unary) => {
            json!({"type": "unaryExpr", "op": unary.op.as_str(), "expr": child(unary.expr)})
        }
        Node::VectorSelector(selector) => selector_json("vectorSelector", selector),
        Node::MatrixSelector(matrix) => {
            let Node::VectorSelector(selector) = expr.get(matrix.selector).node() else {
                panic!("a range needs a selector")
            };
            let mut json = selector_json("matrixSelector", selector);
            set_duration(&mut json, "range", Some(&matrix.range));
            json
        }
        Node::Subquery(subquery) => {
            let mut json = json!({"type": "subquery", "expr": child(subquery.expr)});
            set_duration(&mut json, "range", Some(&subquery.range));
            set_duration(&mut json, "step", subquery.step.as_ref());
            set_duration(&mut json, "offset", Some(&subquery.offset));
            set_at(&mut json, subquery.at);
            json
        }
        Node::Call(call) => json!({
            "type": "call",
            "func": {
                "name": call.function.name,
                "argTypes": call.function.arg_types.iter().map(|t| t.as_str()).collect::<Vec<_>>(),
                "variadic": call.function.variadic,
                "returnType": call.function.return_type.as_str(),
            },
            "args": call.args.iter().map(|&arg| child(arg)).collect::<Vec<_>>(),
        }),
        Node::Aggregate(aggregate) => json!({
            "type": "aggregation",
            "op": aggregate.op.as_str(),
            "expr": child(aggregate.expr),
            "param": aggregate.param.map(child),
            "grouping": aggregate.grouping,
            "without": aggregate.without,
        }),
        Node::Binary(binary) => json!({
            "type": "binaryExpr",
            "op": binary.op.as_str(),
            "lhs": child(binary.lhs),
            "rhs": child(binary.rhs),
            "matching": binary.matching.as_deref().map(matching_json),
            "bool": binary.return_bool,
        }),
    }
}

fn matching_json(matching: &VectorMatching) -> Value {
    json!({
        "card": matching.cardinality.as_str(),
        "labels": matching.labels,
        "on": matching.on,
        "include": matching.include,
        "fillValues": {"lhs": fill_json(matching.fill_left), "rhs": fill_json(matching.fill_right)},
    })
}

/// Whole numbers compare only as integers with those that were read.
fn fill_json(fill: Option<f64>) -> Value {
    match fill {
        Some(value) => serde_json::from_str(&fixed(value)).unwrap_or_default(),
        None => Value::Null,
    }
}

fn selector_json(kind: &str, selector: &VectorSelector) -> Value {
    let matcher = |matcher: &Matcher| {
        json!({
            "name": matcher.name(),
            "value": matcher.value(),
            "type": matcher.op().as_str(),
        })
    };
    let mut json = json!({
        "type": kind,
        "name": selector.name.as_deref().unwrap_or_default(),
        "matchers": selector.matchers.iter().map(matcher).collect::<Vec<_>>(),
        "anchored": selector.extended == Some(ExtendedRange::Anchored),
        "smoothed": selector.extended == Some(ExtendedRange::Smoothed),
    });
    set_duration(&mut json, "offset", Some(&selector.offset));
    set_at(&mut json, selector.at);
    json
}

fn set_duration(json: &mut Value, key: &str, value: Option<&DurationValue>) {
    let (millis, expr) = match value {
        None => (0, Value::Null),
        Some(DurationValue::Millis(millis)) => (*millis, Value::Null),
        Some(DurationValue::Expr(expr)) => (0, duration_json(expr)),
    };
    json[key] = millis.into();
    json[format!("{key}Expr")] = expr;
}

fn set_at(json: &mut Value, at: Option<At>) {
    json["timestamp"] = match at {
        Some(At::Timestamp(millis)) => millis.into(),
        _ => Value::Null,
    };
    json["startOrEnd"] = match at {
        Some(At::Start) => "start".into(),
        Some(At::End) => "end".into(),
        _ => Value::Null,
    };
}

fn duration_json(expr: &DurationExpr) -> Value {
    let mut values: Vec<Value> = Vec::new();
    for node in expr.nodes() {
        let operand = |index: u32| values[index as usize].clone();
        let (op, lhs, rhs) = match node.kind {
            DurationKind::Literal(NumberLiteral { value, is_duration }) => {
                values.push(json!({
                    "type": "numberLiteral",
                    "val": fixed(value),
                    "duration": is_duration,
                }));
                continue;
            }
            DurationKind::Step => ("step", Value::Null, Value::Null),
            DurationKind::Range => ("range", Value::Null, Value::Null),
            DurationKind::Unary { op, operand: index } => {
                (op.as_str(), Value::Null, operand(index))
            }
            DurationKind::Binary { op, lhs, rhs } => (op.as_str(), operand(lhs), operand(rhs)),
        };
        let wrapped = node.wrapped;
        let json =
            json!({"type": "durationExpr", "op": op, "lhs": lhs, "rhs": rhs, "wrapped": wrapped});
        values.push(json);
    }
    values.pop().expect("a tree has a root")
}

fn fixed(value: f64) -> String {
    let mut text = String::new();
    float::write_fixed(&mut text, value).expect("writing to a string cannot fail");
    text
}
