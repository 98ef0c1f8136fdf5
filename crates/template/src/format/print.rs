//! Any value by any verb.

use super::{Output, Spec, TooLong, quote};
use crate::value::{IntType, Value, type_name};

/// How many bytes of a value an error message shows.
const SHOWN_SIZE_MAX: usize = 4096;

/// Returns `value` as an action prints it.
pub(crate) fn shown_value(value: &Value, size_max: usize) -> Result<Vec<u8>, TooLong> {
    let mut out = Output::new(size_max);
    match value {
        Value::Nil => out.push_str("<no value>"),
        // A pointer prints as what it points to.
        Value::Struct(_) => out.value(value, 'v', &Spec::default()),
        _ => out.argument(value, 'v', &Spec::default()),
    }
    out.finish()
}

/// Returns `value` as an error message shows it by `verb`, cut where it is long.
pub(crate) fn shown(value: &Value, verb: char) -> String {
    let mut out = Output::new(SHOWN_SIZE_MAX);
    out.argument(value, verb, &Spec::default());
    String::from_utf8_lossy(&out.bytes).into_owned()
}

/// Returns the values one after the other, with a space between two that are no texts.
pub(crate) fn print_words(values: &[Value], size_max: usize) -> Result<Vec<u8>, TooLong> {
    let mut out = Output::new(size_max);
    let is_text = |value: &Value| matches!(value, Value::Text(..));
    for (index, value) in values.iter().enumerate() {
        if index > 0 && !is_text(value) && !is_text(&values[index - 1]) {
            out.push(b" ");
        }
        out.argument(value, 'v', &Spec::default());
    }
    out.finish()
}

/// Returns the values with spaces between them, and the end of the line.
pub(crate) fn println(values: &[Value], size_max: usize) -> Result<Vec<u8>, TooLong> {
    let mut out = Output::new(size_max);
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(b" ");
        }
        out.argument(value, 'v', &Spec::default());
    }
    out.push(b"\n");
    out.finish()
}

impl Output {
    /// Writes an argument of `printf`.
    pub(super) fn argument(&mut self, value: &Value, verb: char, spec: &Spec) {
        match (value, verb) {
            (Value::Nil, 'T' | 'v') => self.pad(b"<nil>", spec),
            (Value::Nil, _) => self.bad_verb(None, verb, spec),
            (_, 'T') => self.text(type_name(value).as_bytes(), spec),
            (Value::Struct(inner), 'v') if inner.struct_type.is_pointer() => {
                self.push(b"&");
                self.value(value, verb, spec);
            }
            _ => self.value(value, verb, spec),
        }
    }

    /// Writes a value, or a part of one.
    ///
    /// This follows the nesting of values, which is bounded.
    fn value(&mut self, value: &Value, verb: char, spec: &Spec) {
        if self.is_cut {
            return;
        }
        if let Some(text) = printed_by_method(value, verb, spec) {
            return self.string(text.as_bytes(), value, verb, spec);
        }
        match value {
            Value::Nil if verb == 'v' => self.push_str("<nil>"),
            Value::Nil => self.bad_verb(None, verb, spec),
            Value::Bool(truth) => match verb {
                't' | 'v' => self.pad(truth.to_string().as_bytes(), spec),
                _ => self.bad_verb(Some(value), verb, spec),
            },
            Value::Int(int, int_type) => self.int(*int, *int_type, value, verb, spec),
            Value::Duration(duration, _) => {
                self.int(duration.nanoseconds(), IntType::Int64, value, verb, spec);
            }
            Value::Float(float) => match verb {
                'v' | 'b' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'x' | 'X' => {
                    self.float(*float, verb, spec);
                }
                _ => self.bad_verb(Some(value), verb, spec),
            },
            Value::Complex(real, imaginary) => match verb {
                'v' | 'b' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'x' | 'X' => {
                    self.complex(*real, *imaginary, verb, spec);
                }
                _ => self.bad_verb(Some(value), verb, spec),
            },
            Value::Text(text, _) => self.string(text, value, verb, spec),
            Value::Time(..) | Value::Histogram(_) => self.bad_verb(Some(value), verb, spec),
            Value::List(list) => {
                self.open(value, "[", spec);
                for (index, item) in list.items.iter().enumerate() {
                    self.separate(index, spec);
                    self.value(item, verb, spec);
                }
                self.push_str(if spec.sharp_v { "}" } else { "]" });
            }
            Value::Map(map) => {
                self.open(value, "map[", spec);
                for (index, (name, item)) in map.entries.iter().enumerate() {
                    self.separate(index, spec);
                    self.string(name, &Value::text(name), verb, spec);
                    self.push(b":");
                    self.value(item, verb, spec);
                }
                self.push_str(if spec.sharp_v { "}" } else { "]" });
            }
            Value::Struct(inner) => {
                self.open(value, "{", spec);
                let fields = inner.struct_type.fields();
                for (index, (field, item)) in fields.iter().zip(&inner.fields).enumerate() {
                    self.separate(index, spec);
                    if spec.plus_v || spec.sharp_v {
                        self.push_str(field.name);
                        self.push(b":");
                    }
                    self.value(item, verb, spec);
                }
                self.push(b"}");
            }
        }
    }

