use std::collections::BTreeMap;

use hashbrown::HashMap;
use narthex_model::float::{parse, write_general};
use narthex_model::histogram::FloatHistogram;
use narthex_model::{BUCKET_LABEL, Labels, LabelsBuilder};
use narthex_promql_parser::Span;

use super::native;
use crate::annotations::{Annotation, Forced};
use crate::block::Block;
use crate::exec::{Equals, Held, Run, Series, merge_equal_labels, remove_metadata};
use crate::quantile::{Bucket, Repair, bucket_fraction, bucket_quantile};
use crate::range_fn::Place;
use crate::scalar::Scalar;
use crate::{Grid, QueryError};

/// What is wanted of each histogram.
#[derive(Debug)]
pub(crate) enum Statistic {
    Quantile(Scalar),
    Fraction { lower: Scalar, upper: Scalar },
}

/// Where remarks on histograms stand in the query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistogramSpans {
    /// The vector of the histograms.
    pub(crate) vector: Span,
    /// What remarks on observations of NaN stand at.
    pub(crate) nan: Span,
}

/// One classic histogram: its result's labels and its buckets as upper bound and series.
struct Histogram {
    labels: Labels,
    buckets: Vec<(f64, usize)>,
    /// The series of native histograms with the same labels.
    native: Option<usize>,
}

/// The histograms of a vector.
struct Histograms {
    classic: Vec<Histogram>,
    /// The series that have native histograms.
    native: Vec<usize>,
}

/// Returns the statistic of each histogram in `vector`, whose series are native histograms and the
/// buckets of classic ones.
///
/// # Errors
///
/// Where the results of two histograms have equal labels, or a limit is reached.
pub(crate) fn histogram<'a>(
    run: &'a Run<'a>,
    vector: Series<'a>,
    statistic: &Statistic,
    spans: HistogramSpans,
) -> Result<Series<'a>, QueryError> {
    let grid = vector.grid;
    let held = vector.into_held(run)?;
    let histograms = find_histograms(run, held.block(), spans.vector)?;
    let results = Held::new(run, grid.steps());
    let mut evaluation =
        Evaluation { run, grid, spans, block: held.block(), results, repairs: BTreeMap::new() };
    evaluation.add(&histograms, statistic, Labels::clone)?;
    let results = evaluation.finish();
    drop(held);
    Series::held(grid, results.settle()?).drop_names(run, Equals::Join)
}

/// Returns each of the quantiles of each histogram in `vector`, as [`histogram`] does; `label` says
/// which one it is.
///
/// # Errors
///
/// As [`histogram`].
pub(crate) fn histogram_quantiles<'a>(
    run: &'a Run<'a>,
    vector: Series<'a>,
    label: &str,
    quantiles: &[Scalar],
    spans: HistogramSpans,
) -> Result<Series<'a>, QueryError> {
    let grid = vector.grid;
    let held = vector.into_held(run)?;
    let histograms = find_histograms(run, held.block(), spans.vector)?;
    let results = Held::new(run, grid.steps());
    let mut evaluation =
        Evaluation { run, grid, spans, block: held.block(), results, repairs: BTreeMap::new() };
    let mut builder = LabelsBuilder::default();
    let delayed = run.options.delayed_name_removal;
    for q in quantiles {
        let mut steps_of: Vec<(f64, Vec<usize>)> = Vec::new();
        for step in 0..grid.steps() {
            let value = q.at(step);
            match steps_of.iter_mut().find(|(known, _)| known.to_bits() == value.to_bits()) {
                Some((_, steps)) => steps.push(step),
                None => steps_of.push((value, vec![step])),
            }
        }
        for (value, steps) in steps_of {
            let text = quantile_label(value);
            evaluation.add_at(
                &histograms,
                &Statistic::Quantile(Scalar::Constant(value)),
                &steps,
                |labels| {
                    builder.reset(labels);
                    if !delayed {
                        remove_metadata(&mut builder);
                    }
                    builder.set(label, &text);
                    builder.build()
                },
            )?;
        }
    }
    let results = evaluation.finish();
    drop(held);
    let results = merge_equal_labels(run, &results.settle()?, Equals::Join)?;
    let results = Series::held(grid, results);
    if delayed { results.drop_names(run, Equals::Join) } else { Ok(results) }
}

