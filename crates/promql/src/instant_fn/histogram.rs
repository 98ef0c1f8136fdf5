use hashbrown::HashMap;
use narthex_model::float::parse;
use narthex_model::{BUCKET_LABEL, Labels, LabelsBuilder};
use narthex_promql_parser::Span;

use crate::annotations::{Annotation, Forced};
use crate::block::Block;
use crate::exec::{Equals, Held, Run, Series};
use crate::quantile::{Bucket, Repair, bucket_fraction, bucket_quantile};
use crate::scalar::Scalar;
use crate::{Grid, QueryError};

/// What is wanted of each classic histogram.
#[derive(Debug)]
pub(crate) enum Statistic {
    Quantile(Scalar),
    Fraction { lower: Scalar, upper: Scalar },
}

/// One histogram: its result's labels and its buckets as upper bound and series.
struct Histogram {
    labels: Labels,
    buckets: Vec<(f64, usize)>,
}

/// Returns the statistic of each classic histogram in `vector`, whose series are its buckets.
///
/// # Errors
///
/// Where the results of two histograms have equal labels, or a limit is reached.
pub(crate) fn histogram<'a>(
    run: &'a Run<'a>,
    vector: Series<'a>,
    statistic: &Statistic,
    span: Span,
) -> Result<Series<'a>, QueryError> {
    let grid = vector.grid;
    let held = vector.into_held(run)?;
    let histograms = find_histograms(run, held.block(), span);
    let mut results = Held::new(run, grid.steps());
    let mut buckets = Vec::new();
    let mut repairs = Vec::new();
    for Histogram { labels, buckets: series } in histograms {
        let index = results.push_empty(labels)?;
        for step in 0..grid.steps() {
            run.ctx.check()?;
            buckets.clear();
            buckets.extend(series.iter().filter_map(|&(upper_bound, series)| {
                let count = held.block().row(series).get(step)?;
                Some(Bucket { upper_bound, count })
            }));
            if buckets.is_empty() {
                continue;
            }
            let value = match statistic {
                Statistic::Quantile(q) => {
                    let (value, repair) = bucket_quantile(q.at(step), &mut buckets);
                    repairs.extend(repair.map(|repair| (step, repair)));
                    value
                }
                Statistic::Fraction { lower, upper } => {
                    bucket_fraction(lower.at(step), upper.at(step), &mut buckets)
                }
            };
            results.block_mut().set(index, step, value);
        }
    }
    drop(held);
    if let Some(forced) = sum_up(repairs, grid) {
        run.annotate(Annotation::forced_monotonicity(forced, span));
    }
    Series::held(grid, results.settle()?).drop_names(run, Equals::Join)
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

/// Returns the histograms of the buckets, in the order of their first one. A series without a
/// bound is none of them.
fn find_histograms(run: &Run<'_>, block: &Block, span: Span) -> Vec<Histogram> {
    let mut histograms: Vec<Histogram> = Vec::new();
    let mut known: HashMap<Labels, usize> = HashMap::new();
    let mut builder = LabelsBuilder::default();
    for (series, labels) in block.labels().iter().enumerate() {
        let bound = labels.value(BUCKET_LABEL);
        let Some(upper_bound) = parse(bound) else {
            run.annotate(Annotation::bad_bucket_label(bound, span));
            continue;
        };
        builder.reset(labels);
        builder.delete(BUCKET_LABEL);
        let index = *known.entry(builder.build()).or_insert_with_key(|labels| {
            histograms.push(Histogram { labels: labels.clone(), buckets: Vec::new() });
            histograms.len() - 1
        });
        histograms[index].buckets.push((upper_bound, series));
    }
    histograms
}
