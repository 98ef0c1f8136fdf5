use narthex_model::{BUCKET_LABEL, METRIC_NAME_LABEL, MetricType, QUANTILE_LABEL};

use super::reader::{OpenMetricsReader, Parsed};
use crate::entry::{Entry, SampleEntry};
use crate::exemplar::milliseconds;
use crate::text::series_labels;

/// Finds the start timestamps of samples, which the format writes as samples of their own: those of
/// the same labels whose name ends with `_created`.
///
/// As in the reference, the first such sample behind a sample decides, within its family. That one is
/// looked for but once, however many samples come before it.
///
/// # Source
///
/// `OpenMetricsParser.StartTimestamp` in Prometheus `model/textparse/openmetricsparse.go`.
#[derive(Clone, Debug, Default)]
pub(super) struct StartTimestamps<'a> {
    /// Whether samples get them, too; otherwise they are merely left out.
    is_wanted: bool,
    /// The last sample that was looked for, and where it ends.
    ahead: Option<Ahead<'a>>,
    /// The start timestamp that was found last, whose series may go on behind it.
    found: Option<Created<'a>>,
}

/// What comes behind a sample, up to the place `end`.
#[derive(Clone, Copy, Debug)]
struct Ahead<'a> {
    end: usize,
    created: Option<Created<'a>>,
}

/// A sample that is a start timestamp.
#[derive(Clone, Copy, Debug)]
struct Created<'a> {
    /// The name without its suffix, escapes and all.
    name: &'a str,
    series: &'a str,
    timestamp_ms: i64,
}

impl<'a> StartTimestamps<'a> {
    /// Returns what gives samples their start timestamps.
    pub(super) fn found() -> Self {
        Self { is_wanted: true, ..Self::default() }
    }

    /// Returns what only leaves out samples that are start timestamps.
    pub(super) fn dropped() -> Self {
        Self::default()
    }

    /// Returns the next entry that is no start timestamp.
    pub(super) fn parse(
        &mut self,
        reader: &mut OpenMetricsReader<'a>,
    ) -> Parsed<Option<Entry<'a>>> {
        loop {
            let entry = reader.parse()?;
            let Some(Entry::Sample(mut sample)) = entry else { return Ok(entry) };
            if !has_start(sample.metric_type) {
                self.found = None;
            } else if created(&sample).is_some() {
                continue;
            } else if self.is_wanted {
                sample.start_timestamp_ms = self.find(reader, &sample);
            }
            return Ok(Some(Entry::Sample(sample)));
        }
    }

    /// Returns the start timestamp of the sample that `reader` read last, or 0.
    fn find(&mut self, reader: &OpenMetricsReader<'a>, sample: &SampleEntry<'a>) -> i64 {
        let Some(name) = name(sample.series).get(..reader.family_name_len()) else {
            self.found = None;
            return 0;
        };
        let is_start = |created: &Created<'_>| {
            created.name == name
                && labels(sample.series, sample.metric_type)
                    .eq(labels(created.series, sample.metric_type))
        };
        if let Some(found) = self.found.filter(is_start)
            && found.timestamp_ms > 0
        {
            return found.timestamp_ms;
        }
        let known = self.ahead.filter(|ahead| ahead.end > reader.position());
        let ahead = known.unwrap_or_else(|| look_ahead(reader.clone()));
        self.ahead = Some(ahead);
        self.found = ahead.created.filter(is_start);
        self.found.map_or(0, |found| found.timestamp_ms)
    }
}

/// Reads on up to a start timestamp or the end of the family.
fn look_ahead(mut reader: OpenMetricsReader<'_>) -> Ahead<'_> {
    loop {
        let entry = reader.parse();
        let end = reader.position();
        let Ok(Some(Entry::Sample(sample))) = entry else { return Ahead { end, created: None } };
        if let Some(created) = created(&sample) {
            return Ahead { end, created: Some(created) };
        }
    }
}

fn has_start(metric_type: MetricType) -> bool {
    matches!(metric_type, MetricType::Counter | MetricType::Summary | MetricType::Histogram)
}

fn created<'a>(sample: &SampleEntry<'a>) -> Option<Created<'a>> {
    let name = name(sample.series).strip_suffix("_created")?;
    let timestamp_ms = milliseconds(sample.value.as_float()?);
    Some(Created { name, series: sample.series, timestamp_ms })
}

/// Returns the name of the metric, escapes and all.
fn name(series: &str) -> &str {
    let mut labels = series_labels(series);
    labels.find(|(name, _)| name.raw() == METRIC_NAME_LABEL).map_or("", |(_, name)| name.raw())
}

/// Returns the labels that all samples of one metric have, escapes and all.
fn labels(series: &str, metric_type: MetricType) -> impl Iterator<Item = (&str, &str)> {
    let own = match metric_type {
        MetricType::Histogram => BUCKET_LABEL,
        MetricType::Summary => QUANTILE_LABEL,
        // That of the metric is no part of the labels.
        _ => METRIC_NAME_LABEL,
    };
    series_labels(series)
        .map(|(name, value)| (name.raw(), value.raw()))
        .filter(move |(name, _)| *name != METRIC_NAME_LABEL && *name != own)
}
