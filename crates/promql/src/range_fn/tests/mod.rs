//! Every function that has a short cut, against a plain loop over the window of each step.

use narthex_storage::QueryContext;
use proptest::prelude::*;

use super::RangeFn;
use crate::Grid;
use crate::block::Column;
use crate::scalar::Scalar;
use crate::window::{Reach, Samples, Windows};
use literal::{Literal, quantile};

mod literal;

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
    (0..steps).map(|step| column.row().get(step).map(bits)).collect()
}

/// Returns what a loop over the samples of each window makes of them.
fn plainly(
    function: RangeFn,
    params: &[Vec<f64>],
    samples: &[(i64, f64)],
    windows: &Windows,
) -> Vec<Option<u64>> {
    let of_step = |step: usize| {
        let end_ms = windows.end_ms(step);
        let start_ms = end_ms - windows.range_ms;
        let inside: Vec<(i64, f64)> =
            samples.iter().copied().filter(|(t, _)| start_ms < *t && *t <= end_ms).collect();
        let (&(first_ms, first), &(last_ms, last)) = (inside.first()?, inside.last()?);
        let params: Vec<f64> = params.iter().map(|param| param[step]).collect();
        let literal = Literal { samples: &inside, start_ms, end_ms, params: &params };
        Some(match function {
            RangeFn::Avg => literal.mean(),
            RangeFn::Changes => literal.count_pairs(|a, b| a != b && !(a.is_nan() && b.is_nan())),
            RangeFn::Count => inside.len() as f64,
            RangeFn::Delta => literal.change(false, false)?,
            RangeFn::Deriv => literal.line(first_ms)?.0,
            RangeFn::DoubleExponentialSmoothing => literal.smoothed()?,
            RangeFn::First => first,
            RangeFn::Increase => literal.change(true, false)?,
            RangeFn::Last => last,
            RangeFn::Mad => literal.median_deviation(),
            RangeFn::Max => literal.extreme(|a, b| a > b).1,
            RangeFn::Min => literal.extreme(|a, b| a < b).1,
            RangeFn::PredictLinear => {
                let (slope, now) = literal.line(windows.grid.time_ms(step))?;
                slope * params[0] + now
            }
            RangeFn::Present => 1.0,
            RangeFn::Quantile => quantile(params[0], literal.values()),
            RangeFn::Rate => literal.change(true, true)?,
            RangeFn::Resets => literal.count_pairs(|a, b| b < a),
            RangeFn::Stddev => literal.variance().sqrt(),
            RangeFn::Stdvar => literal.variance(),
            RangeFn::Sum => literal.sum(),
            RangeFn::TsOfFirst => first_ms as f64 / 1000.0,
            RangeFn::TsOfLast => last_ms as f64 / 1000.0,
            RangeFn::TsOfMax => literal.extreme(|a, b| a >= b).0 as f64 / 1000.0,
            RangeFn::TsOfMin => literal.extreme(|a, b| a <= b).0 as f64 / 1000.0,
            // These look at the last two samples, and take no short cut.
            RangeFn::Idelta | RangeFn::Irate => return None,
        })
    };
    (0..windows.grid.steps()).map(|step| of_step(step).map(bits)).collect()
}

/// Returns the bits of a number. Those of a NaN that comes of arithmetic are nowhere defined.
fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

/// The functions with a short cut, and the range of their parameters.
const FUNCTIONS: [(RangeFn, &[(f64, f64)]); 24] = [
    (RangeFn::Avg, &[]),
    (RangeFn::Changes, &[]),
    (RangeFn::Count, &[]),
    (RangeFn::Delta, &[]),
    (RangeFn::Deriv, &[]),
    (RangeFn::DoubleExponentialSmoothing, &[(0.01, 0.99), (0.01, 0.99)]),
    (RangeFn::First, &[]),
    (RangeFn::Increase, &[]),
    (RangeFn::Last, &[]),
    (RangeFn::Mad, &[]),
    (RangeFn::Max, &[]),
    (RangeFn::Min, &[]),
    (RangeFn::PredictLinear, &[(-1e4, 1e4)]),
    (RangeFn::Present, &[]),
    (RangeFn::Quantile, &[(-0.1, 1.1)]),
    (RangeFn::Rate, &[]),
    (RangeFn::Resets, &[]),
    (RangeFn::Stddev, &[]),
    (RangeFn::Stdvar, &[]),
    (RangeFn::Sum, &[]),
    (RangeFn::TsOfFirst, &[]),
    (RangeFn::TsOfLast, &[]),
    (RangeFn::TsOfMax, &[]),
    (RangeFn::TsOfMin, &[]),
];

