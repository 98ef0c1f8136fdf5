use narthex_model::MetricType;

use super::converter::Converter;
use crate::entry::{Entry, SampleEntry};
use crate::error::ParseError;
use crate::openmetrics::OpenMetricsReader;
use crate::options::ReadOptions;
use crate::protobuf::ProtobufReader;
use crate::text::TextReader;

/// Which reader a page needs. Versions and escaping schemes make no difference to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PageFormat {
    /// Prometheus' text format: [`TextReader`].
    Text,
    /// OpenMetrics: [`OpenMetricsReader`].
    OpenMetrics,
    /// Delimited protobuf messages: [`ProtobufReader`].
    Protobuf,
}

/// Reads a page of any format, entry by entry.
///
/// ```
/// use narthex_exposition::{Entry, PageFormat, PageReader, ReadOptions};
///
/// let page = b"# TYPE h histogram\nh_bucket{le=\"+Inf\"} 3\nh_count 3\nh_sum 4\n";
/// let options = ReadOptions { convert_classic_histograms: true, ..ReadOptions::default() };
/// let mut reader = PageReader::new(page, PageFormat::Text, options);
/// let mut series = Vec::new();
/// while let Some(entry) = reader.next_entry() {
///     if let Entry::Sample(sample) = entry? {
///         series.push((sample.series.to_owned(), sample.value.as_float()));
///     }
/// }
/// assert_eq!(series, [("h".to_owned(), None)]);
/// # Ok::<(), narthex_exposition::ParseError>(())
/// ```
#[derive(Debug)]
pub struct PageReader<'a> {
    reader: Reader<'a>,
}

#[derive(Debug)]
enum Reader<'a> {
    Text(TextReader<'a>),
    OpenMetrics(OpenMetricsReader<'a>),
    Protobuf(Box<ProtobufReader<'a>>),
    Converting(Box<Converter<'a>>),
}

impl<'a> PageReader<'a> {
    /// Returns a reader of `page`.
    #[must_use]
    pub fn new(page: &'a [u8], format: PageFormat, options: ReadOptions) -> Self {
        let lines = match format {
            PageFormat::Text => Lines::Text(TextReader::new(page)),
            PageFormat::OpenMetrics => {
                Lines::OpenMetrics(OpenMetricsReader::with_options(page, options))
            }
            PageFormat::Protobuf => {
                let reader = Reader::Protobuf(Box::new(ProtobufReader::new(page, options)));
                return Self { reader };
            }
        };
        let reader = match lines {
            lines if options.convert_classic_histograms => {
                Reader::Converting(Box::new(Converter::new(lines, options.keep_classic_histograms)))
            }
            Lines::Text(text) => Reader::Text(text),
            Lines::OpenMetrics(openmetrics) => Reader::OpenMetrics(openmetrics),
        };
        Self { reader }
    }

    /// Returns the next entry, or `None` at the end of the page and behind an error. The entry
    /// borrows from the reader: some formats have no text that it could borrow from the page.
    pub fn next_entry(&mut self) -> Option<Result<Entry<'_>, ParseError>> {
        match &mut self.reader {
            Reader::Text(text) => text.next(),
            Reader::OpenMetrics(openmetrics) => openmetrics.next(),
            Reader::Protobuf(protobuf) => protobuf.next_entry(),
            Reader::Converting(converter) => converter.next_entry(),
        }
    }

    /// Reads the next line as a sample of the series whose text is `series`, and passes over it,
    /// where the line begins with that very text. Otherwise returns `None` and stays where it is.
    ///
    /// This is the shortcut of a scraper that expects the page of the last scrape again, in its
    /// order: the series is compared, not parsed. The answer is what [`PageReader::next_entry`]
    /// gives. Formats without lines have no such shortcut.
    ///
    /// `series` must be [`SampleEntry::series`] of an earlier entry of the same format.
    #[must_use]
    pub fn next_if_series(&mut self, series: &str) -> Option<SampleEntry<'a>> {
        match &mut self.reader {
            Reader::Text(text) => text.next_if_series(series),
            Reader::OpenMetrics(openmetrics) => openmetrics.next_if_series(series),
            Reader::Protobuf(_) | Reader::Converting(_) => None,
        }
    }

    /// Returns the page from the next line on, in which a scraper may look for a series that it knows;
    /// nothing in formats without the shortcut of [`PageReader::next_if_series`].
    #[must_use]
    pub fn upcoming(&self) -> &'a [u8] {
        match &self.reader {
            Reader::Text(text) => text.upcoming(),
            Reader::OpenMetrics(openmetrics) => openmetrics.upcoming(),
            Reader::Protobuf(_) | Reader::Converting(_) => &[],
        }
    }

    /// As [`PageReader::next_if_series`], for who found out that the first `series_size` bytes of
    /// [`PageReader::upcoming`] are the text of such a series. So that text need not be in one piece.
    ///
    /// ```
    /// use narthex_exposition::{PageFormat, PageReader, ReadOptions};
    ///
    /// let mut reader = PageReader::new(b"up 1\n", PageFormat::Text, ReadOptions::default());
    /// assert!(reader.upcoming().starts_with(b"up"));
    /// let sample = reader.next_known("up".len()).expect("a series that was read before");
    /// assert_eq!((sample.series, sample.value.as_float()), ("up", Some(1.0)));
    /// ```
    #[must_use]
    pub fn next_known(&mut self, series_size: usize) -> Option<SampleEntry<'a>> {
        match &mut self.reader {
            Reader::Text(text) => text.next_known(series_size),
            Reader::OpenMetrics(openmetrics) => openmetrics.next_known(series_size),
            Reader::Protobuf(_) | Reader::Converting(_) => None,
        }
    }

    /// Returns the type that the page declared last.
    #[must_use]
    pub fn metric_type(&self) -> MetricType {
        match &self.reader {
            Reader::Text(text) => text.metric_type(),
            Reader::OpenMetrics(openmetrics) => openmetrics.metric_type(),
            Reader::Protobuf(protobuf) => protobuf.metric_type(),
            Reader::Converting(converter) => converter.metric_type(),
        }
    }
}

/// A reader of a format with one sample a line.
#[derive(Debug)]
pub(super) enum Lines<'a> {
    Text(TextReader<'a>),
    OpenMetrics(OpenMetricsReader<'a>),
}

impl Lines<'_> {
    /// From now on, samples that are start timestamps are no entries.
    pub(super) fn drop_created(&mut self) {
        if let Self::OpenMetrics(openmetrics) = self {
            openmetrics.drop_created();
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<Entry<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Text(text) => text.next(),
            Self::OpenMetrics(openmetrics) => openmetrics.next(),
        }
    }
}
