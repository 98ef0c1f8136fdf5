//! Several sources of series as one: the head and the blocks of a database.
//!
//! Where one source alone has series, its answer goes through as it is, in its order. Else series
//! come in order of their labels, those with equal labels are one, and of samples with equal times
//! the first source's stays.

mod columns;
mod selection;

use narthex_model::Matcher;
use narthex_storage::{Querier, QueryContext, SelectHints, Selection, StorageError};

pub(crate) use columns::append;
use columns::merge_into;
use selection::MergeSelection;

/// Queriers of several sources as one. Of two samples with one time that of the earlier source is
/// kept.
pub(crate) struct MergeQuerier<'a> {
    sources: Vec<Box<dyn Querier + 'a>>,
    /// What every answer is to carry.
    warnings: Vec<Box<str>>,
}

impl<'a> MergeQuerier<'a> {
    pub(crate) fn new(sources: Vec<Box<dyn Querier + 'a>>, warnings: Vec<Box<str>>) -> Self {
        Self { sources, warnings }
    }

    fn warn(&self, ctx: &QueryContext) {
        self.warnings.iter().for_each(|warning| ctx.warn(warning.clone()));
    }
}

impl Querier for MergeQuerier<'_> {
    fn select(
        &self,
        ctx: &QueryContext,
        matchers: &[Matcher],
        hints: &SelectHints,
    ) -> Result<Box<dyn Selection + '_>, StorageError> {
        self.warn(ctx);
        let mut selections = Vec::with_capacity(self.sources.len());
        for source in &self.sources {
            let selection = source.select(ctx, matchers, hints)?;
            if !selection.is_empty() {
                selections.push(selection);
            }
        }
        if selections.len() <= 1 {
            let none = || Box::new(MergeSelection::new(Vec::new(), usize::MAX)) as Box<_>;
            return Ok(selections.pop().unwrap_or_else(none));
        }
        let limit = hints.limit.unwrap_or(usize::MAX);
        Ok(Box::new(MergeSelection::new(selections, limit)))
    }

    fn label_names(
        &self,
        ctx: &QueryContext,
        matchers: &[Matcher],
        limit: Option<usize>,
    ) -> Result<Vec<Box<str>>, StorageError> {
        self.warn(ctx);
        let names = self.sources.iter().map(|source| source.label_names(ctx, matchers, limit));
        union(names, limit)
    }

    fn label_values(
        &self,
        ctx: &QueryContext,
        name: &str,
        matchers: &[Matcher],
        limit: Option<usize>,
    ) -> Result<Vec<Box<str>>, StorageError> {
        self.warn(ctx);
        let sources = self.sources.iter();
        union(sources.map(|source| source.label_values(ctx, name, matchers, limit)), limit)
    }
}

/// Returns the first of all texts, sorted, each once.
fn union(
    lists: impl Iterator<Item = Result<Vec<Box<str>>, StorageError>>,
    limit: Option<usize>,
) -> Result<Vec<Box<str>>, StorageError> {
    let lists = lists.collect::<Result<Vec<_>, _>>()?;
    let mut texts = lists.into_iter().flatten().collect::<Vec<_>>();
    // Runs that are sorted already are merged.
    texts.sort();
    texts.dedup();
    texts.truncate(limit.unwrap_or(usize::MAX));
    Ok(texts)
}

#[cfg(test)]
mod tests;
