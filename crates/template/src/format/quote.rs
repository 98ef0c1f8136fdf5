//! Texts and characters in quotes: `%q`.

use std::fmt;

use super::{Output, Spec};
use crate::unicode::{is_print, push_rune, runes};

/// A text in Go's quotes.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&quoted(self.0.as_bytes(), b'"', false)))
    }
}

/// Returns `bytes` in quotes; whether what is not ASCII is escaped as well.
pub(super) fn quoted(bytes: &[u8], quote: u8, ascii: bool) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() + 2);
    text.push(quote);
    for (rune, raw) in runes(bytes) {
        let is_raw_byte = rune == char::REPLACEMENT_CHARACTER && raw.len() == 1;
        if is_raw_byte {
            text.extend_from_slice(format!("\\x{:02x}", raw[0]).as_bytes());
        } else {
            push_escaped(&mut text, rune, quote, ascii);
        }
    }
    text.push(quote);
    text
}

fn push_escaped(text: &mut Vec<u8>, rune: char, quote: u8, ascii: bool) {
    if rune == char::from(quote) || rune == '\\' {
        text.push(b'\\');
        return push_rune(text, rune);
    }
    if (rune.is_ascii() || !ascii) && is_print(rune) {
        return push_rune(text, rune);
    }
    let code = u32::from(rune);
    let escape = match rune {
        '\x07' => "\\a".to_owned(),
        '\x08' => "\\b".to_owned(),
        '\x0c' => "\\f".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\x0b' => "\\v".to_owned(),
        _ if code < 0x20 || code == 0x7f => format!("\\x{code:02x}"),
        _ if code < 0x1_0000 => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    };
    text.extend_from_slice(escape.as_bytes());
}

impl Output {
    /// Writes `%q` of a text.
    pub(super) fn quote(&mut self, bytes: &[u8], spec: &Spec) {
        let bytes = truncated(bytes, spec);
        if spec.sharp && can_backquote(bytes) {
            let mut text = vec![b'`'];
            text.extend_from_slice(bytes);
            text.push(b'`');
            self.pad(&text, spec);
        } else {
            self.pad(&quoted(bytes, b'"', spec.plus), spec);
        }
    }

    /// Writes `%q` of a character.
    pub(super) fn quote_rune(&mut self, code: i64, spec: &Spec) {
        let mut text = Vec::new();
        push_rune(&mut text, rune_of(code));
        self.pad(&quoted(&text, b'\'', spec.plus), spec);
    }

    /// Writes `%c`.
    pub(super) fn character(&mut self, code: i64, spec: &Spec) {
        let mut text = Vec::new();
        push_rune(&mut text, rune_of(code));
        self.pad(&text, spec);
    }

    /// Writes `%U`.
    pub(super) fn code_point(&mut self, code: i64, spec: &Spec) {
        let digits = spec.precision.unwrap_or(4).clamp(4, 1024);
        let mut text = format!("U+{:0digits$X}", code.cast_unsigned()).into_bytes();
        if spec.sharp {
            let rune = u32::try_from(code).ok().and_then(char::from_u32).filter(|&c| is_print(c));
            if let Some(rune) = rune {
                text.extend_from_slice(format!(" '{rune}'").as_bytes());
            }
        }
        self.pad(&text, &Spec { zero: false, ..*spec });
    }
}

fn rune_of(code: i64) -> char {
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Returns as many characters of `bytes` as the precision says.
pub(super) fn truncated<'a>(bytes: &'a [u8], spec: &Spec) -> &'a [u8] {
    match spec.precision {
        Some(count) => {
            let size = runes(bytes).take(count).map(|(_, raw)| raw.len()).sum();
            &bytes[..size]
        }
        None => bytes,
    }
}

fn can_backquote(bytes: &[u8]) -> bool {
    runes(bytes).all(|(rune, raw)| {
        let is_raw_byte = rune == char::REPLACEMENT_CHARACTER && raw.len() == 1;
        let is_control = (rune < ' ' && rune != '\t') || rune == '\x7f';
        !is_raw_byte && !is_control && rune != '`' && rune != '\u{feff}'
    })
}
