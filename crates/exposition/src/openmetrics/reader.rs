use std::iter::FusedIterator;

use narthex_model::MetricType;

use super::lexer::{Lexer, Token};
use super::starts::StartTimestamps;
use crate::entry::{Entry, HelpText, SampleEntry};
use crate::error::{Excerpt, ParseError, ParseErrorKind, Place};
use crate::exemplar::{Exemplars, milliseconds};
use crate::number::{FloatProblem, parse_plain_decimal, parse_value};
use crate::options::ReadOptions;

/// Reads a page of OpenMetrics 1.0, entry by entry.
///
/// It yields what the reference's parser yields: entries in the order of the page, then either the
/// end or one error. `# EOF` must end the page; its line feed may be missing. Timestamps are seconds
/// on the page, with a fraction that is cut after the milliseconds.
///
/// ```
/// use narthex_exposition::{Entry, OpenMetricsReader};
///
/// let page = b"# TYPE up gauge\nup 1 1700000000.5\n# EOF\n";
/// let entries = OpenMetricsReader::new(page).collect::<Result<Vec<_>, _>>()?;
/// let Entry::Sample(sample) = entries[1] else { panic!("the second line is a sample") };
/// assert_eq!((sample.value.as_float(), sample.timestamp_ms), (Some(1.0), Some(1_700_000_000_500)));
///
/// let error = OpenMetricsReader::new(b"up 1\n").find_map(Result::err).unwrap();
/// assert_eq!(error.kind.to_string(), "data does not end with # EOF");
/// # Ok::<(), narthex_exposition::ParseError>(())
/// ```
///
/// # Source
///
/// Prometheus `model/textparse/openmetricslex.l` and `openmetricsparse.go`. Unlike it, the reader
/// refuses a quoted name that is not UTF-8 at once.
#[derive(Clone, Debug)]
pub struct OpenMetricsReader<'a> {
    page: &'a [u8],
    lexer: Lexer<'a>,
    /// Where the line begins that is read.
    line_start: usize,
    /// The type that the page declared last.
    metric_type: MetricType,
    /// How long the name was in the last line of metadata.
    family_name_len: usize,
    /// Where samples that are start timestamps are no entries.
    starts: Option<StartTimestamps<'a>>,
    is_done: bool,
}

pub(super) type Parsed<T> = Result<T, ParseErrorKind>;

impl<'a> OpenMetricsReader<'a> {
    /// Returns a reader of `page`, which need not be UTF-8 as a whole.
    #[must_use]
    pub fn new(page: &'a [u8]) -> Self {
        Self::resume(page, MetricType::Unknown)
    }

    /// Returns a reader of the rest of a page, which comes behind the type `metric_type`. So a page that
    /// does not fit in memory is read in parts: what a reader says at the end of one is to be read again
    /// with more behind it, from [`OpenMetricsReader::position`] on.
    #[must_use]
    pub fn resume(rest: &'a [u8], metric_type: MetricType) -> Self {
        Self {
            page: rest,
            lexer: Lexer::new(rest),
            line_start: 0,
            metric_type,
            family_name_len: 0,
            starts: None,
            is_done: false,
        }
    }

    /// Returns a reader of `page` that looks for start timestamps where `options` say so. No other
    /// option concerns the format.
    ///
    /// ```
    /// use narthex_exposition::{Entry, OpenMetricsReader, ReadOptions};
    ///
    /// let page = b"# TYPE a counter\na_total 3\na_created 1700000000\n# EOF\n";
    /// let options = ReadOptions { start_timestamps: true, ..ReadOptions::default() };
    /// let entries = OpenMetricsReader::with_options(page, options).collect::<Result<Vec<_>, _>>()?;
    /// let [_, Entry::Sample(sample)] = entries[..] else { panic!("there is one sample") };
    /// assert_eq!(sample.start_timestamp_ms, 1_700_000_000_000);
    /// # Ok::<(), narthex_exposition::ParseError>(())
    /// ```
    #[must_use]
    pub fn with_options(page: &'a [u8], options: ReadOptions) -> Self {
        let starts = options.start_timestamps.then(StartTimestamps::found);
        Self { starts, ..Self::new(page) }
    }

    /// From now on, samples that are start timestamps are no entries.
    pub(crate) fn drop_created(&mut self) {
        self.starts.get_or_insert_with(StartTimestamps::dropped);
    }

