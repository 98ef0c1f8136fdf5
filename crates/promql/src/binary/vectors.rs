use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use narthex_model::{Labels, LabelsBuilder};
use narthex_promql_parser::{Cardinality, Span, VectorMatching};

use super::element::{ElementOp, Kept};
use super::histogram::{Made, MixedOp, Side as Value};
use super::matching::{Groups, matching_labels};
use crate::annotations::Annotation;
use crate::block::{Block, Row};
use crate::exec::{Held, Run, remove_metadata};
use crate::{QueryError, bits};

/// An operator between two instant vectors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VectorOp<'e> {
    pub(crate) op: ElementOp,
    /// The operator as the query has it.
    pub(crate) symbol: &'static str,
    /// Where the operation stands in the query.
    pub(crate) span: Span,
    pub(crate) return_bool: bool,
    pub(crate) matching: &'e VectorMatching<'e>,
}

impl VectorOp<'_> {
    /// Returns the result of two values that match, if there is one.
    #[inline]
    fn apply(self, left: f64, right: f64) -> Option<f64> {
        match self.op.apply(left, right) {
            Kept::Value(value) => Some(value),
            Kept::Truth(truth) if self.return_bool => Some(f64::from(u8::from(truth))),
            Kept::Truth(truth) => truth.then_some(left),
            Kept::Nothing => None,
        }
    }
}

/// Returns what an operator makes of the series of two vectors that match.
///
/// Series are matched once for all steps. That several match is an error only at a step where they
/// have values, so each pair is compared by the steps at which it has some.
///
/// # Errors
///
/// Where several series match that must not, results have equal labels, or a limit is reached. Of
/// several errors it is that of the first step, as if steps were evaluated one after the other.
pub(crate) fn vector_operation<'a>(
    run: &'a Run<'a>,
    operation: VectorOp<'_>,
    left: &Block,
    right: &Block,
) -> Result<Held<'a>, QueryError> {
    let groups = Groups::new(run.ctx, left, right, operation.matching)?;
    let one_is_left = operation.matching.cardinality == Cardinality::OneToMany;
    let (many, one) = if one_is_left {
        (Side::new(right, &groups.right), Side::new(left, &groups.left))
    } else {
        (Side::new(left, &groups.left), Side::new(right, &groups.right))
    };
    let mut join = Join {
        operation,
        one_is_left,
        ones: groups.members(one.groups),
        matched: HashMap::new(),
        many,
        one,
        failure: Failure::default(),
        delayed: run.options.delayed_name_removal,
        result: Held::new(run, left.steps()),
        rows: HashMap::new(),
        remarks: BTreeMap::new(),
        builder: LabelsBuilder::default(),
    };
    join.check_ones();
    for series in 0..many.block.len() {
        run.ctx.check()?;
        join.add(series)?;
    }
    join.add_unmatched_ones()?;
    let Join { failure, result, remarks, .. } = join;
    failure.into_result()?;
    for remark in remarks.into_values() {
        run.annotate(remark);
    }
    result.settle()
}

/// One operand: its series, and the group of each.
#[derive(Clone, Copy)]
struct Side<'b> {
    block: &'b Block,
    groups: &'b [usize],
}

impl<'b> Side<'b> {
    fn new(block: &'b Block, groups: &'b [usize]) -> Self {
        Self { block, groups }
    }

    fn term(self, series: usize) -> Term<'b> {
        Term { labels: &self.block.labels()[series], row: self.block.row(series) }
    }

    /// Returns the steps at which any series has a value.
    fn present(self) -> Vec<u64> {
        let mut present = vec![0; bits::word_count(self.block.steps())];
        for (_, row) in self.block.rows() {
            bits::union(&mut present, row.present());
        }
        present
    }
}

/// One series of one side.
struct Term<'b> {
    labels: &'b Labels,
    row: Row<'b>,
}

/// What stands in for a series that is missing.
struct Filler {
    labels: Labels,
    values: Vec<f64>,
}

impl Filler {
    fn term(&self) -> Term<'_> {
        Term { labels: &self.labels, row: Row::of_floats(&self.values, &[]) }
    }
}

/// A match in the making. Of a match group, the "one" side has at most one series with a value at
/// a step; without grouping, so has the "many" side.
struct Join<'e, 'b, 'a> {
    operation: VectorOp<'e>,
    one_is_left: bool,
    many: Side<'b>,
    one: Side<'b>,
    /// The series of the "one" side in each group.
    ones: Vec<Vec<usize>>,
    /// The steps at which a result was made, for each group, and with grouping for each set of
    /// labels in it: a second result at such a step is an error, even if a comparison drops it.
    matched: HashMap<(usize, Option<Labels>), Vec<u64>>,
    failure: Failure,
    /// Whether names go at the end of the query only.
    delayed: bool,
    result: Held<'a>,
    /// Where the result with these labels lies.
    rows: HashMap<Labels, usize>,
    /// What is to be said about each step: the reference keeps the last remark of a step.
    remarks: BTreeMap<usize, Annotation>,
    builder: LabelsBuilder,
}

