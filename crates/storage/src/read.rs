use std::error::Error;

use narthex_model::{Labels, LabelsBuilder, Matcher};

use crate::{Columns, Interrupt, QueryContext, Shard};

/// A store that can be read.
pub trait Queryable: Send + Sync {
    /// Returns a view of the samples in `range`. It sees whole commits only.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read at all.
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError>;
}

/// A view of a store over one range of time.
pub trait Querier: Send + Sync {
    /// Returns the series that meet all `matchers`. Some may hold no sample in the range: a store looks
    /// no closer than it must, at chunks mostly.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read, or the query was interrupted.
    fn select(
        &self,
        ctx: &QueryContext,
        matchers: &[Matcher],
        hints: &SelectHints,
    ) -> Result<Box<dyn Selection + '_>, StorageError>;

    /// Returns the names of the labels of the series that meet all `matchers`, sorted, at most
    /// `limit` of them. Whether a series has samples in the range is looked at for its block, or the
    /// head, as a whole.
    ///
    /// # Errors
    ///
    /// As [`Querier::select`].
    fn label_names(
        &self,
        ctx: &QueryContext,
        matchers: &[Matcher],
        limit: Option<usize>,
    ) -> Result<Vec<Box<str>>, StorageError>;

    /// Returns the values of the label `name` of the series that meet all `matchers`, sorted, at
    /// most `limit` of them. It looks at times as [`Querier::label_names`] does.
    ///
    /// # Errors
    ///
    /// As [`Querier::select`].
    fn label_values(
        &self,
        ctx: &QueryContext,
        name: &str,
        matchers: &[Matcher],
        limit: Option<usize>,
    ) -> Result<Vec<Box<str>>, StorageError>;
}

/// The series that matched, in the store's order, which is the order in which aggregations fold
/// them: sums of floats depend on it in the last digits.
pub trait Selection: Send + Sync {
    /// Returns the number of series.
    fn len(&self) -> usize;

    /// Returns whether no series matched.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `out` with the labels of a series that are in `want`. `series` is below
    /// [`Selection::len`].
    fn labels(&self, series: usize, want: &Projection, out: &mut LabelsBuilder);

    /// Returns all labels of a series. Stores that hold them as one set hand out a clone.
    fn series_labels(&self, series: usize) -> Labels {
        let mut builder = LabelsBuilder::default();
        self.labels(series, &Projection::All, &mut builder);
        builder.build()
    }

    /// Clears `out` and decodes into it every sample of the series in the querier's range.
    ///
    /// # Errors
    ///
    /// Where a chunk cannot be read, or the query was interrupted.
    fn read(
        &self,
        ctx: &QueryContext,
        series: usize,
        out: &mut Columns,
    ) -> Result<(), StorageError>;
}

/// A range of time, both ends included, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// The first millisecond.
    pub min_ms: i64,
    /// The last millisecond.
    pub max_ms: i64,
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self { min_ms: i64::MIN, max_ms: i64::MAX };

    /// Returns whether `timestamp_ms` lies in the range.
    #[must_use]
    pub fn contains(self, timestamp_ms: i64) -> bool {
        self.min_ms <= timestamp_ms && timestamp_ms <= self.max_ms
    }
}

/// What a query will do with a selection. A store may use it to do less, and may ignore all of it but
/// the shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SelectHints {
    /// The distance of the query's steps in milliseconds; 0 for an instant query.
    pub step_ms: i64,
    /// The function or aggregation around the selector, if any.
    pub function: Option<&'static str>,
    /// The length of the range selector in milliseconds; 0 for an instant selector.
    pub range_ms: i64,
    /// The most series that are wanted.
    pub limit: Option<usize>,
    /// The part of all series that is wanted; `None` for all of them.
    pub shard: Option<Shard>,
}

/// Which labels of a series are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Projection {
    /// All of them.
    #[default]
    All,
    /// Those with these names, sorted.
    Only(Vec<Box<str>>),
    /// All but those with these names, sorted.
    Without(Vec<Box<str>>),
}

impl Projection {
    /// Returns whether the label `name` is wanted.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        let listed = |names: &[Box<str>]| names.binary_search_by(|item| (**item).cmp(name)).is_ok();
        match self {
            Self::All => true,
            Self::Only(names) => listed(names),
            Self::Without(names) => !listed(names),
        }
    }
}

/// Why a store could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The query was told to stop.
    #[error("{0}")]
    Interrupted(Interrupt),
    /// The query would hold more bytes than it may.
    #[error("query would hold more than its budget of {bytes_max} bytes")]
    BudgetExceeded {
        /// The budget.
        bytes_max: usize,
    },
    /// All queries together would hold more bytes than they may.
    #[error("queries would together hold more than their budget of {bytes_max} bytes")]
    SharedBudgetExceeded {
        /// The budget.
        bytes_max: usize,
    },
    /// The store failed: its disk, or data that cannot be decoded.
    #[error("read the store")]
    Store(#[source] Box<dyn Error + Send + Sync>),
}
