//! Text in double quotes, with the escapes of Go's `strconv.Quote`.

use std::fmt;

/// Writes `text` in double quotes.
///
/// # Errors
///
/// Only those of `out`.
pub fn write_quoted(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    write!(out, "{text:?}")
}
