//! The native histograms among the values that an aggregation folds.

use std::sync::Arc;

use hashbrown::HashMap;
use narthex_model::histogram::{
    Added, FloatHistogram, HistogramError, HistogramMean, HistogramSum, ResetHint,
};

use crate::annotations::{Annotation, HistogramOperation};
use crate::block::{Column, Row};
use crate::exec::{Allowance, Run};
use crate::plan::AggregatePlan;
use crate::{QueryError, bits};

/// What an aggregation does with native histograms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Histograms {
    /// They count as any value.
    Counted,
    /// They are left out, with a remark.
    Ignored,
    /// They are added, unless there are floats too.
    Summed,
    /// Their mean is made, unless there are floats too.
    Averaged,
}

/// The histograms of all groups at all steps.
pub(super) struct GroupHistograms<'a, 'p> {
    run: &'a Run<'a>,
    plan: &'p AggregatePlan<'p>,
    kind: Histograms,
    /// By group and step.
    folded: HashMap<(usize, usize), Folded>,
    /// Whether histograms in any of them do not go together.
    any_incompatible: bool,
    allowance: Allowance<'a>,
}

/// The histograms of one group at one step.
struct Folded {
    total: Total,
    reset_seen: bool,
    no_reset_seen: bool,
}

enum Total {
    Sum(HistogramSum),
    Mean(HistogramMean),
    /// A float came first: there is no result.
    AfterFloat,
    /// Exponential and custom buckets: there is no result, and nobody looks at what follows.
    Incompatible,
}

impl<'a, 'p> GroupHistograms<'a, 'p> {
    pub(super) fn new(run: &'a Run<'a>, plan: &'p AggregatePlan<'p>, kind: Histograms) -> Self {
        let (folded, allowance) = (HashMap::new(), run.allowance());
        Self { run, plan, kind, folded, any_incompatible: false, allowance }
    }

    /// Returns whether a row needs [`GroupHistograms::take`].
    pub(super) fn concern(&self, row: Row<'_>) -> bool {
        (row.has_histograms() && self.kind != Histograms::Counted) || self.any_incompatible
    }

    /// Takes the histograms of a row of `group`, which has floats at the steps `floats`. Returns
    /// the floats of the row that count.
    ///
    /// # Errors
    ///
    /// Where a limit is reached.
    pub(super) fn take(
        &mut self,
        group: usize,
        metric_name: &str,
        row: Row<'_>,
        floats: &[u64],
    ) -> Result<Column, QueryError> {
        let mut rest = Column::default();
        rest.copy_from(row);
        let had_histograms = rest.drop_histograms();
        if self.kind == Histograms::Ignored {
            if had_histograms {
                let (op, span) = (self.plan.op.as_str(), self.plan.vector_span);
                self.run.annotate(Annotation::ignored_in_aggregation(op, span));
            }
            return Ok(rest);
        }
        if self.any_incompatible {
            for step in bits::ones(row.present()) {
                let folded = self.folded.get(&(group, step));
                if folded.is_some_and(|folded| matches!(folded.total, Total::Incompatible)) {
                    rest.clear(step);
                }
            }
        }
        for (step, histogram) in row.histograms() {
            self.add((group, step), histogram, bits::get(floats, step), metric_name)?;
        }
        Ok(rest)
    }

    fn add(
        &mut self,
        place: (usize, usize),
        histogram: &FloatHistogram,
        after_float: bool,
        metric_name: &str,
    ) -> Result<(), QueryError> {
        let Some(folded) = self.folded.get_mut(&place) else {
            self.allowance.grow(histogram.size_bytes())?;
            let total = match self.kind {
                _ if after_float => Total::AfterFloat,
                Histograms::Averaged => Total::Mean(HistogramMean::new(histogram.clone())),
                _ => Total::Sum(HistogramSum::new(histogram.clone())),
            };
            let mut folded = Folded { total, reset_seen: false, no_reset_seen: false };
            folded.see(histogram.reset_hint);
            self.folded.insert(place, folded);
            return Ok(());
        };
        folded.see(histogram.reset_hint);
        let span = self.plan.vector_span;
        match folded.add(histogram) {
            Ok(Added { bounds_differed: true, .. }) => self
                .run
                .annotate(Annotation::mismatched_bounds(HistogramOperation::Aggregation, span)),
            Ok(_) => {}
            Err(_) => {
                folded.total = Total::Incompatible;
                self.any_incompatible = true;
                self.run.annotate(Annotation::mixed_exponential_custom(metric_name, span));
            }
        }
        Ok(())
    }

    /// Hands the results of a group to `set`, and takes the steps at which floats and histograms met
    /// from those that have `floats`.
    pub(super) fn finish(
        &mut self,
        group: usize,
        floats: &mut [u64],
        mut set: impl FnMut(usize, Arc<FloatHistogram>),
    ) {
        if self.folded.is_empty() {
            return;
        }
        let span = self.plan.vector_span;
        let of_group = self.folded.extract_if(|(of, _), _| *of == group);
        for ((_, step), Folded { total, reset_seen, no_reset_seen }) in of_group {
            if bits::get(floats, step) {
                bits::clear(floats, step);
                self.run.annotate(Annotation::mixed_floats_histograms_in_aggregation(span));
                continue;
            }
            let mut result = match total {
                Total::Sum(sum) => sum.total(),
                Total::Mean(mean) => mean.mean(),
                Total::AfterFloat | Total::Incompatible => continue,
            };
            result.compact();
            if reset_seen && no_reset_seen {
                let aggregation = HistogramOperation::Aggregation;
                self.run.annotate(Annotation::reset_collision(aggregation, span));
            }
            set(step, Arc::new(result));
        }
    }
}

impl Folded {
    fn see(&mut self, hint: ResetHint) {
        self.reset_seen |= hint == ResetHint::Reset;
        self.no_reset_seen |= hint == ResetHint::NotReset;
    }

    fn add(&mut self, histogram: &FloatHistogram) -> Result<Added, HistogramError> {
        match &mut self.total {
            Total::Sum(sum) => sum.add(histogram),
            Total::Mean(mean) => mean.add(histogram),
            Total::AfterFloat | Total::Incompatible => Ok(Added::default()),
        }
    }
}
