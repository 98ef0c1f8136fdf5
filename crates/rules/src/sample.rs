//! What a rule finds, and the series that it writes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use narthex_model::histogram::FloatHistogram;
use narthex_model::{Labels, STALE_NAN};
use narthex_storage::{AppendError, Appender, SampleTime, SampleValue, SeriesKey, SeriesRef};

/// One result of an expression.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) labels: Labels,
    pub(crate) value: FoundValue,
}

#[derive(Clone, Debug)]
pub(crate) enum FoundValue {
    Float(f64),
    Histogram(Arc<FloatHistogram>),
}

impl FoundValue {
    /// Returns the number, which of a histogram is 0.
    pub(crate) fn float(&self) -> f64 {
        match self {
            Self::Float(value) => *value,
            Self::Histogram(_) => 0.0,
        }
    }

    fn as_sample(&self) -> SampleValue<'_> {
        match self {
            Self::Float(value) => SampleValue::Float(*value),
            Self::Histogram(histogram) => SampleValue::FloatHistogram(histogram),
        }
    }
}

/// The series that a rule wrote when it was last evaluated.
///
/// Mostly it writes the same ones in the same order, which are then found without a hash.
#[derive(Debug, Default)]
pub(crate) struct Written {
    series: Vec<WrittenSeries>,
}

#[derive(Clone, Debug)]
struct WrittenSeries {
    labels: Labels,
    /// The number in the store.
    series: SeriesRef,
}

/// How a rule's samples were taken.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The last error about a sample, if there was one.
    pub(crate) error: Option<AppendError>,
    /// The series that get samples, if the commit succeeds.
    written: Vec<WrittenSeries>,
}

impl Written {
    /// Returns the labels of the series.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &Labels> {
        self.series.iter().map(|series| &series.labels)
    }

    /// Appends samples at one time, and staleness markers to the series that got none now. Whoever
    /// commits hands the outcome to [`Written::committed`].
    pub(crate) fn append(
        &self,
        appender: &mut dyn Appender,
        time_ms: i64,
        samples: &[Found],
    ) -> Outcome {
        let known = Known::new(&self.series, samples);
        let mut outcome = Outcome { error: None, written: Vec::with_capacity(samples.len()) };
        for (index, sample) in samples.iter().enumerate() {
            let key = known.series(index, &sample.labels);
            let value = sample.value.as_sample();
            match append(appender, key, &sample.labels, time_ms, value) {
                Ok(series) => {
                    outcome.written.push(WrittenSeries { labels: sample.labels.clone(), series });
                }
                Err(error) => {
                    log_refused(&error, &sample.labels);
                    outcome.error = Some(error);
                }
            }
        }
        if !(known.is_same && outcome.error.is_none()) {
            self.mark_vanished(appender, time_ms, &outcome.written);
        }
        outcome
    }

    fn mark_vanished(&self, appender: &mut dyn Appender, time_ms: i64, written: &[WrittenSeries]) {
        let written: HashSet<&Labels> = written.iter().map(|series| &series.labels).collect();
        for series in self.series.iter().filter(|series| !written.contains(&series.labels)) {
            mark_stale(appender, Some(series.series), &series.labels, time_ms);
        }
    }

    /// Takes note that the samples of an outcome are in the store.
    pub(crate) fn committed(&mut self, outcome: Outcome) {
        self.series = outcome.written;
    }
}

/// Which series of the last time belong to the samples of now.
struct Known<'a> {
    before: &'a [WrittenSeries],
    /// Whether they are the same ones in the same order.
    is_same: bool,
    /// By their labels, where they are not.
    by_labels: HashMap<&'a Labels, SeriesRef>,
}

impl<'a> Known<'a> {
    fn new(before: &'a [WrittenSeries], samples: &[Found]) -> Self {
        let is_same = before.len() == samples.len()
            && before.iter().zip(samples).all(|(series, sample)| series.labels == sample.labels);
        let by_labels = match is_same {
            true => HashMap::new(),
            false => before.iter().map(|series| (&series.labels, series.series)).collect(),
        };
        Self { before, is_same, by_labels }
    }

    fn series(&self, index: usize, labels: &Labels) -> Option<SeriesRef> {
        match self.is_same {
            true => Some(self.before[index].series),
            false => self.by_labels.get(labels).copied(),
        }
    }
}

/// Appends a sample by the number of its series, or by its labels where the store has forgotten it.
fn append(
    appender: &mut dyn Appender,
    series: Option<SeriesRef>,
    labels: &Labels,
    timestamp_ms: i64,
    value: SampleValue<'_>,
) -> Result<SeriesRef, AppendError> {
    let time = SampleTime { timestamp_ms, start_timestamp_ms: 0 };
    let mut append = |key: SeriesKey<'_>| match value {
        // What is evaluated late is of no use to who looks at what is new.
        SampleValue::Float(_) => appender.append_in_order(key, time, value),
        _ => appender.append(key, timestamp_ms, value),
    };
    if let Some(series) = series {
        match append(SeriesKey::Ref(series)) {
            Err(AppendError::UnknownSeries(_)) => {}
            appended => return appended,
        }
    }
    append(SeriesKey::Labels(labels))
}

/// Says that a series ends. It is no error where another rule goes on with it.
pub(crate) fn mark_stale(
    appender: &mut dyn Appender,
    series: Option<SeriesRef>,
    labels: &Labels,
    time_ms: i64,
) {
    let appended = append(appender, series, labels, time_ms, SampleValue::Float(STALE_NAN));
    if let Err(error) = appended
        && !error.is_about_time()
    {
        tracing::warn!(sample = %labels, err = %error, "Adding stale sample failed");
    }
}

fn log_refused(error: &AppendError, labels: &Labels) {
    if error.is_about_time() {
        tracing::debug!(sample = %labels, err = %error, "Rule evaluation result discarded");
    } else {
        tracing::warn!(sample = %labels, err = %error, "Rule evaluation result discarded");
    }
}
