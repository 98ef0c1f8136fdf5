//! The encoding once more, bit by bit and with no thought for speed: the oracle of the tests. It knows
//! no staleness markers and no custom bounds.

use narthex_model::histogram::{Buckets, FloatHistogram, Histogram, Span};

use crate::xor::plain::{Bits, push_value};
use crate::xor2::plain::push_varbit;

/// A sample: its time, its start, its histogram. All have buckets in the same spans.
pub(super) type Row<H> = (i64, i64, H);

/// Returns the chunk of integer histograms without what is known about a reset.
pub(super) fn encode(with_starts: bool, rows: &[Row<Histogram>]) -> Vec<u8> {
    let first = &rows[0].2;
    let mut out = header(with_starts, rows);
    push_layout(&mut out, first.zero_threshold, first.schema, &first.positive, &first.negative);
    let integers = |row: &Row<Histogram>| -> Vec<i64> {
        let buckets = row.2.positive.counts.iter().chain(&row.2.negative.counts);
        let totals = [row.0, row.2.count.cast_signed(), row.2.zero_count.cast_signed()];
        totals.into_iter().chain(buckets.copied()).collect()
    };
    let mut window = None;
    for (index, row) in rows.iter().enumerate() {
        let before = |back: usize| index.checked_sub(back).map(|index| integers(&rows[index]));
        for (place, number) in integers(row).into_iter().enumerate() {
            let delta =
                |now: i64, before: Option<Vec<i64>>| before.map_or(0, |old| now - old[place]);
            match before(1) {
                None if place == 1 || place == 2 => push_varbit_unsigned(&mut out, number),
                None => push_varbit(&mut out, number),
                Some(last) => {
                    let last = last[place];
                    push_varbit(&mut out, number - last - delta(last, before(2)));
                }
            }
            if place == 2 {
                push_float(
                    &mut out,
                    row.2.sum,
                    before(1).map(|_| rows[index - 1].2.sum),
                    &mut window,
                );
            }
        }
        push_start(&mut out, with_starts, rows, index);
    }
    out.into_bytes()
}

/// Returns the chunk of float histograms without what is known about a reset.
pub(super) fn encode_floats(with_starts: bool, rows: &[Row<FloatHistogram>]) -> Vec<u8> {
    let first = &rows[0].2;
    let mut out = header(with_starts, rows);
    push_layout(&mut out, first.zero_threshold, first.schema, &first.positive, &first.negative);
    let floats = |row: &Row<FloatHistogram>| -> Vec<f64> {
        let buckets = row.2.positive.counts.iter().chain(&row.2.negative.counts);
        let totals = [row.2.count, row.2.zero_count, row.2.sum];
        totals.into_iter().chain(buckets.copied()).collect()
    };
    let mut windows = vec![None; floats(&rows[0]).len()];
    for (index, row) in rows.iter().enumerate() {
        let delta = |index: usize| match index {
            0 => 0,
            _ => rows[index].0 - rows[index - 1].0,
        };
        let time = if index == 0 { row.0 } else { delta(index) - delta(index - 1) };
        push_varbit(&mut out, time);
        for (place, number) in floats(row).into_iter().enumerate() {
            let before = (index > 0).then(|| floats(&rows[index - 1])[place]);
            push_float(&mut out, number, before, &mut windows[place]);
        }
        push_start(&mut out, with_starts, rows, index);
    }
    out.into_bytes()
}

fn first_change<H>(rows: &[Row<H>]) -> Option<usize> {
    (1..rows.len()).find(|&index| index == 127 || rows[index].1 != rows[index - 1].1)
}

fn header<H>(with_starts: bool, rows: &[Row<H>]) -> Bits {
    let mut out = Bits::default();
    out.push(rows.len() as u64, 16);
    out.push(u64::from(with_starts && rows[0].1 != 0), 1);
    out.push(first_change(rows).filter(|_| with_starts).unwrap_or(0) as u64, 7);
    out
}

fn push_layout<N>(
    out: &mut Bits,
    zero_threshold: f64,
    schema: i32,
    positive: &Buckets<N>,
    negative: &Buckets<N>,
) {
    if zero_threshold == 0.0 {
        out.push(0, 8);
    } else {
        out.push(255, 8);
        out.push(zero_threshold.to_bits(), 64);
    }
    push_varbit(out, i64::from(schema));
    for spans in [&positive.spans, &negative.spans] {
        push_varbit_unsigned(out, i64::try_from(spans.len()).expect("a few"));
        for Span { offset, length } in spans {
            push_varbit_unsigned(out, i64::from(*length));
            push_varbit(out, i64::from(*offset));
        }
    }
}

fn push_float(out: &mut Bits, number: f64, before: Option<f64>, window: &mut Option<(u32, u32)>) {
    match before {
        None => out.push(number.to_bits(), 64),
        Some(before) => push_value(out, number.to_bits() ^ before.to_bits(), window),
    }
}

fn push_varbit_unsigned(out: &mut Bits, number: i64) {
    for (ones, size) in [(1, 3), (2, 6), (3, 9), (4, 12), (5, 18), (6, 25), (7, 56)] {
        if (1..1 << size).contains(&number) {
            out.push((1 << (ones + 1)) - 2, ones + 1);
            return out.push(number.cast_unsigned(), size);
        }
    }
    assert_eq!(number, 0, "the tests count less");
    out.push(0, 1);
}

fn push_start<H>(out: &mut Bits, with_starts: bool, rows: &[Row<H>], index: usize) {
    let (time, start, _) = &rows[index];
    if !with_starts {
        return;
    }
    if index == 0 && *start != 0 {
        out.push_signed_varint(time - start);
    }
    if let Some(first_change) = first_change(rows)
        && index >= first_change
    {
        let distance = |index: usize| rows[index - 1].0 - rows[index].1;
        let before = if index == first_change { 0 } else { distance(index - 1) };
        push_varbit(out, distance(index) - before);
    }
}
