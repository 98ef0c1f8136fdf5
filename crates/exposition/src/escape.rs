//! The escapes of the text formats.

use std::borrow::Cow;

use memchr::memchr;

/// Undoes `\\`, `\n` and `\"`. Another escape stays as it is.
pub(crate) fn unescape_label(raw: &str) -> Cow<'_, str> {
    unescape(raw, true)
}

/// Undoes `\\` and `\n`. Another escape, that of a quote among them, stays as it is.
pub(crate) fn unescape_help(raw: &str) -> Cow<'_, str> {
    unescape(raw, false)
}

fn unescape(raw: &str, quotes: bool) -> Cow<'_, str> {
    match memchr(b'\\', raw.as_bytes()) {
        None => Cow::Borrowed(raw),
        Some(first) => Cow::Owned(unescape_from(raw, first, quotes)),
    }
}

#[cold]
fn unescape_from(raw: &str, first: usize, quotes: bool) -> String {
    let mut text = String::with_capacity(raw.len());
    text.push_str(&raw[..first]);
    let mut chars = raw[first..].chars();
    while let Some(char) = chars.next() {
        let meant = match (char, chars.as_str().as_bytes().first()) {
            ('\\', Some(b'\\')) => Some('\\'),
            ('\\', Some(b'n')) => Some('\n'),
            ('\\', Some(b'"')) if quotes => Some('"'),
            _ => None,
        };
        match meant {
            None => text.push(char),
            Some(meant) => {
                chars.next();
                text.push(meant);
            }
        }
    }
    text
}

/// Appends `text` with `\` and line feeds escaped.
pub(crate) fn push_help(out: &mut String, text: &str) {
    push_escaped(out, text, false);
}

/// Appends `text` with `\`, line feeds and double quotes escaped.
pub(crate) fn push_label(out: &mut String, text: &str) {
    push_escaped(out, text, true);
}

fn push_escaped(out: &mut String, text: &str, quotes: bool) {
    let mut copied = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped = match byte {
            b'\\' => r"\\",
            b'\n' => r"\n",
            b'"' if quotes => r#"\""#,
            _ => continue,
        };
        out.push_str(&text[copied..at]);
        out.push_str(escaped);
        copied = at + 1;
    }
    out.push_str(&text[copied..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_escapes() {
        for (raw, text) in [
            ("plain", "plain"),
            (r#"a\\b\nc\"d"#, "a\\b\nc\"d"),
            (r"\\n", "\\n"),
            (r"\x\", r"\x\"),
            (r"é\né", "é\né"),
        ] {
            assert_eq!(unescape_label(raw), text, "{raw}");
        }
    }

    #[test]
    fn help_keeps_escaped_quotes() {
        assert_eq!(unescape_help(r#"a\"b\\c\nd"#), "a\\\"b\\c\nd");
    }

    #[test]
    fn written_escapes_read_back() {
        for text in ["", "\\", "\n", "\"", "a\\nb", "\\\\\"\n\n\"é\\"] {
            let (mut label, mut help) = (String::new(), String::new());
            push_label(&mut label, text);
            push_help(&mut help, text);
            assert_eq!(unescape_label(&label), text);
            assert_eq!(unescape_help(&help), text);
            assert!(!label.contains('\n') && !help.contains('\n'));
        }
    }
}
