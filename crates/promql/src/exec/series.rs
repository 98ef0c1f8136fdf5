use std::ops::Range;

use hashbrown::HashSet;
use narthex_model::{Labels, LabelsBuilder, METRIC_NAME_LABEL};
use narthex_storage::Selection;

use super::function_source::FunctionSource;
use super::held::Held;
use super::lookup::fill_instant;
use super::merge::merge_equal_labels;
use super::run::Run;
use super::scratch::Scratch;
use crate::bits;
use crate::block::{Block, Column};
use crate::instant_fn::Map;
use crate::plan::{InstantPlan, Take};
use crate::range_fn::{Place, fill_smoothed, fill_smoothed_mixed};
use crate::scalar::Scalar;
use crate::{Grid, QueryError};

/// An instant vector at every step of a grid: series whose columns are made one at a time, when
/// somebody reads them.
///
/// So an aggregation over a range function over a selector holds one decoded series at a time.
pub(crate) struct Series<'a> {
    pub(crate) grid: Grid,
    labels: Vec<Labels>,
    /// The metric name, type and unit are no longer part of the labels.
    stripped: bool,
    /// Of each series, if not of none, whether its name, type and unit are to go at the end.
    nameless: Vec<bool>,
    source: Source<'a>,
    /// What happens to each column after it was made.
    maps: Vec<Map>,
    /// Whose result it is after how many of the maps, in rising order.
    marks: Vec<Mark>,
}

/// The first maps of a vector make it the result of an operation.
#[derive(Clone, Copy, Debug)]
struct Mark {
    operation: usize,
    maps: usize,
}

