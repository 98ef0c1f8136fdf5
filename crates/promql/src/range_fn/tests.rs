//! Every function that has a short cut, against a plain loop over the window of each step.

use narthex_storage::QueryContext;
use proptest::prelude::*;

use super::rate::seconds;
use super::{RangeFn, over_time as kernel};
use crate::Grid;
use crate::block::Column;
use crate::scalar::Scalar;
use crate::window::{Reach, Samples, Windows};

/// Returns what `function` makes of the samples at each step.
fn fill(
    function: RangeFn,
    params: &[Scalar],
    samples: &[(i64, f64)],
    windows: &Windows,
) -> Vec<Option<u64>> {
    let (timestamps_ms, values): (Vec<i64>, Vec<f64>) = samples.iter().copied().unzip();
    let samples = Samples {
        timestamps_ms: &timestamps_ms,
        values: &values,
        histograms: &[],
        start_timestamps_ms: None,
    };
    let mut column = Column::default();
    let steps = windows.grid.steps();
    column.reset(steps);
    function.fill(&QueryContext::default(), params, samples, windows, &mut column).unwrap();
    (0..steps).map(|step| column.row().get(step).map(f64::to_bits)).collect()
}

/// Returns what `plain` makes of the samples in the window of each step, start and end of which it
/// gets too.
fn plainly(
    samples: &[(i64, f64)],
    windows: &Windows,
    plain: impl Fn(&[(i64, f64)], i64, i64) -> Option<f64>,
) -> Vec<Option<u64>> {
    let of_step = |step| {
        let end_ms = windows.end_ms(step);
        let start_ms = end_ms - windows.range_ms;
        let inside: Vec<(i64, f64)> =
            samples.iter().copied().filter(|(t, _)| start_ms < *t && *t <= end_ms).collect();
        if inside.is_empty() { None } else { plain(&inside, start_ms, end_ms).map(f64::to_bits) }
    };
    (0..windows.grid.steps()).map(of_step).collect()
}

/// The change over a window, word for word as the reference's documentation has it.
fn extrapolated(
    inside: &[(i64, f64)],
    start_ms: i64,
    end_ms: i64,
    counter: bool,
    range_s: Option<f64>,
) -> Option<f64> {
    let (&(first_ms, first), &(last_ms, last)) = (inside.first()?, inside.last()?);
    if inside.len() < 2 {
        return None;
    }
    let mut change = last - first;
    if counter {
        for pair in inside.windows(2) {
            if pair[1].1 < pair[0].1 {
                change += pair[0].1;
            }
        }
    }
    let sampled_s = (last_ms - first_ms) as f64 / 1000.0;
    let spacing_s = sampled_s / (inside.len() - 1) as f64;
    let mut before_s = (first_ms - start_ms) as f64 / 1000.0;
    let mut after_s = (end_ms - last_ms) as f64 / 1000.0;
    if before_s >= spacing_s * 1.1 {
        before_s = spacing_s / 2.0;
    }
    if counter {
        let mut to_zero_s = before_s;
        if change > 0.0 && first >= 0.0 {
            to_zero_s = sampled_s * (first / change);
        }
        if to_zero_s < before_s {
            before_s = to_zero_s;
        }
    }
    if after_s >= spacing_s * 1.1 {
        after_s = spacing_s / 2.0;
    }
    let mut factor = (sampled_s + before_s + after_s) / sampled_s;
    if let Some(range_s) = range_s {
        factor /= range_s;
    }
    Some(change * factor)
}

fn samples() -> impl Strategy<Value = Vec<(i64, f64)>> {
    let value = prop_oneof![
        8 => (0..50_i32).prop_map(f64::from),
        4 => -1e3..1e3_f64,
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e308]),
    ];
    prop::collection::vec((1..40_000_i64, value), 0..60).prop_map(|samples| {
        let mut time_ms = -300_000;
        let rising = |(gap_ms, value)| {
            time_ms += gap_ms;
            (time_ms, value)
        };
        samples.into_iter().map(rising).collect()
    })
}

