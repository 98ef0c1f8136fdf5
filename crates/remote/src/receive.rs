use std::fmt;
use std::str;

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME_LABEL, Sample};
use narthex_storage::{
    AppendError, Appendable, Appender, Committed, SampleValue, SeriesKey, SeriesRef,
};
use smallvec::SmallVec;

use crate::{
    DecodeError, HeaderError, HistogramSample, HistogramValue, SnappyError, TimeSeries,
    WriteRequest, check_content_type, check_encoding, decompress,
};

/// A request as it was posted.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    /// The header `Content-Encoding`; empty where it is missing.
    pub content_encoding: &'a str,
    /// The header `Content-Type`; empty where it is missing.
    pub content_type: &'a str,
    /// The body, compressed.
    pub body: &'a [u8],
}

impl<'a> Post<'a> {
    /// Returns `body` with the headers of remote write 1.0.
    #[must_use]
    pub fn new(body: &'a [u8]) -> Self {
        Self { content_encoding: "snappy", content_type: "application/x-protobuf", body }
    }
}

/// What one request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiveLimits {
    /// The bytes of the message, decompressed: 32 MiB by default, as in the reference.
    pub decoded_size_max: usize,
    /// The labels of one series: 1,024 by default.
    pub labels_per_series_max: usize,
    /// How far ahead of the receiver's time a sample may be, in milliseconds: ten minutes by default. The
    /// largest integer leaves it to the store.
    pub lead_max_ms: i64,
}

impl Default for ReceiveLimits {
    fn default() -> Self {
        Self {
            decoded_size_max: 32 << 20,
            labels_per_series_max: 1_024,
            lead_max_ms: 10 * 60 * 1_000,
        }
    }
}

/// What a request wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// The number of samples that the store took.
    pub samples: usize,
    /// The number of exemplars that the store refused, mostly as out of order. The sender is not
    /// told: exemplars are a choice of events anyhow.
    pub exemplars_refused: usize,
}

/// Why a request was refused, whole or in part.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The headers name another protocol. Nothing was written.
    #[error(transparent)]
    Headers(#[from] HeaderError),
    /// The body could not be decompressed. Nothing was written.
    #[error(transparent)]
    Snappy(#[from] SnappyError),
    /// The message could not be read. Nothing was written.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Some samples were refused; all others were written.
    #[error("{0}")]
    Rejected(Box<Rejections>),
    /// The store failed. Nothing was written, and the sender may try again.
    #[error("write to the store: {0}")]
    Store(#[source] AppendError),
}

impl WriteError {
    /// Returns the HTTP status. Senders try again after 5xx alone.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Snappy(SnappyError::TooLarge { .. }) => 413,
            Self::Headers(_) => 415,
            Self::Snappy(_) | Self::Decode(_) | Self::Rejected(_) => 400,
            Self::Store(_) => 503,
        }
    }
}

/// The samples of a request that the store did not take, and the first of them.
#[derive(Debug)]
pub struct Rejections {
    /// How many samples were written all the same.
    pub written: usize,
    /// How many samples were refused, histograms included.
    pub rejected: usize,
    /// How many of these for their labels.
    pub invalid_labels: usize,
    /// Why the first of them was refused.
    pub first: Rejection,
    /// The series of the first one, as far as its labels could be read.
    pub first_series: Labels,
}

impl fmt::Display for Rejections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { written, rejected, first, first_series, .. } = self;
        let total = written + rejected;
        write!(f, "{first}: series {first_series} ({rejected} of {total} samples rejected)")
    }
}

/// Why one series or sample was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The series has no metric name.
    #[error("series without a metric name")]
    NoMetricName,
    /// The name or value of a label is not UTF-8, or a name is empty.
    #[error("invalid label name or value")]
    InvalidLabel,
    /// One label name comes twice.
    #[error("duplicate label name {name:?}")]
    DuplicateLabel {
        /// The name.
        name: Box<str>,
    },
    /// The series has more labels than it may.
    #[error("series with more than {labels_per_series_max} labels")]
    TooManyLabels {
        /// The limit.
        labels_per_series_max: usize,
    },
    /// The sample lies further in the future than the sender's clock can be wrong.
    #[error("out of bounds: timestamp is too far in the future")]
    TooFarAhead,
    /// The store does not take the sample.
    #[error("{0}")]
    Append(#[source] AppendError),
}

/// Applies a request to `store`, and commits.
///
/// `now_ms` is the receiver's time in milliseconds since the Unix epoch: samples more than
/// [`ReceiveLimits::lead_max_ms`] ahead of it are refused.
///
/// # Errors
///
/// See [`WriteError`]; the first one in the order of the reference. A sample that the store refuses costs no other sample: the rest is written,
/// and the error tells how much was not. A broken message, or a store that fails, leaves nothing
/// behind.
///
/// # Source
///
/// `storage/remote/write_handler.go` of Prometheus. There, the first sample that is out of order
/// rolls the whole request back, though its sender will not send it again, and series with invalid
/// labels are dropped in silence; here both are answered with 400 as remote write 2.0 does.
pub fn receive(
    store: &dyn Appendable,
    post: Post<'_>,
    limits: &ReceiveLimits,
    now_ms: i64,
) -> Result<Received, WriteError> {
    check_encoding(post.content_encoding)?;
    let message = decompress(post.body, limits.decoded_size_max)?;
    check_content_type(post.content_type)?;
    let request = WriteRequest::new(&message);
    let mut appender = store.appender();
    let mut write = Write {
        limits,
        newest_ms: now_ms.saturating_add(limits.lead_max_ms),
        rejected: 0,
        invalid_labels: 0,
        exemplars_refused: 0,
        first: None,
    };
    let applied = write.request(appender.as_mut(), request);
    let committed = applied.and_then(|()| appender.commit().map_err(WriteError::Store));
    match committed {
        Ok(committed) => write.finish(committed),
        Err(error) => {
            appender.rollback();
            Err(error)
        }
    }
}

