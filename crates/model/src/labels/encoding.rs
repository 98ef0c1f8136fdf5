//! How a label set lies in memory: for each label its name and then its value, each behind a
//! length.
//!
//! A length is one ASCII character, or `0x7f` and five more of seven bits each, so the whole buffer
//! is valid UTF-8 and slices of it are `&str` without a check of their bytes.

const LONG: u8 = 0x7f;
const LONG_DIGITS: usize = 5;

/// The longest text that a length can describe, in bytes: 32 GiB.
const TEXT_SIZE_MAX: usize = 1 << (7 * LONG_DIGITS);

/// Appends `text` behind its length.
pub(super) fn push_text(out: &mut String, text: &str) {
    assert!(text.len() < TEXT_SIZE_MAX, "a label of {} bytes", text.len());
    match u8::try_from(text.len()) {
        Ok(size) if size < LONG => out.push(char::from(size)),
        _ => {
            out.push(char::from(LONG));
            for digit in (0..LONG_DIGITS).rev() {
                let bits = (text.len() >> (7 * digit)) & 0x7f;
                out.push(char::from(u8::try_from(bits).expect("seven bits")));
            }
        }
    }
    out.push_str(text);
}

/// Splits the first text off `encoded`, which must not be empty.
pub(super) fn take_text(encoded: &str) -> (&str, &str) {
    let bytes = encoded.as_bytes();
    let (size, start) = if bytes[0] == LONG {
        let digits = &bytes[1..=LONG_DIGITS];
        (digits.iter().fold(0, |size, digit| size << 7 | usize::from(*digit)), 1 + LONG_DIGITS)
    } else {
        (usize::from(bytes[0]), 1)
    };
    encoded[start..].split_at(size)
}

/// Splits the first label off `encoded`: its name and its value, each behind a length.
pub(super) fn take_label<'a>(encoded: &mut &'a str) -> Option<&'a str> {
    if encoded.is_empty() {
        return None;
    }
    let (_, rest) = take_text(encoded);
    let (_, rest) = take_text(rest);
    let (label, rest) = encoded.split_at(encoded.len() - rest.len());
    *encoded = rest;
    Some(label)
}