/// Returns a quantile as its label has it: a whole number with `.0`.
fn quantile_label(q: f64) -> String {
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = write_general(&mut text, q);
    if q.is_finite() && !text.contains(['.', 'e']) {
        text.push_str(".0");
    }
    text
}

/// The statistics of the histograms in a block, in the making.
struct Evaluation<'b, 'a> {
    run: &'a Run<'a>,
    grid: Grid,
    spans: HistogramSpans,
    block: &'b Block,
    results: Held<'a>,
    /// By the metric that they are of.
    repairs: BTreeMap<&'b str, Vec<(usize, Repair)>>,
}

impl<'b, 'a> Evaluation<'b, 'a> {
    fn add(
        &mut self,
        histograms: &Histograms,
        statistic: &Statistic,
        labels: impl FnMut(&Labels) -> Labels,
    ) -> Result<(), QueryError> {
        let steps: Vec<usize> = (0..self.grid.steps()).collect();
        self.add_at(histograms, statistic, &steps, labels)
    }

    /// Adds the statistic of each histogram at some steps.
    fn add_at(
        &mut self,
        histograms: &Histograms,
        statistic: &Statistic,
        steps: &[usize],
        mut labels: impl FnMut(&Labels) -> Labels,
    ) -> Result<(), QueryError> {
        let mut classic_of = HashMap::new();
        for histogram in &histograms.classic {
            if let Some(native) = histogram.native {
                classic_of.insert(native, histogram);
            }
        }
        for &series in &histograms.native {
            let index = self.results.push_empty(labels(&self.block.labels()[series]))?;
            let conflict = classic_of.get(&series);
            let metric_name = name_of(self.run, &self.block.labels()[series]);
            let place = Place { metric_name, span: self.spans.nan };
            for &step in steps {
                self.run.ctx.check()?;
                let Some(histogram) = self.block.row(series).histogram(step) else { continue };
                if conflict.is_some_and(|classic| self.has_buckets(classic, step)) {
                    self.run
                        .annotate(Annotation::mixed_classic_native(metric_name, self.spans.vector));
                    continue;
                }
                let (value, remark) = statistic.of_native(histogram, step, place);
                if let Some(remark) = remark {
                    self.run.annotate(remark);
                }
                self.results.block_mut().set(index, step, value);
            }
        }
        for histogram in &histograms.classic {
            let index = self.results.push_empty(labels(&histogram.labels))?;
            self.add_classic(histogram, index, statistic, steps)?;
        }
        Ok(())
    }

    fn add_classic(
        &mut self,
        histogram: &Histogram,
        index: usize,
        statistic: &Statistic,
        steps: &[usize],
    ) -> Result<(), QueryError> {
        let mut buckets = Vec::new();
        for &step in steps {
            self.run.ctx.check()?;
            let native = histogram.native.map(|series| self.block.row(series));
            if native.is_some_and(|row| row.histogram(step).is_some()) {
                continue;
            }
            buckets.clear();
            buckets.extend(histogram.buckets.iter().filter_map(|&(upper_bound, series)| {
                let count = self.block.row(series).float(step)?;
                Some(Bucket { upper_bound, count })
            }));
            if buckets.is_empty() {
                continue;
            }
            let value = match statistic {
                Statistic::Quantile(q) => {
                    let (value, repair) = bucket_quantile(q.at(step), &mut buckets);
                    if let Some(repair) = repair {
                        let (_, series) = histogram.buckets[0];
                        let name = name_of(self.run, &self.block.labels()[series]);
                        self.repairs.entry(name).or_default().push((step, repair));
                    }
                    value
                }
                Statistic::Fraction { lower, upper } => {
                    bucket_fraction(lower.at(step), upper.at(step), &mut buckets)
                }
            };
            self.results.block_mut().set(index, step, value);
        }
        Ok(())
    }

