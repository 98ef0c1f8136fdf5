//! Styles.

use super::FAILSAFE;
use crate::unicode::{first_rune, push_rune};

/// Returns whether `text` ends with the word `url`.
pub(super) fn ends_with_url(text: &[u8]) -> bool {
    let Some(before) = text.len().checked_sub(3) else { return false };
    if !text[before..].eq_ignore_ascii_case(b"url") {
        return false;
    }
    !text[..before].last().is_some_and(|&byte| is_name_byte(byte) || byte >= 0x80)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

/// Returns `text` with its escapes decoded.
pub(super) fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
        decoded.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let digits = rest.iter().take(6).take_while(|byte| byte.is_ascii_hexdigit()).count();
        if digits > 0 {
            let code = std::str::from_utf8(&rest[..digits]).unwrap_or("0");
            let mut code = u32::from_str_radix(code, 16).unwrap_or(0);
            let mut size = digits;
            if code > 0x10_ffff {
                code /= 16;
                size -= 1;
            }
            push_rune(&mut decoded, char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            rest = &rest[size..];
            if rest.starts_with(b"\r\n") {
                rest = &rest[2..];
            } else if rest.first().is_some_and(|&byte| is_space(byte)) {
                rest = &rest[1..];
            }
        } else if !rest.is_empty() {
            let (_, size) = first_rune(rest);
            decoded.extend_from_slice(&rest[..size]);
            rest = &rest[size..];
        }
    }
    decoded.extend_from_slice(rest);
    decoded
}

/// Returns `text` escaped to be part of a quoted text of a style.
pub(super) fn escape(text: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len());
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            b'\\' => escaped.extend_from_slice(b"\\\\"),
            0 | b'\t' | b'\n' | b'\x0c' | b'\r' | b'"' | b'&' | b'\'' | b'(' | b')' | b'+'
            | b'/' | b':' | b';' | b'<' | b'>' | b'{' | b'}' => {
                escaped.extend_from_slice(format!("\\{byte:x}").as_bytes());
                let next = text.get(at + 1);
                if next.is_none_or(|&next| next.is_ascii_hexdigit() || is_space(next)) {
                    escaped.push(b' ');
                }
            }
            _ => escaped.push(byte),
        }
    }
    escaped
}

/// Returns `text` where it is a harmless value of a style, or a word that means nothing.
pub(super) fn filter_value(text: &[u8]) -> Vec<u8> {
    let decoded = decode(text);
    let mut word = Vec::new();
    for (at, &byte) in decoded.iter().enumerate() {
        match byte {
            0 | b'"' | b'\'' | b'(' | b')' | b'/' | b';' | b'@' | b'[' | b'\\' | b']' | b'`'
            | b'{' | b'}' | b'<' | b'>' => return FAILSAFE.to_vec(),
            b'-' if at > 0 && decoded[at - 1] == b'-' => return FAILSAFE.to_vec(),
            _ if is_name_byte(byte) && byte != b'-' => word.push(byte.to_ascii_lowercase()),
            _ => {}
        }
    }
    let word = String::from_utf8_lossy(&word);
    if word.contains("expression") || word.contains("mozbinding") {
        return FAILSAFE.to_vec();
    }
    decoded
}
