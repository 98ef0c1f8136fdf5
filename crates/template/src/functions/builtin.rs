//! The functions of the language.

use super::{Function, Outcome, Parameter, Run, compare, text};
use crate::environment::Environment;
use crate::format::{TooLong, print_words, printf, println, shown_value};
use crate::unicode::{is_print, runes};
use crate::value::{IntType, TextType, Value, type_name};

const RAW: &[Parameter] = &[Parameter::Raw];
const RAW_TWO: &[Parameter] = &[Parameter::Raw, Parameter::Raw];

const fn raw(
    name: &'static str,
    parameters: &'static [Parameter],
    rest: Option<Parameter>,
    run: fn(&[Value]) -> Outcome,
) -> Function {
    Function { name, parameters, rest, run: Run::Plain(run) }
}

const fn printing(name: &'static str, run: fn(&Environment<'_>, &[Value]) -> Outcome) -> Function {
    Function { name, parameters: &[], rest: Some(Parameter::Any), run: Run::Within(run) }
}

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "and", parameters: RAW, rest: Some(Parameter::Raw), run: Run::And },
    Function { name: "or", parameters: RAW, rest: Some(Parameter::Raw), run: Run::Or },
    Function { name: "call", parameters: RAW, rest: Some(Parameter::Raw), run: Run::Call },
    raw("not", RAW, None, |args| Ok(Value::Bool(!args[0].is_true()))),
    raw("len", RAW, None, len),
    raw("index", RAW, Some(Parameter::Raw), |args| index(&args[0], &args[1..])),
    raw("slice", RAW, Some(Parameter::Raw), |args| slice(&args[0], &args[1..])),
    raw("eq", RAW, Some(Parameter::Raw), |args| compare::eq(&args[0], &args[1..]).map(Value::Bool)),
    raw("ne", RAW_TWO, None, |args| Ok(Value::Bool(!compare::eq(&args[0], &args[1..])?))),
    raw("lt", RAW_TWO, None, |args| compare::lt(&args[0], &args[1]).map(Value::Bool)),
    raw("le", RAW_TWO, None, |args| compare::le(&args[0], &args[1]).map(Value::Bool)),
    raw("gt", RAW_TWO, None, |args| Ok(Value::Bool(!compare::le(&args[0], &args[1])?))),
    raw("ge", RAW_TWO, None, |args| Ok(Value::Bool(!compare::lt(&args[0], &args[1])?))),
    printing("print", |env, args| to_value(print_words(args, env.limits.output_size_max), env)),
    printing("println", |env, args| to_value(println(args, env.limits.output_size_max), env)),
    Function {
        name: "printf",
        parameters: &[Parameter::Text],
        rest: Some(Parameter::Any),
        run: Run::Within(|env, args| {
            let size_max = env.limits.output_size_max;
            to_value(printf(super::text_of(&args[0]), &args[1..], size_max), env)
        }),
    },
    printing("html", |env, args| Ok(Value::text(escape_html(&joined(env, args)?)))),
    printing("js", |env, args| Ok(Value::text(escape_js(&joined(env, args)?)))),
    printing("urlquery", |env, args| Ok(Value::text(text::query_escape(&joined(env, args)?)))),
];

fn to_value(text: Result<Vec<u8>, TooLong>, env: &Environment<'_>) -> Outcome {
    text.map(Value::text).map_err(|TooLong| env.limits.too_long())
}

/// Returns the arguments as one text, as `print` would print them.
fn joined(env: &Environment<'_>, args: &[Value]) -> Result<Vec<u8>, Box<str>> {
    let size_max = env.limits.output_size_max;
    let printed = match args {
        [Value::Text(text, TextType::Plain)] => Ok(text.to_vec()),
        // No value is a text here, and pointers are followed.
        _ => args
            .iter()
            .map(|arg| match arg {
                Value::Nil | Value::Struct(_) => shown_value(arg, size_max).map(Value::text),
                _ => Ok(arg.clone()),
            })
            .collect::<Result<Vec<_>, _>>()
            .and_then(|args| print_words(&args, size_max)),
    };
    printed.map_err(|TooLong| env.limits.too_long())
}

fn len(args: &[Value]) -> Outcome {
    let count = match &args[0] {
        Value::Text(text, _) => text.len(),
        Value::List(list) => list.items.len(),
        Value::Map(map) => map.entries.len(),
        Value::Nil => return Err("reflect: call of reflect.Value.Type on zero Value".into()),
        value => {
            return Err(format!("len of type {}", type_name(value).trim_start_matches('*')).into());
        }
    };
    Ok(Value::int(i64::try_from(count).unwrap_or(i64::MAX)))
}

