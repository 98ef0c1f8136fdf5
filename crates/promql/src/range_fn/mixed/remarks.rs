use narthex_model::histogram::FloatHistogram;
use narthex_promql_parser::Span;

use crate::annotations::{Annotation, HistogramOperation};

/// What remarks name: the metric, and where it stands in the query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) metric_name: &'a str,
    pub(crate) span: Span,
}

/// What there is to remark, each once.
#[derive(Debug)]
pub(in crate::range_fn) struct Remarks<'a> {
    pub(in crate::range_fn) place: Place<'a>,
    pub(super) list: Vec<Annotation>,
}

impl<'a> Remarks<'a> {
    pub(super) fn new(place: Place<'a>) -> Self {
        Self { place, list: Vec::new() }
    }

    pub(in crate::range_fn) fn add(&mut self, remark: Annotation) {
        if !self.list.contains(&remark) {
            self.list.push(remark);
        }
    }

    pub(in crate::range_fn) fn named(&mut self, make: fn(&str, Span) -> Annotation) {
        self.add(make(self.place.metric_name, self.place.span));
    }

    /// Adds to a histogram or subtracts from it. `None` where they do not go together.
    pub(in crate::range_fn) fn combine(
        &mut self,
        histogram: &mut FloatHistogram,
        other: &FloatHistogram,
        operation: HistogramOperation,
    ) -> Option<()> {
        let combined = match operation {
            HistogramOperation::Subtraction => histogram.sub(other),
            HistogramOperation::Addition | HistogramOperation::Aggregation => histogram.add(other),
        };
        match combined {
            Ok(added) => {
                if added.bounds_differed {
                    self.add(Annotation::mismatched_bounds(operation, self.place.span));
                }
                Some(())
            }
            Err(_) => {
                self.named(Annotation::mixed_exponential_custom);
                None
            }
        }
    }

    /// Forgets what was said, and says that histograms do not go together.
    pub(in crate::range_fn) fn incompatible(&mut self) {
        self.list.clear();
        self.named(Annotation::mixed_exponential_custom);
    }

    /// Takes over what was said elsewhere.
    pub(super) fn absorb(&mut self, other: Self) {
        for remark in other.list {
            self.add(remark);
        }
    }
}