/// The series that samples go to, found by its labels once.
struct Target<'a> {
    labels: &'a Labels,
    reference: Option<SeriesRef>,
}

/// The state of one request on its way into the store.
struct Write<'a> {
    limits: &'a ReceiveLimits,
    newest_ms: i64,
    rejected: usize,
    invalid_labels: usize,
    exemplars_refused: usize,
    first: Option<(Rejection, Labels)>,
}

impl Write<'_> {
    fn request(
        &mut self,
        appender: &mut dyn Appender,
        request: WriteRequest<'_>,
    ) -> Result<(), WriteError> {
        let mut builder = LabelsBuilder::default();
        for series in request.series() {
            let series = series?;
            match self.labels(series, &mut builder)? {
                Ok(labels) => self.series(appender, series, &labels)?,
                Err(rejection) => {
                    let count = count(series.samples())? + count(series.histograms())?;
                    self.invalid_labels += count;
                    self.reject(count, rejection, &builder.build());
                }
            }
        }
        // Stores keep metadata by target, which a sender does not name. Broken metadata still makes
        // a broken message.
        count(request.metadata())?;
        Ok(())
    }

    /// Returns the labels of `series`, or why it has none. `builder` holds what was readable.
    fn labels(
        &self,
        series: TimeSeries<'_>,
        builder: &mut LabelsBuilder,
    ) -> Result<Result<Labels, Rejection>, DecodeError> {
        let labels_per_series_max = self.limits.labels_per_series_max;
        builder.clear();
        let mut pairs = SmallVec::<[(&str, &str); LABELS_INLINE]>::new();
        for label in series.labels() {
            let label = label?;
            let (Ok(name), Ok(value)) = (str::from_utf8(label.name), str::from_utf8(label.value))
            else {
                return Ok(Err(Rejection::InvalidLabel));
            };
            if name.is_empty() {
                return Ok(Err(Rejection::InvalidLabel));
            }
            if pairs.len() == labels_per_series_max {
                return Ok(Err(Rejection::TooManyLabels { labels_per_series_max }));
            }
            pairs.push((name, value));
        }
        pairs.sort_unstable_by_key(|(name, _)| *name);
        for (name, value) in &pairs {
            builder.set(name, value);
        }
        if let Some(twice) = pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Ok(Err(Rejection::DuplicateLabel { name: twice[0].0.into() }));
        }
        if builder.get(METRIC_NAME_LABEL).is_none() {
            return Ok(Err(Rejection::NoMetricName));
        }
        Ok(Ok(builder.build()))
    }

    fn series(
        &mut self,
        appender: &mut dyn Appender,
        series: TimeSeries<'_>,
        labels: &Labels,
    ) -> Result<(), WriteError> {
        let mut target = Target { labels, reference: None };
        for sample in series.samples() {
            let Sample { timestamp_ms, value } = sample?;
            self.append(appender, &mut target, timestamp_ms, SampleValue::Float(value))?;
        }
        for histogram in series.histograms() {
            let HistogramSample { timestamp_ms, value } = histogram?;
            let value = match &value {
                HistogramValue::Integer(histogram) => SampleValue::Histogram(histogram),
                HistogramValue::Float(histogram) => SampleValue::FloatHistogram(histogram),
            };
            self.append(appender, &mut target, timestamp_ms, value)?;
        }
        for exemplar in series.exemplars() {
            let exemplar = exemplar?;
            // A series of which no sample was taken has none either.
            if let Some(reference) = target.reference {
                let refused = appender.append_exemplar(reference, &exemplar).is_err();
                self.exemplars_refused += usize::from(refused);
            }
        }
        Ok(())
    }

    fn append(
        &mut self,
        appender: &mut dyn Appender,
        target: &mut Target<'_>,
        timestamp_ms: i64,
        value: SampleValue<'_>,
    ) -> Result<(), WriteError> {
        if timestamp_ms > self.newest_ms {
            self.reject(1, Rejection::TooFarAhead, target.labels);
            return Ok(());
        }
        let key = target.reference.map_or(SeriesKey::Labels(target.labels), SeriesKey::Ref);
        match appender.append(key, timestamp_ms, value) {
            Ok(series) => target.reference = Some(series),
            Err(error @ AppendError::Store(_)) => return Err(WriteError::Store(error)),
            Err(error) => self.reject(1, Rejection::Append(error), target.labels),
        }
        Ok(())
    }

    fn reject(&mut self, count: usize, rejection: Rejection, labels: &Labels) {
        self.rejected += count;
        self.first.get_or_insert_with(|| (rejection, labels.clone()));
    }

    fn finish(self, Committed { samples, .. }: Committed) -> Result<Received, WriteError> {
        let Some((first, first_series)) = self.first else {
            return Ok(Received { samples, exemplars_refused: self.exemplars_refused });
        };
        let Self { rejected, invalid_labels, .. } = self;
        Err(WriteError::Rejected(Box::new(Rejections {
            written: samples,
            rejected,
            invalid_labels,
            first,
            first_series,
        })))
    }
}

/// Returns the number of items, or the first error among them.
fn count<T>(items: impl Iterator<Item = Result<T, DecodeError>>) -> Result<usize, DecodeError> {
    let mut count = 0;
    for item in items {
        item?;
        count += 1;
    }
    Ok(count)
}
/// Few series have more labels.
const LABELS_INLINE: usize = 16;
