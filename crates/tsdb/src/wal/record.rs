//! What the records of the write-ahead log say. `docs/format/wal.md` has the bytes.

use narthex_model::{Labels, LabelsBuilder, Metadata, MetricType};

use crate::codec::{Cursor, put_signed, put_text, put_unsigned};

/// A series and the number by which later records name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefSeries {
    pub(crate) reference: u64,
    pub(crate) labels: Labels,
}

/// A float of one series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefSample {
    pub(crate) reference: u64,
    pub(crate) timestamp_ms: i64,
    pub(crate) value: f64,
}

/// What a series' metric means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefMetadata {
    pub(crate) reference: u64,
    pub(crate) metadata: Metadata,
}

/// A deleted range of one series, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tombstone {
    pub(crate) reference: u64,
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
}

/// A decoded record. The items lie in the decoder.
#[derive(Debug)]
pub(crate) enum Record<'a> {
    Series(&'a [RefSeries]),
    Samples(&'a [RefSample]),
    Tombstones(&'a [Tombstone]),
    Metadata(&'a [RefMetadata]),
    /// A kind of record that is known and not kept: exemplars and histograms.
    NotKept,
    /// A kind of record that a later release brought.
    Unknown,
}

/// Decodes records whole or not at all, into buffers that it reuses.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    series: Vec<RefSeries>,
    samples: Vec<RefSample>,
    tombstones: Vec<Tombstone>,
    metadata: Vec<RefMetadata>,
    labels: LabelsBuilder,
}

impl Decoder {
    /// Decodes one record, or returns `None` where its content makes no sense.
    pub(crate) fn decode(&mut self, record: &[u8]) -> Option<Record<'_>> {
        let mut cursor = Cursor::new(record);
        let body = &mut cursor;
        Some(match body.byte()? {
            SERIES => Record::Series(self.decode_series(body)?),
            SAMPLES => Record::Samples(self.decode_samples(body)?),
            SAMPLES_V2 => Record::Samples(self.decode_samples_v2(body)?),
            TOMBSTONES => Record::Tombstones(self.decode_tombstones(body)?),
            METADATA => Record::Metadata(self.decode_metadata(body)?),
            EXEMPLARS | HISTOGRAMS..=CUSTOM_FLOAT_HISTOGRAMS => Record::NotKept,
            HISTOGRAMS_V2 | FLOAT_HISTOGRAMS_V2 => Record::NotKept,
            _ => Record::Unknown,
        })
    }

    fn decode_series(&mut self, body: &mut Cursor<'_>) -> Option<&[RefSeries]> {
        self.series.clear();
        while !body.is_empty() {
            let reference = body.word()?;
            self.labels.clear();
            for _ in 0..body.unsigned()? {
                let (name, value) = (body.text()?, body.text()?);
                self.labels.set(name, value);
            }
            self.series.push(RefSeries { reference, labels: self.labels.build() });
        }
        Some(&self.series)
    }

    fn decode_samples(&mut self, body: &mut Cursor<'_>) -> Option<&[RefSample]> {
        self.samples.clear();
        if body.is_empty() {
            return Some(&self.samples);
        }
        let (first_reference, first_ms) = (body.word()?, body.word()?.cast_signed());
        while !body.is_empty() {
            self.samples.push(RefSample {
                reference: first_reference.wrapping_add_signed(body.signed()?),
                timestamp_ms: first_ms.wrapping_add(body.signed()?),
                value: f64::from_bits(body.word()?),
            });
        }
        Some(&self.samples)
    }

    /// References are differences to the sample before, times to the first one. Start times are read
    /// over.
    fn decode_samples_v2(&mut self, body: &mut Cursor<'_>) -> Option<&[RefSample]> {
        self.samples.clear();
        if body.is_empty() {
            return Some(&self.samples);
        }
        let mut reference = body.signed()?.cast_unsigned();
        let first_ms = body.signed()?;
        body.signed()?;
        let mut timestamp_ms = first_ms;
        loop {
            let value = f64::from_bits(body.word()?);
            self.samples.push(RefSample { reference, timestamp_ms, value });
            if body.is_empty() {
                return Some(&self.samples);
            }
            reference = reference.wrapping_add_signed(body.signed()?);
            timestamp_ms = first_ms.wrapping_add(body.signed()?);
            if !matches!(body.byte()?, START_NONE | START_SAME) {
                body.signed()?;
            }
        }
    }

    fn decode_tombstones(&mut self, body: &mut Cursor<'_>) -> Option<&[Tombstone]> {
        self.tombstones.clear();
        while !body.is_empty() {
            self.tombstones.push(Tombstone {
                reference: body.word()?,
                min_ms: body.signed()?,
                max_ms: body.signed()?,
            });
        }
        Some(&self.tombstones)
    }

    fn decode_metadata(&mut self, body: &mut Cursor<'_>) -> Option<&[RefMetadata]> {
        self.metadata.clear();
        while !body.is_empty() {
            let reference = body.unsigned()?;
            let metric_type = decode_metric_type(body.byte()?);
            let mut metadata = Metadata { metric_type, ..Metadata::default() };
            for _ in 0..body.unsigned()? {
                let (field, text) = (body.text()?, body.text()?);
                match field {
                    UNIT_FIELD => metadata.unit = text.into(),
                    HELP_FIELD => metadata.help = text.into(),
                    _ => {}
                }
            }
            self.metadata.push(RefMetadata { reference, metadata });
        }
        Some(&self.metadata)
    }
}

/// Appends a record that introduces `series` to `out`.
pub(crate) fn encode_series<'a>(
    series: impl IntoIterator<Item = (u64, &'a Labels)>,
    out: &mut Vec<u8>,
) {
    out.push(SERIES);
    for (reference, labels) in series {
        out.extend_from_slice(&reference.to_be_bytes());
        put_unsigned(out, labels.len() as u64);
        for (name, value) in labels {
            put_text(out, name);
            put_text(out, value);
        }
    }
}

/// Appends a record of `samples` to `out`.
pub(crate) fn encode_samples(samples: impl IntoIterator<Item = RefSample>, out: &mut Vec<u8>) {
    out.push(SAMPLES);
    let mut samples = samples.into_iter().peekable();
    let Some(&first) = samples.peek() else { return };
    out.extend_from_slice(&first.reference.to_be_bytes());
    out.extend_from_slice(&first.timestamp_ms.to_be_bytes());
    for sample in samples {
        put_signed(out, sample.reference.wrapping_sub(first.reference).cast_signed());
        put_signed(out, sample.timestamp_ms.wrapping_sub(first.timestamp_ms));
        out.extend_from_slice(&sample.value.to_bits().to_be_bytes());
    }
}

/// Appends a record of `metadata` to `out`.
pub(crate) fn encode_metadata<'a>(
    metadata: impl IntoIterator<Item = (u64, &'a Metadata)>,
    out: &mut Vec<u8>,
) {
    out.push(METADATA);
    for (reference, metadata) in metadata {
        put_unsigned(out, reference);
        out.push(encode_metric_type(metadata.metric_type));
        put_unsigned(out, 2);
        put_text(out, UNIT_FIELD);
        put_text(out, &metadata.unit);
        put_text(out, HELP_FIELD);
        put_text(out, &metadata.help);
    }
}

fn encode_metric_type(metric_type: MetricType) -> u8 {
    match metric_type {
        MetricType::Unknown => 0,
        MetricType::Counter => 1,
        MetricType::Gauge => 2,
        MetricType::Histogram => 3,
        MetricType::GaugeHistogram => 4,
        MetricType::Summary => 5,
        MetricType::Info => 6,
        MetricType::StateSet => 7,
    }
}

fn decode_metric_type(byte: u8) -> MetricType {
    match byte {
        1 => MetricType::Counter,
        2 => MetricType::Gauge,
        3 => MetricType::Histogram,
        4 => MetricType::GaugeHistogram,
        5 => MetricType::Summary,
        6 => MetricType::Info,
        7 => MetricType::StateSet,
        _ => MetricType::Unknown,
    }
}

const SERIES: u8 = 1;
const SAMPLES: u8 = 2;
const TOMBSTONES: u8 = 3;
const EXEMPLARS: u8 = 4;
const METADATA: u8 = 6;
const HISTOGRAMS: u8 = 7;
const CUSTOM_FLOAT_HISTOGRAMS: u8 = 10;
const SAMPLES_V2: u8 = 11;
const HISTOGRAMS_V2: u8 = 12;
const FLOAT_HISTOGRAMS_V2: u8 = 13;

const UNIT_FIELD: &str = "UNIT";
const HELP_FIELD: &str = "HELP";

/// The sample has no start time.
const START_NONE: u8 = 0;
/// The sample starts with the one before it.
const START_SAME: u8 = 1;
