//! Passes values through what makes them safe.

use super::html::{self, Place};
use super::js::{self, Literal};
use super::{Escaper, FAILSAFE, css, url};
use crate::format::{TooLong, print_words, shown_value};
use crate::value::{Pointer, TextType, Value};

/// Returns `value` printed, behind all of `escapers`.
pub(crate) fn apply(
    escapers: &[Escaper],
    value: &Value,
    size_max: usize,
) -> Result<Vec<u8>, TooLong> {
    let Some((first, others)) = escapers.split_first() else {
        return shown_value(value, size_max);
    };
    if *first == Escaper::JsValue {
        return rest(others, js::escape_value(value, size_max)?, size_max);
    }
    let (text, text_type) = stringify(value, size_max)?;
    rest(others, escape(*first, &text, text_type), size_max)
}

fn rest(escapers: &[Escaper], text: Vec<u8>, size_max: usize) -> Result<Vec<u8>, TooLong> {
    let mut text = text;
    for escaper in escapers {
        if text.len() > size_max {
            return Err(TooLong);
        }
        text = escape(*escaper, &text, TextType::Plain);
    }
    Ok(text)
}

/// Returns `value` as a text, which may be known to be safe. No value is no text.
fn stringify(value: &Value, size_max: usize) -> Result<(Vec<u8>, TextType), TooLong> {
    Ok(match value {
        Value::Nil => (Vec::new(), TextType::Plain),
        Value::Text(text, text_type) => (text.to_vec(), *text_type),
        Value::Struct(_) | Value::Time(_, Pointer::Yes) => {
            (shown_value(value, size_max)?, TextType::Plain)
        }
        _ => (print_words(std::slice::from_ref(value), size_max)?, TextType::Plain),
    })
}

fn escape(escaper: Escaper, text: &[u8], text_type: TextType) -> Vec<u8> {
    let is_html = text_type == TextType::Html;
    let is_url = text_type == TextType::Url;
    match escaper {
        Escaper::Html if is_html => text.to_vec(),
        Escaper::Attribute if is_html => html::escape(&html::strip_tags(text), Place::Text, true),
        Escaper::Html | Escaper::Attribute => html::escape(text, Place::Text, false),
        Escaper::Rcdata => html::escape(text, Place::Text, is_html),
        Escaper::NoSpace if text.is_empty() => FAILSAFE.to_vec(),
        Escaper::NoSpace if is_html => html::escape(&html::strip_tags(text), Place::Unquoted, true),
        Escaper::NoSpace => html::escape(text, Place::Unquoted, false),
        Escaper::HtmlName => html::filter_name(text),
        Escaper::Comment => Vec::new(),
        Escaper::Css => css::escape(text),
        Escaper::CssValue => css::filter_value(text),
        Escaper::JsText => js::escape_literal(text, Literal::Quoted),
        Escaper::JsTemplate => js::escape_literal(text, Literal::Template),
        Escaper::JsRegexp => js::escape_literal(text, Literal::Regexp),
        // Only the first escaper sees a value, and there it is not a text yet.
        Escaper::JsValue => text.to_vec(),
        Escaper::UrlFilter if is_url => text.to_vec(),
        Escaper::UrlFilter => url::filter(text),
        Escaper::UrlNormalizer => url::escape(text, true),
        Escaper::Url => url::escape(text, is_url),
        Escaper::Srcset if is_url => {
            let normal = url::escape(text, true);
            let parts: Vec<&[u8]> = normal.split(|&byte| byte == b',').collect();
            parts.join(&b"%2c"[..])
        }
        Escaper::Srcset => url::filter_srcset(text),
    }
}
