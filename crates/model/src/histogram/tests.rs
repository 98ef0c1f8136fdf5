use proptest::collection::vec;
use proptest::prelude::*;

use super::{
    Added, Buckets, CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Histogram, HistogramError,
    HistogramMean, HistogramSum, Keep, ResetHint, Span,
};
use crate::STALE_NAN;

fn spans(spans: &[(i32, u32)]) -> Vec<Span> {
    spans.iter().map(|&(offset, length)| Span { offset, length }).collect()
}

fn exponential(schema: i32, positive: &[(i32, f64)]) -> FloatHistogram {
    let count = positive.iter().map(|(_, count)| count).sum();
    let positive = positive.iter().copied().collect();
    FloatHistogram { schema, count, positive, ..FloatHistogram::default() }
}

fn custom(bounds: &[f64], positive: &[(i32, f64)]) -> FloatHistogram {
    FloatHistogram { custom_bounds: bounds.into(), ..exponential(CUSTOM_BUCKETS_SCHEMA, positive) }
}

fn entries(buckets: &Buckets<f64>) -> Vec<(i32, f64)> {
    buckets.iter().collect()
}

#[test]
fn spans_place_the_counts() {
    for (layout, indices) in [
        (spans(&[]), vec![]),
        (spans(&[(0, 3)]), vec![0, 1, 2]),
        (spans(&[(-4, 1), (2, 2)]), vec![-4, -1, 0]),
        (spans(&[(1, 0), (2, 1), (0, 0), (0, 1)]), vec![3, 4]),
    ] {
        let counts = (0_i32..).map(f64::from).take(indices.len()).collect();
        let buckets = Buckets { spans: layout, counts };
        assert_eq!(buckets.iter().map(|(index, _)| index).collect::<Vec<_>>(), indices);
        let mut back: Vec<_> = buckets.iter_back().collect();
        back.reverse();
        assert_eq!(back, entries(&buckets));
    }
}

#[test]
fn bounds_follow_the_schema() {
    for (schema, index, expected) in [
        (0, 0, "(0.5,1]:1"),
        (0, 1, "(1,2]:1"),
        (1, 1, "(1,1.414213562373095]:1"),
        (8, 256, "(1.9945921121709396,2]:1"),
        (-4, 1, "(1,65536]:1"),
        (-1, 0, "(0.25,1]:1"),
        (0, 1024, "(8.98846567431158e+307,1.7976931348623157e+308]:1"),
        (0, 1025, "(1.7976931348623157e+308,+Inf]:1"),
        (0, -1074, "(0,5e-324]:1"),
        (3, i32::MAX, "(+Inf,+Inf]:1"),
        (3, i32::MIN, "(0,0):1"),
    ] {
        let histogram = exponential(schema, &[(index, 1.0)]);
        let texts: Vec<_> = histogram.buckets().map(|bucket| bucket.to_string()).collect();
        assert_eq!(texts, [expected], "schema {schema} index {index}");
    }
}

#[test]
fn custom_bounds_reach_to_infinity_on_both_ends() {
    let histogram = custom(&[5.0, 10.0], &[(0, 1.0), (1, 2.0), (2, 3.0)]);
    assert_eq!(histogram.to_string(), "{count:6, sum:0, [-Inf,5]:1, (5,10]:2, (10,+Inf]:3}");
}

#[test]
fn the_zero_bucket_cuts_its_neighbours() {
    let histogram = FloatHistogram {
        zero_threshold: 0.75,
        zero_count: 4.0,
        negative: [(0, 1.0)].into_iter().collect(),
        ..exponential(0, &[(0, 2.0), (1, 1.0)])
    };
    let texts = |buckets: &mut dyn Iterator<Item = super::Bucket<f64>>| {
        buckets.map(|bucket| bucket.to_string()).collect::<Vec<_>>()
    };
    let up = texts(&mut histogram.buckets());
    assert_eq!(up, ["[-1,-0.75):1", "[-0.75,0.75]:4", "(0.75,1]:2", "(1,2]:1"]);
    let mut down = texts(&mut histogram.buckets_back());
    down.reverse();
    assert_eq!(down, up);
}