/// The error of the earliest step. Within a step, the kinds have an order too.
#[derive(Default)]
struct Failure {
    first: Option<((usize, u8), QueryError)>,
}

impl Failure {
    fn note(&mut self, step: usize, order: u8, error: impl FnOnce() -> QueryError) {
        if self.first.as_ref().is_none_or(|(known, _)| (step, order) < *known) {
            self.first = Some(((step, order), error()));
        }
    }

    fn into_result(self) -> Result<(), QueryError> {
        self.first.map_or(Ok(()), |(_, error)| Err(error))
    }
}

impl Join<'_, '_, '_> {
    /// Looks for steps at which two series of a group of the "one" side have a value. At steps
    /// where the other side has none at all, nobody minds, unless values are filled in.
    fn check_ones(&mut self) {
        if self.ones.iter().all(|members| members.len() < 2) {
            return;
        }
        let VectorMatching { fill_left, fill_right, .. } = self.operation.matching;
        let fills = fill_left.is_some() || fill_right.is_some();
        let others = if fills { self.one.present() } else { self.many.present() };
        let Some(first_step) = bits::ones(&others).next() else { return };
        let Side { block, groups } = self.one;
        let mut seen: HashMap<usize, (Vec<u64>, Vec<usize>)> = HashMap::new();
        let mut first_conflict: Option<(usize, usize, usize)> = None;
        for (later, (_, row)) in block.rows().enumerate() {
            let empty = || (vec![0; others.len()], Vec::new());
            let (taken, before) = seen.entry(groups[later]).or_insert_with(empty);
            let twice: Vec<u64> =
                taken.iter().zip(row.present()).map(|(left, right)| left & right).collect();
            if let Some(step) = bits::first_common(&twice, &others)
                && first_conflict.is_none_or(|(known, ..)| step < known)
            {
                let has_value = |series: &&usize| block.row(**series).get(step).is_some();
                let earlier = before.iter().find(has_value).copied().unwrap_or(later);
                first_conflict = Some((step, earlier, later));
                if step == first_step {
                    break;
                }
            }
            bits::union(taken, row.present());
            before.push(later);
        }
        if let Some((step, earlier, later)) = first_conflict {
            // The matching itself may fail at an earlier step.
            let error = self.duplicate_match(earlier, later);
            self.failure.note(step, 0, || error);
        }
    }

    fn duplicate_match(&mut self, earlier: usize, later: usize) -> QueryError {
        let labels = self.one.block.labels();
        let matching = self.operation.matching;
        let group = matching_labels(matching, &labels[later], &mut self.builder);
        let mut series = [earlier, later].map(|series| labels[series].to_string().into());
        series.sort_unstable();
        let [first, second] = series;
        QueryError::DuplicateMatch {
            group: group.to_string().into(),
            side: if self.one_is_left { "left" } else { "right" },
            first,
            second,
        }
    }

    /// Adds the results of one series of the "many" side.
    fn add(&mut self, many: usize) -> Result<(), QueryError> {
        let group = self.many.groups[many];
        let many = self.many.term(many);
        let mut unmatched = many.row.present().to_vec();
        for position in 0..self.ones[group].len() {
            let one = self.one.term(self.ones[group][position]);
            let both = many.row.present().iter().zip(one.row.present());
            let common: Vec<u64> = both.map(|(a, b)| a & b).collect();
            if bits::any(&common) {
                self.combine(group, &many, &one, &common)?;
            }
            bits::subtract(&mut unmatched, one.row.present());
        }
        // The names of the fill values do not heed which side is the "one" side.
        match self.operation.matching.fill_right {
            Some(fill) if bits::any(&unmatched) => {
                let one = self.filler(fill, many.labels);
                self.combine(group, &many, &one.term(), &unmatched)
            }
            _ => Ok(()),
        }
    }

    /// Adds the results of the series of the "one" side that nothing matched, where a value is to
    /// be filled in for the other side.
    fn add_unmatched_ones(&mut self) -> Result<(), QueryError> {
        let Some(fill) = self.operation.matching.fill_left else { return Ok(()) };
        let words = bits::word_count(self.one.block.steps());
        let mut matched = vec![0; words * self.ones.len()];
        for ((group, _), steps) in &self.matched {
            bits::union(&mut matched[group * words..][..words], steps);
        }
        for series in 0..self.one.block.len() {
            let group = self.one.groups[series];
            let one = self.one.term(series);
            let mut unmatched = one.row.present().to_vec();
            bits::subtract(&mut unmatched, &matched[group * words..][..words]);
            if bits::any(&unmatched) {
                let many = self.filler(fill, one.labels);
                self.combine(group, &many.term(), &one, &unmatched)?;
            }
        }
        Ok(())
    }

    /// Returns what stands in for the series that a series with these labels would match.
    fn filler(&mut self, value: f64, labels: &Labels) -> Filler {
        let labels = matching_labels(self.operation.matching, labels, &mut self.builder);
        Filler { labels, values: vec![value; self.one.block.steps()] }
    }

    /// Applies the operator at steps at which both sides have a value.
    fn combine(
        &mut self,
        group: usize,
        many: &Term<'_>,
        one: &Term<'_>,
        steps: &[u64],
    ) -> Result<(), QueryError> {
        if many.row.has_histograms() || one.row.has_histograms() || self.operation.op.is_trim() {
            return self.combine_mixed(group, many, one, steps);
        }
        let labels = self.result_labels(many.labels, one.labels);
        self.check_matched(group, &labels, steps);
        let row = self.row(labels)?;
        let (left, right) = if self.one_is_left { (one, many) } else { (many, one) };
        let (left, right) = (left.row.values(), right.row.values());
        let (values, present) = self.result.block_mut().row_mut(row);
        for step in bits::ones(steps) {
            let Some(value) = self.operation.apply(left[step], right[step]) else { continue };
            if bits::get(present, step) {
                self.failure.note(step, 2, || QueryError::DuplicateLabelset);
            }
            values[step] = value;
            bits::set(present, step);
        }
        Ok(())
    }

    /// Applies the operator where there may be histograms. Operands that do not go together are as
    /// if they were not there, but for a remark.
    fn combine_mixed(
        &mut self,
        group: usize,
        many: &Term<'_>,
        one: &Term<'_>,
        steps: &[u64],
    ) -> Result<(), QueryError> {
        let (left, right) =
            if self.one_is_left { (one.row, many.row) } else { (many.row, one.row) };
        let VectorOp { op, symbol, span, .. } = self.operation;
        let operation = MixedOp { op, symbol, span };
        let mut made = Vec::new();
        let mut matched = vec![0; steps.len()];
        for step in bits::ones(steps) {
            match operation.apply(side(left, step), side(right, step)) {
                Ok((result, remark)) => {
                    if let Some(remark) = remark {
                        self.remarks.insert(step, remark);
                    }
                    bits::set(&mut matched, step);
                    made.push((step, result));
                }
                Err(remark) => {
                    self.remarks.insert(step, remark);
                }
            }
        }
        if made.is_empty() {
            return Ok(());
        }
        let labels = self.result_labels(many.labels, one.labels);
        self.check_matched(group, &labels, &matched);
        let row = self.row(labels)?;
        for (step, made) in made {
            if let Made::Truth(false) = made
                && !self.operation.return_bool
            {
                continue;
            }
            let block = self.result.block_mut();
            if block.row(row).get(step).is_some() {
                self.failure.note(step, 2, || QueryError::DuplicateLabelset);
            }
            match made {
                Made::Truth(truth) if self.operation.return_bool => {
                    block.set(row, step, f64::from(u8::from(truth)));
                }
                Made::Truth(_) => block.copy_step(row, step, left),
                Made::Float(value) => block.set(row, step, value),
                Made::Histogram(histogram) => block.set_histogram(row, step, Arc::new(histogram)),
            }
        }
        Ok(())
    }

    /// Returns the row of the result with these labels.
    fn row(&mut self, labels: Labels) -> Result<usize, QueryError> {
        if let Some(row) = self.rows.get(&labels) {
            return Ok(*row);
        }
        let row = self.result.push_empty(labels.clone())?;
        let nameless = self.delayed && self.operation.return_bool;
        self.result.block_mut().set_nameless(row, nameless);
        self.rows.insert(labels, row);
        Ok(row)
    }

    /// Looks for steps at which the group has a result already.
    fn check_matched(&mut self, group: usize, labels: &Labels, steps: &[u64]) {
        let grouped = self.operation.matching.cardinality != Cardinality::OneToOne;
        let key = (group, grouped.then(|| labels.clone()));
        let matched = self.matched.entry(key).or_insert_with(|| vec![0; steps.len()]);
        if let Some(step) = bits::first_common(matched, steps) {
            self.failure.note(step, 1, || {
                if grouped { QueryError::AmbiguousGroup } else { QueryError::ImplicitManyToOne }
            });
        }
        bits::union(matched, steps);
    }

    fn result_labels(&mut self, many: &Labels, one: &Labels) -> Labels {
        let VectorOp { op, return_bool, matching, .. } = self.operation;
        let builder = &mut self.builder;
        builder.reset(many);
        if op.changes_metric() || (return_bool && !self.delayed) {
            remove_metadata(builder);
        }
        if matching.cardinality == Cardinality::OneToOne {
            builder.retain(|name, _| matching.labels.contains(name) == matching.on);
        }
        for name in matching.include.iter() {
            builder.set(name, one.value(name));
        }
        builder.build()
    }
}

/// Returns the value of a row at a step at which it has one.
fn side(row: Row<'_>, step: usize) -> Value<'_> {
    match row.histogram(step) {
        Some(histogram) => Value::Histogram(histogram),
        None => Value::Float(row.values()[step]),
    }
}
