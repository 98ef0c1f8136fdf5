//! Values as text: Go's `fmt`.

mod float;
mod number;
mod print;
mod printf;
mod quote;

pub(crate) use float::write_general;
pub(crate) use print::{print_words, println, shown, shown_value};
pub(crate) use printf::printf;
pub(crate) use quote::Quoted;

/// What a verb does with a value: its flags, width and precision.
#[derive(Clone, Copy, Debug, Default)]
struct Spec {
    width: Option<usize>,
    precision: Option<usize>,
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    /// `%+v`
    plus_v: bool,
    /// `%#v`
    sharp_v: bool,
}

/// The text under way.
///
/// Values can print as texts far larger than they are: what goes beyond `size_max` is left out, and
/// the caller is told.
#[derive(Debug)]
pub(crate) struct Output {
    bytes: Vec<u8>,
    size_max: usize,
    is_cut: bool,
}

/// A text was to be longer than it may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooLong;

impl Output {
    pub(crate) fn new(size_max: usize) -> Self {
        Self { bytes: Vec::new(), size_max, is_cut: false }
    }

    pub(crate) fn finish(self) -> Result<Vec<u8>, TooLong> {
        if self.is_cut { Err(TooLong) } else { Ok(self.bytes) }
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.bytes.len() + bytes.len() > self.size_max {
            self.is_cut = true;
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn push_str(&mut self, text: &str) {
        self.push(text.as_bytes());
    }

    fn push_repeated(&mut self, byte: u8, count: usize) {
        if self.bytes.len().saturating_add(count) > self.size_max {
            self.is_cut = true;
        } else {
            self.bytes.resize(self.bytes.len() + count, byte);
        }
    }

    /// Appends `bytes`, padded to the width that `spec` says, in characters.
    fn pad(&mut self, bytes: &[u8], spec: &Spec) {
        let count = crate::unicode::runes(bytes).count();
        let padding = spec.width.unwrap_or(0).saturating_sub(count);
        if spec.minus {
            self.push(bytes);
            self.push_repeated(b' ', padding);
        } else {
            self.push_repeated(if spec.zero { b'0' } else { b' ' }, padding);
            self.push(bytes);
        }
    }
}