/// Every line holds what Prometheus' package made of random histograms: two operands and a third,
/// sum and difference, a compensated sum scaled and continued, resets, both trims, two texts, a
/// coarser schema, and what validation says of a damaged copy.
#[test]
fn equals_the_reference_bit_for_bit() {
    for line in include_str!("../../tests/data/histograms.tsv").lines() {
        let columns: Vec<_> = line.split('\t').collect();
        let [a, b, c] = [0, 1, 2].map(|column| read(columns[column]).unwrap());
        let flags = |added: Added| format!("{} {}", added.resets_collided, added.bounds_differed);
        let mut sum = a.clone();
        let added = sum.add(&b);
        sum.compact();
        same(added.is_ok().then_some(&sum), columns[3]);
        assert_eq!(flags(added.unwrap_or_default()), columns[4]);
        let mut difference = a.clone();
        let subtracted = difference.sub(&b);
        difference.compact();
        same(subtracted.is_ok().then_some(&difference), columns[5]);
        same(compensated(&a, &b, &c).ok().as_ref(), columns[6]);
        assert_eq!(format!("{} {}", b.detect_reset(&a), a.detect_reset(&b)), columns[7]);
        for (keep, expected) in [(Keep::Below, columns[9]), (Keep::Above, columns[10])] {
            let mut trimmed = a.clone();
            trimmed.trim(keep, float(columns[8]));
            same(Some(&trimmed), expected);
        }
        assert_eq!(a.to_string(), columns[11]);
        assert_eq!(a.test_expression().to_string(), columns[12]);
        if let Some(expected) = read(columns[14]) {
            let mut coarse = a.clone();
            coarse.reduce_resolution(columns[13].parse().unwrap());
            assert_eq!(coarse, expected);
        }
        let verdict = read(columns[15]).unwrap().validate();
        assert_eq!(
            verdict.map_or_else(|error| error.to_string(), |()| "<nil>".into()),
            columns[16]
        );
    }
}

fn compensated(
    a: &FloatHistogram,
    b: &FloatHistogram,
    c: &FloatHistogram,
) -> Result<FloatHistogram, HistogramError> {
    let mut sum = HistogramSum::new(a.clone());
    sum.add(b)?;
    sum.add(c)?;
    sum.add(a)?;
    sum.mul(0.3);
    sum.add(b)?;
    let mut total = sum.total();
    total.compact();
    Ok(total)
}

fn same(found: Option<&FloatHistogram>, expected: &str) {
    let expected = read(expected);
    assert_eq!(found, expected.as_ref());
    assert_eq!(found.map(|found| found.reset_hint), expected.map(|expected| expected.reset_hint));
}

/// Reads hint, schema, zero threshold, zero count, count, sum, both sides and bounds.
fn read(text: &str) -> Option<FloatHistogram> {
    let fields: Vec<_> = text.split(';').collect();
    let [hint, schema, zero_threshold, zero_count, count, sum, positive, negative, bounds] =
        fields[..]
    else {
        return None;
    };
    let side = |text: &str| -> Buckets<f64> {
        let entries = text.split(',').filter_map(|entry| entry.split_once('='));
        entries.map(|(index, count)| (index.parse().unwrap(), float(count))).collect()
    };
    let hints = [ResetHint::Unknown, ResetHint::Reset, ResetHint::NotReset, ResetHint::Gauge];
    Some(FloatHistogram {
        reset_hint: hints[hint.parse::<usize>().unwrap()],
        schema: schema.parse().unwrap(),
        zero_threshold: float(zero_threshold),
        zero_count: float(zero_count),
        count: float(count),
        sum: float(sum),
        positive: side(positive),
        negative: side(negative),
        custom_bounds: bounds.split(',').filter(|bound| *bound != "-").map(float).collect(),
    })
}

