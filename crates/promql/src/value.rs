use narthex_model::{Labels, Sample};

use crate::Grid;
use crate::annotations::Annotations;
use crate::block::{Block, Row};

/// What a query comes to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The value.
    pub value: Value,
    /// Remarks on it.
    pub annotations: Annotations,
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

    /// Returns labels and sample of each series.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Labels, Sample)> {
        self.block.rows().map(|(labels, row)| {
            (labels, Sample { timestamp_ms: self.timestamp_ms, value: row.values()[0] })
        })
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
    /// Samples as they are stored.
    Samples(Vec<(Labels, Vec<Sample>)>),
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
    Samples(&'a [Sample]),
}

impl Matrix {
    pub(crate) fn of_steps(grid: Grid, block: Block) -> Self {
        let mut order: Vec<usize> = (0..block.len()).collect();
        order.sort_by(|left, right| block.labels()[*left].cmp(&block.labels()[*right]));
        Self { columns: Columns::Steps { grid, block, order } }
    }

    pub(crate) fn of_samples(mut series: Vec<(Labels, Vec<Sample>)>) -> Self {
        series.sort_by(|left, right| left.0.cmp(&right.0));
        Self { columns: Columns::Samples(series) }
    }

    /// Returns the number of series.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.columns {
            Columns::Steps { order, .. } => order.len(),
            Columns::Samples(series) => series.len(),
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
            Columns::Samples(series) => MatrixSeries {
                labels: &series[index].0,
                samples: SeriesSamples::Samples(&series[index].1),
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

    /// Returns the samples, oldest first.
    pub fn samples(self) -> impl Iterator<Item = Sample> + 'a {
        let (steps, stored) = match self.samples {
            SeriesSamples::Steps(grid, row) => (Some((grid, row)), None),
            SeriesSamples::Samples(samples) => (None, Some(samples)),
        };
        let steps = steps.into_iter().flat_map(|(grid, row)| {
            row.iter().map(move |(step, value)| Sample { timestamp_ms: grid.time_ms(step), value })
        });
        steps.chain(stored.into_iter().flatten().copied())
    }
}
