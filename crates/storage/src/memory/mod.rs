//! A store in plain vectors, for tests, embedders, and as the example of an implementation.

mod append;
mod run;

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;
use narthex_model::{Labels, LabelsBuilder, Matcher};
use parking_lot::RwLock;

use append::Kind;

use crate::{
    Columns, Projection, Querier, QueryContext, Queryable, SelectHints, Selection, SeriesRef,
    StorageError, TimeRange,
};

/// Series in memory, without compression, an index or a limit. It keeps no metadata.
///
/// Queries see whole commits only and do not block appends for longer than a commit takes. Series
/// come in the order in which they were created. A series takes samples in order of their time; the
/// same sample twice counts once. Samples can be floats and native histograms, with start timestamps
/// and without. Histograms come back with floats for counts, and as
/// chunks would return them: with the buckets of their neighbours, empty where they have none.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    by_labels: HashMap<Labels, SeriesRef>,
    /// Indexed by reference.
    series: Vec<Series>,
}

#[derive(Debug, Default)]
struct Series {
    labels: Labels,
    /// Readers hold the columns; a commit copies them only where one does.
    samples: Arc<Columns>,
    /// What the newest sample is.
    newest: Kind,
    /// Where the histograms begin that the newest one shares its buckets with.
    run_start: usize,
}

impl State {
    fn series_mut(&mut self, SeriesRef(number): SeriesRef) -> Option<&mut Series> {
        self.series.get_mut(usize::try_from(number).ok()?)
    }

    fn series_for(&mut self, labels: &Labels) -> SeriesRef {
        *self.by_labels.entry_ref(labels).or_insert_with(|| {
            let series = Series { labels: labels.clone(), ..Series::default() };
            self.series.push(series);
            SeriesRef(self.series.len() as u64 - 1)
        })
    }

    /// Returns whether the range holds a part of the time that all samples span.
    fn overlaps(&self, range: TimeRange) -> bool {
        let ends = self.series.iter().filter_map(Series::ends);
        let joined = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        joined.is_some_and(|(oldest, newest)| oldest <= range.max_ms && range.min_ms <= newest)
    }

    fn matching(&self, matchers: &[Matcher]) -> impl Iterator<Item = &Series> {
        self.series.iter().filter(move |series| {
            let meets = |matcher: &Matcher| matcher.matches(series.labels.value(matcher.name()));
            !series.samples.is_empty() && matchers.iter().all(meets)
        })
    }
}

impl Series {
    /// Returns the times of the oldest and the newest sample.
    fn ends(&self) -> Option<(i64, i64)> {
        let times = self.samples.timestamps_ms();
        times.first().copied().zip(times.last().copied())
    }

    fn has_sample_in(&self, range: TimeRange) -> bool {
        let times = self.samples.timestamps_ms();
        let first = times.partition_point(|time| *time < range.min_ms);
        times.get(first).is_some_and(|time| *time <= range.max_ms)
    }
}

impl Queryable for MemoryStore {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        Ok(Box::new(MemoryQuerier { store: self, range }))
    }
}

struct MemoryQuerier<'a> {
    store: &'a MemoryStore,
    range: TimeRange,
}

impl Querier for MemoryQuerier<'_> {
    fn select(
        &self,
        ctx: &QueryContext,
        matchers: &[Matcher],
        hints: &SelectHints,
    ) -> Result<Box<dyn Selection + '_>, StorageError> {
        ctx.check()?;
        let state = self.store.state.read();
        let series = state
            .matching(matchers)
            .filter(|series| hints.shard.is_none_or(|shard| shard.has_labels(&series.labels)))
            .filter(|series| series.has_sample_in(self.range))
            .map(|series| (series.labels.clone(), Arc::clone(&series.samples)))
            .collect();
        Ok(Box::new(MemorySelection { series, range: self.range }))
    }

    fn label_names(
        &self,
        ctx: &QueryContext,
        matchers: &[Matcher],
        limit: Option<usize>,
    ) -> Result<Vec<Box<str>>, StorageError> {
        ctx.check()?;
        let state = self.store.state.read();
        if !state.overlaps(self.range) {
            return Ok(Vec::new());
        }
        let names = state
            .matching(matchers)
            .flat_map(|series| series.labels.iter().map(|(name, _)| name))
            .collect::<BTreeSet<_>>();
        Ok(first(names, limit))
    }

    fn label_values(
        &self,
        ctx: &QueryContext,
        name: &str,
        matchers: &[Matcher],
        limit: Option<usize>,
    ) -> Result<Vec<Box<str>>, StorageError> {
        ctx.check()?;
        let state = self.store.state.read();
        if !state.overlaps(self.range) {
            return Ok(Vec::new());
        }
        let values =
            state.matching(matchers).filter_map(|series| series.labels.get(name)).collect();
        Ok(first(values, limit))
    }
}

fn first(texts: BTreeSet<&str>, limit: Option<usize>) -> Vec<Box<str>> {
    texts.into_iter().take(limit.unwrap_or(usize::MAX)).map(Box::from).collect()
}

struct MemorySelection {
    series: Vec<(Labels, Arc<Columns>)>,
    range: TimeRange,
}

impl Selection for MemorySelection {
    fn len(&self) -> usize {
        self.series.len()
    }

    fn labels(&self, series: usize, want: &Projection, out: &mut LabelsBuilder) {
        out.reset(&self.series[series].0);
        out.retain(|name, _| want.wants(name));
    }

    fn series_labels(&self, series: usize) -> Labels {
        self.series[series].0.clone()
    }

    fn read(
        &self,
        ctx: &QueryContext,
        series: usize,
        out: &mut Columns,
    ) -> Result<(), StorageError> {
        ctx.check()?;
        out.clear();
        out.extend_from_columns(&self.series[series].1, self.range.min_ms..=self.range.max_ms);
        Ok(())
    }
}

#[cfg(test)]
mod histogram_tests;
#[cfg(test)]
mod tests;
