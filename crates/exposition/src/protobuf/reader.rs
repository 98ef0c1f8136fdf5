use std::str;

use narthex_model::histogram::ClassicHistogram;
use narthex_model::{BUCKET_LABEL, MetricType, QUANTILE_LABEL};

use super::family::Family;
use super::histogram::{SpanMismatch, or_integer};
use super::label::LabelPair;
use super::metric::Metric;
use super::wire::Message;
use crate::entry::{Entry, HelpText, SampleEntry, Value};
use crate::error::{Excerpt, ParseError, ParseErrorKind};
use crate::exemplar::{ExemplarEntry, Exemplars};
use crate::native::Native;
use crate::options::ReadOptions;
use crate::series_text::SeriesText;

/// Reads a page of delimited protobuf messages, entry by entry.
///
/// It yields what a page of text would say: metadata of a family, then its samples. A classic
/// histogram is a sample for its count, its sum and each bucket, a summary likewise. Texts are not
/// copied off the page but for [`SampleEntry::series`], which the reader writes as a text would.
///
/// ```
/// use narthex_exposition::{Entry, ProtobufReader, ReadOptions};
///
/// // A counter `a_total` with the value 1.
/// let page = b"\x18\x0a\x07a_total\x18\x00\x22\x0b\x1a\x09\x09\0\0\0\0\0\0\xf0\x3f";
/// let mut reader = ProtobufReader::new(page, ReadOptions::default());
/// let mut values = Vec::new();
/// while let Some(entry) = reader.next_entry() {
///     if let Entry::Sample(sample) = entry? {
///         values.push((sample.series.to_owned(), sample.value.as_float()));
///     }
/// }
/// assert_eq!(values, [("a_total".to_owned(), Some(1.0))]);
/// # Ok::<(), narthex_exposition::ParseError>(())
/// ```
///
/// # Source
///
/// Prometheus `model/textparse/protobufparse.go` and `prompb/io/prometheus/client`. Unlike it, the
/// reader checks the spans of every native histogram, not only of the first in its family, and leaves
/// out exemplars whose labels are not UTF-8.
#[derive(Debug)]
pub struct ProtobufReader<'a> {
    page: &'a [u8],
    options: ReadOptions,
    /// Where the next family begins.
    position: usize,
    family: Family<'a>,
    metric: Metric<'a>,
    /// Whether the metric before was a classic histogram: the reference reads a native one behind it
    /// as if it were classic, too.
    is_behind_classic: bool,
    next: Next,
    series: SeriesText,
    native: Native,
    classic: ClassicHistogram,
    /// Those of the current sample.
    exemplars: Vec<ExemplarEntry<'a>>,
}

/// What is to be done for the next entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Family,
    Unit,
    Type,
    Metric,
    /// The first sample of a metric that was read.
    FirstSample,
    Sample(Part),
    End,
}

/// An entry that is there to be taken.
#[derive(Clone, Copy, Debug)]
enum Found {
    Help,
    Unit,
    Type,
    Sample(Part),
}

/// One of the samples that a metric becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The only one.
    Value,
    Count,
    Sum,
    /// The quantile or bucket of that index. The bucket behind the last is the infinite one.
    Item(usize),
    Native,
    /// What a classic histogram becomes.
    Converted,
}

type Parsed<T> = Result<T, ParseError>;

impl<'a> ProtobufReader<'a> {
    /// Returns a reader of `page`.
    #[must_use]
    pub fn new(page: &'a [u8], options: ReadOptions) -> Self {
        Self {
            page,
            options,
            position: 0,
            family: Family::default(),
            metric: Metric::default(),
            is_behind_classic: false,
            next: Next::Family,
            series: SeriesText::default(),
            native: Native::default(),
            classic: ClassicHistogram::default(),
            exemplars: Vec::new(),
        }
    }

    /// Returns the type that the page declared last.
    #[must_use]
    pub fn metric_type(&self) -> MetricType {
        self.family.metric_type
    }

