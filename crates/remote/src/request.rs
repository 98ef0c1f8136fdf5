use narthex_model::{Exemplar, LabelsBuilder, MetricType, Sample};

use crate::HistogramSample;
use crate::wire::{DecodeError, Fields};

/// A `prometheus.WriteRequest`, read in place.
///
/// Nothing is decoded before it is asked for, and everything borrows from the message. A message
/// may be broken anywhere: each iterator yields the error and then ends.
///
/// # Source
///
/// `prompb/remote.proto` and `prompb/types.proto` of Prometheus. Unknown fields are skipped.
#[derive(Clone, Copy, Debug)]
pub struct WriteRequest<'a> {
    message: &'a [u8],
}

impl<'a> WriteRequest<'a> {
    /// Returns a view of `message`, which is not compressed any more.
    #[must_use]
    pub fn new(message: &'a [u8]) -> Self {
        Self { message }
    }

    /// Returns the series in the order of the message. One series may come several times.
    pub fn series(self) -> impl Iterator<Item = Result<TimeSeries<'a>, DecodeError>> {
        items(self.message, 1, "Timeseries", |message| Ok(TimeSeries { message }))
    }

    /// Returns what the sender says of its metrics.
    pub fn metadata(self) -> impl Iterator<Item = Result<MetricMetadata<'a>, DecodeError>> {
        items(self.message, 3, "Metadata", MetricMetadata::decode)
    }
}

/// One series of a request: labels and what was measured.
#[derive(Clone, Copy, Debug)]
pub struct TimeSeries<'a> {
    message: &'a [u8],
}

impl<'a> TimeSeries<'a> {
    /// Returns the labels in the order of the message: nothing says that they are sorted or unique.
    pub fn labels(self) -> impl Iterator<Item = Result<Label<'a>, DecodeError>> {
        items(self.message, 1, "Labels", Label::decode)
    }

    /// Returns the samples in the order of the message. The bits of NaN are kept, and so are
    /// staleness markers.
    pub fn samples(self) -> impl Iterator<Item = Result<Sample, DecodeError>> {
        items(self.message, 2, "Samples", decode_sample)
    }

    /// Returns the exemplars in the order of the message.
    pub fn exemplars(self) -> impl Iterator<Item = Result<Exemplar, DecodeError>> {
        items(self.message, 3, "Exemplars", decode_exemplar)
    }

    /// Returns the native histograms in the order of the message.
    pub fn histograms(self) -> impl Iterator<Item = Result<HistogramSample, DecodeError>> {
        items(self.message, 4, "Histograms", HistogramSample::decode)
    }
}

/// A label as it was sent: the protocol asks for UTF-8, and only the reader finds out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Label<'a> {
    /// The name.
    pub name: &'a [u8],
    /// The value.
    pub value: &'a [u8],
}

impl<'a> Label<'a> {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut label = Self::default();
        for field in Fields::new(message) {
            match field? {
                (1, value) => label.name = value.bytes("Name")?,
                (2, value) => label.value = value.bytes("Value")?,
                _ => {}
            }
        }
        Ok(label)
    }
}

/// What a sender says of one metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetricMetadata<'a> {
    /// The kind of instrument; numbers that no kind has are [`MetricType::Unknown`].
    pub metric_type: MetricType,
    /// The metric's name, without the suffixes of its series.
    pub family_name: &'a [u8],
    /// What the metric means, for people.
    pub help: &'a [u8],
    /// The unit; often empty.
    pub unit: &'a [u8],
}

impl<'a> MetricMetadata<'a> {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut metadata = Self::default();
        for field in Fields::new(message) {
            match field? {
                (1, value) => metadata.metric_type = metric_type(value.int64("Type")?),
                (2, value) => metadata.family_name = value.bytes("MetricFamilyName")?,
                (4, value) => metadata.help = value.bytes("Help")?,
                (5, value) => metadata.unit = value.bytes("Unit")?,
                _ => {}
            }
        }
        Ok(metadata)
    }
}

fn decode_sample(message: &[u8]) -> Result<Sample, DecodeError> {
    let mut sample = Sample { timestamp_ms: 0, value: 0.0 };
    for field in Fields::new(message) {
        match field? {
            (1, value) => sample.value = value.double("Value")?,
            (2, value) => sample.timestamp_ms = value.int64("Timestamp")?,
            _ => {}
        }
    }
    Ok(sample)
}

/// A label that is not UTF-8 is left out.
fn decode_exemplar(message: &[u8]) -> Result<Exemplar, DecodeError> {
    let (mut labels, mut value, mut timestamp_ms) = (LabelsBuilder::default(), 0.0, 0);
    for field in Fields::new(message) {
        match field? {
            (1, value) => {
                let Label { name, value } = Label::decode(value.bytes("Labels")?)?;
                if let (Ok(name), Ok(value)) = (str::from_utf8(name), str::from_utf8(value)) {
                    labels.set(name, value);
                }
            }
            (2, field) => value = field.double("Value")?,
            (3, field) => timestamp_ms = field.int64("Timestamp")?,
            _ => {}
        }
    }
    let has_own_timestamp = timestamp_ms != 0;
    Ok(Exemplar { labels: labels.build(), value, timestamp_ms, has_own_timestamp })
}

/// Returns the items of a repeated message field, and every error on the way.
fn items<'a, T>(
    message: &'a [u8],
    number: u64,
    field: &'static str,
    decode: impl Fn(&'a [u8]) -> Result<T, DecodeError>,
) -> impl Iterator<Item = Result<T, DecodeError>> {
    Fields::new(message).filter_map(move |item| match item {
        Ok((candidate, value)) if candidate == number => Some(value.bytes(field).and_then(&decode)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    })
}

fn metric_type(number: i64) -> MetricType {
    METRIC_TYPES
        .iter()
        .find(|(_, candidate)| i64::from(*candidate) == number)
        .map_or(MetricType::Unknown, |(metric_type, _)| *metric_type)
}

/// The numbers of `MetricMetadata.MetricType`.
pub(crate) const METRIC_TYPES: [(MetricType, u8); 8] = [
    (MetricType::Unknown, 0),
    (MetricType::Counter, 1),
    (MetricType::Gauge, 2),
    (MetricType::Histogram, 3),
    (MetricType::GaugeHistogram, 4),
    (MetricType::Summary, 5),
    (MetricType::Info, 6),
    (MetricType::StateSet, 7),
];