fn windows() -> impl Strategy<Value = Windows> {
    (
        -200_000..400_000_i64,
        1..30_000_i64,
        1..150_usize,
        1..300_000_i64,
        -50_000..50_000_i64,
        prop::option::weighted(0.1, 0..300_000_i64),
    )
        .prop_map(|(start_ms, step_ms, steps, range_ms, offset_ms, pinned_ms)| {
            let end_ms = start_ms + step_ms * (steps as i64 - 1);
            let grid = Grid::range(start_ms, end_ms, step_ms).unwrap();
            Windows { grid, range_ms, offset_ms, pinned_ms, reach: Reach::default() }
        })
}

proptest! {
    #[test]
    fn sliding_finds_the_samples_in_each_window(samples in samples(), windows in windows()) {
        let got = fill(RangeFn::Count, &[], &samples, &windows);
        prop_assert_eq!(got, plainly(&samples, &windows, |inside, _, _| Some(inside.len() as f64)));
        let got = fill(RangeFn::First, &[], &samples, &windows);
        prop_assert_eq!(got, plainly(&samples, &windows, |inside, _, _| Some(inside[0].1)));
    }

    #[test]
    fn rates_add_the_resets_of_their_window(samples in samples(), windows in windows()) {
        let range_s = seconds(windows.range_ms);
        for (function, counter, range_s) in [
            (RangeFn::Rate, true, Some(range_s)),
            (RangeFn::Increase, true, None),
            (RangeFn::Delta, false, None),
        ] {
            let got = fill(function, &[], &samples, &windows);
            let expected = plainly(&samples, &windows, |inside, start_ms, end_ms| {
                extrapolated(inside, start_ms, end_ms, counter, range_s)
            });
            prop_assert_eq!(got, expected, "{:?}", function);
        }
    }

    #[test]
    fn extremes_are_those_of_the_numbers(samples in samples(), windows in windows()) {
        for (function, wins) in [
            (RangeFn::Max, (|a, b| a > b) as fn(f64, f64) -> bool),
            (RangeFn::Min, |a, b| a < b),
        ] {
            let got = fill(function, &[], &samples, &windows);
            let expected = plainly(&samples, &windows, |inside, _, _| {
                let numbers = inside.iter().map(|(_, value)| *value).filter(|v| !v.is_nan());
                let best = numbers.reduce(|best, next| if wins(next, best) { next } else { best });
                Some(best.unwrap_or(inside[inside.len() - 1].1))
            });
            prop_assert_eq!(got, expected, "{:?}", function);
        }
    }
}

/// Returns values whose sums are exact, or nearly so.
fn summable() -> impl Strategy<Value = Vec<(i64, f64)>> {
    let unit = prop::sample::select(vec![1.0, 0.125, 1e3, 0.1, 1e300, 5e-324]);
    let top = prop::sample::select(vec![10_i64, 1 << 30, 1 << 46, 1 << 52]);
    (unit, top).prop_flat_map(|(unit, top)| {
        prop::collection::vec((1..40_000_i64, -top..=top), 0..60).prop_map(move |samples| {
            let mut time_ms = -300_000;
            let scaled = |(gap_ms, count): (i64, i64)| {
                time_ms += gap_ms;
                (time_ms, count as f64 * unit)
            };
            samples.into_iter().map(scaled).collect()
        })
    })
}

proptest! {
    #[test]
    fn differences_of_running_sums_have_the_bits_of_the_fold(
        samples in prop_oneof![summable(), samples()],
        windows in windows(),
    ) {
        let values = |inside: &[(i64, f64)]| -> Vec<f64> {
            inside.iter().map(|(_, value)| *value).collect()
        };
        let got = fill(RangeFn::Sum, &[], &samples, &windows);
        let expected = plainly(&samples, &windows, |inside, _, _| Some(kernel::sum(&values(inside))));
        prop_assert_eq!(got, expected);
        let got = fill(RangeFn::Avg, &[], &samples, &windows);
        let expected = plainly(&samples, &windows, |inside, _, _| Some(kernel::mean(&values(inside))));
        prop_assert_eq!(got, expected);
    }
}