fn float(bits: &str) -> f64 {
    f64::from_bits(u64::from_str_radix(bits, 16).unwrap())
}

#[test]
fn validation_names_what_is_wrong() {
    let valid = Histogram {
        count: 3,
        positive: Buckets { spans: spans(&[(0, 2)]), counts: vec![1, 1] },
        ..Histogram::default()
    };
    let positive = |layout: &[(i32, u32)], counts: &[i64]| Histogram {
        positive: Buckets { spans: spans(layout), counts: counts.to_vec() },
        ..valid.clone()
    };
    let table = [
        (valid.clone(), ""),
        (
            Histogram { schema: 9, ..valid.clone() },
            "histogram has an invalid schema, which must be between -4 and 8 for exponential \
             buckets, or -53 for custom buckets, got schema 9",
        ),
        (
            positive(&[(0, 1), (-1, 1)], &[1, 1]),
            "positive side: span number 2 with offset -1: histogram has a span whose offset is \
             negative",
        ),
        (
            positive(&[(0, 3)], &[1, 1]),
            "positive side: spans need 3 buckets, have 2 buckets: histogram spans specify \
             different number of buckets than provided",
        ),
        (
            positive(&[(0, 2)], &[1, -2]),
            "positive side: bucket number 2 has observation count of -1: histogram has a bucket \
             whose observation count is negative",
        ),
        (
            Histogram { count: 4, ..valid.clone() },
            "3 observations found in buckets, but the Count field is 4: histogram's observation \
             count should equal the number of observations found in the buckets (in absence of \
             NaN)",
        ),
        (
            Histogram { count: 2, sum: f64::NAN, ..valid.clone() },
            "3 observations found in buckets, but the Count field is 2: histogram's observation \
             count should be at least the number of observations found in the buckets",
        ),
        (Histogram { count: 4, sum: f64::NAN, ..valid.clone() }, ""),
        (
            Histogram { custom_bounds: [1.0].into(), ..valid.clone() },
            "histogram with exponential schema must not have custom bounds",
        ),
        (
            Histogram {
                schema: CUSTOM_BUCKETS_SCHEMA,
                custom_bounds: [2.0, 1.0].into(),
                ..valid.clone()
            },
            "custom buckets: previous bound is 2.000000 and current is 1.000000: histogram custom \
             bounds must be in strictly increasing order",
        ),
        (
            Histogram { schema: CUSTOM_BUCKETS_SCHEMA, zero_count: 1, ..positive(&[], &[]) },
            "custom buckets: must have zero count of 0",
        ),
    ];
    for (histogram, expected) in table {
        let found = histogram.validate().map_or_else(|error| error.to_string(), |()| String::new());
        assert_eq!(found, expected);
    }
}

#[test]
fn a_hint_spares_the_look_for_resets() {
    let (low, high) = (exponential(0, &[(0, 1.0)]), exponential(0, &[(0, 2.0)]));
    for (hint, after_high, after_low) in [
        (ResetHint::Unknown, true, false),
        (ResetHint::Gauge, true, false),
        (ResetHint::Reset, true, true),
        (ResetHint::NotReset, false, false),
    ] {
        let current = FloatHistogram { reset_hint: hint, ..low.clone() };
        assert_eq!(current.detect_reset(&high), after_high, "{hint:?}");
        assert_eq!(current.detect_reset(&low), after_low, "{hint:?}");
    }
}

#[test]
fn exponential_and_custom_buckets_do_not_add() {
    let mut histogram = exponential(0, &[(0, 1.0)]);
    let before = histogram.clone();
    let error = histogram.add(&custom(&[1.0], &[(0, 1.0)])).unwrap_err();
    assert_eq!(error, HistogramError::IncompatibleSchemas);
    assert_eq!(histogram, before);
}

