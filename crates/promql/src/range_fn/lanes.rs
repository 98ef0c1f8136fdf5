//! Folds over several windows side by side.
//!
//! The order of additions within a window decides the last bits, and each waits for the one before.
//! Windows do not wait for each other: a lane is a window, and one instruction takes all lanes a
//! sample further.

use crate::neumaier::Lanes;
use crate::window::Batch;

/// Folds columns over each window of a batch, oldest sample first, `L` windows at a time.
///
/// `start` makes the state of the windows from a position of the batch on: for each window `N`
/// numbers. `add` makes of it, and of the values that the `M` columns have at the same position of
/// each window, the next state; the position comes with them. `finish` gets the final states.
/// Windows without samples keep their start.
///
/// `add` must be the same arithmetic for each lane, without a look at other lanes. The first `skip`
/// samples of each window are left out.
#[inline(always)]
pub(super) fn fold<const L: usize, const M: usize, const N: usize>(
    batch: &Batch<'_, '_>,
    columns: [&[f64]; M],
    skip: usize,
    start: impl Fn(usize) -> [Lanes<L>; N],
    add: impl Fn([Lanes<L>; N], f64, [Lanes<L>; M]) -> [Lanes<L>; N],
    mut finish: impl FnMut(usize, [Lanes<L>; N]),
) {
    for position in (0..batch.len()).step_by(L) {
        let chosen = position..position + L;
        let mut firsts = [0; L];
        let mut ends = [0; L];
        firsts.copy_from_slice(&batch.firsts()[chosen.clone()]);
        ends.copy_from_slice(&batch.ends()[chosen]);
        for lane in 0..L {
            firsts[lane] = ends[lane].min(firsts[lane] + skip);
        }
        let lens: [usize; L] = std::array::from_fn(|lane| ends[lane] - firsts[lane]);
        let shortest = lens.iter().copied().min().unwrap_or(0);
        let longest = lens.iter().copied().max().unwrap_or(0);
        let mut state = start(position);
        let mut count = skip as f64;
        if (1..L).all(|lane| firsts[lane] == firsts[0] + lane) {
            // Neighbouring samples of neighbouring windows are neighbours themselves.
            let columns = columns.map(|column| &column[firsts[0]..][..shortest + L - 1]);
            for index in 0..shortest {
                count += 1.0;
                let mut values = [[0.0; L]; M];
                for (values, column) in values.iter_mut().zip(columns) {
                    values.copy_from_slice(&column[index..index + L]);
                }
                state = add(state, count, values);
            }
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
