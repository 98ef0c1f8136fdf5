use std::sync::Arc;

use narthex_model::histogram::FloatHistogram;
use narthex_model::{Labels, Sample};
use narthex_storage::{QueryContext, StorageError};

use crate::annotations::Annotations;
use crate::block::{Block, Row};
use crate::stats::{SampleStats, Timings};
use crate::{Grid, merge_sort};

/// What a query comes to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The value.
    pub value: Value,
    /// Remarks on it.
    pub annotations: Annotations,
    /// How many samples it took.
    pub stats: SampleStats,
    /// How long its parts took, where the engine has a clock.
    pub timings: Timings,
}

/// The value of a query.
#[derive(Clone, Debug)]
pub enum Value {
    /// One number at one time.
    Scalar(Sample),
    /// A text at one time.
    String {
        /// Milliseconds since the Unix epoch.
        timestamp_ms: i64,
        /// The text.
        text: Box<str>,
    },
    /// Series with one sample each.
    Vector(Vector),
    /// Series with samples, sorted by their labels.
    Matrix(Matrix),
}

impl Value {
    /// Returns how many bytes the samples take, for a budget that they count against after the query.
    /// Labels are left out: the store shares most of them.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::Scalar(_) | Self::String { .. } => 0,
            Self::Vector(vector) => vector.block.size_bytes(),
            Self::Matrix(matrix) => match &matrix.columns {
                Columns::Steps { block, .. } => block.size_bytes(),
                Columns::Samples { series, .. } => {
                    series.iter().map(StoredSeries::size_bytes).sum()
                }
            },
        }
    }
}

/// Series with one sample each, all at one time, no two of them with equal labels.
///
/// Their order means something where the query sorts, as `sort` and `topk` do.
#[derive(Clone, Debug)]
pub struct Vector {
    timestamp_ms: i64,
    block: Block,
}

impl Vector {
    pub(crate) fn new(timestamp_ms: i64, block: Block) -> Self {
        debug_assert!(block.is_empty() || block.steps() == 1);
        Self { timestamp_ms, block }
    }

    /// Returns the number of series.
    #[must_use]
    pub fn len(&self) -> usize {
        self.block.len()
    }

    /// Returns whether there is no series.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.block.is_empty()
    }

    /// Returns labels and sample of each series. For a native histogram its sum stands in; see
    /// [`Vector::histogram`].
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Labels, Sample)> {
        self.block.rows().map(|(labels, row)| {
            (labels, Sample { timestamp_ms: self.timestamp_ms, value: row.values()[0] })
        })
    }

    /// Returns the native histogram of series `index`, or `None` where its sample is a float.
    ///
    /// # Panics
    ///
    /// Where there is no such series.
    #[must_use]
    pub fn histogram(&self, index: usize) -> Option<&Arc<FloatHistogram>> {
        self.block.row(index).histogram(0)
    }
}

/// Series with samples, sorted by their labels, no two of them with equal ones.
///
/// The samples lie in columns and are handed out one by one, so that a server writes them without
/// a copy.
#[derive(Clone, Debug)]
pub struct Matrix {
    columns: Columns,
}

#[derive(Clone, Debug)]
enum Columns {
    /// Values at the steps of a grid, and the order of the series.
    Steps { grid: Grid, block: Block, order: Vec<usize> },
    /// Samples as they are stored, and the order of the series.
    Samples { series: Vec<StoredSeries>, order: Vec<usize> },
}

/// One series with the samples of a window.
#[derive(Clone, Debug)]
pub(crate) struct StoredSeries {
    pub(crate) labels: Labels,
    /// The floats, oldest first.
    pub(crate) floats: Vec<Sample>,
    /// The native histograms and their times, oldest first.
    pub(crate) histograms: Vec<(i64, Arc<FloatHistogram>)>,
}

