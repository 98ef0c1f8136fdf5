//! `$NAME` and `${NAME}` in external labels.

/// Returns `text` with each `$NAME` and `${NAME}` replaced by what `lookup` gives for the name, and
/// `$$` by a dollar. What `lookup` does not know, and broken syntax (`${}`, `${open`), become nothing.
///
/// # Source
///
/// `os.Expand` of Go, as `Load` in Prometheus `config/config.go` calls it.
pub(crate) fn expand(text: &str, lookup: &impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (reference, after) = split_reference(after);
        match reference {
            Reference::None => out.push('$'),
            Reference::Broken => {}
            Reference::Name("$") => out.push('$'),
            Reference::Name(name) => out.push_str(&value(name, lookup)),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

enum Reference<'a> {
    /// The dollar stands for itself.
    None,
    Broken,
    Name(&'a str),
}

/// Splits what follows a dollar into the name it refers to and the rest.
fn split_reference(text: &str) -> (Reference<'_>, &str) {
    if let Some(braced) = text.strip_prefix('{') {
        return match braced.split_once('}') {
            Some(("", after)) => (Reference::Broken, after),
            Some((name, after)) => (Reference::Name(name), after),
            None => (Reference::Broken, braced),
        };
    }
    let length = match text.bytes().next() {
        Some(byte) if SPECIAL.contains(&byte) => 1,
        _ => text.bytes().take_while(|&byte| byte == b'_' || byte.is_ascii_alphanumeric()).count(),
    };
    let (name, after) = text.split_at(length);
    if name.is_empty() { (Reference::None, after) } else { (Reference::Name(name), after) }
}

fn value(name: &str, lookup: &impl Fn(&str) -> Option<String>) -> String {
    let value = lookup(name).unwrap_or_default();
    if value.is_empty() {
        tracing::warn!(name, "Empty environment variable");
    }
    value
}

/// The names of one character that the shell knows.
const SPECIAL: &[u8] = b"*#$@!?-0123456789";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_as_go_does() {
        let lookup = |name: &str| match name {
            "TEST" => Some("value".to_owned()),
            "a-b" => Some("dashed".to_owned()),
            _ => None,
        };
        let cases = [
            ("", ""),
            ("foo", "foo"),
            ("${TEST}", "value"),
            ("$TEST", "value"),
            ("foo${TEST}bar", "foovaluebar"),
            ("$TEST/$TEST-x", "value/value-x"),
            ("foo$${TEST}", "foo${TEST}"),
            ("foo$$bar", "foo$bar"),
            ("$UNSET!", "!"),
            ("${a-b}", "dashed"),
            ("$", "$"),
            ("100$ ", "100$ "),
            ("${}x", "x"),
            ("${open", "open"),
            ("$1st", "st"),
            ("é$é${TEST}é", "é$évalueé"),
        ];
        for (text, expected) in cases {
            assert_eq!(expand(text, &lookup), expected, "{text}");
        }
    }
}
