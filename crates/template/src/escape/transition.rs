//! How text of a template changes where in a page one is.

use super::context::{Attribute, Context, Delimiter, Element, Js, Problem, State, UrlPart};
use super::css;
use super::js;
use super::kind::{Kind, attribute_kind};
use crate::format::Quoted;

/// The context behind some of the text, and how much of it.
type Step = Result<(Context, usize), Problem>;

/// Reads some of `text`, which is not empty, in the context `context`.
pub(super) fn after_text(context: &Context, text: &[u8]) -> Step {
    if context.delimiter == Delimiter::None {
        let end = special_tag_end(context, text);
        if end == Some(0) {
            return Ok((Context::default(), 0));
        }
        let text = &text[..end.unwrap_or(text.len())];
        return step(context, text);
    }
    let end = index_any(text, context.delimiter.ends());
    let value = &text[..end.unwrap_or(text.len())];
    if context.delimiter == Delimiter::SpaceOrTagEnd
        && let Some(at) = index_any(value, b"\"'<=`")
    {
        let (found, value) = (quoted(&value[at..=at]), quoted(value));
        return Err(Problem::new(format!("{found} in unquoted attr: {value}")));
    }
    let Some(end) = end else {
        // The value goes on. What it means is read without the entities of the page.
        let plain = unescape(text);
        let mut context = context.clone();
        let mut rest = &plain[..];
        while !rest.is_empty() {
            let (next, size) = step(&context, rest)?;
            context = next;
            rest = &rest[size..];
        }
        return Ok((context, text.len()));
    };
    let mut element = context.element;
    let is_type = context.state == State::Attribute && context.attribute == Attribute::ScriptType;
    if is_type && element == Element::Script && !js::is_js_type(value) {
        element = Element::None;
    }
    let quote = usize::from(context.delimiter != Delimiter::SpaceOrTagEnd);
    Ok((Context { element, ..Context::of(State::Tag) }, end + quote))
}

/// Reads some of `text` as what the state says it is.
pub(super) fn step(context: &Context, text: &[u8]) -> Step {
    match context.state {
        State::Text => Ok(in_text(context, text)),
        State::Tag => in_tag(context, text),
        State::AttributeName => {
            let end = attribute_name_end(text)?;
            let state = if end == text.len() { context.state } else { State::AfterName };
            Ok((Context { state, ..context.clone() }, end))
        }
        State::AfterName => Ok(after_name(context, text)),
        State::BeforeValue => Ok(before_value(context, text)),
        State::HtmlComment => Ok(match find(text, b"-->") {
            Some(end) => (Context::default(), end + 3),
            None => (context.clone(), text.len()),
        }),
        State::Rcdata => Ok(match special_tag_end(context, text) {
            Some(end) => (Context::default(), end),
            None => (context.clone(), text.len()),
        }),
        State::Url | State::Srcset => Ok((in_url(context.clone(), text), text.len())),
        State::Js => in_js(context, text),
        State::JsDoubleQuoted | State::JsSingleQuoted | State::JsRegexp => {
            in_js_literal(context, text)
        }
        State::JsTemplate => in_js_template(context, text),
        State::JsBlockComment => Ok(in_block_comment(context, text, State::Js)),
        State::CssBlockComment => Ok(in_block_comment(context, text, State::Css)),
        State::JsLineComment | State::JsHtmlOpenComment | State::JsHtmlCloseComment => {
            let end = line_end(text, &["\n", "\r", "\u{2028}", "\u{2029}"]);
            Ok(in_line_comment(context, text, end, State::Js))
        }
        State::CssLineComment => {
            let end = line_end(text, &["\n", "\x0c", "\r"]);
            Ok(in_line_comment(context, text, end, State::Css))
        }
        State::Css => Ok(in_css(context, text)),
        State::CssDoubleQuoted
        | State::CssSingleQuoted
        | State::CssDoubleQuotedUrl
        | State::CssSingleQuotedUrl
        | State::CssUrl => in_css_text(context, text),
        State::Attribute | State::Dead => Ok((context.clone(), text.len())),
    }
}

