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
    let mut cursors = Cursors::new(sources);
    let mut last_ms = None;
    // Samples that follow each other in one source: first and last time.
    let mut run: Option<(usize, i64, i64)> = None;
    while let Some((source, first_ms, end_ms)) = cursors.next_run(last_ms) {
        last_ms = Some(end_ms);
        run = match run {
            Some((current, start_ms, _)) if current == source => Some((source, start_ms, end_ms)),
            before => {
                append_run(out, sources, before);
                Some((source, first_ms, end_ms))
            }
        };
    }
    append_run(out, sources, run);
}

fn append_run(out: &mut Columns, sources: &[Columns], run: Option<(usize, i64, i64)>) {
    if let Some((source, first_ms, last_ms)) = run {
        merge::append(out, &sources[source], (first_ms, last_ms));
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
    fn new(sources: &'a [Columns]) -> Self {
        let times = sources.iter().map(Columns::timestamps_ms).collect::<Vec<_>>();
        let current = (!times.is_empty()).then_some(0);
        let mut cursors = Self { times, current, queue: Vec::new() };
        for source in 1..cursors.times.len() {
            if !cursors.times[source].is_empty() {
                cursors.push(source);
            }
        }
        cursors
    }

    /// Returns the next samples of one source: which, and the times of the first and the last.
    fn next_run(&mut self, last_ms: Option<i64>) -> Option<(usize, i64, i64)> {
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
                return Some((current, time, times[count - 1]));
            }
            self.push(current);
            self.current = self.pop();
            if let Some(run) = self.take_waiting(last_ms) {
                return Some(run);
            }
        }
    }

    /// Takes the sample that the current source waited with, unless it is of `last_ms`.
    fn take_waiting(&mut self, last_ms: Option<i64>) -> Option<(usize, i64, i64)> {
        let current = self.current?;
        let (time, rest) = self.times[current].split_first()?;
        self.times[current] = rest;
        (Some(*time) != last_ms).then_some((current, *time, *time))
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
