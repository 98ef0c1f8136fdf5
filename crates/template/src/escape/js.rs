//! Scripts.

use super::context::Js;
use super::json;
use crate::unicode::{first_rune, runes};
use crate::value::Value;

/// Words that an expression can follow.
const BEFORE_EXPRESSIONS: [&[u8]; 14] = [
    b"break",
    b"case",
    b"continue",
    b"delete",
    b"do",
    b"else",
    b"finally",
    b"in",
    b"instanceof",
    b"return",
    b"throw",
    b"try",
    b"typeof",
    b"void",
];

/// Returns what a slash would start behind `text`.
pub(super) fn next(text: &[u8], before: Js) -> Js {
    let mut text = text.trim_ascii_end();
    while let Some(rest) =
        text.strip_suffix("\u{2028}".as_bytes()).or(text.strip_suffix("\u{2029}".as_bytes()))
    {
        text = rest.trim_ascii_end();
    }
    let Some(&last) = text.last() else { return before };
    let is_regexp = match last {
        b'+' | b'-' => {
            let count = text.iter().rev().take_while(|&&byte| byte == last).count();
            count % 2 == 1
        }
        b'.' => !text.get(text.len().wrapping_sub(2)).is_some_and(u8::is_ascii_digit),
        b',' | b'<' | b'>' | b'=' | b'*' | b'%' | b'&' | b'|' | b'^' | b'?' | b'!' | b'~'
        | b'(' | b'[' | b':' | b';' | b'{' | b'}' => true,
        _ => {
            let size = text.iter().rev().take_while(|&&byte| is_name_byte(byte)).count();
            BEFORE_EXPRESSIONS.contains(&&text[text.len() - size..])
        }
    };
    if is_regexp { Js::Regexp } else { Js::Division }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'$' | b'_')
}

/// Returns whether the content of a `script` of the type `mime_type` is a script.
pub(super) fn is_js_type(mime_type: &[u8]) -> bool {
    let mime_type = mime_type.split(|&byte| byte == b';').next().unwrap_or_default();
    let mime_type = mime_type.trim_ascii().to_ascii_lowercase();
    matches!(
        &*mime_type,
        b"application/ecmascript"
            | b"application/javascript"
            | b"application/json"
            | b"application/ld+json"
            | b"application/x-ecmascript"
            | b"application/x-javascript"
            | b"module"
            | b"text/ecmascript"
            | b"text/javascript"
            | b"text/javascript1.0"
            | b"text/javascript1.1"
            | b"text/javascript1.2"
            | b"text/javascript1.3"
            | b"text/javascript1.4"
            | b"text/javascript1.5"
            | b"text/jscript"
            | b"text/livescript"
            | b"text/x-ecmascript"
            | b"text/x-javascript"
    )
}

/// Returns `value` as an expression of a script.
pub(super) fn escape_value(
    value: &Value,
    size_max: usize,
) -> Result<Vec<u8>, crate::format::TooLong> {
    let encoded = match json::encode(value, size_max)? {
        Ok(encoded) => encoded,
        Err(problem) => return Ok(format!(" /* {problem} */null ").into_bytes()),
    };
    // Names and numbers must not run into words beside them.
    let edges = [encoded.first(), encoded.last()];
    if edges.into_iter().flatten().any(|&byte| is_name_byte(byte)) {
        return Ok([b" ", &*encoded, b" "].concat());
    }
    Ok(encoded)
}

/// What a text is put into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Literal {
    Quoted,
    Template,
    Regexp,
}

/// Returns `text` escaped to be part of a literal of a script.
pub(super) fn escape_literal(text: &[u8], literal: Literal) -> Vec<u8> {
    if literal == Literal::Regexp && text.is_empty() {
        return b"(?:)".to_vec();
    }
    let mut escaped = Vec::with_capacity(text.len());
    for (rune, raw) in runes(text) {
        match escape_of(rune, literal) {
            Some(escape) => escaped.extend_from_slice(escape.as_bytes()),
            None => escaped.extend_from_slice(raw),
        }
    }
    escaped
}

fn escape_of(rune: char, literal: Literal) -> Option<String> {
    let code = || Some(format!("\\u{:04x}", u32::from(rune)));
    match rune {
        '\t' => Some("\\t".to_owned()),
        '\n' => Some("\\n".to_owned()),
        '\x0c' => Some("\\f".to_owned()),
        '\r' => Some("\\r".to_owned()),
        '\0'..' ' | '"' | '&' | '\'' | '+' | '<' | '>' | '\u{2028}' | '\u{2029}' => code(),
        '/' => Some("\\/".to_owned()),
        '\\' => Some("\\\\".to_owned()),
        '`' if literal != Literal::Regexp => code(),
        '$' | '{' | '}' if literal == Literal::Template => code(),
        '$' | '(' | ')' | '*' | '-' | '.' | '?' | '[' | ']' | '^' | '{' | '|' | '}'
            if literal == Literal::Regexp =>
        {
            Some(format!("\\{rune}"))
        }
        _ => None,
    }
}

/// Returns `text` of a literal, in which what looks like a tag of a script is escaped.
pub(super) fn escape_script_tags(text: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let after = rest.get(1..).unwrap_or_default();
        let starts = |tag: &[u8]| {
            after.get(..tag.len()).is_some_and(|found| found.eq_ignore_ascii_case(tag))
        };
        if rest[0] == b'<' && (starts(b"script") || starts(b"/script") || starts(b"!--")) {
            escaped.extend_from_slice(b"\\x3C");
            rest = after;
        } else {
            let (_, size) = first_rune(rest);
            escaped.extend_from_slice(&rest[..size]);
            rest = &rest[size..];
        }
    }
    escaped
}