fn samples() -> impl Strategy<Value = Vec<(i64, f64)>> {
    (values(), spacing()).prop_flat_map(|(values, spacing_ms)| {
        let gaps_ms = prop::collection::vec(spacing_ms, values.len());
        gaps_ms.prop_map(move |gaps_ms| {
            let mut time_ms = -300_000;
            let rising = |(gap_ms, value): (i64, &f64)| {
                time_ms += gap_ms;
                (time_ms, *value)
            };
            gaps_ms.into_iter().zip(&values).map(rising).collect()
        })
    })
}

/// Returns the distance of samples: even, or with gaps, or at random.
fn spacing() -> impl Strategy<Value = BoxedStrategy<i64>> {
    prop_oneof![
        Just(Just(15_000).boxed()),
        Just(prop_oneof![9 => Just(15_000_i64), 1 => Just(45_000_i64)].boxed()),
        Just((14_000..16_000_i64).boxed()),
        Just((1..40_000_i64).boxed()),
    ]
}

/// Returns values whose sums are exact, or nearly so.
fn multiples(unit: f64, count_max: i64) -> BoxedStrategy<f64> {
    (-count_max..=count_max).prop_map(move |count| count as f64 * unit).boxed()
}

/// Returns values that are all of one kind.
fn values() -> impl Strategy<Value = Vec<f64>> {
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 1e308, -1e308, f64::MAX];
    let kinds = vec![
        // Counters and gauges of whole things, zeros among them, and few different ones.
        (0..50_i32).prop_map(f64::from).boxed(),
        (0..3_i32).prop_map(f64::from).boxed(),
        Just(7.0).boxed(),
        (-1e3..1e3_f64).boxed(),
        prop_oneof![30 => -1e3..1e3_f64, 1 => prop::sample::select(odd.to_vec())].boxed(),
        prop::sample::select(vec![0.0, -0.0, 1.0, -1.0]).boxed(),
        prop::sample::select(odd.to_vec()).boxed(),
        prop::sample::select(vec![1e308, -1e308, f64::MAX, 1.0]).boxed(),
        multiples(1.0, 1 << 46),
        multiples(1.0, 1 << 52),
        multiples(0.125, 1 << 30),
        multiples(1e3, 1 << 46),
        multiples(0.1, 1 << 30),
        multiples(1e300, 10),
        multiples(5e-324, 10),
    ];
    let kind = prop::sample::select(kinds);
    (kind, 0..200_usize).prop_flat_map(|(kind, len)| prop::collection::vec(kind, len))
}

fn windows() -> impl Strategy<Value = Windows> {
    (
        -200_000..400_000_i64,
        prop_oneof![Just(15_000_i64), Just(60_000_i64), 1..30_000_i64],
        1..150_usize,
        prop_oneof![1..300_000_i64, 1..3_000_000_i64],
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
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn short_cuts_have_the_bits_of_plain_loops(
        samples in samples(),
        windows in windows(),
        shares in prop::collection::vec(0.0..1.0_f64, 2),
        vary in any::<bool>(),
    ) {
        let steps = windows.grid.steps();
        for (function, ranges) in FUNCTIONS {
            let param = |((low, high), share): (&(f64, f64), &f64)| -> Vec<f64> {
                let share_at = |step: usize| (share + if vary { step as f64 * 0.1 } else { 0.0 }).fract();
                (0..steps).map(|step| low + share_at(step) * (high - low)).collect()
            };
            let params: Vec<Vec<f64>> = ranges.iter().zip(&shares).map(param).collect();
            let scalars: Vec<Scalar> = params.iter().cloned().map(Scalar::Steps).collect();
            let got = fill(function, &scalars, &samples, &windows);
            let expected = plainly(function, &params, &samples, &windows);
            prop_assert_eq!(got, expected, "{:?}", function);
        }
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
        assert_eq!(
            got.map(f64::to_bits),
            expected.map(f64::to_bits),
            "{function:?} of {values:?}: {got:?}"
        );
    }
    assert!(over(Deriv, &[], &[infinity, infinity]).is_some_and(f64::is_nan));
    assert!(over(Mad, &[], &[1.0, nan]).is_some_and(f64::is_nan));
    assert!(over(Quantile, &[nan], &[1.0]).is_some_and(f64::is_nan));
}
