//! Runes and their classes, as Go's `unicode` and `unicode/utf8` see them.

use std::sync::OnceLock;

use regex::Regex;

/// Returns the first rune of `bytes` and its size; U+FFFD and 1 where they are not UTF-8.
///
/// `bytes` must not be empty.
pub(crate) fn first_rune(bytes: &[u8]) -> (char, usize) {
    let size = match bytes[0] {
        0..0x80 => return (char::from(bytes[0]), 1),
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    };
    bytes
        .get(..size)
        .and_then(|rune| std::str::from_utf8(rune).ok())
        .and_then(|rune| rune.chars().next())
        .map_or((char::REPLACEMENT_CHARACTER, 1), |rune| (rune, size))
}

/// Returns the runes of `bytes` with their bytes. What is not UTF-8 is U+FFFD, a byte each.
pub(crate) fn runes(bytes: &[u8]) -> impl Iterator<Item = (char, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (rune, size) = first_rune(rest);
        let (head, tail) = rest.split_at(size);
        rest = tail;
        Some((rune, head))
    })
}

/// Returns whether `rune` is a letter, a decimal digit or an underscore: part of a name.
pub(crate) fn is_name(rune: char) -> bool {
    static NAME: OnceLock<Regex> = OnceLock::new();
    if rune.is_ascii() {
        return rune == '_' || rune.is_ascii_alphanumeric();
    }
    is_of(&NAME, r"^[\p{L}\p{Nd}]$", rune)
}

/// Returns whether `rune` is printed as it is: a letter, mark, number, punctuation or symbol, or the
/// space.
pub(crate) fn is_print(rune: char) -> bool {
    static PRINT: OnceLock<Regex> = OnceLock::new();
    if rune.is_ascii() {
        return rune == ' ' || rune.is_ascii_graphic();
    }
    is_of(&PRINT, r"^[\p{L}\p{M}\p{N}\p{P}\p{S}]$", rune)
}

fn is_of(class: &OnceLock<Regex>, pattern: &str, rune: char) -> bool {
    let class = class.get_or_init(|| Regex::new(pattern).expect("the pattern of a class"));
    class.is_match(rune.encode_utf8(&mut [0; 4]))
}

/// Appends `rune` to `out`.
pub(crate) fn push_rune(out: &mut Vec<u8>, rune: char) {
    out.extend_from_slice(rune.encode_utf8(&mut [0; 4]).as_bytes());
}
