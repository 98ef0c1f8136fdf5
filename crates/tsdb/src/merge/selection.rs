use narthex_chunk::Columns;
use narthex_model::{Labels, LabelsBuilder};
use narthex_storage::{Projection, QueryContext, Selection, StorageError};
use parking_lot::Mutex;

use super::merge_into;

/// Series of several selections, in order of their labels.
pub(super) struct MergeSelection<'a> {
    sources: Vec<Box<dyn Selection + 'a>>,
    /// Where the series come from, those of one series after those of the other.
    parts: Vec<Part>,
    /// For each series, where its parts end.
    ends: Vec<usize>,
    /// Buffers that no read uses now.
    buffers: Mutex<Vec<Buffers>>,
}

/// One series of one source.
#[derive(Clone, Copy)]
struct Part {
    source: usize,
    series: usize,
}

#[derive(Default)]
struct Buffers {
    part: Columns,
    merged: Columns,
}

impl<'a> MergeSelection<'a> {
    /// Joins the series of `sources`, and keeps the first `limit` of them.
    pub(super) fn new(sources: Vec<Box<dyn Selection + 'a>>, limit: usize) -> Self {
        let all = sources.iter().enumerate().flat_map(|(source, selection)| {
            let part = move |series| (selection.series_labels(series), Part { source, series });
            (0..selection.len()).map(part)
        });
        let mut all = all.collect::<Vec<_>>();
        // Stable, so that parts keep the order of their sources; and it merges the runs that blocks
        // hold sorted.
        all.sort_by(|(left, _), (right, _)| left.cmp(right));
        let mut ends = Vec::with_capacity(all.len());
        let mut last: Option<&Labels> = None;
        for (index, (labels, _)) in all.iter().enumerate() {
            if last.is_some_and(|last| last != labels) {
                ends.push(index);
            }
            last = Some(labels);
        }
        ends.extend(last.map(|_| all.len()));
        ends.truncate(limit);
        let parts = all.iter().map(|(_, part)| *part).collect();
        Self { sources, parts, ends, buffers: Mutex::default() }
    }

    fn parts(&self, series: usize) -> &[Part] {
        let start = if series == 0 { 0 } else { self.ends[series - 1] };
        &self.parts[start..self.ends[series]]
    }

    fn read_parts(
        &self,
        ctx: &QueryContext,
        parts: &[Part],
        buffers: &mut Buffers,
        out: &mut Columns,
    ) -> Result<(), StorageError> {
        let Buffers { part, merged } = buffers;
        for &Part { source, series } in parts {
            self.sources[source].read(ctx, series, part)?;
            merge_into(out, part, merged);
        }
        Ok(())
    }
}

impl Selection for MergeSelection<'_> {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn labels(&self, series: usize, want: &Projection, out: &mut LabelsBuilder) {
        let Part { source, series } = self.parts(series)[0];
        self.sources[source].labels(series, want, out);
    }

    fn series_labels(&self, series: usize) -> Labels {
        let Part { source, series } = self.parts(series)[0];
        self.sources[source].series_labels(series)
    }

    fn read(
        &self,
        ctx: &QueryContext,
        series: usize,
        out: &mut Columns,
    ) -> Result<(), StorageError> {
        let (first, rest) = match self.parts(series) {
            [] => unreachable!("every series has a part"),
            [first, rest @ ..] => (first, rest),
        };
        self.sources[first.source].read(ctx, first.series, out)?;
        if rest.is_empty() {
            return Ok(());
        }
        let mut buffers = self.buffers.lock().pop().unwrap_or_default();
        let outcome = self.read_parts(ctx, rest, &mut buffers, out);
        self.buffers.lock().push(buffers);
        outcome
    }
}
