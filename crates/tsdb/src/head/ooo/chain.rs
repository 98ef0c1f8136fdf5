use narthex_chunk::Columns;

use crate::merge;

/// Appends the samples of several sources to `out`, in order of their times, each of which comes once.
///
/// # Source
///
/// `chainSampleIterator` in Prometheus' `storage/merge.go`, to the letter: it is its queue that decides
/// which of two samples with one time is kept, and the way from source to source what is known of
/// resets between histograms.
pub(super) fn chain(sources: &[Columns], out: &mut Columns) {
    let times = sources.iter().map(Columns::timestamps_ms).collect();
    for Run { source, first_ms, last_ms } in Runs::new(times) {
        merge::append(out, &sources[source], (first_ms, last_ms));
    }
}

/// Samples that follow each other in one source: the times of the first and of the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) source: usize,
    pub(super) first_ms: i64,
    pub(super) last_ms: i64,
}

/// The way through several sources, in order of their times.
pub(super) struct Runs<'a> {
    cursors: Cursors<'a>,
    last_ms: Option<i64>,
    /// It may go on.
    open: Option<Run>,
}

impl<'a> Runs<'a> {
    /// `times` are those of each source, which rise.
    pub(super) fn new(times: Vec<&'a [i64]>) -> Self {
        Self { cursors: Cursors::new(times), last_ms: None, open: None }
    }
}

impl Iterator for Runs<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        while let Some(next) = self.cursors.next_run(self.last_ms) {
            self.last_ms = Some(next.last_ms);
            match &mut self.open {
                Some(open) if open.source == next.source => open.last_ms = next.last_ms,
                open => {
                    if let Some(before) = open.replace(next) {
                        return Some(before);
                    }
                }
            }
        }
        self.open.take()
    }
}

/// How far each source was read.
struct Cursors<'a> {
    /// What is left of each source. That of a source in the queue starts with the sample that it waits
    /// with.
    times: Vec<&'a [i64]>,
    /// The source that is read.
    current: Option<usize>,
    /// The others, as a binary heap: where times are equal, their order is that of Go's.
    queue: Vec<usize>,
}

impl<'a> Cursors<'a> {
    fn new(times: Vec<&'a [i64]>) -> Self {
        let current = (!times.is_empty()).then_some(0);
        let mut cursors = Self { times, current, queue: Vec::new() };
        for source in 1..cursors.times.len() {
            if !cursors.times[source].is_empty() {
                cursors.push(source);
            }
        }
        cursors
    }

    /// Returns the next samples of one source. `last_ms` is the time of the last one so far.
    fn next_run(&mut self, last_ms: Option<i64>) -> Option<Run> {
        loop {
            let current = self.current?;
            let times = self.times[current];
            let Some(&time) = times.first() else {
                self.current = self.pop();
                if let Some(run) = self.take_waiting(last_ms) {
                    return Some(run);
                }
                continue;
            };
            if Some(time) == last_ms {
                self.times[current] = &times[1..];
                continue;
            }
            let count = match self.queue.first() {
                None => times.len(),
                Some(&top) => {
                    let bound = self.times[top][0];
                    times.partition_point(|time| *time < bound)
                }
            };
            if count > 0 {
                self.times[current] = &times[count..];
                let last_ms = times[count - 1];
                return Some(Run { source: current, first_ms: time, last_ms });
            }
            self.push(current);
            self.current = self.pop();
            if let Some(run) = self.take_waiting(last_ms) {
                return Some(run);
            }
        }
    }

    /// Takes the sample that the current source waited with, unless it is of `last_ms`.
    fn take_waiting(&mut self, last_ms: Option<i64>) -> Option<Run> {
        let source = self.current?;
        let (&time, rest) = self.times[source].split_first()?;
        self.times[source] = rest;
        let run = Run { source, first_ms: time, last_ms: time };
        (Some(time) != last_ms).then_some(run)
    }

    fn time(&self, place: usize) -> i64 {
        self.times[self.queue[place]][0]
    }

    fn push(&mut self, source: usize) {
        self.queue.push(source);
        let mut place = self.queue.len() - 1;
        while place > 0 && self.time(place) < self.time((place - 1) / 2) {
            self.queue.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
    }

    fn pop(&mut self) -> Option<usize> {
        let last = self.queue.len().checked_sub(1)?;
        self.queue.swap(0, last);
        let source = self.queue.pop();
        let mut place = 0;
        loop {
            let (left, right) = (2 * place + 1, 2 * place + 2);
            if left >= last {
                return source;
            }
            let is_right = right < last && self.time(right) < self.time(left);
            let child = if is_right { right } else { left };
            if self.time(child) >= self.time(place) {
                return source;
            }
            self.queue.swap(place, child);
            place = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use narthex_chunk::Columns;
    use proptest::prelude::*;

    use super::chain;

    fn columns(samples: &[(i64, f64)]) -> Columns {
        let mut columns = Columns::default();
        samples.iter().for_each(|(time, value)| columns.push(*time, *value));
        columns
    }

    fn chained(sources: &[&[(i64, f64)]]) -> Vec<(i64, f64)> {
        let sources = sources.iter().map(|samples| columns(samples)).collect::<Vec<_>>();
        let mut out = Columns::default();
        chain(&sources, &mut out);
        out.iter().map(|sample| (sample.timestamp_ms, sample.value)).collect()
    }

    #[test]
    fn of_equal_times_the_source_that_waits_is_kept() {
        let (first, second): (&[_], &[_]) = (&[(10, 0.0), (20, 0.0)], &[(10, 1.0), (20, 1.0)]);
        assert_eq!(chained(&[first, second]), [(10, 1.0), (20, 1.0)]);
        assert_eq!(chained(&[first, &[(5, 1.0), (10, 1.0)]]), [(5, 1.0), (10, 0.0), (20, 0.0)]);
        assert_eq!(chained(&[&[], second]), second);
        assert_eq!(chained(&[]), []);
    }

    proptest! {
        #[test]
        fn all_times_come_once_in_order(
            sources in prop::collection::vec(prop::collection::btree_set(0_i64..50, 0..20), 0..6),
        ) {
            let number = |source: usize| f64::from(u32::try_from(source).unwrap());
            let columns = sources.iter().enumerate().map(|(source, times)| {
                columns(&times.iter().map(|time| (*time, number(source))).collect::<Vec<_>>())
            });
            let mut out = Columns::default();
            chain(&columns.collect::<Vec<_>>(), &mut out);
            let mut expected = BTreeMap::<i64, Vec<f64>>::new();
            for (source, times) in sources.iter().enumerate() {
                times.iter().for_each(|time| expected.entry(*time).or_default().push(number(source)));
            }
            prop_assert_eq!(out.timestamps_ms(), expected.keys().copied().collect::<Vec<_>>());
            for sample in out.iter() {
                prop_assert!(expected[&sample.timestamp_ms].contains(&sample.value));
            }
        }
    }
}
