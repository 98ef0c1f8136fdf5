use narthex_promql_parser::Span;

use super::range_vector::RangeVector;
use super::run::Run;
use super::scratch::Scratch;
use super::series::TYPE_LABEL;
use crate::QueryError;
use crate::annotations::Annotation;
use crate::block::Column;
use crate::range_fn::{Mixed, Place, RangeFn, count_overlaps};
use crate::scalar::Scalar;

/// A function over a range vector.
pub(crate) struct FunctionSource<'a> {
    pub(crate) function: RangeFn,
    pub(crate) params: Vec<Scalar>,
    pub(crate) vector: RangeVector<'a>,
    /// Where the range vector stands in the query.
    pub(crate) span: Span,
    /// The operation that it is.
    pub(crate) operation: usize,
}

impl FunctionSource<'_> {
    /// Makes the column of series `index`.
    ///
    /// # Errors
    ///
    /// Where the store fails, or a limit is reached.
    pub(super) fn fill(
        &self,
        run: &Run<'_>,
        index: usize,
        scratch: &mut Scratch<'_>,
        out: &mut Column,
    ) -> Result<(), QueryError> {
        let Self { function, params, vector, span, operation } = self;
        vector.read(run, index, scratch)?;
        let windows = vector.windows();
        out.reset(windows.grid.steps());
        let samples = scratch.samples();
        let last = run.ledger.add_windows(*operation, samples, windows, vector.is_of_store())?;
        if samples.histograms.is_empty() {
            function.fill(run.ctx, params, samples, windows, out)?;
        } else {
            let labels = vector.series_labels(index);
            let place = Place { metric_name: labels.metric_name(), span: *span };
            let mixed = Mixed::new(run.ctx, params, samples, windows, place);
            for remark in mixed.fill(*function, out)? {
                run.annotate(remark);
            }
        }
        run.ledger.add_results(*operation, out.row(), last)?;
        self.remark(run, index, out);
        self.remark_overlaps(run, index, scratch)
    }

    /// Remarks on samples of a counter that start too early.
    fn remark_overlaps(
        &self,
        run: &Run<'_>,
        index: usize,
        scratch: &Scratch<'_>,
    ) -> Result<(), QueryError> {
        let windows = self.vector.windows();
        if self.function.wants_counter() && windows.reach.kind.is_none() {
            let count = count_overlaps(run.ctx, scratch.samples(), windows)?;
            if count > 0 {
                let labels = self.vector.series_labels(index);
                let name = labels.metric_name();
                run.annotate(Annotation::start_time_overlap(name, count, self.span));
            }
        }
        Ok(())
    }

    /// Remarks on a rate of something that is not called like a counter.
    fn remark(&self, run: &Run<'_>, index: usize, out: &Column) {
        if !self.function.wants_counter() || out.row().floats().next().is_none() {
            return;
        }
        let labels = self.vector.series_labels(index);
        let name = labels.metric_name();
        if name.is_empty() {
            return;
        }
        if run.options.type_and_unit_labels {
            let metric_type = labels.value(TYPE_LABEL);
            if !COUNTER_TYPES.contains(&metric_type) {
                run.annotate(Annotation::possible_non_counter_type(name, metric_type, self.span));
            }
        } else if !COUNTER_SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
            run.annotate(Annotation::possible_non_counter(name, self.span));
        }
    }
}

const COUNTER_TYPES: [&str; 2] = ["counter", "histogram"];
const COUNTER_SUFFIXES: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];
