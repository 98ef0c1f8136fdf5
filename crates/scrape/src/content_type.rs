//! Which format a page is in.

use hashbrown::HashMap;
use narthex_exposition::PageFormat;
use narthex_model::quote::Quoted;

/// Why a page's format is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentTypeError {
    /// The target does not say.
    #[error(
        "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol \
         specified for target"
    )]
    Blank,
    /// What the target says is no media type.
    #[error(
        "cannot parse Content-Type {} and no fallback_scrape_protocol for target\nmime: {cause}",
        Quoted(content_type)
    )]
    Malformed {
        /// The header.
        content_type: Box<str>,
        /// What is wrong with it.
        cause: &'static str,
    },
    /// The format is none that is read here.
    #[error(
        "received unsupported Content-Type {} and no fallback_scrape_protocol specified for target",
        Quoted(content_type)
    )]
    Unsupported {
        /// The header.
        content_type: Box<str>,
    },
}

/// Returns the format of a page with this header. What is missing or none that is read here is the
/// `fallback`, where there is one.
///
/// # Source
///
/// `extractMediaType` in Prometheus `model/textparse/interface.go`, and Go's
/// `mime.ParseMediaType`.
pub(crate) fn format(
    content_type: &str,
    fallback: Option<PageFormat>,
) -> Result<PageFormat, ContentTypeError> {
    match (declared(content_type), fallback) {
        (Err(_), Some(fallback)) => Ok(fallback),
        (declared, _) => declared,
    }
}

fn declared(content_type: &str) -> Result<PageFormat, ContentTypeError> {
    if content_type.is_empty() {
        return Err(ContentTypeError::Blank);
    }
    let (media_type, params) = content_type.split_once(';').unwrap_or((content_type, ""));
    let checked = check_media_type(media_type).and_then(|()| check_params(params));
    if let Err(cause) = checked {
        return Err(ContentTypeError::Malformed { content_type: content_type.into(), cause });
    }
    let media_type = media_type.trim();
    let known = FORMATS.iter().find(|(name, _)| media_type.eq_ignore_ascii_case(name));
    known
        .map(|(_, format)| *format)
        .ok_or_else(|| ContentTypeError::Unsupported { content_type: content_type.into() })
}

const FORMATS: [(&str, PageFormat); 3] = [
    ("text/plain", PageFormat::Text),
    ("application/openmetrics-text", PageFormat::OpenMetrics),
    ("application/vnd.google.protobuf", PageFormat::Protobuf),
];

fn check_media_type(text: &str) -> Result<(), &'static str> {
    let (main, rest) = take_token(text.trim());
    if main.is_empty() {
        return Err("no media type");
    }
    if rest.is_empty() {
        return Ok(());
    }
    let Some(rest) = rest.strip_prefix('/') else {
        return Err("expected slash after first token");
    };
    match take_token(rest) {
        ("", _) => Err("expected token after slash"),
        (_, "") => Ok(()),
        _ => Err("unexpected content after media subtype"),
    }
}

fn check_params(mut rest: &str) -> Result<(), &'static str> {
    let mut params = HashMap::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(());
        }
        let (name, value, after) = take_param(rest).ok_or("invalid media parameter")?;
        if *params.entry(name.to_ascii_lowercase()).or_insert(value) != value {
            return Err("duplicate parameter name");
        }
        let after = after.trim_start();
        rest = match after.strip_prefix(';') {
            Some(rest) => rest,
            None if after.is_empty() => after,
            None => return Err("invalid media parameter"),
        };
    }
}

/// Splits `name=value`, whose value may be quoted, from what follows.
fn take_param(text: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = take_token(text);
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let (value, rest) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => take_token(rest),
    };
    let quoted = text.len() > rest.len() && text[..text.len() - rest.len()].ends_with('"');
    (!name.is_empty() && (quoted || !value.is_empty())).then_some((name, value, rest))
}

/// Splits the token of RFC 2045 off the start of `text`.
fn take_token(text: &str) -> (&str, &str) {
    let in_token = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte);
    let end = text.bytes().position(|byte| !in_token(byte)).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        for (content_type, expected) in [
            ("text/plain", ""),
            (" text/plain ", ""),
            ("Text/Plain; Version=0.0.4", ""),
            ("text/plain; version=9.9.9;", ""),
            ("text/plain\t;version=\"0.0.4\"; charset=utf-8", ""),
            ("text/plain; version=0.0.4; version=0.0.4", ""),
            ("", "blank"),
            (" ", "no media type"),
            ("/", "no media type"),
            ("text/", "expected token after slash"),
            ("text/plain/x", "unexpected content after media subtype"),
            ("text/plain, text/html", "unexpected content after media subtype"),
            ("garbage value", "expected slash after first token"),
            ("text/plain;;", "invalid media parameter"),
            ("text/plain; version", "invalid media parameter"),
            ("text/plain; version=", "invalid media parameter"),
            ("text/plain; version=\"0", "invalid media parameter"),
            ("text/plain; version=0.0.4; version=1.0.0", "duplicate parameter name"),
            ("text", "unsupported Content-Type"),
            ("text/html; charset=utf-8", "unsupported Content-Type"),
            ("application/openmetrics-text", ""),
            ("application/vnd.google.protobuf; encoding=text", ""),
            ("application/json", "unsupported Content-Type"),
            ("text/é", "expected token after slash"),
        ] {
            let message = declared(content_type).err().map(|error| error.to_string());
            let message = message.unwrap_or_default();
            assert!(message.contains(expected), "{content_type:?}: {message}");
            assert_eq!(message.is_empty(), expected.is_empty(), "{content_type:?}: {message}");
            let fallback = format(content_type, Some(PageFormat::Protobuf));
            let expected = declared(content_type).unwrap_or(PageFormat::Protobuf);
            assert_eq!(fallback, Ok(expected), "{content_type:?}");
        }
    }
}
