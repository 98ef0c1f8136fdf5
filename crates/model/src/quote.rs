//! Text in double quotes, with the escapes of Go's `strconv.Quote`.

use std::fmt;

/// Writes `text` in double quotes, as the reference writes label values and error messages.
///
/// Printable characters stand for themselves: letters, marks, numbers, punctuation, symbols and the
/// ASCII space. All others are escaped: `\n` and its like, `\x1b` in ASCII, `\u00a0` and
/// `\U000e0001` above.
///
/// # Errors
///
/// Only those of `out`.
///
/// # Source
///
/// `strconv.Quote` of Go, whose table of printable characters is that of its Unicode version; ours
/// is that of Rust's standard library, so characters younger than either may differ.
pub fn write_quoted(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    let mut plain_start = 0;
    for (index, character) in text.char_indices() {
        if is_plain(character) {
            continue;
        }
        out.write_str(&text[plain_start..index])?;
        plain_start = index + character.len_utf8();
        write_escape(out, character)?;
    }
    out.write_str(&text[plain_start..])?;
    out.write_char('"')
}

/// A text that prints as [`write_quoted`] writes it.
///
/// ```
/// use narthex_model::quote::Quoted;
///
/// assert_eq!(Quoted("a\tb").to_string(), r#""a\tb""#);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_quoted(f, self.0)
    }
}

fn is_plain(character: char) -> bool {
    match character {
        '"' | '\\' => false,
        ' '..='~' => true,
        _ => !character.is_ascii() && is_printable(character),
    }
}

fn is_printable(character: char) -> bool {
    // The standard library shows its table only through `escape_debug`, which also escapes a
    // combining mark that leads a text: hence the letter before it.
    let mut buffer = [b'a'; 5];
    let end = 1 + character.encode_utf8(&mut buffer[1..]).len();
    str::from_utf8(&buffer[..end]).is_ok_and(|text| text.escape_debug().nth(1) == Some(character))
}

fn write_escape(out: &mut impl fmt::Write, character: char) -> fmt::Result {
    match character {
        '"' => out.write_str("\\\""),
        '\\' => out.write_str("\\\\"),
        '\x07' => out.write_str("\\a"),
        '\x08' => out.write_str("\\b"),
        '\x0c' => out.write_str("\\f"),
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        '\x0b' => out.write_str("\\v"),
        '\0'..='\x7f' => write!(out, "\\x{:02x}", u32::from(character)),
        '\u{80}'..='\u{ffff}' => write!(out, "\\u{:04x}", u32::from(character)),
        _ => write!(out, "\\U{:08x}", u32::from(character)),
    }
}

#[cfg(test)]
mod tests {
    use super::Quoted;

    #[test]
    fn escapes_what_go_escapes() {
        // Each pair was printed by Go's `strconv.Quote`.
        let cases = [
            ("", r#""""#),
            ("up", r#""up""#),
            ("a b", r#""a b""#),
            ("a\"b\\c'd", r#""a\"b\\c'd""#),
            ("\x07\x08\x0c\n\r\t\x0b", r#""\a\b\f\n\r\t\v""#),
            ("\0\x1b\x7f", r#""\x00\x1b\x7f""#),
            ("é世界🔥", r#""é世界🔥""#),
            ("\u{85}\u{a0}\u{ad}", r#""\u0085\u00a0\u00ad""#),
            ("\u{301}e\u{301}", "\"\u{301}e\u{301}\""),
            ("\u{2028}\u{200b}\u{feff}", r#""\u2028\u200b\ufeff""#),
            ("\u{fffd}", "\"\u{fffd}\""),
            ("\u{e000}\u{e0001}\u{10ffff}", r#""\ue000\U000e0001\U0010ffff""#),
        ];
        for (text, quoted) in cases {
            assert_eq!(Quoted(text).to_string(), quoted);
        }
    }
}
