//! Values as JSON that is safe within a script.

use narthex_model::float;

use crate::format::TooLong;
use crate::unicode::{push_rune, runes};
use crate::value::{IntType, Pointer, Value, calendar_name};

/// Returns `value` as JSON, or what cannot be written as such.
pub(super) fn encode(value: &Value, size_max: usize) -> Result<Result<Vec<u8>, String>, TooLong> {
    let mut writer = Writer { out: Vec::new(), size_max, problem: None };
    match value {
        // By themselves these are texts.
        Value::Duration(duration, _) => writer.text(duration.to_string().as_bytes()),
        Value::Int(number, int_type @ (IntType::Month | IntType::Weekday)) => {
            writer.text(calendar_name(*number, *int_type).as_bytes());
        }
        _ => writer.value(value),
    }
    match writer.problem {
        Some(problem) => Ok(Err(problem)),
        None if writer.out.len() > size_max => Err(TooLong),
        None => Ok(Ok(writer.out)),
    }
}

struct Writer {
    out: Vec<u8>,
    size_max: usize,
    problem: Option<String>,
}

impl Writer {
    /// Writes a value. This follows the nesting of values, which is bounded.
    fn value(&mut self, value: &Value) {
        if self.problem.is_some() || self.out.len() > self.size_max {
            return;
        }
        match value {
            Value::Nil => self.push("null"),
            Value::Bool(truth) => self.push(if *truth { "true" } else { "false" }),
            Value::Int(number, _) => self.push(&number.to_string()),
            Value::Float(number) => self.float(*number),
            Value::Complex(..) => {
                self.problem = Some("json: unsupported type: complex128".to_owned());
            }
            Value::Text(text, _) => self.text(text),
            Value::Duration(duration, _) => self.push(&duration.nanoseconds().to_string()),
            Value::Time(time, Pointer::No | Pointer::Yes) => {
                self.text(time.format("2006-01-02T15:04:05.999999999Z07:00").as_bytes());
            }
            Value::Histogram(text) => self.text(text.as_bytes()),
            Value::List(list) => {
                self.push("[");
                for (index, item) in list.items.iter().enumerate() {
                    self.push(if index > 0 { "," } else { "" });
                    self.value(item);
                }
                self.push("]");
            }
            Value::Map(map) => {
                let entries = map.entries.iter().map(|(name, value)| (&**name, value));
                self.object(entries);
            }
            Value::Struct(inner) => {
                let fields = inner.struct_type.fields().iter().zip(&inner.fields);
                self.object(fields.map(|(field, value)| (field.json.as_bytes(), value)));
            }
        }
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn object<'v>(&mut self, entries: impl Iterator<Item = (&'v [u8], &'v Value)>) {
        self.push("{");
        for (index, (name, value)) in entries.enumerate() {
            self.push(if index > 0 { "," } else { "" });
            self.text(name);
            self.push(":");
            self.value(value);
        }
        self.push("}");
    }

    fn float(&mut self, number: f64) {
        if !number.is_finite() {
            let shown = crate::format::shown(&Value::Float(number), 'v');
            self.problem = Some(format!("json: unsupported value: {shown}"));
            return;
        }
        let mut text = String::new();
        if float::write_json(&mut text, number).is_ok() {
            self.push(&text);
        }
    }

    fn text(&mut self, text: &[u8]) {
        self.push("\"");
        for (rune, _) in runes(text) {
            match rune {
                '"' => self.push("\\\""),
                '\\' => self.push("\\\\"),
                '\n' => self.push("\\n"),
                '\r' => self.push("\\r"),
                '\t' => self.push("\\t"),
                '\x08' => self.push("\\b"),
                '\x0c' => self.push("\\f"),
                '\0'..' ' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    self.push(&format!("\\u{:04x}", u32::from(rune)));
                }
                _ => push_rune(&mut self.out, rune),
            }
        }
        self.push("\"");
    }
}
