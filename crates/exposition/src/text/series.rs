//! The labels in a series text that was read before.

use std::borrow::Cow;

use narthex_model::METRIC_NAME_LABEL;

use super::scan::{LABEL, NAME, find_quote_or_backslash, is_blank, skip_class};
use crate::escape::unescape_label;

/// Returns the labels of `series`, `(name, value)`, in the order of the text; the metric name is the
/// label `__name__`.
///
/// The text is [`SampleEntry::series`](crate::SampleEntry::series), so it is well formed. Of another
/// text the labels are meaningless.
pub(crate) fn series_labels(series: &str) -> SeriesLabels<'_> {
    SeriesLabels { series, at: 0 }
}

#[derive(Clone, Debug)]
pub(crate) struct SeriesLabels<'a> {
    series: &'a str,
    at: usize,
}

/// A name or a value as it stands in a series text.
// PERF: whoever finds the closing quote knows whether there are escapes, which spares a search for
// them in nearly every text. `cargo bench --bench exposition narthex/labels`: with the byte loop of
// `find_quote_or_backslash` 84 → 61 µs for a page of 1,073 lines, two cores of a shared machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawText<'a> {
    raw: &'a str,
    has_escapes: bool,
}

impl<'a> RawText<'a> {
    fn bare(raw: &'a str) -> Self {
        Self { raw, has_escapes: false }
    }

    /// Returns the text with its escapes.
    pub(crate) fn raw(self) -> &'a str {
        self.raw
    }

    pub(crate) fn unescape(self) -> Cow<'a, str> {
        if self.has_escapes { unescape_label(self.raw) } else { Cow::Borrowed(self.raw) }
    }
}

impl<'a> Iterator for SeriesLabels<'a> {
    type Item = (RawText<'a>, RawText<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.series.as_bytes();
        let metric_name = RawText::bare(METRIC_NAME_LABEL);
        if self.at == 0 {
            let name_start = skip(text, 0, is_blank);
            self.at = skip_class(text, name_start, NAME);
            if self.at > name_start {
                // Blanks before a bare name belong to it, as in the reference.
                return Some((metric_name, RawText::bare(&self.series[..self.at])));
            }
        }
        // The reference passes over NUL bytes around a value.
        self.at = skip(text, self.at, |byte| matches!(byte, b' ' | b'\t' | b'{' | b',' | b'}' | 0));
        let name = match text.get(self.at)? {
            b'"' => self.quoted(),
            _ => self.bare_label_name()?,
        };
        self.at = skip(text, self.at, is_blank);
        if text.get(self.at) != Some(&b'=') {
            return Some((metric_name, name));
        }
        self.at = skip(text, self.at + 1, |byte| is_blank(byte) || byte == 0);
        Some((name, self.quoted()))
    }
}

impl<'a> SeriesLabels<'a> {
    fn bare_label_name(&mut self) -> Option<RawText<'a>> {
        let start = self.at;
        self.at = skip_class(self.series.as_bytes(), start, LABEL);
        (self.at > start).then(|| RawText::bare(&self.series[start..self.at]))
    }

    /// Returns what stands between the quote here and the one that closes it, and moves behind.
    fn quoted(&mut self) -> RawText<'a> {
        let text = self.series.as_bytes();
        let start = (self.at + 1).min(text.len());
        let mut end = start;
        let mut has_escapes = false;
        loop {
            let distance = find_quote_or_backslash(&text[end..]).unwrap_or(text.len() - end);
            end += distance;
            if text.get(end) != Some(&b'\\') {
                break;
            }
            has_escapes = true;
            end = escaped_end(text, end + 1);
        }
        self.at = end + 1;
        RawText { raw: self.series.get(start..end).unwrap_or_default(), has_escapes }
    }
}

/// Returns where the character ends that a backslash before `at` escapes. The reference passes over
/// NUL bytes before it.
fn escaped_end(text: &[u8], at: usize) -> usize {
    (skip(text, at, |byte| byte == 0) + 1).min(text.len())
}

fn skip(text: &[u8], mut at: usize, wanted: impl Fn(u8) -> bool) -> usize {
    while text.get(at).is_some_and(|byte| wanted(*byte)) {
        at += 1;
    }
    at
}