fn in_text(context: &Context, text: &[u8]) -> (Context, usize) {
    let mut from = 0;
    while let Some(found) = text[from..].iter().position(|&byte| byte == b'<') {
        let mut at = from + found;
        if at + 1 == text.len() {
            break;
        }
        if text[at..].starts_with(b"<!--") {
            return (Context::of(State::HtmlComment), at + 4);
        }
        at += 1;
        let ends = text[at] == b'/';
        at += usize::from(ends);
        if at == text.len() {
            break;
        }
        let size = tag_name_size(&text[at..]);
        if size > 0 {
            let name = &text[at..at + size];
            let element = if ends { Element::None } else { Element::of(name) };
            return (Context { element, ..Context::of(State::Tag) }, at + size);
        }
        from = at;
    }
    (context.clone(), text.len())
}

fn tag_name_size(text: &[u8]) -> usize {
    if !text.first().is_some_and(u8::is_ascii_alphabetic) {
        return 0;
    }
    let mut size = 1;
    loop {
        match (text.get(size), text.get(size + 1)) {
            (Some(byte), _) if byte.is_ascii_alphanumeric() => size += 1,
            (Some(b':' | b'-'), Some(next)) if next.is_ascii_alphanumeric() => size += 2,
            _ => return size,
        }
    }
}

fn white_space(text: &[u8]) -> usize {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\x0c' | b'\r');
    text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len())
}

fn in_tag(context: &Context, text: &[u8]) -> Step {
    let start = white_space(text);
    if start == text.len() {
        return Ok((context.clone(), start));
    }
    if text[start] == b'>' {
        let element = context.element;
        return Ok((Context { element, ..Context::of(element.content_state()) }, start + 1));
    }
    let size = attribute_name_end(&text[start..])?;
    if size == 0 {
        return Err(Problem::new(format!(
            "expected space, attr name, or end of tag, but got {}",
            quoted(&text[start..])
        )));
    }
    let name = text[start..start + size].to_ascii_lowercase();
    let attribute = if context.element == Element::Script && name == b"type" {
        Attribute::ScriptType
    } else {
        match attribute_kind(&name) {
            Kind::Url => Attribute::Url,
            Kind::Css => Attribute::Style,
            Kind::Js => Attribute::Script,
            Kind::Srcset => Attribute::Srcset,
            Kind::Plain | Kind::Unsafe => Attribute::None,
        }
    };
    let end = start + size;
    let state = if end == text.len() { State::AttributeName } else { State::AfterName };
    Ok((Context { element: context.element, attribute, ..Context::of(state) }, end))
}

fn attribute_name_end(text: &[u8]) -> Result<usize, Problem> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\x0c' | b'\r' | b'=' | b'>' => return Ok(at),
            b'\'' | b'"' | b'<' => {
                return Err(Problem::new(format!(
                    "{} in attribute name: {}",
                    quoted(&text[at..=at]),
                    quoted(&text[..text.len().min(32)])
                )));
            }
            _ => {}
        }
    }
    Ok(text.len())
}

fn after_name(context: &Context, text: &[u8]) -> (Context, usize) {
    let start = white_space(text);
    match text.get(start) {
        None => (context.clone(), start),
        Some(b'=') => (Context { state: State::BeforeValue, ..context.clone() }, start + 1),
        Some(_) => (Context { state: State::Tag, ..context.clone() }, start),
    }
}

fn before_value(context: &Context, text: &[u8]) -> (Context, usize) {
    let start = white_space(text);
    let (delimiter, size) = match text.get(start) {
        None => return (context.clone(), start),
        Some(b'\'') => (Delimiter::SingleQuote, 1),
        Some(b'"') => (Delimiter::DoubleQuote, 1),
        Some(_) => (Delimiter::SpaceOrTagEnd, 0),
    };
    let state = context.attribute.value_state();
    (Context { state, delimiter, ..context.clone() }, start + size)
}

/// Returns where the end tag of the context's element starts.
fn special_tag_end(context: &Context, text: &[u8]) -> Option<usize> {
    let tag = context.element.tag();
    if tag.is_empty() {
        return None;
    }
    if context.element == Element::Script
        && (context.state.is_script_literal() || context.state.is_comment())
    {
        return None;
    }
    let mut from = 0;
    while let Some(found) = find(&text[from..], b"</") {
        let start = from + found;
        let rest = &text[start + 2..];
        let is_tag = rest.get(..tag.len()).is_some_and(|name| name.eq_ignore_ascii_case(tag));
        let ends = |byte: &u8| b"> \t\n\x0c/".contains(byte);
        if is_tag && rest.get(tag.len()).is_some_and(ends) {
            return Some(start);
        }
        from = start + 2;
    }
    None
}

