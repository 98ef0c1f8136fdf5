//! The fast reader of the lines that nearly every page consists of. `None` means no more than that
//! a line is not of such a shape: the grammar must read it.

use memchr::memchr2;
use narthex_model::MetricType;

use crate::number::{parse_plain_decimal, parse_value};

/// A sample line that was read.
pub(super) struct Sample {
    /// Where the series text ends.
    pub(super) series_end: usize,
    pub(super) value: f64,
    pub(super) timestamp_ms: Option<i64>,
    /// Where the next line begins.
    pub(super) line_end: usize,
}

/// Reads `name{label="value",…} value [timestamp]` from `start`. Blanks may stand before and after
/// a label and between the three parts.
///
/// Whether quoted text is UTF-8 is the caller's to check.
pub(super) fn sample(page: &[u8], start: usize) -> Option<Sample> {
    let name_end = skip_class(page, start, NAME);
    let starts_as_name = page.get(start).is_some_and(|byte| is_class(*byte, NAME_START));
    if name_end == start || !starts_as_name {
        return None;
    }
    let series_end = match page.get(name_end) {
        Some(b'{') => labels(page, name_end + 1)?,
        _ => name_end,
    };
    suffix(page, series_end)
}

/// Reads the rest of a sample line that begins, at `start`, with the text of a series, `size` bytes
/// long, that was a whole series before.
pub(super) fn known_series(page: &[u8], start: usize, size: usize) -> Option<Sample> {
    let series_end = start + size;
    // PERF: what follows on nearly every line of a page that is known: a space, a short number and a
    // line feed.
    if let Some([b' ', rest @ ..]) = page.get(series_end..)
        && let Some((value, value_size)) = parse_plain_decimal(rest)
        && rest.get(value_size) == Some(&b'\n')
    {
        let line_end = series_end + 1 + value_size + 1;
        return Some(Sample { series_end, value, timestamp_ms: None, line_end });
    }
    let closed = size > 0 && page.get(series_end - 1) == Some(&b'}');
    if closed || page.get(series_end).is_some_and(|byte| is_blank(*byte)) {
        return suffix(page, series_end);
    }
    // The name may be longer than the known one.
    None
}

/// Reads labels from behind the opening brace. Returns where the closing one ends.
fn labels(page: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = skip_blanks(page, at);
        if page.get(at) == Some(&b'}') {
            return Some(at + 1);
        }
        if !is_class(*page.get(at)?, LABEL_START) {
            return None;
        }
        at = skip_class(page, at, LABEL);
        if page.get(at..at + 2)? != b"=\"" {
            return None;
        }
        at = skip_blanks(page, value_end(page, at + 2)?);
        match page.get(at)? {
            b',' => at += 1,
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// Returns where the quote that ends a label value ends.
fn value_end(page: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += find_quote_or_backslash(page.get(at..)?)?;
        if page[at] == b'"' {
            return Some(at + 1);
        }
        // Any character may be escaped but these two.
        if matches!(page.get(at + 1)?, b'\n' | b'\0') {
            return None;
        }
        at += 2;
    }
}

/// Returns where the first quote or backslash stands.
// PERF: most values are a few bytes, for which memchr's set-up costs more than it saves: eight bytes
// at a time, and memchr only for what is long.
pub(super) fn find_quote_or_backslash(text: &[u8]) -> Option<usize> {
    let (head, tail) = text.split_at(text.len().min(SHORT_VALUE_SIZE));
    let (words, rest) = head.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zero_bytes(word ^ QUOTES) | zero_bytes(word ^ BACKSLASHES);
        if found != 0 {
            return Some(8 * index + found.trailing_zeros() as usize / 8);
        }
    }
    let searched = 8 * words.len();
    let is_found = |byte: &u8| matches!(byte, b'"' | b'\\');
    match rest.iter().position(is_found) {
        Some(at) => Some(searched + at),
        None => Some(head.len() + memchr2(b'"', b'\\', tail)?),
    }
}

/// Returns a word whose lowest bit is the highest of the first byte of `word` that is zero.
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(LOW_BITS) & !word & (LOW_BITS << 7)
}

/// The lowest bit of each byte.
const LOW_BITS: u64 = u64::MAX / 0xff;
const QUOTES: u64 = LOW_BITS * b'"' as u64;
const BACKSLASHES: u64 = LOW_BITS * b'\\' as u64;

/// How much of a label value is searched without memchr.
const SHORT_VALUE_SIZE: usize = 32;

