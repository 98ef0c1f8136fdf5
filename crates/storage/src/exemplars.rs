use narthex_model::{Exemplar, Labels, Matcher};

use crate::{QueryContext, StorageError, TimeRange};

/// A store whose exemplars can be read.
pub trait ExemplarQueryable: Send + Sync {
    /// Returns the exemplars in `range` of the series that meet all matchers of one of `selectors` at
    /// least.
    ///
    /// Each series comes once and has an exemplar. Series come in order of their labels, the exemplars
    /// of each in order of their times.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read, or the query was interrupted.
    fn exemplars(
        &self,
        ctx: &QueryContext,
        range: TimeRange,
        selectors: &[Vec<Matcher>],
    ) -> Result<Vec<SeriesExemplars>, StorageError>;
}

/// Exemplars of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesExemplars {
    /// The labels of the series.
    pub labels: Labels,
    /// In order of their times.
    pub exemplars: Vec<Exemplar>,
}