fn in_url(mut context: Context, text: &[u8]) -> Context {
    if text.iter().any(|byte| matches!(byte, b'#' | b'?')) {
        context.url_part = UrlPart::QueryOrFragment;
    } else if white_space(text) != text.len() && context.url_part == UrlPart::None {
        context.url_part = UrlPart::PreQuery;
    }
    context
}

fn in_js(context: &Context, text: &[u8]) -> Step {
    let mut next = context.clone();
    let Some(mut at) = index_any(text, b"\"`'/{}<-#") else {
        next.js = js::next(text, context.js);
        return Ok((next, text.len()));
    };
    next.js = js::next(&text[..at], context.js);
    let starts = |start: &[u8]| text[at..].starts_with(start);
    match text[at] {
        b'"' => (next.state, next.js) = (State::JsDoubleQuoted, Js::Regexp),
        b'\'' => (next.state, next.js) = (State::JsSingleQuoted, Js::Regexp),
        b'`' => (next.state, next.js) = (State::JsTemplate, Js::Regexp),
        b'/' if starts(b"//") => (next.state, at) = (State::JsLineComment, at + 1),
        b'/' if starts(b"/*") => (next.state, at) = (State::JsBlockComment, at + 1),
        b'/' => match next.js {
            Js::Regexp => next.state = State::JsRegexp,
            Js::Division => next.js = Js::Regexp,
            Js::Unknown => {
                let rest = &text[at..];
                return Err(Problem::new(format!(
                    "'/' could start a division or regexp: {}",
                    quoted(&rest[..rest.len().min(32)])
                )));
            }
        },
        b'<' if starts(b"<!--") => (next.state, at) = (State::JsHtmlOpenComment, at + 3),
        b'-' if starts(b"-->") => (next.state, at) = (State::JsHtmlCloseComment, at + 2),
        b'#' if starts(b"#!") => (next.state, at) = (State::JsLineComment, at + 1),
        b'{' => {
            if let Some(depth) = next.brace_depths.last_mut() {
                *depth += 1;
            }
        }
        b'}' => {
            if let Some(depth) = next.brace_depths.last_mut() {
                *depth -= 1;
                if *depth < 0 {
                    next.brace_depths.pop();
                    next.state = State::JsTemplate;
                }
            }
        }
        _ => {}
    }
    Ok((next, at + 1))
}

fn in_js_literal(context: &Context, text: &[u8]) -> Step {
    let specials: &[u8] = match context.state {
        State::JsSingleQuoted => b"\\'",
        State::JsRegexp => b"\\/[]",
        _ => b"\\\"",
    };
    let mut in_set = false;
    let mut from = 0;
    while let Some(found) = index_any(&text[from..], specials) {
        let mut at = from + found;
        match text[at] {
            b'\\' => {
                at += 1;
                if at == text.len() {
                    return Err(unfinished("JS", text));
                }
            }
            b'[' => in_set = true,
            b']' => in_set = false,
            // The end of a script within a literal is escaped later, and ends nothing.
            b'/' if is_script_end(text, at) => at += 1,
            _ if !in_set => {
                let next = Context { state: State::Js, js: Js::Division, ..context.clone() };
                return Ok((next, at + 1));
            }
            _ => {}
        }
        from = at + 1;
    }
    if in_set {
        return Err(Problem::new(format!("unfinished JS regexp charset: {}", quoted(text))));
    }
    Ok((context.clone(), text.len()))
}

fn is_script_end(text: &[u8], slash: usize) -> bool {
    slash > 0
        && text
            .get(slash - 1..slash + 7)
            .is_some_and(|found| found.eq_ignore_ascii_case(b"</script"))
}

fn in_js_template(context: &Context, text: &[u8]) -> Step {
    let mut from = 0;
    while let Some(found) = index_any(&text[from..], b"`\\$") {
        let mut at = from + found;
        match text[at] {
            b'\\' => {
                at += 1;
                if at == text.len() {
                    return Err(unfinished("JS", text));
                }
            }
            b'$' if text.get(at + 1) == Some(&b'{') => {
                let mut next = Context { state: State::Js, ..context.clone() };
                next.brace_depths.push(0);
                return Ok((next, at + 2));
            }
            b'`' => {
                return Ok((Context { state: State::Js, ..context.clone() }, at + 1));
            }
            _ => {}
        }
        from = at + 1;
    }
    Ok((context.clone(), text.len()))
}

