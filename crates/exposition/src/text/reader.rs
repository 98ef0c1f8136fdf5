use std::iter::FusedIterator;

use narthex_model::MetricType;

use super::diagnose::diagnose;
use super::grammar::{self, Line};
use super::scan;
use crate::entry::{Entry, HelpText, SampleEntry};
use crate::error::ParseError;

/// Reads a page of the text format, entry by entry.
///
/// It yields what the reference's parser yields: entries in the order of the page, then either the
/// end or one error. A NUL byte where a line may begin ends the page. The last line may lack its
/// line feed. A carriage return is an ordinary character.
///
/// ```
/// use narthex_exposition::{Place, TextReader};
///
/// let error = TextReader::new(b"up 1\nup{job} 1\n").find_map(Result::err).unwrap();
/// assert_eq!(error.place, Place::Line { line: 2, column: 7 });
/// assert_eq!(
///     error.kind.to_string(),
///     r#"expected equal, got "} " ("BCLOSE") while parsing: "up{job} ""#
/// );
/// ```
///
/// # Source
///
/// Prometheus `model/textparse/promlex.l` and `promparse.go`. Unlike it, the reader refuses a quoted
/// name that is not UTF-8 at once; the reference's scraper does so a step later. A NUL byte behind
/// the quote that ends a label value is passed over; in the reference the quote becomes part of the
/// value.
#[derive(Clone, Debug)]
pub struct TextReader<'a> {
    page: &'a [u8],
    /// Where the next line begins; beyond the page's end once the reader is done.
    position: usize,
    /// The type that the page declared last.
    metric_type: MetricType,
}

impl<'a> TextReader<'a> {
    /// Returns a reader of `page`, which need not be UTF-8 as a whole.
    #[must_use]
    pub fn new(page: &'a [u8]) -> Self {
        Self { page, position: 0, metric_type: MetricType::Unknown }
    }

    /// Reads the next line as a sample of the series whose text is `series`, and passes over it,
    /// where the line begins with that very text. Otherwise returns `None` and stays where it is.
    ///
    /// This is the shortcut of a scraper that expects the page of the last scrape again, in its
    /// order: the series is compared, not parsed. The answer is what [`Iterator::next`] gives.
    ///
    /// `series` must be [`SampleEntry::series`] of an earlier entry.
    #[must_use]
    pub fn next_if_series(&mut self, series: &str) -> Option<SampleEntry<'a>> {
        let is_next = self.upcoming().starts_with(series.as_bytes());
        if is_next { self.next_known(series.len()) } else { None }
    }

    /// Returns the page from the next line on.
    #[must_use]
    pub fn upcoming(&self) -> &'a [u8] {
        self.page.get(self.position..).unwrap_or_default()
    }

    /// As [`TextReader::next_if_series`], for who found out that the first `series_size` bytes of
    /// [`TextReader::upcoming`] are the text of such a series.
    #[must_use]
    pub fn next_known(&mut self, series_size: usize) -> Option<SampleEntry<'a>> {
        if series_size == 0 {
            return None;
        }
        let scanned = scan::known_series(self.page, self.position, series_size)?;
        self.sample(&scanned)
    }

    /// Returns the type that the page declared last.
    #[must_use]
    pub fn metric_type(&self) -> MetricType {
        self.metric_type
    }

    fn sample(&mut self, scanned: &scan::Sample) -> Option<SampleEntry<'a>> {
        let series = std::str::from_utf8(&self.page[self.position..scanned.series_end]).ok()?;
        self.position = scanned.line_end;
        let sample = SampleEntry::float(series, scanned.value, self.metric_type);
        Some(SampleEntry { timestamp_ms: scanned.timestamp_ms, ..sample })
    }

    fn scan(&mut self) -> Option<Entry<'a>> {
        if self.page.get(self.position) == Some(&b'#') {
            let scanned = scan::metadata(self.page, self.position)?;
            let entry = match scanned.metadata {
                scan::Metadata::Help { name, text } => {
                    Entry::Help { name, text: HelpText::new(text) }
                }
                scan::Metadata::Type { name, metric_type } => {
                    self.metric_type = metric_type;
                    Entry::Type { name, metric_type }
                }
            };
            self.position = scanned.line_end;
            return Some(entry);
        }
        let scanned = scan::sample(self.page, self.position)?;
        self.sample(&scanned).map(Entry::Sample)
    }

    /// Reads lines by the grammar up to the next entry.
    #[cold]
    pub(super) fn parse(&mut self) -> Option<Result<Entry<'a>, ParseError>> {
        loop {
            let line_start = self.position;
            let rest = self.page.get(line_start..).filter(|rest| !rest.is_empty())?;
            let (rest, line) = match grammar::line(rest) {
                Ok(parsed) => parsed,
                Err(failure) => {
                    self.position = self.page.len();
                    return Some(Err(diagnose(self.page, line_start, failure)));
                }
            };
            self.position = self.page.len() - rest.len();
            let entry = match line {
                Line::Blank => continue,
                Line::End => {
                    self.position = self.page.len();
                    return None;
                }
                Line::Comment(text) => Entry::Comment(text),
                Line::Help { name, text } => Entry::Help { name, text: HelpText::new(text) },
                Line::Type { name, metric_type } => {
                    self.metric_type = metric_type;
                    Entry::Type { name, metric_type }
                }
                Line::Sample { series, value, timestamp_ms } => {
                    let sample = SampleEntry::float(series, value, self.metric_type);
                    Entry::Sample(SampleEntry { timestamp_ms, ..sample })
                }
            };
            return Some(Ok(entry));
        }
    }
}

impl<'a> Iterator for TextReader<'a> {
    type Item = Result<Entry<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.scan() {
            Some(entry) => Some(Ok(entry)),
            None => self.parse(),
        }
    }
}

impl FusedIterator for TextReader<'_> {}
