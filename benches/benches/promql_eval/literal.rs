//! The functions as the reference evaluates them, written anew over plain slices.

use narthex_promql::Grid;
use narthex_promql_parser::AggregateOp;

/// A function of the samples in a window, whose end and length follow.
pub(crate) type OfWindow = fn(&[(i64, f64)], i64, i64) -> f64;

/// Moves a buffer of samples on from step to step.
pub(crate) fn windows(
    samples: &[(i64, f64)],
    grid: Grid,
    range_ms: i64,
    of_window: OfWindow,
) -> Vec<f64> {
    let mut buffer: Vec<(i64, f64)> = Vec::new();
    let mut next = samples.iter().copied().peekable();
    let mut results = Vec::with_capacity(grid.steps());
    for end_ms in grid.times_ms() {
        let old = buffer.iter().take_while(|(time_ms, _)| *time_ms <= end_ms - range_ms).count();
        buffer.copy_within(old.., 0);
        buffer.truncate(buffer.len() - old);
        while let Some(sample) = next.next_if(|(time_ms, _)| *time_ms <= end_ms) {
            if sample.0 > end_ms - range_ms {
                buffer.push(sample);
            }
        }
        if !buffer.is_empty() {
            results.push(of_window(&buffer, end_ms, range_ms));
        }
    }
    results
}

pub(crate) fn increase(samples: &[(i64, f64)], end_ms: i64, range_ms: i64, unit_s: f64) -> f64 {
    let (first, last) = (samples[0], samples[samples.len() - 1]);
    let mut rise = last.1 - first.1;
    let mut before = first.1;
    for &(_, value) in &samples[1..] {
        if value < before {
            rise += before;
        }
        before = value;
    }
    let mut to_start = (first.0 - (end_ms - range_ms)) as f64 / 1000.0;
    let mut to_end = (end_ms - last.0) as f64 / 1000.0;
    let sampled = (last.0 - first.0) as f64 / 1000.0;
    let spacing = sampled / (samples.len() - 1) as f64;
    if to_start >= spacing * 1.1 {
        to_start = spacing / 2.0;
    }
    if rise > 0.0 && first.1 >= 0.0 {
        let to_zero = sampled * (first.1 / rise);
        if to_zero < to_start {
            to_start = to_zero;
        }
    }
    if to_end >= spacing * 1.1 {
        to_end = spacing / 2.0;
    }
    rise * ((sampled + to_start + to_end) / sampled / unit_s)
}

pub(crate) fn kahan_add(addend: f64, (sum, compensation): (f64, f64)) -> (f64, f64) {
    let total = sum + addend;
    if total.is_infinite() {
        (total, 0.0)
    } else if sum.abs() >= addend.abs() {
        (total, compensation + ((sum - total) + addend))
    } else {
        (total, compensation + ((addend - total) + sum))
    }
}

pub(crate) fn sum(samples: &[(i64, f64)]) -> f64 {
    let (sum, rest) = samples.iter().fold((0.0, 0.0), |total, (_, value)| kahan_add(*value, total));
    if sum.is_infinite() { sum } else { sum + rest }
}

/// No sum here overflows.
pub(crate) fn mean(samples: &[(i64, f64)]) -> f64 {
    let first = (samples[0].1, 0.0);
    let (sum, rest) = samples[1..].iter().fold(first, |total, (_, value)| kahan_add(*value, total));
    let count = samples.len() as f64;
    sum / count + rest / count
}

pub(crate) fn extreme(samples: &[(i64, f64)], beats: fn(f64, f64) -> bool) -> f64 {
    samples.iter().fold(samples[0].1, |best, (_, value)| {
        if beats(*value, best) || best.is_nan() { *value } else { best }
    })
}

pub(crate) fn quantile(samples: &[(i64, f64)]) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(|(_, value)| *value).collect();
    values.sort_unstable_by(f64::total_cmp);
    let rank = 0.9 * (values.len() - 1) as f64;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and less than the length")]
    let lower = rank.floor() as usize;
    let weight = rank - rank.floor();
    let upper = (lower + 1).min(values.len() - 1);
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// The value so far with its compensation.
pub(crate) type State = (f64, f64);

pub(crate) struct Aggregation {
    pub(crate) op: AggregateOp,
    start: fn(f64) -> State,
    add: fn(State, f64) -> State,
    finish: fn(State) -> f64,
}

pub(crate) const AGGREGATIONS: [Aggregation; 2] = [
    Aggregation {
        op: AggregateOp::Sum,
        start: |value| (value, 0.0),
        add: |state, value| kahan_add(value, state),
        finish: |(sum, rest)| sum + rest,
    },
    Aggregation {
        op: AggregateOp::Max,
        start: |value| (value, 0.0),
        add: |(most, _), value| (if most < value || most.is_nan() { value } else { most }, 0.0),
        finish: |(most, _)| most,
    },
];

/// Goes over all rows at each step, as the reference does. Row `n` is of group `n` modulo `groups`.
pub(crate) fn aggregation(
    rows: &[&[(i64, f64)]],
    groups: usize,
    grid: Grid,
    aggregation: &Aggregation,
) -> Vec<Vec<f64>> {
    let mut rest = rows.to_vec();
    let mut results = vec![Vec::new(); groups];
    for time_ms in grid.times_ms() {
        let mut states: Vec<Option<State>> = vec![None; groups];
        for (row, samples) in rest.iter_mut().enumerate() {
            let Some((&(timestamp_ms, value), after)) = samples.split_first() else { continue };
            if timestamp_ms != time_ms {
                continue;
            }
            *samples = after;
            let state = &mut states[row % groups];
            *state = Some(match *state {
                None => (aggregation.start)(value),
                Some(state) => (aggregation.add)(state, value),
            });
        }
        for (result, state) in results.iter_mut().zip(states) {
            result.extend(state.map(aggregation.finish));
        }
    }
    results
}