    /// Returns the next entry, or `None` at the end of the page and behind an error.
    pub fn next_entry(&mut self) -> Option<Parsed<Entry<'_>>> {
        let found = match self.find_entry() {
            Ok(found) => found?,
            Err(error) => {
                self.next = Next::End;
                return Some(Err(error));
            }
        };
        let name = self.family.name();
        Some(Ok(match found {
            Found::Help => Entry::Help { name, text: HelpText::plain(self.family.help()) },
            Found::Unit => Entry::Unit { name, unit: self.family.unit() },
            Found::Type => Entry::Type { name, metric_type: self.family.metric_type },
            Found::Sample(part) => Entry::Sample(self.sample(part)),
        }))
    }

    fn find_entry(&mut self) -> Parsed<Option<Found>> {
        loop {
            match self.next {
                Next::End => return Ok(None),
                Next::Family if self.position == self.page.len() => self.next = Next::End,
                Next::Family => {
                    self.family.read(self.page, &mut self.position)?;
                    self.is_behind_classic = false;
                    // A family without metrics is passed over unchecked, as in the reference.
                    if self.read_metric()? {
                        self.family.check()?;
                        let has_unit = !self.family.unit().is_empty();
                        self.next = if has_unit { Next::Unit } else { Next::Type };
                        return Ok(Some(Found::Help));
                    }
                }
                Next::Unit => {
                    self.next = Next::Type;
                    return Ok(Some(Found::Unit));
                }
                Next::Type => {
                    self.next = Next::FirstSample;
                    return Ok(Some(Found::Type));
                }
                Next::Metric => {
                    self.is_behind_classic =
                        !self.is_native() && !self.options.convert_classic_histograms;
                    let next = if self.read_metric()? { Next::FirstSample } else { Next::Family };
                    self.next = next;
                }
                Next::FirstSample => self.next = self.first_part()?,
                Next::Sample(part) => {
                    self.prepare(part)?;
                    self.next = self.after(part);
                    return Ok(Some(Found::Sample(part)));
                }
            }
        }
    }

    /// Reads the next metric of the family. Returns whether there is one.
    fn read_metric(&mut self) -> Parsed<bool> {
        let Some(range) = self.family.next_metric()? else { return Ok(false) };
        let read = self.metric.read(self.page, range);
        read.map_err(|error| self.family.wire_error(error))?;
        Ok(true)
    }

    /// Begins with a metric that was read.
    fn first_part(&mut self) -> Parsed<Next> {
        self.series.clear();
        for range in &self.metric.labels {
            let message = Message::new(self.page, range.clone(), "LabelPair");
            let pair = LabelPair::read(message).map_err(|error| self.family.wire_error(error))?;
            let (name, value) =
                check_label(pair).map_err(|kind| self.family.error(range.start, kind))?;
            self.series.push_label(name, value);
        }
        Ok(Next::Sample(match self.family.metric_type {
            MetricType::Summary => Part::Count,
            MetricType::Histogram | MetricType::GaugeHistogram => {
                if self.is_native() && !self.is_behind_classic {
                    Part::Native
                } else if self.options.convert_classic_histograms
                    && !self.options.keep_classic_histograms
                {
                    Part::Converted
                } else {
                    Part::Count
                }
            }
            _ => Part::Value,
        }))
    }

    fn is_native(&self) -> bool {
        self.options.native_histograms && self.metric.histogram.is_native()
    }

    /// Returns what follows a sample.
    fn after(&self, part: Part) -> Next {
        let quantiles = &self.metric.summary.quantiles;
        let buckets = &self.metric.histogram.buckets;
        let is_summary = self.family.metric_type == MetricType::Summary;
        let next = match part {
            Part::Value | Part::Converted => None,
            Part::Count => Some(Part::Sum),
            Part::Sum if is_summary && quantiles.is_empty() => None,
            Part::Sum => Some(Part::Item(0)),
            Part::Item(index) if is_summary => {
                (index + 1 < quantiles.len()).then_some(Part::Item(index + 1))
            }
            Part::Item(index) => match buckets.get(index) {
                Some(bucket) if bucket.upper_bound != f64::INFINITY => Some(Part::Item(index + 1)),
                _ => {
                    let converts = self.options.convert_classic_histograms && !self.is_native();
                    converts.then_some(Part::Converted)
                }
            },
            Part::Native => {
                let repeats = self.options.keep_classic_histograms && !buckets.is_empty();
                repeats.then_some(Part::Count)
            }
        };
        next.map_or(Next::Metric, Next::Sample)
    }

    /// Makes ready what a sample borrows from the reader.
    fn prepare(&mut self, part: Part) -> Parsed<()> {
        let histogram = &self.metric.histogram;
        let start = self.family.start;
        match part {
            Part::Native => {
                let checked = histogram.check_spans();
                checked.map_err(|mismatch| {
                    let name = self.family.name().into();
                    let SpanMismatch { side, needed, found } = mismatch;
                    let kind = ParseErrorKind::SpanMismatch { name, side, needed, found };
                    self.family.error(start, kind)
                })?;
                histogram.read_native(&mut self.native, self.family.metric_type);
            }
            Part::Converted => {
                let read = histogram.read_classic(&mut self.classic);
                read.and_then(|()| self.native.convert(&self.classic, self.family.metric_type))
                    .map_err(|error| {
                        self.family.error(start, ParseErrorKind::ClassicHistogram(error))
                    })?;
            }
            _ => {}
        }
        let (suffix, bound) = self.suffix(part);
        self.series.build(self.family.name(), suffix, bound);
        self.find_exemplars(part);
        Ok(())
    }

    /// Returns what a sample's name ends with, and the label that the format adds.
    fn suffix(&self, part: Part) -> (&'static str, Option<(&'static str, f64)>) {
        match part {
            Part::Value | Part::Native | Part::Converted => ("", None),
            Part::Count => ("_count", None),
            Part::Sum => ("_sum", None),
            Part::Item(index) if self.family.metric_type == MetricType::Summary => {
                let quantile = self.metric.summary.quantiles.get(index).copied();
                ("", Some((QUANTILE_LABEL, quantile.unwrap_or_default().quantile)))
            }
            Part::Item(index) => {
                let bucket = self.metric.histogram.buckets.get(index);
                let bound = bucket.map_or(f64::INFINITY, |bucket| bucket.upper_bound);
                ("_bucket", Some((BUCKET_LABEL, bound)))
            }
        }
    }

    fn find_exemplars(&mut self, part: Part) {
        self.exemplars.clear();
        let histogram = &self.metric.histogram;
        match (part, self.family.metric_type) {
            (Part::Value, MetricType::Counter) => {
                self.exemplars.extend(self.metric.counter.exemplar);
            }
            (Part::Item(index), MetricType::Histogram | MetricType::GaugeHistogram) => {
                let bucket = histogram.buckets.get(index);
                self.exemplars.extend(bucket.and_then(|bucket| bucket.exemplar));
            }
            (Part::Native | Part::Converted, _) => {
                let of_buckets = histogram.buckets.iter().filter_map(|bucket| bucket.exemplar);
                if histogram.exemplars.is_empty() {
                    self.exemplars.extend(of_buckets);
                } else {
                    self.exemplars.extend(&histogram.exemplars);
                }
                // Those of native histograms must have a time.
                self.exemplars.retain(|exemplar| exemplar.timestamp_ms.is_some());
            }
            _ => {}
        }
    }

    fn sample(&self, part: Part) -> SampleEntry<'_> {
        let metric = &self.metric;
        let value = match part {
            Part::Native | Part::Converted => self.native.value(),
            _ => Value::Float(self.number(part)),
        };
        let start_timestamp_ms = match self.family.metric_type {
            MetricType::Counter => metric.counter.start_timestamp_ms,
            MetricType::Summary => metric.summary.start_timestamp_ms,
            MetricType::Histogram | MetricType::GaugeHistogram => {
                metric.histogram.start_timestamp_ms
            }
            _ => 0,
        };
        SampleEntry {
            series: self.series.as_str(),
            // The format cannot tell no time from the time zero.
            timestamp_ms: Some(metric.timestamp_ms).filter(|timestamp_ms| *timestamp_ms != 0),
            value,
            start_timestamp_ms,
            metric_type: self.family.metric_type,
            exemplars: Exemplars::List(&self.exemplars),
        }
    }

    /// Returns the value of a sample that is no native histogram.
    #[expect(clippy::cast_precision_loss, reason = "samples are floats")]
    fn number(&self, part: Part) -> f64 {
        let Metric { summary, histogram, .. } = &self.metric;
        let is_summary = self.family.metric_type == MetricType::Summary;
        match part {
            Part::Count if is_summary => summary.count as f64,
            Part::Sum if is_summary => summary.sum,
            Part::Item(index) if is_summary => {
                summary.quantiles.get(index).copied().unwrap_or_default().value
            }
            Part::Count => histogram.total(),
            Part::Sum => histogram.sum,
            Part::Item(index) => histogram.buckets.get(index).map_or(histogram.total(), |bucket| {
                or_integer(bucket.cumulative_count_float, bucket.cumulative_count)
            }),
            Part::Value | Part::Native | Part::Converted => match self.family.metric_type {
                MetricType::Counter => self.metric.counter.value,
                MetricType::Gauge => self.metric.gauge,
                _ => self.metric.untyped,
            },
        }
    }
}

/// Returns name and value of a label.
fn check_label(pair: LabelPair<'_>) -> Result<(&str, &str), ParseErrorKind> {
    let name = str::from_utf8(pair.name.unwrap_or_default()).ok();
    // A label without a name field is for the scraper to refuse, as in the reference.
    let name = name.filter(|name| pair.name.is_none() || !name.is_empty());
    let name = name.ok_or_else(|| ParseErrorKind::InvalidLabelName {
        name: Excerpt::new(pair.name.unwrap_or_default()),
    })?;
    let value = str::from_utf8(pair.value);
    let fail = |_| ParseErrorKind::InvalidLabelText { value: Excerpt::new(pair.value) };
    Ok((name, value.map_err(fail)?))
}
