//! Numbers for people.

use super::Outcome;
use crate::format::write_general;
use crate::value::{Duration, IntType, Pointer, TextType, Time, Value, type_name};

const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const LARGE_1024: [&str; 8] = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

/// Returns the number that `value` is or writes.
pub(super) fn to_float(value: &Value) -> Result<f64, Box<str>> {
    match value {
        Value::Float(value) => Ok(*value),
        #[expect(clippy::cast_precision_loss, reason = "the nearest float is meant")]
        Value::Int(value, IntType::Int | IntType::Int64) => Ok(*value as f64),
        Value::Text(text, TextType::Plain) => parse_float(text),
        Value::Duration(duration, Pointer::No) => Ok(duration.in_units(1_000_000_000)),
        _ => Err(format!("can't convert {} to float", type_name(value)).into()),
    }
}

fn parse_float(text: &[u8]) -> Result<f64, Box<str>> {
    let text = String::from_utf8_lossy(text);
    narthex_model::float::parse(&text).ok_or_else(|| {
        let too_large = text.bytes().any(|byte| byte.is_ascii_digit())
            && text.parse::<f64>().is_ok_and(f64::is_infinite);
        let problem = if too_large { "value out of range" } else { "invalid syntax" };
        let text = crate::format::Quoted(&text);
        format!("strconv.ParseFloat: parsing {text}: {problem}").into()
    })
}

/// Divides by `step` until the number is small enough, and returns the prefix of that.
fn scaled(mut value: f64, prefixes: [&'static str; 8], step: f64) -> (f64, &'static str) {
    let mut used = "";
    for prefix in prefixes {
        if value.abs() < step {
            break;
        }
        used = prefix;
        value /= step;
    }
    (value, used)
}

/// Multiplies by 1,000 until the number is large enough.
fn scaled_up(mut value: f64) -> (f64, &'static str) {
    let mut used = "";
    for prefix in SMALL {
        if value.abs() >= 1.0 {
            break;
        }
        used = prefix;
        value *= 1000.0;
    }
    (value, used)
}

fn number(value: f64) -> String {
    write_general(value, 4)
}

fn with_prefix((value, prefix): (f64, &str)) -> Outcome {
    Ok(Value::text(format!("{}{prefix}", number(value))))
}

pub(super) fn humanize(args: &[Value]) -> Outcome {
    let value = to_float(&args[0])?;
    with_prefix(if value == 0.0 || !value.is_finite() {
        (value, "")
    } else if value.abs() >= 1.0 {
        scaled(value, LARGE, 1000.0)
    } else {
        scaled_up(value)
    })
}

pub(super) fn humanize_1024(args: &[Value]) -> Outcome {
    let value = to_float(&args[0])?;
    with_prefix(if value.abs() <= 1.0 || !value.is_finite() {
        (value, "")
    } else {
        scaled(value, LARGE_1024, 1024.0)
    })
}

pub(super) fn humanize_percentage(args: &[Value]) -> Outcome {
    Ok(Value::text(format!("{}%", number(to_float(&args[0])? * 100.0))))
}

pub(super) fn humanize_duration(args: &[Value]) -> Outcome {
    let value = to_float(&args[0])?;
    if !value.is_finite() {
        return Ok(Value::text(number(value)));
    }
    if value == 0.0 {
        return Ok(Value::text(format!("{}s", number(value))));
    }
    if value.abs() < 1.0 {
        let (value, prefix) = scaled_up(value);
        return Ok(Value::text(format!("{}{prefix}s", number(value))));
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let value = value.abs();
    let seconds = to_int(value);
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    Ok(Value::text(if days != 0 {
        format!("{sign}{days}d {hours}h {minutes}m {rest}s")
    } else if hours != 0 {
        format!("{sign}{hours}h {minutes}m {rest}s")
    } else if minutes != 0 {
        format!("{sign}{minutes}m {rest}s")
    } else {
        format!("{sign}{}s", number(value))
    }))
}

/// 2^63, the first integer that does not fit into 64 bits with a sign.
const INT_END: f64 = 9_223_372_036_854_775_808.0;

/// Returns the number without its fraction; the smallest integer where it does not fit, as amd64
/// does.
fn to_int(value: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "checked")]
    if (-INT_END..INT_END).contains(&value) { value as i64 } else { i64::MIN }
}

pub(super) fn to_time(seconds: f64) -> Result<Time, Box<str>> {
    if !seconds.is_finite() {
        return Err("value is NaN or Inf".into());
    }
    let nanoseconds = seconds * 1e9;
    if !(-INT_END..=INT_END).contains(&nanoseconds) {
        let shown = crate::format::shown(&Value::Float(seconds), 'v');
        return Err(format!(
            "{shown} cannot be represented as a nanoseconds timestamp since it overflows int64"
        )
        .into());
    }
    Ok(Time::from_unix_ms(to_int(nanoseconds) / 1_000_000))
}

pub(super) fn humanize_timestamp(args: &[Value]) -> Outcome {
    let value = to_float(&args[0])?;
    if !value.is_finite() {
        return Ok(Value::text(number(value)));
    }
    Ok(Value::text(to_time(value)?.to_string()))
}

pub(super) fn to_duration(args: &[Value]) -> Outcome {
    let nanoseconds = to_int(to_float(&args[0])? * 1e9);
    Ok(Value::Duration(Duration::from_nanoseconds(nanoseconds), Pointer::Yes))
}
