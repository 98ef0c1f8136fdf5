//! When a histogram fits in a chunk.

use narthex_model::STALE_NAN;
use narthex_model::histogram::{Buckets, CUSTOM_BUCKETS_SCHEMA, Span};

use super::*;
use crate::decode_histograms;
use HistogramAppended::{Appended, Elsewhere, Recoded};
use ResetHint::{Gauge, NotReset, Reset, Unknown};

/// Checks what becomes of `next` behind `first`, once with integer counts and once with floats.
fn check(first: &Histogram, next: &Histogram, expected: HistogramAppended) {
    check_each(first, next, expected, expected);
}

fn check_each(
    first: &Histogram,
    next: &Histogram,
    expected: HistogramAppended,
    of_floats: HistogramAppended,
) {
    check_one(first, next, expected);
    check_one(&first.to_float(), &next.to_float(), of_floats);
}

fn check_one<H: ChunkHistogram>(first: &H, next: &H, expected: HistogramAppended) {
    let start = HistogramStart { reset: HistogramChunk::first_reset(first), ..PLAIN };
    let mut chunk = HistogramChunk::start(start, at(1), first);
    assert_eq!(chunk.append(at(2), next), expected, "{first:?}\n{next:?}");
    let count = if matches!(expected, Elsewhere(_)) { 1 } else { 2 };
    assert_eq!(chunk.sample_count(), count);
}

const BUCKETS: &[(i32, i64)] = &[(0, 6), (1, 3), (4, 3), (8, 2), (9, 4), (13, 0)];

fn usual() -> Histogram {
    histogram(BUCKETS, &[(2, 1)])
}

#[test]
fn buckets() {
    let more = [(0, 6), (1, 3), (2, 1), (4, 3), (8, 2), (9, 4), (13, 0)];
    let fewer = [(0, 6), (1, 3), (4, 3), (8, 2), (9, 9)];
    let both = [(-3, 1), (0, 6), (1, 3), (4, 3), (8, 2), (9, 4), (20, 1)];
    let gone = [(0, 6), (1, 3), (4, 3), (9, 20)];
    let fallen = [(0, 5), (1, 9), (4, 3), (8, 2), (9, 4), (13, 0)];
    for (positive, expected) in [
        (BUCKETS, Appended),
        (&more, Recoded),
        (&fewer, Appended),
        (&both, Recoded),
        (&gone, Elsewhere(Reset)),
        (&fallen, Elsewhere(Reset)),
    ] {
        check(&usual(), &histogram(positive, &[(2, 1)]), expected);
        let gauge = |buckets| Histogram { reset_hint: Gauge, ..histogram(buckets, &[(2, 1)]) };
        let of_gauges = if expected == Recoded { Recoded } else { Appended };
        check(&gauge(BUCKETS), &gauge(positive), of_gauges);
    }
    check(&usual(), &histogram(BUCKETS, &[(2, 0), (3, 4)]), Elsewhere(Reset));
    check(&usual(), &histogram(BUCKETS, &[(2, 1), (3, 4)]), Recoded);
}

#[test]
fn totals_layouts_and_hints() {
    let usual = usual();
    let with = |change: fn(&mut Histogram)| {
        let mut changed = usual.clone();
        changed.count += 1;
        change(&mut changed);
        changed
    };
    check(&usual, &with(|histogram| histogram.count -= 2), Elsewhere(Reset));
    check(&usual, &with(|histogram| histogram.zero_count -= 1), Elsewhere(Reset));
    check(&usual, &with(|histogram| histogram.sum = -5.0), Appended);
    check(&usual, &with(|histogram| histogram.schema = 2), Elsewhere(Unknown));
    check(&usual, &with(|histogram| histogram.zero_threshold = 0.5), Elsewhere(Unknown));
    check(&usual, &with(|histogram| histogram.reset_hint = Reset), Elsewhere(Reset));
    check(&usual, &with(|histogram| histogram.reset_hint = NotReset), Appended);
    check(&usual, &with(|histogram| histogram.reset_hint = Gauge), Elsewhere(Gauge));
    let gauge = with(|histogram| histogram.reset_hint = Gauge);
    check(
        &gauge,
        &with(|histogram| {
            histogram.reset_hint = Gauge;
            histogram.schema = 2;
        }),
        Elsewhere(Gauge),
    );
    check_each(&gauge, &usual, Elsewhere(NotReset), Elsewhere(Unknown));
}

#[test]
fn staleness_markers_end_a_chunk() {
    let stale = Histogram { sum: STALE_NAN, ..Histogram::default() };
    check(&usual(), &stale, Appended);
    check(&stale, &stale, Appended);
    check(&stale, &usual(), Elsewhere(Unknown));
    let gauge = Histogram { reset_hint: Gauge, ..usual() };
    let stale_gauge = Histogram { reset_hint: Gauge, ..stale.clone() };
    check(&gauge, &stale_gauge, Appended);
    check(&stale_gauge, &gauge, Elsewhere(Gauge));
    check_each(&gauge, &stale, Elsewhere(NotReset), Elsewhere(Unknown));
}

