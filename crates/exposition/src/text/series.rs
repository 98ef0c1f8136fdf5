//! The labels in a series text that was read before.

use memchr::memchr2;
use narthex_model::METRIC_NAME_LABEL;

use super::scan::{LABEL, NAME, is_blank, skip_class};

/// Returns the labels of `series`, `(name, value)` with their escapes, in the order of the text; the
/// metric name is the label `__name__`.
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

impl<'a> Iterator for SeriesLabels<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.series.as_bytes();
        if self.at == 0 {
            let name_start = skip(text, 0, is_blank);
            self.at = skip_class(text, name_start, NAME);
            if self.at > name_start {
                // Blanks before a bare name belong to it, as in the reference.
                return Some((METRIC_NAME_LABEL, &self.series[..self.at]));
            }
        }
        self.at = skip(text, self.at, |byte| is_blank(byte) || matches!(byte, b'{' | b',' | b'}'));
        let name = match text.get(self.at)? {
            b'"' => self.quoted(),
            _ => self.bare_label_name()?,
        };
        self.at = skip(text, self.at, is_blank);
        if text.get(self.at) != Some(&b'=') {
            return Some((METRIC_NAME_LABEL, name));
        }
        self.at = skip(text, self.at + 1, is_blank);
        Some((name, self.quoted()))
    }
}

impl<'a> SeriesLabels<'a> {
    fn bare_label_name(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.at = skip_class(self.series.as_bytes(), start, LABEL);
        (self.at > start).then(|| &self.series[start..self.at])
    }

    /// Returns what stands between the quote here and the one that closes it, and moves behind.
    fn quoted(&mut self) -> &'a str {
        let text = self.series.as_bytes();
        let start = (self.at + 1).min(text.len());
        let mut end = start;
        loop {
            let distance = memchr2(b'"', b'\\', &text[end..]).unwrap_or(text.len() - end);
            end += distance;
            if text.get(end) != Some(&b'\\') {
                break;
            }
            end = escaped_end(text, end + 1);
        }
        self.at = end + 1;
        self.series.get(start..end).unwrap_or_default()
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