fn unfinished(language: &str, text: &[u8]) -> Problem {
    let text = quoted(text);
    Problem::new(format!("unfinished escape sequence in {language} string: {text}"))
}

fn in_block_comment(context: &Context, text: &[u8], after: State) -> (Context, usize) {
    match find(text, b"*/") {
        Some(end) => (Context { state: after, ..context.clone() }, end + 2),
        None => (context.clone(), text.len()),
    }
}

fn line_end(text: &[u8], ends: &[&str]) -> Option<usize> {
    ends.iter().filter_map(|end| find(text, end.as_bytes())).min()
}

fn in_line_comment(
    context: &Context,
    text: &[u8],
    end: Option<usize>,
    after: State,
) -> (Context, usize) {
    match end {
        Some(end) => (Context { state: after, ..context.clone() }, end),
        None => (context.clone(), text.len()),
    }
}

fn in_css(context: &Context, text: &[u8]) -> (Context, usize) {
    let to = |state, end| (Context { state, ..context.clone() }, end);
    let mut from = 0;
    while let Some(found) = index_any(&text[from..], b"(\"'/") {
        let at = from + found;
        match (text[at], text.get(at + 1)) {
            (b'(', _) if css::ends_with_url(text[..at].trim_ascii_end()) => {
                let start = at + 1 + white_space(&text[at + 1..]);
                return match text.get(start) {
                    Some(b'"') => to(State::CssDoubleQuotedUrl, start + 1),
                    Some(b'\'') => to(State::CssSingleQuotedUrl, start + 1),
                    _ => to(State::CssUrl, start),
                };
            }
            (b'/', Some(b'/')) => return to(State::CssLineComment, at + 2),
            (b'/', Some(b'*')) => return to(State::CssBlockComment, at + 2),
            (b'"', _) => return to(State::CssDoubleQuoted, at + 1),
            (b'\'', _) => return to(State::CssSingleQuoted, at + 1),
            _ => {}
        }
        from = at + 1;
    }
    (context.clone(), text.len())
}

fn in_css_text(context: &Context, text: &[u8]) -> Step {
    let ends: &[u8] = match context.state {
        State::CssDoubleQuoted | State::CssDoubleQuotedUrl => b"\\\"",
        State::CssSingleQuoted | State::CssSingleQuotedUrl => b"\\'",
        _ => b"\\\t\n\x0c\r )",
    };
    let mut context = context.clone();
    let mut from = 0;
    while let Some(found) = index_any(&text[from..], ends) {
        let mut at = from + found;
        if text[at] != b'\\' {
            return Ok((Context { state: State::Css, ..context }, at + 1));
        }
        at += 1;
        if at == text.len() {
            return Err(unfinished("CSS", text));
        }
        context = in_url(context, &css::decode(&text[..=at]));
        from = at + 1;
    }
    Ok((in_url(context, &css::decode(&text[from..])), text.len()))
}

/// Returns where `part` starts in `text`.
pub(super) fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// Returns where any of the bytes `wanted` stands in `text`.
pub(super) fn index_any(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.iter().position(|byte| wanted.contains(byte))
}

fn quoted(text: &[u8]) -> String {
    Quoted(&String::from_utf8_lossy(text)).to_string()
}

/// Returns `text` without the entities that mean something to scripts, styles and addresses.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| byte == b'&') {
        plain.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let end = rest.iter().take(12).position(|&byte| byte == b';');
        match end.and_then(|end| Some((entity(&rest[1..end])?, end))) {
            Some((rune, end)) => {
                crate::unicode::push_rune(&mut plain, rune);
                rest = &rest[end + 1..];
            }
            None => {
                plain.push(b'&');
                rest = &rest[1..];
            }
        }
    }
    plain.extend_from_slice(rest);
    plain
}

fn entity(name: &[u8]) -> Option<char> {
    let name = std::str::from_utf8(name).ok()?;
    match name {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => {}
    }
    let digits = name.strip_prefix('#')?;
    let code = match digits.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    char::from_u32(code.ok()?)
}
