use narthex_model::{Exemplar, Labels, Metadata, Sample};

use crate::HistogramSample;
use crate::histogram::put_histogram;
use crate::request::METRIC_TYPES;
use crate::wire::{put_bytes_field, put_double_field, put_message_field, put_varint_field};

/// Writes a `prometheus.WriteRequest`.
///
/// ```
/// use narthex_model::{Labels, Sample};
/// use narthex_remote::RequestBuilder;
///
/// let up = Labels::from_pairs([("__name__", "up")]);
/// let body = RequestBuilder::default()
///     .series(&up, &[Sample { timestamp_ms: 1_000, value: 1.0 }])
///     .compress();
/// assert!(!body.is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct RequestBuilder {
    message: Vec<u8>,
    series: Vec<u8>,
    item: Vec<u8>,
}

impl RequestBuilder {
    /// Adds a series. Receivers ask for samples in order of their time.
    #[must_use]
    pub fn series(mut self, labels: &Labels, samples: &[Sample]) -> Self {
        self.push_series(labels, samples);
        self
    }

    /// Adds a series, for callers that keep the builder in place.
    pub fn push_series(&mut self, labels: &Labels, samples: &[Sample]) {
        self.push_with_exemplars(labels, samples, &[]);
    }

    /// Adds samples of a series together with exemplars.
    pub fn push_with_exemplars(
        &mut self,
        labels: &Labels,
        samples: &[Sample],
        exemplars: &[Exemplar],
    ) {
        self.begin_series(labels);
        self.put_samples(samples);
        for exemplar in exemplars {
            let mut message = Vec::new();
            for (name, value) in &exemplar.labels {
                self.put_label(name, value);
                put_message_field(&mut message, 1, &self.item);
            }
            put_double_field(&mut message, 2, exemplar.value);
            put_varint_field(&mut message, 3, exemplar.timestamp_ms.cast_unsigned());
            put_message_field(&mut self.series, 3, &message);
        }
        put_message_field(&mut self.message, 1, &self.series);
    }

    /// Adds a series of native histograms.
    pub fn push_histograms(&mut self, labels: &Labels, histograms: &[HistogramSample]) {
        self.begin_series(labels);
        for histogram in histograms {
            self.item.clear();
            put_histogram(&mut self.item, histogram);
            put_message_field(&mut self.series, 4, &self.item);
        }
        put_message_field(&mut self.message, 1, &self.series);
    }

    fn begin_series(&mut self, labels: &Labels) {
        self.series.clear();
        for (name, value) in labels {
            self.put_label(name, value);
            put_message_field(&mut self.series, 1, &self.item);
        }
    }

    fn put_label(&mut self, name: &str, value: &str) {
        self.item.clear();
        put_bytes_field(&mut self.item, 1, name.as_bytes());
        put_bytes_field(&mut self.item, 2, value.as_bytes());
    }

    fn put_samples(&mut self, samples: &[Sample]) {
        for sample in samples {
            self.item.clear();
            put_double_field(&mut self.item, 1, sample.value);
            put_varint_field(&mut self.item, 2, sample.timestamp_ms.cast_unsigned());
            put_message_field(&mut self.series, 2, &self.item);
        }
    }

    /// Adds what is known of one metric.
    #[must_use]
    pub fn metadata(mut self, family_name: &str, metadata: &Metadata) -> Self {
        let number = METRIC_TYPES.iter().find(|(known, _)| *known == metadata.metric_type);
        self.item.clear();
        put_varint_field(&mut self.item, 1, number.map_or(0, |(_, number)| u64::from(*number)));
        put_bytes_field(&mut self.item, 2, family_name.as_bytes());
        put_bytes_field(&mut self.item, 4, metadata.help.as_bytes());
        put_bytes_field(&mut self.item, 5, metadata.unit.as_bytes());
        put_message_field(&mut self.message, 3, &self.item);
        self
    }

    /// Returns the message, not compressed.
    #[must_use]
    pub fn into_message(self) -> Vec<u8> {
        self.message
    }

    /// Returns the body of the HTTP request: the message as a snappy block.
    ///
    /// # Panics
    ///
    /// Where the message has 4 GiB or more, which snappy cannot hold.
    #[must_use]
    pub fn compress(&self) -> Vec<u8> {
        snap::raw::Encoder::new()
            .compress_vec(&self.message)
            .expect("a snappy block holds less than 4 GiB")
    }
}