#[test]
fn scaling_by_less_than_zero_makes_a_gauge() {
    let mut histogram = exponential(0, &[(0, 2.0)]);
    histogram.mul(-2.0);
    assert_eq!(
        (histogram.reset_hint, entries(&histogram.positive)),
        (ResetHint::Gauge, vec![(0, -4.0)])
    );
    histogram.div(0.0);
    assert_eq!(histogram.to_string(), "{count:-Inf, sum:NaN, [-0,0]:NaN}");
}

#[test]
fn a_mean_survives_the_overflow_of_its_sum() {
    let huge = exponential(0, &[(0, 1.5e308)]);
    let mut sum = HistogramSum::new(huge.clone());
    let mut mean = HistogramMean::new(huge.clone());
    for _ in 0..3 {
        sum.add(&huge).unwrap();
        mean.add(&huge).unwrap();
    }
    assert!(sum.total().has_overflow());
    assert_eq!(entries(&mean.mean().positive), [(0, 1.5e308)]);
}

#[test]
fn a_stale_sum_marks_the_end() {
    assert!(FloatHistogram { sum: STALE_NAN, ..FloatHistogram::default() }.is_stale());
    assert!(!FloatHistogram { sum: f64::NAN, ..FloatHistogram::default() }.is_stale());
}

/// Counts are integers, so that every order of additions gives the same bits.
fn side() -> impl Strategy<Value = Vec<(i32, i64)>> {
    vec((1_i32..6, 0_i64..9), 0..9).prop_map(|steps| {
        let mut index = -9;
        let place = |(step, count)| {
            index += step;
            (index, count)
        };
        steps.into_iter().map(place).collect()
    })
}

fn integers() -> impl Strategy<Value = Histogram> {
    (-4_i32..9, 0_u64..9, any::<bool>(), side(), side()).prop_map(
        |(schema, zero_count, is_wide, mut positive, mut negative)| {
            if is_wide {
                // In every schema, what is up to 1 has an index up to 0.
                positive.retain(|(index, _)| *index > 0);
                negative.retain(|(index, _)| *index > 0);
            }
            let counts = positive.iter().chain(&negative).map(|(_, count)| count.unsigned_abs());
            Histogram {
                schema,
                zero_threshold: if is_wide { 1.0 } else { 0.0 },
                zero_count,
                count: zero_count + counts.sum::<u64>(),
                positive: differences(&positive),
                negative: differences(&negative),
                ..Histogram::default()
            }
        },
    )
}

fn differences(counts: &[(i32, i64)]) -> Buckets<i64> {
    let mut before = 0;
    let difference = |&(index, count): &(i32, i64)| {
        let difference = count - before;
        before = count;
        (index, difference)
    };
    counts.iter().map(difference).collect()
}

fn in_buckets(histogram: &FloatHistogram) -> f64 {
    let counts = histogram.positive.counts.iter().chain(&histogram.negative.counts);
    histogram.zero_count + counts.sum::<f64>()
}

/// Anything at all, spans and counts that do not fit together included.
fn arbitrary() -> impl Strategy<Value = FloatHistogram> {
    let side = || {
        (vec((any::<i32>(), 0_u32..4), 0..4), vec(any::<f64>(), 0..8))
            .prop_map(|(layout, counts)| Buckets { spans: spans(&layout), counts })
    };
    let schema = prop_oneof![Just(CUSTOM_BUCKETS_SCHEMA), -4_i32..9, any::<i32>()];
    let numbers = any::<[f64; 4]>();
    (schema, numbers, side(), side(), vec(any::<f64>(), 0..4)).prop_map(
        |(schema, [zero_threshold, zero_count, count, sum], positive, negative, bounds)| {
            FloatHistogram {
                reset_hint: ResetHint::Unknown,
                schema,
                zero_threshold,
                zero_count,
                count,
                sum,
                positive,
                negative,
                custom_bounds: bounds.into(),
            }
        },
    )
}

