//! Integers by Go's verbs.

use super::{Output, Spec};

impl Output {
    /// Writes an integer in base 2, 8, 10 or 16, as `verb` says: one of `bdoOxX` or `v`.
    pub(super) fn integer(&mut self, value: i64, verb: char, spec: &Spec) {
        let magnitude = value.unsigned_abs();
        let sign = match value {
            ..0 => "-",
            _ if spec.plus => "+",
            _ if spec.space => " ",
            _ => "",
        };
        let digits_min = match (spec.precision, spec.width) {
            // Nothing but space is printed of a zero that needs no digit.
            (Some(0), width) if value == 0 => {
                return self.push_repeated(b' ', width.unwrap_or(0));
            }
            (Some(precision), _) => precision,
            (None, Some(width)) if spec.zero && !spec.minus => width.saturating_sub(sign.len()),
            _ => 0,
        };
        let digits = match verb {
            'b' => format!("{magnitude:b}"),
            'o' | 'O' => format!("{magnitude:o}"),
            'x' => format!("{magnitude:x}"),
            'X' => format!("{magnitude:X}"),
            _ => magnitude.to_string(),
        };
        let zeros = digits_min.saturating_sub(digits.len());
        let prefix = match verb {
            'b' if spec.sharp => "0b",
            'o' if spec.sharp && zeros == 0 && !digits.starts_with('0') => "0",
            'O' => "0o",
            'x' if spec.sharp => "0x",
            'X' if spec.sharp => "0X",
            _ => "",
        };
        let zeros = "0".repeat(zeros);
        let text = format!("{sign}{prefix}{zeros}{digits}");
        self.pad(text.as_bytes(), &Spec { zero: false, ..*spec });
    }
}
