//! The series that tell of the scrape itself.

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME_LABEL, STALE_NAN};
use narthex_storage::{AppendError, Appender, SampleValue, SeriesKey, SeriesRef};

/// The references of a target's own series: `up` and the like.
#[derive(Debug, Default)]
pub(super) struct Report {
    series: [Option<SeriesRef>; NAMES.len()],
}

/// What one scrape came to, in the order of [`NAMES`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Values {
    pub(super) up: f64,
    pub(super) duration_s: f64,
    pub(super) scraped: f64,
    pub(super) post_relabeling: f64,
    pub(super) series_added: f64,
    /// The timeout in seconds, the sample limit and the size of the body in bytes, for jobs that ask
    /// for them.
    pub(super) extra: Option<[f64; 3]>,
}

impl Values {
    /// Returns the values that end the series.
    pub(super) fn stale(extra: bool) -> Self {
        Self {
            up: STALE_NAN,
            duration_s: STALE_NAN,
            scraped: STALE_NAN,
            post_relabeling: STALE_NAN,
            series_added: STALE_NAN,
            extra: extra.then_some([STALE_NAN; 3]),
        }
    }
}

impl Report {
    /// Appends one sample to each series. Samples that the store refuses for their time are left
    /// out: a target that went away and came back may have written them before.
    pub(super) fn append(
        &mut self,
        appender: &mut dyn Appender,
        target: &Labels,
        timestamp_ms: i64,
        values: &Values,
    ) -> Result<(), AppendError> {
        let Values { up, duration_s, scraped, post_relabeling, series_added, extra } = *values;
        let values = [up, duration_s, scraped, post_relabeling, series_added];
        let values = values.into_iter().chain(extra.into_iter().flatten());
        for ((name, series), value) in NAMES.iter().zip(&mut self.series).zip(values) {
            let value = SampleValue::Float(value);
            match append(appender, series, target, name, timestamp_ms, value) {
                Ok(appended) => *series = Some(appended),
                Err(error) if error.is_about_time() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn append(
    appender: &mut dyn Appender,
    known: &Option<SeriesRef>,
    target: &Labels,
    name: &str,
    timestamp_ms: i64,
    value: SampleValue<'_>,
) -> Result<SeriesRef, AppendError> {
    if let Some(series) = *known {
        match appender.append(SeriesKey::Ref(series), timestamp_ms, value) {
            Err(AppendError::UnknownSeries(_)) => {}
            result => return result,
        }
    }
    let mut labels = LabelsBuilder::default();
    labels.reset(target);
    labels.set(METRIC_NAME_LABEL, name);
    appender.append(SeriesKey::Labels(&labels.build()), timestamp_ms, value)
}

/// The names of the series. The last three are only written for jobs that ask for them.
const NAMES: [&str; 8] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
    "scrape_timeout_seconds",
    "scrape_sample_limit",
    "scrape_body_size_bytes",
];