    fn open(&mut self, value: &Value, bracket: &str, spec: &Spec) {
        if spec.sharp_v {
            self.push_str(type_name(value).trim_start_matches('*'));
            self.push(b"{");
        } else {
            self.push_str(bracket);
        }
    }

    fn separate(&mut self, index: usize, spec: &Spec) {
        if index > 0 {
            self.push_str(if spec.sharp_v { ", " } else { " " });
        }
    }

    fn int(&mut self, int: i64, int_type: IntType, value: &Value, verb: char, spec: &Spec) {
        match verb {
            'v' if spec.sharp_v && int_type == IntType::Byte => {
                self.integer(int, 'x', &Spec { sharp: true, ..*spec });
            }
            'v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X' => self.integer(int, verb, spec),
            'c' => self.character(int, spec),
            'q' => self.quote_rune(int, spec),
            'U' => self.code_point(int, spec),
            _ => self.bad_verb(Some(value), verb, spec),
        }
    }

    /// Writes `text`, which `value` is or prints as.
    fn string(&mut self, text: &[u8], value: &Value, verb: char, spec: &Spec) {
        match verb {
            'v' if spec.sharp_v => self.quote(text, &Spec { sharp: false, ..*spec }),
            'v' | 's' => self.text(text, spec),
            'q' => self.quote(text, spec),
            'x' | 'X' => self.hex_text(text, verb == 'X', spec),
            _ => self.bad_verb(Some(value), verb, spec),
        }
    }

    fn text(&mut self, text: &[u8], spec: &Spec) {
        self.pad(quote::truncated(text, spec), spec);
    }

    fn hex_text(&mut self, text: &[u8], upper: bool, spec: &Spec) {
        let text = &text[..text.len().min(spec.precision.unwrap_or(usize::MAX))];
        let prefix = match (spec.sharp, upper) {
            (false, _) => "",
            (true, false) => "0x",
            (true, true) => "0X",
        };
        let mut hex = String::with_capacity(text.len() * 2 + 2);
        for (index, byte) in text.iter().enumerate() {
            if index > 0 && spec.space {
                hex.push(' ');
            }
            if index == 0 || spec.space {
                hex.push_str(prefix);
            }
            hex.push_str(&if upper { format!("{byte:02X}") } else { format!("{byte:02x}") });
        }
        self.pad(hex.as_bytes(), spec);
    }

    /// Writes what takes the place of a value that the verb does not fit: `%!d(string=x)`.
    fn bad_verb(&mut self, value: Option<&Value>, verb: char, spec: &Spec) {
        self.push_str(&format!("%!{verb}("));
        match value {
            None => self.push_str("<nil>"),
            Some(value) => {
                self.push_str(type_name(value));
                self.push(b"=");
                self.value(value, 'v', spec);
            }
        }
        self.push(b")");
    }
}

/// Returns what `value` prints as by a method of its own, where verb and flags call for that.
fn printed_by_method(value: &Value, verb: char, spec: &Spec) -> Option<String> {
    if spec.sharp_v || !matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') {
        return None;
    }
    Some(match value {
        Value::Time(time, _) => time.to_string(),
        Value::Duration(duration, _) => duration.to_string(),
        Value::Histogram(text) => text.to_string(),
        Value::Int(int, int_type @ (IntType::Month | IntType::Weekday)) => {
            crate::value::calendar_name(*int, *int_type)
        }
        _ => return None,
    })
}