/// Returns the index that `value` is, which may be as large as `count`.
fn index_of(value: &Value, count: usize) -> Result<usize, Box<str>> {
    match value {
        Value::Int(index, _) => usize::try_from(*index)
            .ok()
            .filter(|&index| index <= count)
            .ok_or_else(|| format!("index out of range: {index}").into()),
        Value::Duration(duration, _) => index_of(&Value::int(duration.nanoseconds()), count),
        Value::Nil => Err("cannot index slice/array with nil".into()),
        _ => Err(format!("cannot index slice/array with type {}", type_name(value)).into()),
    }
}

fn index(item: &Value, indexes: &[Value]) -> Outcome {
    if matches!(item, Value::Nil) {
        return Err("index of untyped nil".into());
    }
    let mut item = item.clone();
    for index in indexes {
        item = match &item {
            Value::Text(text, _) => {
                let at = index_of(index, text.len())?;
                let byte = text.get(at).ok_or("reflect: string index out of range")?;
                Value::Int((*byte).into(), IntType::Byte)
            }
            Value::List(list) => {
                let at = index_of(index, list.items.len())?;
                list.items.get(at).ok_or("reflect: slice index out of range")?.clone()
            }
            Value::Map(map) => map.get(key_of(index)?),
            Value::Nil => return Err("index of nil pointer".into()),
            _ => {
                let name = type_name(&item).trim_start_matches('*');
                return Err(format!("can't index item of type {name}").into());
            }
        };
    }
    Ok(item)
}

fn key_of(index: &Value) -> Result<&[u8], Box<str>> {
    match index {
        Value::Text(name, TextType::Plain) => Ok(name),
        Value::Nil => Err("value is nil; should be of type string".into()),
        _ => Err(format!("value has type {}; should be string", type_name(index)).into()),
    }
}

fn slice(item: &Value, indexes: &[Value]) -> Outcome {
    if matches!(item, Value::Nil) {
        return Err("slice of untyped nil".into());
    }
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()).into());
    }
    let count = match item {
        Value::Text(..) if indexes.len() == 3 => {
            return Err("cannot 3-index slice a string".into());
        }
        Value::Text(text, _) => text.len(),
        Value::List(list) => list.items.len(),
        _ => return Err(format!("can't slice item of type {}", type_name(item)).into()),
    };
    let mut bounds = [0, count, count];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = index_of(index, count)?;
    }
    let [start, end, capacity] = bounds;
    if start > end {
        return Err(format!("invalid slice index: {start} > {end}").into());
    }
    if end > capacity {
        return Err(format!("invalid slice index: {end} > {capacity}").into());
    }
    Ok(match item {
        Value::Text(text, text_type) => Value::Text(text[start..end].into(), *text_type),
        Value::List(list) => Value::list(list.list_type, list.items[start..end].to_vec()),
        _ => Value::Nil,
    })
}

/// Returns `text` with what means something in a page escaped.
pub(crate) fn escape_html(text: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            0 => escaped.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' => escaped.extend_from_slice(b"&#34;"),
            b'\'' => escaped.extend_from_slice(b"&#39;"),
            b'&' => escaped.extend_from_slice(b"&amp;"),
            b'<' => escaped.extend_from_slice(b"&lt;"),
            b'>' => escaped.extend_from_slice(b"&gt;"),
            _ => escaped.push(byte),
        }
    }
    escaped
}

/// Returns `text` with what means something in a script's texts escaped.
fn escape_js(text: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len());
    for (rune, raw) in runes(text) {
        match rune {
            '\\' => escaped.extend_from_slice(b"\\\\"),
            '\'' => escaped.extend_from_slice(b"\\'"),
            '"' => escaped.extend_from_slice(b"\\\""),
            '<' | '>' | '&' | '=' | '\0'..' ' => {
                escaped.extend_from_slice(format!("\\u{:04X}", u32::from(rune)).as_bytes());
            }
            _ if rune.is_ascii() || is_print(rune) => escaped.extend_from_slice(raw),
            _ => escaped.extend_from_slice(format!("\\u{:04X}", u32::from(rune)).as_bytes()),
        }
    }
    escaped
}
