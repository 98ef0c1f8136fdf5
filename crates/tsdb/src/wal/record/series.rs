use narthex_model::{Labels, LabelsBuilder, Metadata, MetricType};

use super::{
    EXEMPLARS, METADATA, MMAP_MARKERS, MmapMarker, RefExemplar, RefMetadata, RefSeries, SERIES,
    TOMBSTONES, Tombstone,
};
use crate::codec::{Cursor, put_float, put_signed, put_text, put_unsigned};

pub(super) fn decode<'a>(
    body: &mut Cursor<'_>,
    labels: &mut LabelsBuilder,
    series: &'a mut Vec<RefSeries>,
) -> Option<&'a [RefSeries]> {
    series.clear();
    while !body.is_empty() {
        let reference = body.word()?;
        series.push(RefSeries { reference, labels: decode_labels(body, labels)? });
    }
    Some(series)
}

pub(super) fn decode_tombstones<'a>(
    body: &mut Cursor<'_>,
    tombstones: &'a mut Vec<Tombstone>,
) -> Option<&'a [Tombstone]> {
    tombstones.clear();
    while !body.is_empty() {
        tombstones.push(Tombstone {
            reference: body.word()?,
            min_ms: body.signed()?,
            max_ms: body.signed()?,
        });
    }
    Some(tombstones)
}

pub(super) fn decode_exemplars<'a>(
    body: &mut Cursor<'_>,
    labels: &mut LabelsBuilder,
    exemplars: &'a mut Vec<RefExemplar>,
) -> Option<&'a [RefExemplar]> {
    exemplars.clear();
    if body.is_empty() {
        return Some(exemplars);
    }
    let (first_reference, first_ms) = (body.word()?, body.word()?.cast_signed());
    while !body.is_empty() {
        exemplars.push(RefExemplar {
            reference: first_reference.wrapping_add_signed(body.signed()?),
            timestamp_ms: first_ms.wrapping_add(body.signed()?),
            value: body.float()?,
            labels: decode_labels(body, labels)?,
        });
    }
    Some(exemplars)
}

pub(super) fn decode_markers<'a>(
    body: &mut Cursor<'_>,
    markers: &'a mut Vec<MmapMarker>,
) -> Option<&'a [MmapMarker]> {
    markers.clear();
    while !body.is_empty() {
        markers.push(MmapMarker { reference: body.word()?, chunk_reference: body.word()? });
    }
    Some(markers)
}

pub(super) fn decode_metadata<'a>(
    body: &mut Cursor<'_>,
    items: &'a mut Vec<RefMetadata>,
) -> Option<&'a [RefMetadata]> {
    items.clear();
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
        items.push(RefMetadata { reference, metadata });
    }
    Some(items)
}

/// Appends a record that introduces `series` to `out`.
pub(crate) fn encode_series<'a>(
    series: impl IntoIterator<Item = (u64, &'a Labels)>,
    out: &mut Vec<u8>,
) {
    out.push(SERIES);
    for (reference, labels) in series {
        out.extend_from_slice(&reference.to_be_bytes());
        put_labels(out, labels);
    }
}

/// Appends a record of `tombstones` to `out`.
pub(crate) fn encode_tombstones(
    tombstones: impl IntoIterator<Item = Tombstone>,
    out: &mut Vec<u8>,
) {
    out.push(TOMBSTONES);
    for Tombstone { reference, min_ms, max_ms } in tombstones {
        out.extend_from_slice(&reference.to_be_bytes());
        put_signed(out, min_ms);
        put_signed(out, max_ms);
    }
}

/// Appends a record of `exemplars` to `out`.
pub(crate) fn encode_exemplars<'a>(
    exemplars: impl IntoIterator<Item = &'a RefExemplar>,
    out: &mut Vec<u8>,
) {
    out.push(EXEMPLARS);
    let mut exemplars = exemplars.into_iter().peekable();
    let Some(&first) = exemplars.peek() else { return };
    out.extend_from_slice(&first.reference.to_be_bytes());
    out.extend_from_slice(&first.timestamp_ms.to_be_bytes());
    for exemplar in exemplars {
        put_signed(out, exemplar.reference.wrapping_sub(first.reference).cast_signed());
        put_signed(out, exemplar.timestamp_ms.wrapping_sub(first.timestamp_ms));
        put_float(out, exemplar.value);
        put_labels(out, &exemplar.labels);
    }
}

/// Appends a record of `markers` to `out`.
pub(crate) fn encode_markers(markers: impl IntoIterator<Item = MmapMarker>, out: &mut Vec<u8>) {
    out.push(MMAP_MARKERS);
    for MmapMarker { reference, chunk_reference } in markers {
        out.extend_from_slice(&reference.to_be_bytes());
        out.extend_from_slice(&chunk_reference.to_be_bytes());
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

pub(super) fn decode_labels(body: &mut Cursor<'_>, labels: &mut LabelsBuilder) -> Option<Labels> {
    labels.clear();
    for _ in 0..body.unsigned()? {
        let (name, value) = (body.text()?, body.text()?);
        labels.set(name, value);
    }
    Some(labels.build())
}

pub(super) fn put_labels(out: &mut Vec<u8>, labels: &Labels) {
    put_unsigned(out, labels.len() as u64);
    for (name, value) in labels {
        put_text(out, name);
        put_text(out, value);
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

const UNIT_FIELD: &str = "UNIT";
const HELP_FIELD: &str = "HELP";
