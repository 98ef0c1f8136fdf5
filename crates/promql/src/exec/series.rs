use hashbrown::HashSet;
use narthex_model::{Labels, LabelsBuilder, METRIC_NAME_LABEL};
use narthex_promql_parser::Span;
use narthex_storage::{Columns, Selection};

use super::held::Held;
use super::merge::merge_equal_labels;
use super::run::{Allowance, Run};
use crate::annotations::Annotation;
use crate::bits;
use crate::block::{Block, Column};
use crate::instant_fn::Map;
use crate::plan::InstantPlan;
use crate::range_fn::RangeFn;
use crate::scalar::Scalar;
use crate::window::{SAMPLES_UNCHECKED_MAX, Samples, Windows};
use crate::{Grid, QueryError};

/// An instant vector at every step of a grid: series whose columns are made one at a time, when
/// somebody reads them.
///
/// So an aggregation over a range function over a selector holds one decoded series at a time.
pub(crate) struct Series<'a> {
    pub(crate) grid: Grid,
    labels: Vec<Labels>,
    /// The metric name, type and unit are no longer part of the labels.
    nameless: bool,
    source: Source<'a>,
    /// What happens to each column after it was made.
    maps: Vec<Map>,
}

/// Where columns come from.
enum Source<'a> {
    Held(Held<'a>),
    Instant(&'a dyn Selection, InstantPlan),
    Function { function: RangeFn, params: Vec<Scalar>, vector: RangeVector<'a>, span: Span },
}

/// A range vector at every step of a grid.
pub(crate) enum RangeVector<'a> {
    /// Windows over samples of the store.
    Selected(&'a dyn Selection, Windows),
    /// Windows over the steps of a subquery.
    Stepped { held: Held<'a>, grid: Grid, windows: Windows },
}

/// Buffers for one decoded series, used again for the next.
pub(crate) struct Scratch<'a> {
    columns: Columns,
    timestamps_ms: Vec<i64>,
    values: Vec<f64>,
    allowance: Allowance<'a>,
}

/// What becomes of series whose labels have become equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Equals {
    /// They are one series, if no two have a value at the same step.
    Join,
    /// They are an error.
    Refuse,
}

impl<'a> Series<'a> {
    /// Returns the vector that an instant selector selects.
    pub(crate) fn instant(selection: &'a dyn Selection, plan: InstantPlan) -> Self {
        let labels = (0..selection.len()).map(|index| selection.series_labels(index)).collect();
        Self::new(plan.lookups.grid, labels, Source::Instant(selection, plan))
    }

    /// Returns the vector of a function's results over a range vector.
    pub(crate) fn function(
        function: RangeFn,
        params: Vec<Scalar>,
        vector: RangeVector<'a>,
        span: Span,
    ) -> Self {
        let (labels, grid) = (vector.labels(), vector.windows().grid);
        Self::new(grid, labels, Source::Function { function, params, vector, span })
    }

    /// Returns the vector that is held.
    pub(crate) fn held(grid: Grid, held: Held<'a>) -> Self {
        let labels = held.block().labels().to_vec();
        Self::new(grid, labels, Source::Held(held))
    }

    /// Returns the vector without series.
    pub(crate) fn empty(run: &'a Run<'a>, grid: Grid) -> Self {
        Self::held(grid, Held::new(run, grid.steps()))
    }

    /// Returns the vector of one series with a scalar's numbers.
    ///
    /// # Errors
    ///
    /// Where a limit is reached.
    pub(crate) fn of_scalar(
        run: &'a Run<'a>,
        grid: Grid,
        scalar: &Scalar,
    ) -> Result<Self, QueryError> {
        let mut column = Column::default();
        column.reset(grid.steps());
        for step in 0..grid.steps() {
            column.set(step, scalar.at(step));
        }
        let mut held = Held::new(run, grid.steps());
        held.push(Labels::empty(), column.row())?;
        Ok(Self::held(grid, held))
    }

    fn new(grid: Grid, labels: Vec<Labels>, source: Source<'a>) -> Self {
        Self { grid, labels, nameless: false, source, maps: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    /// Fills `builder` with the labels of series `index`.
    pub(crate) fn labels_into(&self, index: usize, builder: &mut LabelsBuilder) {
        builder.reset(&self.labels[index]);
        if self.nameless {
            remove_metadata(builder);
        }
    }

    /// Returns the labels of series `index`.
    pub(crate) fn labels(&self, index: usize, builder: &mut LabelsBuilder) -> Labels {
        if !self.nameless {
            return self.labels[index].clone();
        }
        self.labels_into(index, builder);
        builder.build()
    }

    /// Changes what comes out of every column.
    pub(crate) fn map(mut self, map: Map) -> Self {
        self.maps.push(map);
        self
    }

    /// Replaces the labels of every series by what `change` makes of them.
    ///
    /// # Errors
    ///
    /// Where series with equal labels cannot be joined.
    pub(crate) fn relabel(
        mut self,
        run: &'a Run<'a>,
        mut change: impl FnMut(&mut LabelsBuilder),
    ) -> Result<Self, QueryError> {
        let mut builder = LabelsBuilder::default();
        for index in 0..self.len() {
            self.labels_into(index, &mut builder);
            change(&mut builder);
            self.labels[index] = builder.build();
        }
        self.nameless = false;
        self.settle(run, Equals::Join)
    }

    /// Takes the metric name, type and unit from the labels.
    ///
    /// # Errors
    ///
    /// Where series with equal labels are refused or cannot be joined.
    pub(crate) fn drop_names(
        mut self,
        run: &'a Run<'a>,
        equals: Equals,
    ) -> Result<Self, QueryError> {
        if self.nameless {
            return Ok(self);
        }
        if share_metadata(&self.labels) {
            // What differed before differs still. The labels are made when they are asked for,
            // which an aggregation never does.
            self.nameless = true;
            return Ok(self);
        }
        let mut builder = LabelsBuilder::default();
        for labels in &mut self.labels {
            builder.reset(labels);
            remove_metadata(&mut builder);
            *labels = builder.build();
        }
        self.settle(run, equals)
    }

    /// Sees to it that no two series have equal labels.
    fn settle(self, run: &'a Run<'a>, equals: Equals) -> Result<Self, QueryError> {
        if all_differ(&self.labels) {
            return Ok(self);
        }
        let grid = self.grid;
        let held = self.into_held(run)?;
        Ok(Self::held(grid, merge_equal_labels(run, &held, equals)?))
    }

    /// Makes the column of series `index`. Returns whether it has a value.
    ///
    /// # Errors
    ///
    /// Where the store fails, or a limit is reached.
    pub(crate) fn read(
        &self,
        run: &Run<'_>,
        index: usize,
        scratch: &mut Scratch<'_>,
        out: &mut Column,
    ) -> Result<bool, QueryError> {
        run.ctx.check()?;
        match &self.source {
            Source::Held(held) => out.copy_from(held.block().row(index)),
            Source::Instant(selection, plan) => {
                scratch.decode(run, *selection, index)?;
                fill_instant(run, plan, &scratch.columns, out)?;
            }
            Source::Function { function, params, vector, .. } => {
                vector.read(run, index, scratch)?;
                let windows = vector.windows();
                let window = scratch.samples_in_a_window(windows);
                run.fits(window)?;
                out.reset(windows.grid.steps());
                function.fill(run.ctx, params, scratch.samples(), windows, out)?;
                run.fits(window + out.row().count())?;
                self.remark(run, index, out);
            }
        }
        for map in &self.maps {
            map.apply(out);
        }
        Ok(bits::any(out.row().present()))
    }

    /// Calls `visit` with the number and column of each series that has a value, in their order.
    ///
    /// # Errors
    ///
    /// Those of `visit`, and where the store fails or a limit is reached.
    pub(crate) fn for_each(
        &self,
        run: &'a Run<'a>,
        mut visit: impl FnMut(usize, &Column) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let mut scratch = Scratch::new(run);
        scratch.allowance.grow(Block::row_size_bytes(self.grid.steps()))?;
        let mut column = Column::default();
        for index in 0..self.len() {
            if self.read(run, index, &mut scratch, &mut column)? {
                visit(index, &column)?;
            }
        }
        Ok(())
    }

    /// Makes all columns and holds those with a value.
    ///
    /// # Errors
    ///
    /// Where the store fails, or a limit is reached.
    pub(crate) fn into_held(mut self, run: &'a Run<'a>) -> Result<Held<'a>, QueryError> {
        let mut builder = LabelsBuilder::default();
        if self.maps.is_empty()
            && let Source::Held(_) = self.source
        {
            let labels: Vec<Labels> =
                (0..self.len()).map(|index| self.labels(index, &mut builder)).collect();
            if let Source::Held(held) = &mut self.source {
                held.set_labels(labels);
            }
            if let Source::Held(held) = self.source {
                return Ok(held);
            }
        }
        let mut held = Held::new(run, self.grid.steps());
        self.for_each(run, |index, column| {
            held.push(self.labels(index, &mut builder), column.row())
        })?;
        Ok(held)
    }

    /// Remarks on a rate of something that is not called like a counter.
    fn remark(&self, run: &Run<'_>, index: usize, out: &Column) {
        let Source::Function { function, vector, span, .. } = &self.source else { return };
        if !function.wants_counter() || !bits::any(out.row().present()) {
            return;
        }
        let labels = vector.series_labels(index);
        let name = labels.metric_name();
        let is_counter = COUNTER_SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
        if !name.is_empty() && !is_counter {
            run.annotate(Annotation::possible_non_counter(name, *span));
        }
    }
}

impl<'a> RangeVector<'a> {
    pub(crate) fn windows(&self) -> &Windows {
        match self {
            Self::Selected(_, windows) | Self::Stepped { windows, .. } => windows,
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Selected(selection, _) => selection.len(),
            Self::Stepped { held, .. } => held.block().len(),
        }
    }

    pub(crate) fn series_labels(&self, index: usize) -> Labels {
        match self {
            Self::Selected(selection, _) => selection.series_labels(index),
            Self::Stepped { held, .. } => held.block().labels()[index].clone(),
        }
    }

    fn labels(&self) -> Vec<Labels> {
        (0..self.len()).map(|index| self.series_labels(index)).collect()
    }

    /// Reads the samples of series `index` into the buffers.
    pub(crate) fn read(
        &self,
        run: &Run<'_>,
        index: usize,
        scratch: &mut Scratch<'_>,
    ) -> Result<(), QueryError> {
        match self {
            Self::Selected(selection, _) => {
                scratch.decode(run, *selection, index)?;
                scratch.drop_stale();
            }
            Self::Stepped { held, grid, .. } => {
                let row = held.block().row(index);
                scratch.columns.clear();
                scratch.timestamps_ms.clear();
                scratch.values.clear();
                for (step, value) in row.iter() {
                    scratch.timestamps_ms.push(grid.time_ms(step));
                    scratch.values.push(value);
                }
            }
        }
        Ok(())
    }
}

impl<'a> Scratch<'a> {
    pub(crate) fn new(run: &'a Run<'a>) -> Self {
        Self {
            columns: Columns::default(),
            timestamps_ms: Vec::new(),
            values: Vec::new(),
            allowance: Allowance::new(run.ctx),
        }
    }

    fn decode(
        &mut self,
        run: &Run<'_>,
        selection: &dyn Selection,
        index: usize,
    ) -> Result<(), QueryError> {
        selection.read(run.ctx, index, &mut self.columns)?;
        self.allowance.grow_to(self.columns.len() * (size_of::<i64>() + size_of::<f64>()))
    }

    /// Copies the samples that are no staleness markers, where there is a marker.
    fn drop_stale(&mut self) {
        self.timestamps_ms.clear();
        self.values.clear();
        if !self.columns.has_stale() {
            return;
        }
        for sample in self.columns.iter() {
            if !narthex_model::is_stale_nan(sample.value) {
                self.timestamps_ms.push(sample.timestamp_ms);
                self.values.push(sample.value);
            }
        }
    }

    /// Returns the samples that were read last.
    pub(crate) fn samples(&self) -> Samples<'_> {
        if self.columns.is_empty() || self.columns.has_stale() {
            Samples { timestamps_ms: &self.timestamps_ms, values: &self.values }
        } else {
            let columns = &self.columns;
            Samples { timestamps_ms: columns.timestamps_ms(), values: columns.values() }
        }
    }

    /// Returns how many samples one window can hold at most. The reference counts only those.
    fn samples_in_a_window(&self, windows: &Windows) -> usize {
        let times = self.samples().timestamps_ms;
        match (times.first(), times.last()) {
            (Some(first), Some(last)) if last - first >= windows.range_ms => {
                let mut start = 0;
                let width = |(end, time): (usize, &i64)| {
                    while times[start] <= time - windows.range_ms {
                        start += 1;
                    }
                    end + 1 - start
                };
                times.iter().enumerate().map(width).max().unwrap_or(0)
            }
            _ => times.len(),
        }
    }
}

/// Fills in, for each step, the latest sample that is not older than the lookback delta and no
/// staleness marker.
fn fill_instant(
    run: &Run<'_>,
    plan: &InstantPlan,
    columns: &Columns,
    out: &mut Column,
) -> Result<(), QueryError> {
    let lookups = &plan.lookups;
    let (timestamps_ms, values) = (columns.timestamps_ms(), columns.values());
    let steps = lookups.grid.steps();
    out.reset(steps);
    let mut end = 0;
    for step in 0..steps {
        if step % SAMPLES_UNCHECKED_MAX == 0 {
            run.ctx.check()?;
        }
        let end_ms = lookups.end_ms(step);
        while end < timestamps_ms.len() && timestamps_ms[end] <= end_ms {
            end += 1;
        }
        let Some(last) = end.checked_sub(1) else { continue };
        let value = values[last];
        let fresh = timestamps_ms[last] > end_ms.saturating_sub(lookups.range_ms);
        if fresh && !narthex_model::is_stale_nan(value) {
            let time_s = || timestamps_ms[last] as f64 / 1000.0;
            out.set(step, if plan.take_time { time_s() } else { value });
        }
    }
    Ok(())
}

fn all_differ(labels: &[Labels]) -> bool {
    let mut seen = HashSet::with_capacity(labels.len());
    labels.iter().all(|labels| seen.insert(labels))
}

/// Returns whether all series have one name, type and unit.
fn share_metadata(labels: &[Labels]) -> bool {
    let metadata = |labels: &Labels| METADATA_LABELS.map(|name| labels.value(name).to_owned());
    let Some(first) = labels.first().map(metadata) else { return true };
    labels.iter().skip(1).all(|labels| {
        METADATA_LABELS.iter().zip(&first).all(|(name, value)| labels.value(name) == value)
    })
}

/// Deletes what describes the metric: a result is another one.
pub(crate) fn remove_metadata(builder: &mut LabelsBuilder) {
    for name in METADATA_LABELS {
        builder.delete(name);
    }
}

const METADATA_LABELS: [&str; 3] = [METRIC_NAME_LABEL, "__type__", "__unit__"];
const COUNTER_SUFFIXES: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];
