//! Functions over texts, addresses and patterns.

use std::net::{Ipv4Addr, Ipv6Addr};

use narthex_model::SearchRegex;

use super::{Outcome, text_of};
use crate::environment::Environment;
use crate::format::Quoted;
use crate::unicode::{push_rune, runes};
use crate::value::Value;

/// Returns `text` with each rune in upper case, where that is a single rune.
pub(super) fn to_upper(text: &[u8]) -> Vec<u8> {
    map_runes(text, |rune| single(rune.to_uppercase()).unwrap_or(rune))
}

/// Returns `text` with each rune in lower case.
pub(super) fn to_lower(text: &[u8]) -> Vec<u8> {
    map_runes(text, lower)
}

fn lower(rune: char) -> char {
    // The only one whose lower case is two runes.
    if rune == 'İ' { 'i' } else { single(rune.to_lowercase()).unwrap_or(rune) }
}

fn single(mut runes: impl Iterator<Item = char>) -> Option<char> {
    let first = runes.next()?;
    runes.next().is_none().then_some(first)
}

fn map_runes(text: &[u8], map: impl Fn(char) -> char) -> Vec<u8> {
    let mut mapped = Vec::with_capacity(text.len());
    for (rune, _) in runes(text) {
        push_rune(&mut mapped, map(rune));
    }
    mapped
}

/// Returns `text` with the first letter of each word in title case; the others in lower case where
/// `lowers` says so.
///
/// # Source
///
/// `cases.Title` of golang.org/x/text: digits and underscores are parts of words, and so are
/// apostrophes, colons and dots between letters.
pub(super) fn title(text: &[u8], lowers: bool) -> Vec<u8> {
    let mut titled = Vec::with_capacity(text.len());
    let mut done = false;
    let mut before = ' ';
    let mut all = runes(text).peekable();
    while let Some((rune, raw)) = all.next() {
        let is_word = is_word_rune(rune);
        let joins = is_mid_word(rune)
            && before.is_alphabetic()
            && all.peek().is_some_and(|(next, _)| next.is_alphabetic());
        before = rune;
        if !is_word && !joins {
            done = false;
            titled.extend_from_slice(raw);
            continue;
        }
        if !done && is_cased(rune) {
            push_title(&mut titled, rune);
            done = true;
        } else if lowers && done {
            rune.to_lowercase().for_each(|rune| push_rune(&mut titled, rune));
        } else {
            titled.extend_from_slice(raw);
        }
    }
    titled
}

fn is_word_rune(rune: char) -> bool {
    rune.is_alphanumeric() || rune == '_' || ('\u{300}'..='\u{36f}').contains(&rune)
}

fn is_mid_word(rune: char) -> bool {
    matches!(rune, '\'' | '.' | ':' | '\u{b7}' | '\u{387}' | '\u{2018}' | '\u{2019}' | '\u{2027}')
}

fn is_cased(rune: char) -> bool {
    rune.is_lowercase() || rune.is_uppercase() || is_title(rune)
}

fn is_title(rune: char) -> bool {
    matches!(rune, 'ǅ' | 'ǈ' | 'ǋ' | 'ǲ')
}

fn push_title(text: &mut Vec<u8>, rune: char) {
    match rune {
        'ǆ' | 'ǅ' | 'Ǆ' => push_rune(text, 'ǅ'),
        'ǉ' | 'ǈ' | 'Ǉ' => push_rune(text, 'ǈ'),
        'ǌ' | 'ǋ' | 'Ǌ' => push_rune(text, 'ǋ'),
        'ǳ' | 'ǲ' | 'Ǳ' => push_rune(text, 'ǲ'),
        _ => {
            // What is one letter in lower case and several in upper case has only the first of them
            // in upper case.
            let mut upper = rune.to_uppercase();
            if let Some(first) = upper.next() {
                push_rune(text, first);
            }
            upper.flat_map(char::to_lowercase).for_each(|rune| push_rune(text, rune));
        }
    }
}

/// Returns `text` escaped to be part of a query in an address.
pub(crate) fn query_escape(text: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(byte);
            }
            b' ' => escaped.push(b'+'),
            _ => escaped.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    escaped
}

/// Returns the path of an address.
pub(super) fn url_path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
    rest.find('/').map_or("", |at| &rest[at..])
}

/// Splits `host:port`, `[host]:port`; `None` where there is no port.
///
/// # Source
///
/// `net.SplitHostPort` of Go.
fn split_host_port(text: &str) -> Option<(&str, &str)> {
    let colon = text.rfind(':')?;
    let (host, port) = (&text[..colon], &text[colon + 1..]);
    if let Some(inner) = text.strip_prefix('[') {
        let end = inner.find(']')?;
        let fits = end + 2 == colon;
        let inner = &inner[..end];
        let good = fits && !inner.contains('[') && !port.contains(['[', ']']);
        return good.then_some((inner, port));
    }
    let good = !host.contains([':', '[', ']']) && !port.contains(['[', ']']);
    good.then_some((host, port))
}

pub(super) fn strip_port(args: &[Value]) -> Outcome {
    let text = String::from_utf8_lossy(text_of(&args[0]));
    Ok(match split_host_port(&text) {
        Some((host, _)) => Value::text(host),
        None => args[0].clone(),
    })
}

pub(super) fn strip_domain(args: &[Value]) -> Outcome {
    let text = String::from_utf8_lossy(text_of(&args[0]));
    let (host, port) = split_host_port(&text).unwrap_or((&text, ""));
    if is_ip(host) {
        return Ok(args[0].clone());
    }
    let name = host.split('.').next().unwrap_or_default();
    Ok(Value::text(match (port, name.contains(':')) {
        ("", _) => name.to_owned(),
        (_, true) => format!("[{name}]:{port}"),
        (_, false) => format!("{name}:{port}"),
    }))
}

fn is_ip(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok() || text.parse::<Ipv6Addr>().is_ok()
}

pub(super) fn is_match(args: &[Value]) -> Outcome {
    let pattern = String::from_utf8_lossy(text_of(&args[0]));
    let regex = SearchRegex::new(&pattern).map_err(|error| error.to_string())?;
    Ok(Value::Bool(regex.is_match(&String::from_utf8_lossy(text_of(&args[1])))))
}

pub(super) fn replace_all(env: &Environment<'_>, args: &[Value]) -> Outcome {
    let [pattern, template, text] =
        [0, 1, 2].map(|index| String::from_utf8_lossy(text_of(&args[index])));
    let regex = SearchRegex::new(&pattern).map_err(|error| {
        let shown = if pattern.contains('`') {
            Quoted(&pattern).to_string()
        } else {
            format!("`{pattern}`")
        };
        format!("regexp: Compile({shown}): {error}")
    })?;
    let replaced = regex.replace_all(&text, &template, env.limits.output_size_max);
    replaced.map(Value::text).ok_or_else(|| env.limits.too_long())
}