/// Returns the result over one window that holds all of `values`, ten seconds apart.
fn over(function: RangeFn, params: &[f64], values: &[f64]) -> Option<f64> {
    let samples: Vec<(i64, f64)> =
        values.iter().enumerate().map(|(index, value)| (index as i64 * 10_000, *value)).collect();
    let end_ms = samples.last().map_or(0, |(time_ms, _)| *time_ms);
    let windows = Windows {
        grid: Grid::instant(end_ms),
        range_ms: end_ms + 10_000,
        offset_ms: 0,
        pinned_ms: None,
        reach: Reach::default(),
    };
    let params: Vec<Scalar> = params.iter().map(|param| Scalar::Constant(*param)).collect();
    fill(function, &params, &samples, &windows)[0].map(f64::from_bits)
}

#[test]
fn results_over_one_window() {
    use RangeFn::{
        Avg, Changes, Deriv, DoubleExponentialSmoothing, Idelta, Irate, Mad, PredictLinear,
        Quantile, Resets, Stddev, Stdvar, Sum, TsOfMax, TsOfMin,
    };
    let nan = f64::NAN;
    let infinity = f64::INFINITY;
    for (function, params, values, expected) in [
        (Sum, vec![], vec![1e100, 1.0, -1e100], Some(1.0)),
        (Sum, vec![], vec![infinity, 1.0], Some(infinity)),
        (Sum, vec![], vec![-0.0], Some(0.0)),
        (Avg, vec![], vec![1.0, 2.0, 6.0], Some(3.0)),
        (Avg, vec![], vec![f64::MAX, f64::MAX], Some(f64::MAX)),
        (Stdvar, vec![], vec![1.0, 3.0], Some(1.0)),
        (Stddev, vec![], vec![2.0, 6.0], Some(2.0)),
        (Changes, vec![], vec![1.0, 1.0, nan, nan, 2.0], Some(2.0)),
        (Resets, vec![], vec![3.0, 1.0, 2.0, 0.0], Some(2.0)),
        (Irate, vec![], vec![1.0, 8.0, 5.0], Some(0.5)),
        (Idelta, vec![], vec![1.0, 8.0, 5.0], Some(-3.0)),
        (Idelta, vec![], vec![1.0], None),
        (Deriv, vec![], vec![0.0, 20.0, 40.0], Some(2.0)),
        (Deriv, vec![], vec![7.0, 7.0], Some(0.0)),
        (Deriv, vec![], vec![7.0], None),
        (PredictLinear, vec![100.0], vec![0.0, 10.0, 20.0], Some(120.0)),
        (Quantile, vec![0.5], vec![4.0, 1.0, 3.0, 2.0], Some(2.5)),
        (Quantile, vec![2.0], vec![1.0], Some(infinity)),
        (Quantile, vec![-1.0], vec![1.0], Some(-infinity)),
        (Mad, vec![], vec![1.0, 2.0, 4.0, 8.0, 100.0], Some(3.0)),
        (DoubleExponentialSmoothing, vec![0.5, 0.5], vec![1.0, 3.0, 5.0], Some(5.0)),
        (TsOfMax, vec![], vec![1.0, 5.0, 5.0, 2.0], Some(20.0)),
        (TsOfMin, vec![], vec![nan, 5.0, 5.0], Some(20.0)),
    ] {
        let got = over(function, &params, &values);
        let bits = |value: Option<f64>| value.map(f64::to_bits);
        assert_eq!(bits(got), bits(expected), "{function:?} of {values:?}: {got:?}");
    }
    assert!(over(Deriv, &[], &[infinity, infinity]).is_some_and(f64::is_nan));
    assert!(over(Mad, &[], &[1.0, nan]).is_some_and(f64::is_nan));
    assert!(over(Quantile, &[nan], &[1.0]).is_some_and(f64::is_nan));
}