impl StoredSeries {
    fn size_bytes(&self) -> usize {
        let histograms = self.histograms.iter().map(|(_, histogram)| histogram.size_bytes());
        size_of_val(self.floats.as_slice()) + histograms.sum::<usize>()
    }
}

/// One series of a [`Matrix`].
#[derive(Clone, Copy, Debug)]
pub struct MatrixSeries<'a> {
    labels: &'a Labels,
    samples: SeriesSamples<'a>,
}

#[derive(Clone, Copy, Debug)]
enum SeriesSamples<'a> {
    Steps(Grid, Row<'a>),
    Samples(&'a StoredSeries),
}

impl Matrix {
    /// # Errors
    ///
    /// Where the query was told to stop.
    pub(crate) fn of_steps(
        ctx: &QueryContext,
        grid: Grid,
        block: Block,
    ) -> Result<Self, StorageError> {
        let labels = block.labels();
        let order =
            merge_sort::order(ctx, labels.len(), |left, right| labels[left].cmp(&labels[right]))?;
        Ok(Self { columns: Columns::Steps { grid, block, order } })
    }

    /// # Errors
    ///
    /// Where the query was told to stop.
    pub(crate) fn of_samples(
        ctx: &QueryContext,
        series: Vec<StoredSeries>,
    ) -> Result<Self, StorageError> {
        let order = merge_sort::order(ctx, series.len(), |left, right| {
            series[left].labels.cmp(&series[right].labels)
        })?;
        Ok(Self { columns: Columns::Samples { series, order } })
    }

    /// Returns the number of series.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.columns {
            Columns::Steps { order, .. } | Columns::Samples { order, .. } => order.len(),
        }
    }

    /// Returns whether there is no series.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the series in the order of their labels.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = MatrixSeries<'_>> {
        (0..self.len()).map(|index| match &self.columns {
            Columns::Steps { grid, block, order } => MatrixSeries {
                labels: &block.labels()[order[index]],
                samples: SeriesSamples::Steps(*grid, block.row(order[index])),
            },
            Columns::Samples { series, order } => MatrixSeries {
                labels: &series[order[index]].labels,
                samples: SeriesSamples::Samples(&series[order[index]]),
            },
        })
    }
}

impl<'a> MatrixSeries<'a> {
    /// Returns the labels.
    #[must_use]
    pub fn labels(self) -> &'a Labels {
        self.labels
    }

    /// Returns the samples that are floats, oldest first.
    pub fn samples(self) -> impl Iterator<Item = Sample> + 'a {
        let len = match self.samples {
            SeriesSamples::Steps(_, row) => row.values().len(),
            SeriesSamples::Samples(series) => series.floats.len(),
        };
        // PERF: an index goes through a server's loop with less than chained iterators do.
        (0..len).filter_map(move |index| match self.samples {
            SeriesSamples::Steps(grid, row) => {
                Some(Sample { timestamp_ms: grid.time_ms(index), value: row.float(index)? })
            }
            SeriesSamples::Samples(series) => Some(series.floats[index]),
        })
    }

    /// Returns the samples that are native histograms with their times, in milliseconds since the
    /// Unix epoch, oldest first.
    pub fn histograms(self) -> impl Iterator<Item = (i64, &'a Arc<FloatHistogram>)> {
        let (steps, stored) = self.sources();
        let steps = steps.into_iter().flat_map(|(grid, row)| {
            row.histograms().map(move |(step, histogram)| (grid.time_ms(step), histogram))
        });
        let stored = stored.into_iter().flat_map(|series| &series.histograms);
        steps.chain(stored.map(|(timestamp_ms, histogram)| (*timestamp_ms, histogram)))
    }

    fn sources(self) -> (Option<(Grid, Row<'a>)>, Option<&'a StoredSeries>) {
        match self.samples {
            SeriesSamples::Steps(grid, row) => (Some((grid, row)), None),
            SeriesSamples::Samples(series) => (None, Some(series)),
        }
    }
}
