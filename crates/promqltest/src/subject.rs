use std::error::Error;

use narthex_model::Labels;
use narthex_promql::Grid;

use crate::{Point, Value};

/// What scripts test: something that holds series and answers queries.
///
/// [`EngineSubject`](crate::EngineSubject) is one for each store; another may send the queries to a
/// server.
pub trait Subject {
    /// Forgets all series.
    ///
    /// # Errors
    ///
    /// Where that is not possible; the script ends there.
    fn clear(&mut self) -> Result<(), SubjectError>;

    /// Adds samples to what is there.
    ///
    /// # Errors
    ///
    /// Where a sample is not taken; the script ends there.
    fn load(&mut self, series: &[LoadedSeries]) -> Result<(), SubjectError>;

    /// Runs a query at one time, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// Where the query has no answer: scripts compare the text of the error with what they expect.
    fn instant(&mut self, query: &str, time_ms: i64) -> Result<Outcome, SubjectError>;

    /// Runs a query at steps. The value is a [`Value::Matrix`].
    ///
    /// # Errors
    ///
    /// As [`Subject::instant`].
    fn range(&mut self, query: &str, steps: Grid) -> Result<Outcome, SubjectError>;
}

/// Why a [`Subject`] did not do what it was asked to.
pub type SubjectError = Box<dyn Error + Send + Sync>;

/// The answer to a query.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The value.
    pub value: Value,
    /// The texts of the warnings, with prefix and position.
    pub warnings: Vec<String>,
    /// The texts of the infos, with prefix and position.
    pub infos: Vec<String>,
}

/// A series of a `load` command.
#[derive(Clone, Debug)]
pub struct LoadedSeries {
    /// The labels.
    pub labels: Labels,
    /// The samples, oldest first.
    pub samples: Vec<LoadedSample>,
}

/// A sample of a `load` command.
#[derive(Clone, Debug)]
pub struct LoadedSample {
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// When the counter began that the sample is of, in milliseconds since the Unix epoch, if that
    /// is known.
    pub start_timestamp_ms: Option<i64>,
    /// The value.
    pub point: Point,
}