    /// Returns whether a classic histogram has a bucket at `step`.
    fn has_buckets(&self, histogram: &Histogram, step: usize) -> bool {
        histogram.buckets.iter().any(|(_, series)| self.block.row(*series).float(step).is_some())
    }

    /// Returns the results, and remarks on what was repaired.
    fn finish(self) -> Held<'a> {
        for (name, repairs) in self.repairs {
            if let Some(forced) = sum_up(repairs, self.grid) {
                self.run.annotate(Annotation::forced_monotonicity(forced, name, self.spans.vector));
            }
        }
        self.results
    }
}

/// Returns the metric name that remarks show: none where names were removed already.
fn name_of<'b>(run: &Run<'_>, labels: &'b Labels) -> &'b str {
    if run.options.delayed_name_removal { labels.metric_name() } else { "" }
}

impl Statistic {
    fn of_native(
        &self,
        histogram: &FloatHistogram,
        step: usize,
        place: Place<'_>,
    ) -> (f64, Option<Annotation>) {
        match self {
            Self::Quantile(q) => native::quantile(q.at(step), histogram, place),
            Self::Fraction { lower, upper } => {
                native::fraction(lower.at(step), upper.at(step), histogram, place)
            }
        }
    }
}

/// Returns what the repairs at all steps come to.
///
/// The reference merges the remark with itself at every step that follows its first one, and so
/// doubles the number of repairs. Its texts are compared, so we count as it does.
fn sum_up(mut repairs: Vec<(usize, Repair)>, grid: Grid) -> Option<Forced> {
    repairs.sort_by_key(|(step, _)| *step);
    let mut last_step = repairs.first()?.0;
    let mut sum: Option<Forced> = None;
    for (step, repair) in repairs {
        let time_ms = grid.time_ms(step);
        let mut forced = Forced { repair, first_ms: time_ms, last_ms: time_ms, count: 1 };
        if let Some(mut before) = sum {
            // A step doubles what it has added too, unless it is the first one.
            let first_ms = before.first_ms;
            before.count = doubled(before.count, step - last_step);
            if time_ms > first_ms {
                forced.count = 2;
            }
            forced = forced.join(&before);
        }
        last_step = step;
        sum = Some(forced);
    }
    let mut sum = sum?;
    sum.count = doubled(sum.count, grid.steps() - 1 - last_step);
    Some(sum)
}

/// Returns a number doubled so many times, in 64 bits.
fn doubled(count: i64, times: usize) -> i64 {
    u32::try_from(times).ok().and_then(|times| count.checked_shl(times)).unwrap_or(0)
}

/// Returns the histograms of a vector; classic ones in the order of their first bucket. A series of
/// floats without a bound is none of them.
fn find_histograms(run: &Run<'_>, block: &Block, span: Span) -> Result<Histograms, QueryError> {
    let mut classic: Vec<Histogram> = Vec::new();
    let mut native = Vec::new();
    let mut known: HashMap<Labels, usize> = HashMap::new();
    let mut builder = LabelsBuilder::default();
    for (series, (labels, row)) in block.rows().enumerate() {
        run.ctx.check()?;
        if row.histograms().next().is_some() {
            native.push(series);
            if row.floats().next().is_none() {
                continue;
            }
        }
        let bound = labels.value(BUCKET_LABEL);
        let Some(upper_bound) = parse(bound) else {
            let name = name_of(run, labels);
            run.annotate(Annotation::bad_bucket_label(bound, name, span));
            continue;
        };
        builder.reset(labels);
        builder.delete(BUCKET_LABEL);
        let index = *known.entry(builder.build()).or_insert_with_key(|labels| {
            classic.push(Histogram { labels: labels.clone(), buckets: Vec::new(), native: None });
            classic.len() - 1
        });
        classic[index].buckets.push((upper_bound, series));
    }
    for series in &native {
        if let Some(index) = known.get(&block.labels()[*series]) {
            classic[*index].native = Some(*series);
        }
    }
    Ok(Histograms { classic, native })
}