#[test]
fn custom_buckets_have_the_same_bounds() {
    let custom = |bounds: &[f64]| Histogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        zero_threshold: 0.0,
        zero_count: 0,
        custom_bounds: bounds.into(),
        ..histogram(&[(0, 3), (1, 2)], &[])
    };
    check(&custom(&[0.5, 1.0]), &custom(&[0.5, 1.0]), Appended);
    check(&custom(&[0.5, 1.0]), &custom(&[0.5, 2.0]), Elsewhere(Reset));
}

/// What the header of a chunk says that is started for its time, not for its samples.
#[test]
fn headers_of_chunks_that_were_cut() {
    fn check(first: &Histogram, next: &Histogram, expected: ResetHint, of_floats: ResetHint) {
        fn reset<H: ChunkHistogram>(first: &H, next: &H) -> ResetHint {
            let start = HistogramStart { reset: HistogramChunk::first_reset(first), ..PLAIN };
            HistogramChunk::start(start, at(1), first).reset_before(next)
        }
        assert_eq!(reset(first, next), expected, "{next:?}");
        assert_eq!(reset(&first.to_float(), &next.to_float()), of_floats, "{next:?}");
    }
    let gauge = Histogram { reset_hint: Gauge, ..usual() };
    let reset = Histogram { reset_hint: Reset, ..usual() };
    let unhinted = Histogram { reset_hint: NotReset, ..usual() };
    let coarser = Histogram { schema: 0, ..usual() };
    check(&usual(), &usual(), NotReset, NotReset);
    check(&usual(), &unhinted, NotReset, NotReset);
    check(&usual(), &histogram(&[(0, 1)], &[]), Reset, Reset);
    check(&usual(), &reset, Reset, Reset);
    check(&usual(), &gauge, Gauge, Gauge);
    check(&gauge, &gauge, Gauge, Gauge);
    check(&gauge, &usual(), NotReset, NotReset);
    check(&usual(), &coarser, Unknown, NotReset);
    assert_eq!(HistogramChunk::first_reset(&unhinted), Unknown);
}

/// The spans of a chunk that is written anew are those of the sample, if it has all buckets.
#[test]
fn spans_of_a_recoded_chunk() {
    let split = |spans: &[(i32, u32)], counts: &[i64]| Buckets {
        spans: spans.iter().map(|&(offset, length)| Span { offset, length }).collect(),
        counts: counts.to_vec(),
    };
    let check = |next: Buckets<i64>, expected: &[(i32, u32)]| {
        let first = histogram(&[(1, 0), (2, 2)], &[(3, 1)]);
        let mut chunk = HistogramChunk::start(PLAIN, at(1), &first);
        let next = Histogram { count: 100, positive: next, ..first };
        assert_eq!(chunk.append(at(2), &next), Recoded);
        let spans = chunk.last().positive.spans;
        let spans: Vec<_> = spans.iter().map(|span| (span.offset, span.length)).collect();
        assert_eq!(spans, expected);
        let mut samples = Vec::<(SampleTime, Histogram)>::new();
        let all = i64::MIN..=i64::MAX;
        decode_histograms(chunk.encoding(), chunk.as_bytes(), all, &mut samples).unwrap();
        assert!(samples[0].1.positive.iter().eq(spread_over(&first_counts(), &samples[1].1)));
    };
    // All of them, in three spans that could be one.
    check(split(&[(1, 1), (0, 1), (0, 0), (0, 1)], &[0, 2, 0]), &[(1, 1), (0, 1), (0, 0), (0, 1)]);
    // The empty bucket is not among them, so all are put in spans anew.
    check(split(&[(2, 1), (0, 1)], &[2, 0]), &[(1, 3)]);
}

fn first_counts() -> [(i32, i64); 2] {
    [(1, 0), (2, 2)]
}

/// Returns differences of these counts in the buckets of a histogram.
fn spread_over(counts: &[(i32, i64)], like: &Histogram) -> Vec<(i32, i64)> {
    let mut before = 0;
    let difference = |(index, _): (i32, i64)| {
        let count = counts.iter().find(|(here, _)| *here == index).map_or(0, |(_, count)| *count);
        let difference = count - before;
        before = count;
        (index, difference)
    };
    like.positive.iter().map(difference).collect()
}

#[test]
fn what_does_not_fit_together_is_taken_as_far_as_both_last() {
    let mut odd = usual();
    odd.positive.counts.truncate(3);
    let chunk = HistogramChunk::start(PLAIN, at(1), &odd);
    assert_eq!(chunk.last(), odd);
    odd.positive.spans.truncate(1);
    let mut chunk = HistogramChunk::start(PLAIN, at(1), &odd);
    odd.positive.counts.truncate(1);
    assert_eq!(
        chunk.append(at(2), &Histogram { reset_hint: Reset, ..odd.clone() }),
        Elsewhere(Reset)
    );
    odd.positive.spans[0] = Span { offset: i32::MAX, length: u32::MAX };
    assert_eq!(chunk.append(at(2), &odd), Elsewhere(Reset));
}