/// Reads value and timestamp, and the end of the line.
fn suffix(page: &[u8], series_end: usize) -> Option<Sample> {
    let value_start = skip_blanks(page, series_end);
    let (value, value_end) = value(page, value_start)?;
    let mut at = skip_blanks(page, value_end);
    let mut timestamp_ms = None;
    if byte_or_line_feed(page, at) != b'\n' {
        let (timestamp, end) = timestamp(page, at)?;
        timestamp_ms = Some(timestamp);
        at = skip_blanks(page, end);
    }
    let ends = byte_or_line_feed(page, at) == b'\n';
    ends.then_some(Sample { series_end, value, timestamp_ms, line_end: at + 1 })
}

fn value(page: &[u8], start: usize) -> Option<(f64, usize)> {
    let text = page.get(start..)?;
    if let Some((value, size)) = parse_plain_decimal(text)
        && matches!(byte_or_line_feed(text, size), b'\n' | b' ')
    {
        return Some((value, start + size));
    }
    let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'{' | b'\0');
    let size = text.iter().position(ends).unwrap_or(text.len());
    Some((parse_value(&text[..size]).ok()?, start + size))
}

fn timestamp(page: &[u8], start: usize) -> Option<(i64, usize)> {
    let mut timestamp_ms = 0_i64;
    let mut end = start;
    while let Some(byte) = page.get(end)
        && byte.is_ascii_digit()
    {
        timestamp_ms = timestamp_ms.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
        end += 1;
    }
    (end > start).then_some((timestamp_ms, end))
}

/// A line of metadata that was read.
pub(super) struct MetadataLine<'a> {
    pub(super) metadata: Metadata<'a>,
    /// Where the next line begins.
    pub(super) line_end: usize,
}

pub(super) enum Metadata<'a> {
    Help { name: &'a str, text: &'a str },
    Type { name: &'a str, metric_type: MetricType },
}

/// Reads `# HELP name text` and `# TYPE name type` from `start`, with a bare name and one space
/// between the words.
pub(super) fn metadata(page: &[u8], start: usize) -> Option<MetadataLine<'_>> {
    let line = page.get(start..)?;
    let size = memchr2(b'\n', b'\0', line).unwrap_or(line.len());
    if line.get(size) == Some(&b'\0') {
        return None;
    }
    let line = std::str::from_utf8(&line[..size]).ok()?;
    let line_end = start + size + 1;
    let (is_help, rest) = match line.split_at_checked("# HELP ".len())? {
        ("# HELP ", rest) => (true, rest),
        ("# TYPE ", rest) => (false, rest),
        _ => return None,
    };
    let name_size = skip_class(rest.as_bytes(), 0, NAME);
    let (name, rest) = rest.split_at(name_size);
    let starts_as_name = name.bytes().next().is_some_and(|byte| is_class(byte, NAME_START));
    let text = rest.strip_prefix(' ')?;
    if !starts_as_name || text.bytes().all(is_blank) {
        return None;
    }
    let metadata = if is_help {
        Metadata::Help { name, text }
    } else {
        Metadata::Type { name, metric_type: metric_type(text)? }
    };
    Some(MetadataLine { metadata, line_end })
}

/// Returns the type that a word of the text format means: it knows fewer than the other formats,
/// and its own word for the unknown type.
pub(super) fn metric_type(word: &str) -> Option<MetricType> {
    Some(match word {
        "counter" => MetricType::Counter,
        "gauge" => MetricType::Gauge,
        "histogram" => MetricType::Histogram,
        "summary" => MetricType::Summary,
        "untyped" => MetricType::Unknown,
        _ => return None,
    })
}

pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Returns the byte at `at`. The end of the page stands for a line feed.
fn byte_or_line_feed(page: &[u8], at: usize) -> u8 {
    page.get(at).copied().unwrap_or(b'\n')
}

fn skip_blanks(page: &[u8], mut at: usize) -> usize {
    while page.get(at).is_some_and(|byte| is_blank(*byte)) {
        at += 1;
    }
    at
}

/// Returns the first place from `at` on whose byte is not of `class`.
pub(crate) fn skip_class(page: &[u8], mut at: usize, class: u8) -> usize {
    while page.get(at).is_some_and(|byte| is_class(*byte, class)) {
        at += 1;
    }
    at
}

pub(crate) fn is_class(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

/// The first character of a label name, `[a-zA-Z_]`.
pub(crate) const LABEL_START: u8 = 1;
/// A character of a label name, `[a-zA-Z0-9_]`.
pub(crate) const LABEL: u8 = 2;
/// The first character of a metric name, `[a-zA-Z_:]`.
pub(crate) const NAME_START: u8 = 4;
/// A character of a metric name, `[a-zA-Z0-9_:]`.
pub(crate) const NAME: u8 = 8;

/// The classes of each byte.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        classes[byte as usize] = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => LABEL_START | LABEL | NAME_START | NAME,
            b'0'..=b'9' => LABEL | NAME,
            b':' => NAME_START | NAME,
            _ => 0,
        };
        byte += 1;
    }
    classes
};
