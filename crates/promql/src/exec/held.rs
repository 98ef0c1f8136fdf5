use narthex_model::Labels;

use super::run::{Allowance, Run};
use crate::QueryError;
use crate::block::{Block, Row};

/// A block whose bytes count against the query's budget while it lives.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    block: Block,
    /// The bytes of histograms that the allowance holds.
    histograms_bytes: usize,
    allowance: Allowance<'a>,
}

impl<'a> Held<'a> {
    /// Returns a block without series over `steps` steps.
    pub(crate) fn new(run: &'a Run<'a>, steps: usize) -> Self {
        Self { block: Block::new(steps), histograms_bytes: 0, allowance: run.allowance() }
    }

    pub(crate) fn block(&self) -> &Block {
        &self.block
    }

    /// Adds a series.
    ///
    /// # Errors
    ///
    /// Where a limit is reached.
    pub(crate) fn push(&mut self, labels: Labels, row: Row<'_>) -> Result<(), QueryError> {
        self.allowance.grow(Block::row_size_bytes(self.block.steps()))?;
        self.charge_histograms(row.histograms_size_bytes())?;
        self.block.push(labels, row);
        Ok(())
    }

    /// Adds a series without values and returns its number.
    ///
    /// # Errors
    ///
    /// Where a limit is reached.
    pub(crate) fn push_empty(&mut self, labels: Labels) -> Result<usize, QueryError> {
        self.allowance.grow(Block::row_size_bytes(self.block.steps()))?;
        Ok(self.block.push_empty(labels))
    }

    /// Returns the block to fill in values. [`Held::settle`] takes the bytes of histograms.
    pub(crate) fn block_mut(&mut self) -> &mut Block {
        &mut self.block
    }

    /// Drops the series without a value, and counts the histograms that were filled in.
    ///
    /// # Errors
    ///
    /// Where a limit is reached.
    pub(crate) fn settle(mut self) -> Result<Self, QueryError> {
        self.block = std::mem::take(&mut self.block).without_empty_rows();
        let size_bytes: usize = self.block.rows().map(|(_, row)| row.histograms_size_bytes()).sum();
        self.charge_histograms(size_bytes.saturating_sub(self.histograms_bytes))?;
        Ok(self)
    }

    /// Puts the series into the given order. Those not listed are left out.
    pub(crate) fn reorder(&mut self, order: &[usize]) {
        self.block = self.block.pick(order);
    }

    /// Gives every series new labels.
    pub(crate) fn set_labels(&mut self, labels: Vec<Labels>) {
        self.block.set_labels(labels);
    }

    /// Returns the block, which from now on counts no longer.
    pub(crate) fn into_block(mut self) -> Block {
        std::mem::take(&mut self.block)
    }

    /// Takes the bytes of histograms from the budget. Those that several blocks share count in each.
    fn charge_histograms(&mut self, size_bytes: usize) -> Result<(), QueryError> {
        self.histograms_bytes += size_bytes;
        self.allowance.grow(size_bytes)
    }
}