/// Where columns come from.
enum Source<'a> {
    Held(Held<'a>),
    Instant(&'a dyn Selection, InstantPlan, usize),
    Function(FunctionSource<'a>),
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
    /// Returns the vector that an instant selector selects, which is operation `operation`.
    ///
    /// # Errors
    ///
    /// Where the query was told to stop.
    pub(crate) fn instant(
        run: &Run<'_>,
        selection: &'a dyn Selection,
        plan: InstantPlan,
        operation: usize,
    ) -> Result<Self, QueryError> {
        let labels = collect_labels(run, selection.len(), |index| selection.series_labels(index))?;
        Ok(Self::new(plan.lookups.grid, labels, Source::Instant(selection, plan, operation)))
    }

    /// Returns the vector of a function's results over a range vector.
    ///
    /// # Errors
    ///
    /// Where the query was told to stop.
    pub(crate) fn function(run: &Run<'_>, source: FunctionSource<'a>) -> Result<Self, QueryError> {
        let vector = &source.vector;
        let labels = collect_labels(run, vector.len(), |index| vector.series_labels(index))?;
        let grid = vector.windows().grid;
        let nameless = (0..vector.len()).map(|index| vector.is_nameless(index)).collect();
        Ok(Self { nameless, ..Self::new(grid, labels, Source::Function(source)) })
    }

    /// Returns the vector that is held.
    pub(crate) fn held(grid: Grid, held: Held<'a>) -> Self {
        let block = held.block();
        let labels = block.labels().to_vec();
        let nameless = (0..block.len()).map(|index| block.is_nameless(index)).collect();
        Self { nameless, ..Self::new(grid, labels, Source::Held(held)) }
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
        let (nameless, maps, marks) = (Vec::new(), Vec::new(), Vec::new());
        Self { grid, labels, stripped: false, nameless, source, maps, marks }
    }

    /// Returns whether name, type and unit of series `index` are to go at the end of the query.
    pub(crate) fn is_nameless(&self, index: usize) -> bool {
        self.nameless.get(index).copied().unwrap_or(false)
    }

    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    /// Returns the metric name of series `index`.
    pub(crate) fn metric_name(&self, index: usize) -> &str {
        if self.stripped { "" } else { self.labels[index].metric_name() }
    }

    /// Fills `builder` with the labels of series `index`.
    pub(crate) fn labels_into(&self, index: usize, builder: &mut LabelsBuilder) {
        builder.reset(&self.labels[index]);
        if self.stripped {
            remove_metadata(builder);
        }
    }

    /// Returns the labels of series `index`.
    pub(crate) fn labels(&self, index: usize, builder: &mut LabelsBuilder) -> Labels {
        if !self.stripped {
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

    /// Replaces the labels of every series by what `change` makes of them, which returns whether it
    /// gave the series a name.
    ///
    /// # Errors
    ///
    /// Where series with equal labels cannot be joined.
    pub(crate) fn relabel(
        mut self,
        run: &'a Run<'a>,
        mut change: impl FnMut(&mut LabelsBuilder) -> bool,
    ) -> Result<Self, QueryError> {
        let mut builder = LabelsBuilder::default();
        for index in 0..self.len() {
            run.ctx.check()?;
            self.labels_into(index, &mut builder);
            let named = change(&mut builder);
            if let Some(nameless) = self.nameless.get_mut(index) {
                *nameless &= !named;
            }
            self.labels[index] = builder.build();
        }
        self.stripped = false;
        self.settle(run, Equals::Join)
    }

    /// Takes the metric name, type and unit from the labels, now or at the end of the query. What
    /// takes values away comes before, as series without a value at a step may have equal labels.
    ///
    /// # Errors
    ///
    /// Where series with equal labels are refused or cannot be joined.
    pub(crate) fn drop_names(
        mut self,
        run: &'a Run<'a>,
        equals: Equals,
    ) -> Result<Self, QueryError> {
        if run.options.delayed_name_removal {
            self.nameless = vec![true; self.len()];
            return Ok(self);
        }
        if self.stripped {
            return Ok(self);
        }
        if share_metadata(&self.labels) {
            // What differed before differs still. The labels are made when they are asked for,
            // which an aggregation never does.
            self.stripped = true;
            return Ok(self);
        }
        let mut builder = LabelsBuilder::default();
        for labels in &mut self.labels {
            run.ctx.check()?;
            builder.reset(labels);
            remove_metadata(&mut builder);
            *labels = builder.build();
        }
        self.settle(run, equals)
    }

    /// Sees to it that no two series have equal labels.
    fn settle(self, run: &'a Run<'a>, equals: Equals) -> Result<Self, QueryError> {
        if all_differ(run, &self.labels)? {
            return Ok(self);
        }
        let grid = self.grid;
        let held = self.into_held(run)?;
        Ok(Self::held(grid, merge_equal_labels(run, &held, equals)?))
    }

    /// Returns the block, if the columns are those of one as they stand.
    pub(super) fn as_block(&self) -> Option<&Block> {
        match &self.source {
            Source::Held(held) if self.maps.is_empty() => Some(held.block()),
            _ => None,
        }
    }

    /// Notes that the vector as it stands is the result of operation `operation`.
    pub(super) fn mark(&mut self, operation: usize) {
        self.marks.push(Mark { operation, maps: self.maps.len() });
    }

    /// Makes the column of series `index`. Returns whether it has a value.
    ///
    /// # Errors
    ///
    /// Where the store fails, or a limit is reached.
    fn read(
        &self,
        run: &Run<'_>,
        index: usize,
        scratch: &mut Scratch<'_>,
        out: &mut Column,
    ) -> Result<bool, QueryError> {
        run.ctx.check()?;
        let at_work = self.marks.first().map(|mark| run.at_work(mark.operation));
        self.fill(run, index, scratch, out)?;
        drop(at_work);
        let mut applied = 0;
        for mark in &self.marks {
            let _at_work = run.at_work(mark.operation);
            self.apply_maps(run, applied..mark.maps, out);
            applied = mark.maps;
            if bits::any(out.row().present()) {
                run.ledger.add_series(mark.operation, out.row())?;
                if let Some(profiler) = run.profiler() {
                    profiler.count_series(out.row().count());
                }
            }
        }
        self.apply_maps(run, applied..self.maps.len(), out);
        Ok(bits::any(out.row().present()))
    }

    fn apply_maps(&self, run: &Run<'_>, maps: Range<usize>, out: &mut Column) {
        for map in &self.maps[maps] {
            map.apply(out, |remark| run.annotate(remark));
        }
    }

    /// Fills in the column of series `index` as the source has it.
    fn fill(
        &self,
        run: &Run<'_>,
        index: usize,
        scratch: &mut Scratch<'_>,
        out: &mut Column,
    ) -> Result<(), QueryError> {
        match &self.source {
            Source::Held(held) => out.copy_from(held.block().row(index)),
            Source::Instant(selection, plan, operation) => {
                scratch.decode(run, *selection, index)?;
                if plan.totals_only {
                    scratch.drop_buckets();
                }
                if plan.take == Take::Smoothed {
                    scratch.drop_stale();
                    out.reset(plan.lookups.grid.steps());
                    let samples = scratch.samples();
                    run.ledger.add_smoothed(*operation, samples, &plan.lookups)?;
                    if samples.histograms.is_empty() {
                        fill_smoothed(run.ctx, samples, &plan.lookups, out)?;
                    } else {
                        let metric_name = self.labels[index].metric_name();
                        let place = Place { metric_name, span: plan.span };
                        let (ctx, lookups) = (run.ctx, &plan.lookups);
                        for remark in fill_smoothed_mixed(ctx, samples, lookups, place, out)? {
                            run.annotate(remark);
                        }
                    }
                } else {
                    fill_instant(run, plan, scratch.columns(), out)?;
                }
            }
            Source::Function(source) => source.fill(run, index, scratch, out)?,
        }
        Ok(())
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
        let mut allowance = run.allowance();
        allowance.grow(Block::row_size_bytes(self.grid.steps()))?;
        let mut column = Column::default();
        for index in 0..self.len() {
            if self.read(run, index, &mut scratch, &mut column)? {
                visit(index, &column)?;
            }
        }
        Ok(())
    }

    /// Makes all columns for nothing but the ledger: the reference evaluates what an operation then
    /// does not look at.
    ///
    /// # Errors
    ///
    /// Where the store fails, or a limit is reached.
    pub(crate) fn skip(&self, run: &'a Run<'a>) -> Result<(), QueryError> {
        self.for_each(run, |_, _| Ok(()))
    }

    /// Makes all columns and holds those with a value.
    ///
    /// # Errors
    ///
    /// Where the store fails, or a limit is reached.
    pub(crate) fn into_held(self, run: &'a Run<'a>) -> Result<Held<'a>, QueryError> {
        let mut builder = LabelsBuilder::default();
        if self.maps.is_empty() && matches!(self.source, Source::Held(_)) {
            let labels = (0..self.len()).map(|index| self.labels(index, &mut builder)).collect();
            let Source::Held(mut held) = self.source else { unreachable!("it was just seen") };
            held.set_labels(labels);
            for (index, nameless) in self.nameless.into_iter().enumerate() {
                held.block_mut().set_nameless(index, nameless);
            }
            return Ok(held);
        }
        let mut held = Held::new(run, self.grid.steps());
        self.for_each(run, |index, column| {
            held.push(self.labels(index, &mut builder), column.row())?;
            let row = held.block().len() - 1;
            held.block_mut().set_nameless(row, self.is_nameless(index));
            Ok(())
        })?;
        Ok(held)
    }

    /// Makes all columns and holds those with a value, as the answer to the query: without the
    /// names that are to go.
    ///
    /// # Errors
    ///
    /// Where series with equal labels cannot be joined, the store fails, or a limit is reached.
    pub(crate) fn into_answer(self, run: &'a Run<'a>) -> Result<Held<'a>, QueryError> {
        let grid = self.grid;
        let mut held = self.into_held(run)?;
        let block = held.block();
        if !(0..block.len()).any(|index| block.is_nameless(index)) {
            return Ok(held);
        }
        let mut builder = LabelsBuilder::default();
        let labels = block.labels().iter().enumerate().map(|(index, labels)| {
            run.ctx.check()?;
            if !block.is_nameless(index) {
                return Ok(labels.clone());
            }
            builder.reset(labels);
            remove_metadata(&mut builder);
            Ok(builder.build())
        });
        let labels = labels.collect::<Result<_, QueryError>>()?;
        held.set_labels(labels);
        Self::held(grid, held).settle(run, Equals::Join)?.into_held(run)
    }
}

/// Returns the labels of `count` series.
fn collect_labels(
    run: &Run<'_>,
    count: usize,
    labels_of: impl Fn(usize) -> Labels,
) -> Result<Vec<Labels>, QueryError> {
    let labels = (0..count).map(|index| {
        run.ctx.check()?;
        Ok(labels_of(index))
    });
    labels.collect()
}

fn all_differ(run: &Run<'_>, labels: &[Labels]) -> Result<bool, QueryError> {
    let mut seen = HashSet::with_capacity(labels.len());
    for labels in labels {
        run.ctx.check()?;
        if !seen.insert(labels) {
            return Ok(false);
        }
    }
    Ok(true)
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

const METADATA_LABELS: [&str; 3] = [METRIC_NAME_LABEL, TYPE_LABEL, "__unit__"];
pub(super) const TYPE_LABEL: &str = "__type__";
