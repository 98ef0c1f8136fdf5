//! Pages.

use super::FAILSAFE;
use super::context::{Context, Delimiter, State};
use super::kind::{Kind, attribute_kind};
use super::transition::{index_any, step};
use crate::unicode::runes;

/// What the text is put into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Text,
    /// An attribute without quotes.
    Unquoted,
}

/// Returns `text` escaped. `keeps_entities`: it is part of a page already, so ampersands stay.
pub(super) fn escape(text: &[u8], place: Place, keeps_entities: bool) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len());
    for (rune, raw) in runes(text) {
        let escape = match rune {
            '"' => "&#34;",
            '\'' => "&#39;",
            '+' => "&#43;",
            '<' => "&lt;",
            '>' => "&gt;",
            '&' if !keeps_entities => "&amp;",
            '\0' if place == Place::Text => "\u{fffd}",
            '\0' | '\u{fffd}' if place == Place::Unquoted => "&#xfffd;",
            '\t'
            | '\n'
            | '\x0b'
            | '\x0c'
            | '\r'
            | ' '
            | '='
            | '`'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{fff0}'..='\u{ffff}'
                if place == Place::Unquoted =>
            {
                let code = u32::from(rune);
                let text = if code < 128 { format!("&#{code};") } else { format!("&#x{code:x};") };
                escaped.extend_from_slice(text.as_bytes());
                continue;
            }
            _ => {
                escaped.extend_from_slice(raw);
                continue;
            }
        };
        escaped.extend_from_slice(escape.as_bytes());
    }
    escaped
}

/// Returns the name of an attribute where it is harmless.
pub(super) fn filter_name(name: &[u8]) -> Vec<u8> {
    let name = String::from_utf8_lossy(name).to_lowercase().into_bytes();
    let good = !name.is_empty()
        && attribute_kind(&name) == Kind::Plain
        && name.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
    if good { name } else { FAILSAFE.to_vec() }
}

/// Returns the text of a piece of a page, without its tags and comments.
pub(super) fn strip_tags(html: &[u8]) -> Vec<u8> {
    let mut stripped = Vec::with_capacity(html.len());
    let mut context = Context::default();
    let mut at = 0;
    while at < html.len() {
        if context.delimiter != Delimiter::None {
            let Some(end) = index_any(&html[at..], context.delimiter.ends()) else { break };
            at += end + usize::from(context.delimiter != Delimiter::SpaceOrTagEnd);
            context = Context { element: context.element, ..Context::of(State::Tag) };
            continue;
        }
        let mut read = context.clone();
        if !context.element.tag().is_empty() && !context.state.is_in_tag() {
            read.state = State::Rcdata;
        }
        let Ok((mut next, size)) = step(&read, &html[at..]) else { break };
        if next == read {
            next = context.clone();
        }
        if matches!(context.state, State::Text | State::Rcdata) {
            let text = &html[at..at + size];
            let end = match text.iter().rposition(|&byte| byte == b'<') {
                Some(tag) if next.state != context.state => tag,
                _ => text.len(),
            };
            stripped.extend_from_slice(&text[..end]);
        }
        if size == 0 && next == context {
            break;
        }
        context = next;
        at += size;
    }
    stripped
}
