//! Folds over several windows side by side.
//!
//! The order of additions within a window decides the last bits, and each waits for the one before.
//! Windows do not wait for each other: a lane is a window, and one instruction takes all lanes a
//! sample further.

use crate::neumaier::Lanes;
use crate::window::Spans;

/// Folds columns over each of some windows, oldest sample first, `L` windows at a time.
///
/// `start` makes the state of the windows from a position on: for each window `N` numbers. `add`
/// makes of it, of the number of the samples so far, and of the values that the `M` columns have at
/// the same position of each window, the next state. `finish` gets the final states. Windows without
/// samples keep their start.
///
/// `add` must be the same arithmetic for each lane, without a look at other lanes. The first `skip`
/// samples of each window are left out.
#[inline(always)]
pub(super) fn fold<const L: usize, const M: usize, const N: usize>(
    spans: &Spans,
    columns: [&[f64]; M],
    skip: usize,
    start: impl Fn(usize) -> [Lanes<L>; N],
    add: impl Fn([Lanes<L>; N], f64, [Lanes<L>; M]) -> [Lanes<L>; N],
    mut finish: impl FnMut(usize, [Lanes<L>; N]),
) {
    for position in (0..spans.len()).step_by(L) {
        let mut state = start(position);
        let mut count = skip as f64;
        // PERF: most windows are the one before moved on by a sample, and need no look at each.
        if spans.are_rolling() && position + L <= spans.len() {
            let first = spans.firsts()[position] + skip;
            let len = spans.ends()[position].saturating_sub(first);
            fold_rolling(&mut state, &mut count, columns, (first, len), &add);
            finish(position, state);
            continue;
        }
        let ends: [usize; L] = std::array::from_fn(|lane| spans.ends()[position + lane]);
        let firsts: [usize; L] =
            std::array::from_fn(|lane| ends[lane].min(spans.firsts()[position + lane] + skip));
        let lens: [usize; L] = std::array::from_fn(|lane| ends[lane] - firsts[lane]);
        let shortest = lens.iter().copied().min().unwrap_or(0);
        let longest = lens.iter().copied().max().unwrap_or(0);
        if (1..L).all(|lane| firsts[lane] == firsts[0] + lane) {
            fold_rolling(&mut state, &mut count, columns, (firsts[0], shortest), &add);
        } else {
            let columns = columns.map(|column| firsts.map(|first| &column[first..][..shortest]));
            for index in 0..shortest {
                count += 1.0;
                let values = columns.map(|column| column.map(|values| values[index]));
                state = add(state, count, values);
            }
        }
        for index in shortest..longest {
            count += 1.0;
            let values = columns.map(|column| {
                std::array::from_fn(|lane| {
                    if index < lens[lane] { column[firsts[lane] + index] } else { 0.0 }
                })
            });
            let next = add(state, count, values);
            for (now, next) in state.iter_mut().zip(next) {
                for lane in 0..L {
                    if index < lens[lane] {
                        now[lane] = next[lane];
                    }
                }
            }
        }
        finish(position, state);
    }
}

/// Folds windows of one length, the first of which starts at index `first`: neighbouring samples of
/// neighbouring windows are neighbours themselves.
#[inline(always)]
fn fold_rolling<const L: usize, const M: usize, const N: usize>(
    state: &mut [Lanes<L>; N],
    count: &mut f64,
    columns: [&[f64]; M],
    (first, len): (usize, usize),
    add: impl Fn([Lanes<L>; N], f64, [Lanes<L>; M]) -> [Lanes<L>; N],
) {
    if len == 0 {
        return;
    }
    let columns = columns.map(|column| &column[first..][..len + L - 1]);
    for index in 0..len {
        *count += 1.0;
        let mut values = [[0.0; L]; M];
        for (values, column) in values.iter_mut().zip(columns) {
            values.copy_from_slice(&column[index..index + L]);
        }
        *state = add(*state, *count, values);
    }
}
