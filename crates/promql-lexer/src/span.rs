use std::ops::Range;

/// A stretch of a query: byte offsets, the end exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Where it starts.
    pub start: u32,
    /// Where it ends; the byte there is no part of it.
    pub end: u32,
}

impl Span {
    /// Returns the span between two offsets.
    #[must_use]
    pub fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// Returns the span from the start of `self` to the end of `last`.
    #[must_use]
    pub fn to(self, last: Self) -> Self {
        Self { start: self.start, end: last.end }
    }

    /// Returns the offsets as the index of a slice.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Returns the text under the span, or nothing where it does not lie within `query`.
    #[must_use]
    pub fn text(self, query: &str) -> &str {
        query.get(self.range()).unwrap_or_default()
    }

    /// Returns line and column of the start, both from 1; a column counts bytes.
    ///
    /// `None` for an empty query and for a start beyond its end.
    #[must_use]
    pub fn line_column(self, query: &str) -> Option<(usize, usize)> {
        let before = query.as_bytes().get(..self.start as usize)?;
        if query.is_empty() {
            return None;
        }
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        Some((line, before.len() - line_start + 1))
    }
}
