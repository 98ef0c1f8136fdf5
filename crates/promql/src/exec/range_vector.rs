use narthex_model::Labels;
use narthex_storage::Selection;

use super::held::Held;
use super::run::Run;
use super::scratch::Scratch;
use crate::window::Windows;
use crate::{Grid, QueryError};

/// A range vector at every step of a grid.
pub(crate) enum RangeVector<'a> {
    /// Windows over samples of the store.
    Selected {
        selection: &'a dyn Selection,
        windows: Windows,
        /// Nobody looks at the buckets of histograms.
        totals_only: bool,
        /// The operation that it is of.
        operation: usize,
    },
    /// Windows over the steps of a subquery.
    Stepped { held: Held<'a>, grid: Grid, windows: Windows },
}

impl<'a> RangeVector<'a> {
    pub(crate) fn windows(&self) -> &Windows {
        match self {
            Self::Selected { windows, .. } | Self::Stepped { windows, .. } => windows,
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Selected { selection, .. } => selection.len(),
            Self::Stepped { held, .. } => held.block().len(),
        }
    }

    pub(crate) fn series_labels(&self, index: usize) -> Labels {
        match self {
            Self::Selected { selection, .. } => selection.series_labels(index),
            Self::Stepped { held, .. } => held.block().labels()[index].clone(),
        }
    }

    /// Returns whether the samples come from the store.
    pub(crate) fn is_of_store(&self) -> bool {
        matches!(self, Self::Selected { .. })
    }

    /// Returns whether name, type and unit of series `index` are to go at the end of the query.
    pub(crate) fn is_nameless(&self, index: usize) -> bool {
        match self {
            Self::Selected { .. } => false,
            Self::Stepped { held, .. } => held.block().is_nameless(index),
        }
    }

    /// Counts a series of the answer, `shown` samples of `seen`, where it is one of the store: those
    /// of a subquery are counted as they are made.
    ///
    /// # Errors
    ///
    /// Where the query holds too many samples.
    pub(crate) fn count_shown(
        &self,
        run: &Run<'_>,
        seen: u64,
        shown: u64,
    ) -> Result<(), QueryError> {
        match self {
            Self::Selected { operation, .. } => run.ledger.add_matrix(*operation, seen, shown),
            Self::Stepped { .. } => Ok(()),
        }
    }

    /// Reads the samples of series `index` into the buffers.
    pub(crate) fn read(
        &self,
        run: &Run<'_>,
        index: usize,
        scratch: &mut Scratch<'_>,
    ) -> Result<(), QueryError> {
        match self {
            Self::Selected { selection, totals_only, operation, .. } => {
                let _at_work = run.at_work(*operation);
                scratch.decode(run, *selection, index)?;
                if *totals_only {
                    scratch.drop_buckets();
                }
                scratch.drop_stale();
                if let Some(profiler) = run.profiler() {
                    profiler.count_series(scratch.samples().values.len());
                }
            }
            Self::Stepped { held, grid, .. } => {
                scratch.fill(*grid, held.block().row(index));
            }
        }
        Ok(())
    }
}