    /// Reads the next line as a sample of the series whose text is `series`, and passes over it,
    /// where the line is nothing but that very text and a plain number. Otherwise returns `None` and
    /// stays where it is. See [`TextReader::next_if_series`](crate::TextReader::next_if_series).
    #[must_use]
    pub fn next_if_series(&mut self, series: &str) -> Option<SampleEntry<'a>> {
        let is_next = self.upcoming().starts_with(series.as_bytes());
        if is_next { self.next_known(series.len()) } else { None }
    }

    /// Returns the page from the next line on; nothing within a line.
    #[must_use]
    pub fn upcoming(&self) -> &'a [u8] {
        self.lexer.line().unwrap_or_default()
    }

    /// As [`OpenMetricsReader::next_if_series`], for who found out that the first `series_size` bytes of
    /// [`OpenMetricsReader::upcoming`] are the text of such a series.
    #[must_use]
    pub fn next_known(&mut self, series_size: usize) -> Option<SampleEntry<'a>> {
        let (series, rest) = self.upcoming().split_at_checked(series_size)?;
        let (value, size) = parse_plain_decimal(rest.strip_prefix(b" ")?)?;
        let line_size = series_size + 1 + size;
        if self.starts.is_some() || series.is_empty() || rest.get(1 + size) != Some(&b'\n') {
            return None;
        }
        let series = std::str::from_utf8(series).ok()?;
        self.lexer.pass_line(line_size + 1);
        Some(SampleEntry::float(series, value, self.metric_type))
    }

    /// Returns how many bytes the entries so far take.
    #[must_use]
    pub fn position(&self) -> usize {
        // What follows the last entry belongs to the end or to an error.
        if self.is_done { self.line_start } else { self.lexer.end() }
    }

    /// Returns the type that the page declared last.
    #[must_use]
    pub fn metric_type(&self) -> MetricType {
        self.metric_type
    }

    /// Returns how long the name was in the last line of metadata, escapes and all.
    pub(super) fn family_name_len(&self) -> usize {
        self.family_name_len
    }

    pub(super) fn parse(&mut self) -> Parsed<Option<Entry<'a>>> {
        self.line_start = self.lexer.end();
        match self.lexer.next() {
            Token::EndWord => match self.lexer.next() {
                Token::End => Ok(None),
                _ => Err(ParseErrorKind::DataAfterEnd),
            },
            Token::End => Err(ParseErrorKind::NoEnd),
            kind @ (Token::Help | Token::Type | Token::Unit) => self.metadata(kind).map(Some),
            Token::MetricName => {
                let mut end = self.lexer.end();
                let mut token = self.lexer.next();
                if token == Token::BraceOpen {
                    self.labels(true, false)?;
                    end = self.lexer.end();
                    token = self.lexer.next();
                }
                self.sample(end, token).map(Some)
            }
            Token::BraceOpen => {
                let has_name = self.labels(false, false)?;
                let end = self.lexer.end();
                if !has_name {
                    // The value is looked at, but its error is not the first.
                    self.lexer.next();
                    return Err(ParseErrorKind::MetricNameNotSet { parsing: self.parsing() });
                }
                let token = self.lexer.next();
                self.sample(end, token).map(Some)
            }
            token => Err(self.unexpected("expected a valid start token", token)),
        }
    }

    /// Reads the rest of a line of metadata.
    fn metadata(&mut self, kind: Token) -> Parsed<Entry<'a>> {
        let name = match self.lexer.next() {
            Token::MetricName => self.lexer.word(),
            Token::QuotedName => unquoted(self.lexer.word()),
            token => {
                let expected = match kind {
                    Token::Help => "expected metric name after HELP",
                    Token::Type => "expected metric name after TYPE",
                    _ => "expected metric name after UNIT",
                };
                return Err(self.unexpected(expected, token));
            }
        };
        if self.lexer.next() != Token::Text {
            return Err(ParseErrorKind::NoMetadataText { kind: kind.name() });
        }
        let name = utf8_name(name)?;
        self.family_name_len = name.len();
        // Without the space before it and the line feed behind it.
        let text = unquoted(self.lexer.word());
        let utf8 = std::str::from_utf8(text);
        match kind {
            Token::Help => {
                let fail = |_| ParseErrorKind::InvalidHelp { text: Excerpt::new(text) };
                let text = HelpText::with_quotes(utf8.map_err(fail)?);
                Ok(Entry::Help { name, text })
            }
            Token::Type => {
                let known = utf8.ok().and_then(metric_type);
                let fail = || ParseErrorKind::InvalidMetricType { word: Excerpt::new(text) };
                self.metric_type = known.ok_or_else(fail)?;
                Ok(Entry::Type { name, metric_type: self.metric_type })
            }
            _ => {
                let is_suffix = |unit: &&str| {
                    let stem = name.strip_suffix(unit);
                    unit.is_empty() || stem.is_some_and(|stem| stem.ends_with('_'))
                };
                let fail = || ParseErrorKind::UnitNotInName {
                    unit: Excerpt::new(text),
                    name: Excerpt::new(name.as_bytes()),
                };
                Ok(Entry::Unit { name, unit: utf8.ok().filter(is_suffix).ok_or_else(fail)? })
            }
        }
    }

    /// Reads labels up to the closing brace. Returns whether the series has a name, which may stand
    /// among them in quotes, but not in an exemplar.
    fn labels(&mut self, mut has_name: bool, is_exemplar: bool) -> Parsed<bool> {
        let mut token = self.lexer.next();
        loop {
            match token {
                Token::BraceClose => return Ok(has_name),
                Token::LabelName | Token::QuotedName => {}
                _ => return Err(self.unexpected("expected label name", token)),
            }
            let is_quoted = token == Token::QuotedName;
            token = self.lexer.next();
            if is_quoted && matches!(token, Token::Comma | Token::BraceClose) {
                if is_exemplar {
                    return Err(self.unexpected("expected label name", token));
                }
                if has_name {
                    let parsing = self.parsing();
                    return Err(ParseErrorKind::MetricNameAlreadySet { parsing });
                }
                has_name = true;
                if token == Token::Comma {
                    token = self.lexer.next();
                }
                continue;
            }
            if token != Token::Equal {
                return Err(self.unexpected("expected equal", token));
            }
            match self.lexer.next() {
                Token::LabelValue => {}
                token => return Err(self.unexpected("expected label value", token)),
            }
            let value = self.lexer.word();
            if std::str::from_utf8(value).is_err() {
                return Err(ParseErrorKind::InvalidLabelValue { value: Excerpt::new(value) });
            }
            token = self.lexer.next();
            match token {
                Token::Comma => token = self.lexer.next(),
                Token::BraceClose => {}
                _ => return Err(self.unexpected("expected comma or brace close", token)),
            }
        }
    }

    /// Reads what follows the series, whose text ends at `series_end`; `token` is the first word of
    /// it.
    fn sample(&mut self, series_end: usize, token: Token) -> Parsed<Entry<'a>> {
        let value = self.value("expected value after metric", token)?;
        let mut timestamp_ms = None;
        let mut exemplars = Exemplars::None;
        match self.lexer.next() {
            Token::End => return Err(ParseErrorKind::NoEnd),
            Token::Exemplar => exemplars = self.exemplar()?,
            Token::Timestamp => {
                timestamp_ms = Some(self.timestamp(false)?);
                match self.lexer.next() {
                    Token::LineFeed => {}
                    Token::Exemplar => exemplars = self.exemplar()?,
                    token => {
                        let expected = "expected next entry after timestamp";
                        return Err(self.unexpected(expected, token));
                    }
                }
            }
            // What is no word here is none at the start of the next line either: the reference ends
            // there, and so does this reader.
            _ => {}
        }
        let series = utf8_name(&self.page[self.line_start..series_end])?;
        let sample = SampleEntry::float(series, value, self.metric_type);
        Ok(Entry::Sample(SampleEntry { timestamp_ms, exemplars, ..sample }))
    }

    /// Reads an exemplar from behind its opening brace to the end of the line.
    fn exemplar(&mut self) -> Parsed<Exemplars<'a>> {
        let start = self.lexer.end() - 1;
        self.labels(true, true)?;
        let token = self.lexer.next();
        self.value("expected value after exemplar labels", token)?;
        let mut end = self.lexer.end();
        match self.lexer.next() {
            Token::End => return Err(ParseErrorKind::NoEnd),
            Token::LineFeed => {}
            Token::Timestamp => {
                self.timestamp(true)?;
                end = self.lexer.end();
                match self.lexer.next() {
                    Token::LineFeed => {}
                    token => {
                        let expected = "expected next entry after exemplar timestamp";
                        return Err(self.unexpected(expected, token));
                    }
                }
            }
            token => return Err(self.unexpected("expected timestamp or comment", token)),
        }
        // Where a quoted label name is not UTF-8, nobody could be shown the exemplar.
        let text = std::str::from_utf8(&self.page[start..end]);
        Ok(text.map_or(Exemplars::None, Exemplars::Text))
    }

    fn value(&self, expected: &'static str, token: Token) -> Parsed<f64> {
        if token != Token::Value {
            return Err(self.unexpected(expected, token));
        }
        self.float()
    }

    /// Returns the last word, a number of seconds, in milliseconds.
    fn timestamp(&self, is_exemplar: bool) -> Parsed<i64> {
        let seconds = self.float()?;
        if !seconds.is_finite() {
            let text = if seconds.is_nan() {
                "NaN"
            } else if seconds > 0.0 {
                "+Inf"
            } else {
                "-Inf"
            };
            return Err(ParseErrorKind::TimestampNotFinite {
                of: if is_exemplar { "exemplar timestamp" } else { "timestamp" },
                text,
            });
        }
        Ok(milliseconds(seconds))
    }

    /// Returns the last word, less its space, as a number.
    fn float(&self) -> Parsed<f64> {
        let text = &self.lexer.word()[1..];
        let end = self.lexer.end();
        let parsing = || Excerpt::new(&self.page[self.line_start..end]);
        parse_value(text).map_err(|problem| match problem {
            FloatProblem::UnsupportedCharacter => {
                ParseErrorKind::UnsupportedCharacter { parsing: parsing() }
            }
            FloatProblem::Syntax => {
                ParseErrorKind::InvalidFloat { text: Excerpt::new(text), parsing: parsing() }
            }
            FloatProblem::Range => {
                ParseErrorKind::FloatOutOfRange { text: Excerpt::new(text), parsing: parsing() }
            }
        })
    }

    fn parsing(&self) -> Excerpt {
        Excerpt::new(&self.page[self.line_start..self.lexer.end()])
    }

    #[cold]
    fn unexpected(&self, expected: &'static str, token: Token) -> ParseErrorKind {
        // The reference quotes a byte more than the word.
        let end = self.page.len().min(self.lexer.end() + 1);
        ParseErrorKind::Unexpected {
            expected,
            found: Excerpt::new(&self.page[self.lexer.start()..end]),
            token: token.name(),
            parsing: Excerpt::new(&self.page[self.line_start..end]),
        }
    }

    #[cold]
    fn error(&self, kind: ParseErrorKind) -> ParseError {
        ParseError { place: Place::in_text(self.page, self.lexer.start()), kind: Box::new(kind) }
    }
}

