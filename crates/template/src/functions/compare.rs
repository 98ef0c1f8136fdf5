//! Comparisons.

use std::cmp::Ordering;

use crate::format::shown;
use crate::value::{Pointer, Value, type_name};

const BAD_TYPE: &str = "invalid type for comparison";

/// What can be compared with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Complex,
    Int,
    Float,
    Text,
    None,
}

fn kind(value: &Value) -> Kind {
    match value {
        Value::Bool(_) => Kind::Bool,
        Value::Complex(..) => Kind::Complex,
        Value::Int(..) | Value::Duration(_, Pointer::No) => Kind::Int,
        Value::Float(_) => Kind::Float,
        Value::Text(..) => Kind::Text,
        _ => Kind::None,
    }
}

fn incompatible(left: &Value, right: &Value) -> Box<str> {
    let (left, right) = (type_name(left), type_name(right));
    format!("incompatible types for comparison: {left} and {right}").into()
}

/// Returns whether `first` is equal to any of `others`.
pub(super) fn eq(first: &Value, others: &[Value]) -> Result<bool, Box<str>> {
    if others.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in others {
        if equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal(left: &Value, right: &Value) -> Result<bool, Box<str>> {
    match (left, right) {
        (Value::Nil, Value::Nil) => return Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => return Ok(false),
        _ => {}
    }
    let (left_kind, right_kind) = (kind(left), kind(right));
    if left_kind != right_kind {
        return Err(incompatible(left, right));
    }
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Ok(left == right),
        (Value::Complex(left, left_i), Value::Complex(right, right_i)) => {
            Ok(left == right && left_i == right_i)
        }
        (Value::Float(left), Value::Float(right)) => Ok(left == right),
        (Value::Text(left, _), Value::Text(right, _)) => Ok(left == right),
        (Value::Time(left, _), Value::Time(right, _)) => Ok(left == right),
        _ if left_kind == Kind::Int => Ok(int(left) == int(right)),
        _ if type_name(left) != type_name(right) => {
            let (left_type, right_type) = (type_name(left), type_name(right));
            let (left, right) = (shown(left, 's'), shown(right, 's'));
            Err(format!("non-comparable types {left}: {left_type}, {right_type}: {right}").into())
        }
        _ => Err(format!("non-comparable type {}: {}", shown(right, 's'), type_name(right)).into()),
    }
}

fn int(value: &Value) -> i64 {
    match value {
        Value::Int(value, _) => *value,
        Value::Duration(duration, _) => duration.nanoseconds(),
        _ => 0,
    }
}

/// Returns whether `left` is less than `right`.
pub(super) fn lt(left: &Value, right: &Value) -> Result<bool, Box<str>> {
    Ok(order(left, right)? == Some(Ordering::Less))
}

/// Returns whether `left` is at most `right`.
pub(super) fn le(left: &Value, right: &Value) -> Result<bool, Box<str>> {
    Ok(matches!(order(left, right)?, Some(Ordering::Less | Ordering::Equal)))
}

fn order(left: &Value, right: &Value) -> Result<Option<Ordering>, Box<str>> {
    let (left_kind, right_kind) = (kind(left), kind(right));
    if left_kind == Kind::None || right_kind == Kind::None {
        return Err(BAD_TYPE.into());
    }
    if left_kind != right_kind {
        return Err(incompatible(left, right));
    }
    match (left, right) {
        (Value::Float(left), Value::Float(right)) => Ok(left.partial_cmp(right)),
        (Value::Text(left, _), Value::Text(right, _)) => Ok(Some(left.cmp(right))),
        _ if left_kind == Kind::Int => Ok(Some(int(left).cmp(&int(right)))),
        _ => Err(BAD_TYPE.into()),
    }
}
