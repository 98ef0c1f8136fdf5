//! A store in plain vectors, for tests, embedders, and as the example of an implementation.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;
use narthex_model::{Labels, LabelsBuilder, Matcher, Metadata, Sample};
use parking_lot::RwLock;

use crate::{
    AppendError, Appendable, Appender, Columns, Committed, Projection, Querier, QueryContext,
    Queryable, SampleValue, SelectHints, Selection, SeriesKey, SeriesRef, StorageError, TimeRange,
};

/// Series in memory, without compression, an index or a limit. It keeps no metadata.
///
/// Queries see whole commits only and do not block appends for longer than a commit takes. Series
/// come in the order in which they were created. A series takes samples in order of their time; the
/// same sample twice counts once.
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

#[derive(Debug)]
struct Series {
    labels: Labels,
    /// Readers hold the vector; a commit copies it only where one does.
    samples: Arc<Vec<Sample>>,
}

impl State {
    fn series_mut(&mut self, SeriesRef(number): SeriesRef) -> Option<&mut Series> {
        self.series.get_mut(usize::try_from(number).ok()?)
    }

    fn series_for(&mut self, labels: &Labels) -> SeriesRef {
        *self.by_labels.entry_ref(labels).or_insert_with(|| {
            let series = Series { labels: labels.clone(), samples: Arc::default() };
            self.series.push(series);
            SeriesRef(self.series.len() as u64 - 1)
        })
    }

    fn matching(&self, matchers: &[Matcher]) -> impl Iterator<Item = &Series> {
        self.series.iter().filter(move |series| {
            let meets = |matcher: &Matcher| matcher.matches(series.labels.value(matcher.name()));
            !series.samples.is_empty() && matchers.iter().all(meets)
        })
    }
}

impl Appendable for MemoryStore {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(MemoryAppender { store: self, pending: Vec::new() })
    }
}

struct MemoryAppender<'a> {
    store: &'a MemoryStore,
    pending: Vec<(SeriesRef, Sample)>,
}

impl Appender for MemoryAppender<'_> {
    fn append(
        &mut self,
        key: SeriesKey<'_>,
        timestamp_ms: i64,
        value: SampleValue,
    ) -> Result<SeriesRef, AppendError> {
        let SampleValue::Float(value) = value;
        let mut state = self.store.state.write();
        let series = match key {
            SeriesKey::Ref(series) => series,
            SeriesKey::Labels(labels) => state.series_for(labels),
        };
        let Some(stored) = state.series_mut(series) else {
            return Err(AppendError::UnknownSeries(series));
        };
        let sample = Sample { timestamp_ms, value };
        if let Some(last) = stored.samples.last() {
            check_order(*last, sample)?;
        }
        self.pending.push((series, sample));
        Ok(series)
    }

    fn set_metadata(&mut self, _: SeriesRef, _: &Metadata) -> Result<(), AppendError> {
        Ok(())
    }

    fn commit(&mut self) -> Result<Committed, AppendError> {
        let mut state = self.store.state.write();
        let mut committed = Committed::default();
        for (series, sample) in self.pending.drain(..) {
            let stored = state.series_mut(series).expect("an append found it");
            let samples = Arc::make_mut(&mut stored.samples);
            // Another appender may have been faster, or this one holds a time twice.
            if samples.last().is_none_or(|last| last.timestamp_ms < sample.timestamp_ms) {
                samples.push(sample);
                committed.samples += 1;
            }
        }
        Ok(committed)
    }

    fn rollback(&mut self) {
        self.pending.clear();
    }
}

fn check_order(last: Sample, sample: Sample) -> Result<(), AppendError> {
    if sample.timestamp_ms < last.timestamp_ms {
        return Err(AppendError::OutOfOrder);
    }
    if sample.timestamp_ms == last.timestamp_ms && sample != last {
        return Err(AppendError::DuplicateTimestamp);
    }
    Ok(())
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
        _: &SelectHints,
    ) -> Result<Box<dyn Selection + '_>, StorageError> {
        ctx.check()?;
        let state = self.store.state.read();
        let series = state
            .matching(matchers)
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
        let values =
            state.matching(matchers).filter_map(|series| series.labels.get(name)).collect();
        Ok(first(values, limit))
    }
}

fn first(texts: BTreeSet<&str>, limit: Option<usize>) -> Vec<Box<str>> {
    texts.into_iter().take(limit.unwrap_or(usize::MAX)).map(Box::from).collect()
}

struct MemorySelection {
    series: Vec<(Labels, Arc<Vec<Sample>>)>,
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
        let samples = &self.series[series].1;
        let start = samples.partition_point(|sample| sample.timestamp_ms < self.range.min_ms);
        for sample in &samples[start..] {
            if sample.timestamp_ms > self.range.max_ms {
                break;
            }
            out.push(sample.timestamp_ms, sample.value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