impl<'a> Iterator for OpenMetricsReader<'a> {
    type Item = Result<Entry<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let parsed = match self.starts.take() {
            None => self.parse(),
            Some(mut starts) => {
                let parsed = starts.parse(self);
                self.starts = Some(starts);
                parsed
            }
        };
        self.is_done = !matches!(parsed, Ok(Some(_)));
        parsed.map_err(|kind| self.error(kind)).transpose()
    }
}

impl FusedIterator for OpenMetricsReader<'_> {}

/// Returns the text without its first and last byte.
fn unquoted(text: &[u8]) -> &[u8] {
    text.get(1..text.len().max(2) - 1).unwrap_or_default()
}

fn utf8_name(name: &[u8]) -> Parsed<&str> {
    std::str::from_utf8(name).map_err(|_| ParseErrorKind::InvalidName { name: Excerpt::new(name) })
}

/// Returns the type that a word of the format means.
fn metric_type(word: &str) -> Option<MetricType> {
    Some(match word {
        "counter" => MetricType::Counter,
        "gauge" => MetricType::Gauge,
        "histogram" => MetricType::Histogram,
        "gaugehistogram" => MetricType::GaugeHistogram,
        "summary" => MetricType::Summary,
        "info" => MetricType::Info,
        "stateset" => MetricType::StateSet,
        "unknown" => MetricType::Unknown,
        _ => return None,
    })
}