proptest! {
    #[test]
    fn random_histograms_are_valid(histogram in integers()) {
        prop_assert_eq!(histogram.validate(), Ok(()));
        prop_assert_eq!(histogram.to_float().validate(), Ok(()));
        prop_assert_eq!(histogram.to_string(), histogram.to_float().to_string());
    }

    #[test]
    fn addition_commutes(a in integers(), b in integers()) {
        let (a, b) = (a.to_float(), b.to_float());
        let (mut left, mut right) = (a.clone(), b.clone());
        left.add(&b).unwrap();
        right.add(&a).unwrap();
        left.compact();
        right.compact();
        prop_assert_eq!(&left, &right);
        prop_assert_eq!(in_buckets(&left), in_buckets(&a) + in_buckets(&b));
    }

    #[test]
    fn compensation_changes_nothing_where_sums_are_exact(a in integers(), b in integers()) {
        let (a, b) = (a.to_float(), b.to_float());
        let mut sum = HistogramSum::new(a.clone());
        let mut plain = a;
        prop_assert_eq!(sum.add(&b), plain.add(&b));
        let mut total = sum.total();
        total.compact();
        plain.compact();
        prop_assert_eq!(total, plain);
    }

    #[test]
    fn a_mean_is_the_sum_divided(all in vec(integers(), 1..6)) {
        let all: Vec<_> = all.iter().map(Histogram::to_float).collect();
        let mut mean = HistogramMean::new(all[0].clone());
        let mut sum = all[0].clone();
        for histogram in &all[1..] {
            mean.add(histogram).unwrap();
            sum.add(histogram).unwrap();
        }
        #[expect(clippy::cast_precision_loss, reason = "a few")]
        sum.div(all.len() as f64);
        let mut mean = mean.mean();
        mean.compact();
        sum.compact();
        prop_assert_eq!(mean, sum);
    }

    #[test]
    fn a_sum_is_no_reset(a in integers(), b in integers()) {
        let (a, b) = (a.to_float(), b.to_float());
        let mut sum = a.clone();
        sum.add(&b).unwrap();
        prop_assert!(!sum.detect_reset(&a));
    }

    #[test]
    fn a_coarser_schema_keeps_all_observations(histogram in integers(), steps in 1_i32..5) {
        let mut coarse = histogram.clone();
        coarse.reduce_resolution(histogram.schema - steps);
        let mut float = histogram.to_float();
        float.reduce_resolution(histogram.schema - steps);
        prop_assert_eq!(&coarse.to_float(), &float);
        prop_assert_eq!(in_buckets(&float), in_buckets(&histogram.to_float()));
    }

    #[test]
    fn compaction_keeps_the_populated_buckets(histogram in integers()) {
        let mut float = histogram.to_float();
        let before = float.to_string();
        float.compact();
        prop_assert_eq!(float.to_string(), before);
        prop_assert!(!float.positive.counts.contains(&0.0));
        let mut compact = histogram;
        compact.compact();
        prop_assert_eq!(compact.to_float(), float);
    }

    #[test]
    fn trims_leave_the_rest(histogram in integers(), value in -9.0..9.0) {
        let whole = histogram.to_float();
        let (mut below, mut above) = (whole.clone(), whole.clone());
        below.trim(Keep::Below, value);
        above.trim(Keep::Above, value);
        let sum = below.count + above.count;
        prop_assert!((sum - whole.count).abs() < 1e-9, "{} of {}", sum, whole.count);
    }

    #[test]
    fn nothing_panics(a in arbitrary(), b in arbitrary(), value in any::<f64>()) {
        let _ = (a.validate(), a.detect_reset(&b), a.to_string(), a.size_bytes());
        let _ = (a.buckets().count(), a.buckets_back().count(), a.test_expression().to_string());
        let (mut sum, mut difference, mut trimmed) = (a.clone(), a.clone(), a.clone());
        let _ = (sum.add(&b), difference.sub(&b));
        trimmed.trim(Keep::Below, value);
        trimmed.trim(Keep::Above, value);
        trimmed.reduce_resolution(b.schema);
        let mut compensated = HistogramSum::new(a.clone());
        let _ = (compensated.add(&b), compensated.add(&a));
        compensated.total().compact();
    }
}
