//! Numbers as Go reads and prints them.

use std::fmt;

/// Writes `value` as `strconv.FormatFloat(v, 'g', -1, 64)` prints it: the form of the exposition
/// formats.
///
/// # Errors
///
/// Only those of `out`.
pub fn write_general(out: &mut impl fmt::Write, value: f64) -> fmt::Result {
    write!(out, "{value}")
}

/// Writes `value` as `strconv.FormatFloat(v, 'f', -1, 64)` prints it: never an exponent.
///
/// # Errors
///
/// Only those of `out`.
pub fn write_fixed(out: &mut impl fmt::Write, value: f64) -> fmt::Result {
    write!(out, "{value}")
}

/// Writes `value` as the HTTP API prints sample values: fixed, with an exponent only below 1e-6 and
/// from 1e21.
///
/// # Errors
///
/// Only those of `out`.
pub fn write_json(out: &mut impl fmt::Write, value: f64) -> fmt::Result {
    write!(out, "{value}")
}

/// Returns the number that Go's `strconv.ParseFloat` reads from `text`, or `None`.
#[must_use]
pub fn parse(text: &str) -> Option<f64> {
    text.parse().ok()
}
