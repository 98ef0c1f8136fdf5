use std::error::Error;

use narthex_model::histogram::{FloatHistogram, Histogram, HistogramError};
use narthex_model::{EXEMPLAR_LABEL_CHARS_MAX, Exemplar, Labels, Metadata, SampleTime};

/// A store that takes samples.
pub trait Appendable: Send + Sync {
    /// Returns an appender, whose samples become visible together.
    fn appender(&self) -> Box<dyn Appender + '_>;
}

/// Takes samples and applies them as a whole: nothing is visible before [`Appender::commit`].
///
/// Dropping an appender rolls it back. After a commit or a roll back it can be used again.
pub trait Appender {
    /// Adds one sample. `timestamp_ms` is in milliseconds since the Unix epoch. Returns the series'
    /// reference, by which later appends find it without its labels.
    ///
    /// # Errors
    ///
    /// The sample is left out, and the rest of the appender stays good, on every error but
    /// [`AppendError::Store`].
    fn append(
        &mut self,
        series: SeriesKey<'_>,
        timestamp_ms: i64,
        value: SampleValue<'_>,
    ) -> Result<SeriesRef, AppendError>;

    /// Adds one sample of which is known since when it counts. Stores that keep no start timestamps
    /// take the sample without.
    ///
    /// # Errors
    ///
    /// As [`Appender::append`].
    fn append_with_start(
        &mut self,
        series: SeriesKey<'_>,
        time: SampleTime,
        value: SampleValue<'_>,
    ) -> Result<SeriesRef, AppendError> {
        self.append(series, time.timestamp_ms, value)
    }

    /// Adds one sample unless its series is ahead of it, even where the store takes samples that come
    /// late. What is only said to say it, such as that a series ends, is of no use later.
    ///
    /// # Errors
    ///
    /// As [`Appender::append`].
    fn append_in_order(
        &mut self,
        series: SeriesKey<'_>,
        time: SampleTime,
        value: SampleValue<'_>,
    ) -> Result<SeriesRef, AppendError> {
        self.append_with_start(series, time, value)
    }

    /// Says what the metric of a series means.
    ///
    /// # Errors
    ///
    /// [`AppendError::UnknownSeries`]; stores that keep no metadata succeed.
    fn set_metadata(&mut self, series: SeriesRef, metadata: &Metadata) -> Result<(), AppendError>;

    /// Adds an exemplar to a series, which need not have a sample of its time. One that the series
    /// has already is left out.
    ///
    /// # Errors
    ///
    /// The exemplar is left out then, and the rest of the appender stays good; stores that keep no
    /// exemplars succeed.
    fn append_exemplar(&mut self, _: SeriesRef, _: &Exemplar) -> Result<(), ExemplarError> {
        Ok(())
    }

    /// Applies everything since the last commit or roll back.
    ///
    /// # Errors
    ///
    /// [`AppendError::Store`] where the store could not keep all of the samples. Nothing is visible then,
    /// but where samples came both in and out of order: those in order may be. To append all of them
    /// again does no harm.
    fn commit(&mut self) -> Result<Committed, AppendError>;

    /// Forgets everything since the last commit or roll back.
    fn rollback(&mut self);
}

/// A series' number in one store: stable while the store keeps the series, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesRef(pub u64);

/// Names the series of a sample.
#[derive(Clone, Copy, Debug)]
pub enum SeriesKey<'a> {
    /// A reference from an earlier append.
    Ref(SeriesRef),
    /// The labels, which create the series where it is new.
    Labels(&'a Labels),
}

/// The value of a sample. A series can take every kind, at different times.
#[derive(Clone, Copy, Debug)]
pub enum SampleValue<'a> {
    /// A float; the staleness marker included, which ends a series of histograms too.
    Float(f64),
    /// A native histogram with integer counts. One whose sum is the staleness marker ends the series.
    Histogram(&'a Histogram),
    /// A native histogram with floats for counts. One whose sum is the staleness marker ends the
    /// series.
    FloatHistogram(&'a FloatHistogram),
}

/// What a commit applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// The number of samples.
    pub samples: usize,
}

/// Returns the first characters of labels: they may be refused for being very long.
fn beginning(labels: &Labels) -> String {
    let mut text = labels.to_string();
    if let Some((end, _)) = text.char_indices().nth(LABELS_SHOWN_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// In characters.
const LABELS_SHOWN_MAX: usize = 1_000;

/// Why a sample, or a commit, was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The sample is older than the newest of its series.
    #[error("out of order sample")]
    OutOfOrder,
    /// The series has another value at this time.
    #[error("duplicate sample for timestamp")]
    DuplicateTimestamp,
    /// The sample is older than the store takes at all.
    #[error("out of bounds")]
    OutOfBounds,
    /// The store takes samples out of order for a while, and this one is older than that.
    #[error("too old sample")]
    TooOld,
    /// The sample is further ahead of the clock than the store takes.
    #[error("out of bounds: timestamp is too far in the future")]
    TooFarAhead,
    /// The reference names no series; the caller tries again with labels.
    #[error("unknown series reference {}", .0.0)]
    UnknownSeries(SeriesRef),
    /// The labels name no series: they are empty, or hold no metric name where one is asked for.
    #[error("invalid labels {}: {reason}", beginning(labels))]
    InvalidLabels {
        /// The labels, of which the text shows the beginning.
        labels: Labels,
        /// What is wrong with them.
        reason: &'static str,
    },
    /// The parts of the histogram do not fit together.
    #[error("{0}")]
    InvalidHistogram(HistogramError),
    /// The store failed: its disk, mostly.
    #[error("append to the store")]
    Store(#[source] Box<dyn Error + Send + Sync>),
}

impl AppendError {
    /// Returns whether the sample was refused for its time, beside what the store has: another one may be
    /// taken.
    #[must_use]
    pub fn is_about_time(&self) -> bool {
        matches!(
            self,
            Self::OutOfOrder
                | Self::DuplicateTimestamp
                | Self::OutOfBounds
                | Self::TooOld
                | Self::TooFarAhead
        )
    }
}

/// Why an exemplar was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExemplarError {
    /// It is older than the newest of its series.
    #[error("out of order exemplar")]
    OutOfOrder,
    /// Its labels are longer than [`EXEMPLAR_LABEL_CHARS_MAX`].
    #[error(
        "label length for exemplar exceeds maximum of {EXEMPLAR_LABEL_CHARS_MAX} UTF-8 characters"
    )]
    LabelLength,
    /// The reference names no series.
    #[error("unknown series reference {}", .0.0)]
    UnknownSeries(SeriesRef),
}
