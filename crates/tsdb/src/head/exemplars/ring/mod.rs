use std::cmp::Ordering;
use std::collections::VecDeque;

use hashbrown::HashMap;
use narthex_model::{EXEMPLAR_LABEL_CHARS_MAX, Exemplar, Labels, Matcher};
use narthex_storage::{ExemplarError, SeriesExemplars, TimeRange};

use crate::ExemplarStats;

/// The exemplars that came last, up to a number of them, whatever series they are of.
///
/// It holds no room for those that have not come yet.
///
/// # Source
///
/// `CircularExemplarStorage` in Prometheus `tsdb/exemplar.go`. Exemplars of one series, time and value
/// are there told apart by a hash of their labels, here by the labels: which of them counts as out of
/// order is arbitrary in both.
#[derive(Debug, Default)]
pub(in crate::head) struct ExemplarRing {
    /// In the order in which they came.
    entries: VecDeque<Entry>,
    /// The number of the first entry. Those that follow are numbered on, modulo 2^32.
    first: u32,
    /// The numbers of each series' exemplars, in order of their times.
    by_series: HashMap<Labels, VecDeque<u32>>,
    count_max: usize,
    /// How much older than the newest of its series an exemplar may be, in milliseconds.
    out_of_order_window_ms: i64,
    appended: u64,
    out_of_order: u64,
}

#[derive(Debug)]
struct Entry {
    series: Labels,
    exemplar: Exemplar,
}

impl ExemplarRing {
    /// Returns a ring for `count_max` exemplars, which may be older than the newest of their series by
    /// less than `out_of_order_window_ms`.
    pub(in crate::head) fn new(count_max: usize, out_of_order_window_ms: i64) -> Self {
        let mut ring = Self::default();
        ring.resize(count_max);
        ring.set_out_of_order_window(out_of_order_window_ms);
        ring
    }

    /// Changes how much older an exemplar may be than the newest of its series.
    pub(in crate::head) fn set_out_of_order_window(&mut self, window_ms: i64) {
        self.out_of_order_window_ms = window_ms.max(0);
    }

    pub(super) fn count_max(&self) -> usize {
        self.count_max
    }

    /// Changes how many exemplars are kept; the oldest go first. Returns how many are there.
    pub(super) fn resize(&mut self, count_max: usize) -> usize {
        // So that no two are numbered alike.
        self.count_max = count_max.min(u32::MAX as usize);
        while self.entries.len() > self.count_max {
            self.evict();
        }
        self.entries.shrink_to(self.count_max);
        self.entries.len()
    }

    /// Returns whether the exemplar is new to its series, if it could be added now.
    pub(super) fn check(
        &self,
        series: &Labels,
        exemplar: &Exemplar,
    ) -> Result<bool, ExemplarError> {
        if exemplar.label_chars() > EXEMPLAR_LABEL_CHARS_MAX {
            return Err(ExemplarError::LabelLength);
        }
        let Some(newest) = self.by_series.get(series).and_then(VecDeque::back) else {
            return Ok(true);
        };
        let newest = self.get(*newest);
        if newest.is_same_event(exemplar) {
            return Ok(false);
        }
        let is_late = match exemplar.timestamp_ms.cmp(&newest.timestamp_ms) {
            Ordering::Less => {
                let oldest_ms = newest.timestamp_ms.saturating_sub(self.out_of_order_window_ms);
                exemplar.timestamp_ms <= oldest_ms
            }
            Ordering::Greater => false,
            // Those of one time come in order, so that a target's buckets are told from a repetition
            // without a look at all of them.
            Ordering::Equal => {
                exemplar.value < newest.value
                    || (exemplar.value == newest.value && exemplar.labels < newest.labels)
            }
        };
        if is_late { Err(ExemplarError::OutOfOrder) } else { Ok(true) }
    }

    /// Adds an exemplar, in place of the one that came first where there is no room. One that the
    /// series has already is left out.
    pub(in crate::head) fn add(
        &mut self,
        series: &Labels,
        exemplar: Exemplar,
    ) -> Result<(), ExemplarError> {
        if self.count_max == 0 {
            return Ok(());
        }
        let is_new = self.check(series, &exemplar).inspect_err(|error| {
            self.out_of_order += u64::from(*error == ExemplarError::OutOfOrder);
        })?;
        if !is_new || self.is_filled(series, exemplar.timestamp_ms) {
            return Ok(());
        }
        if self.entries.len() == self.count_max {
            self.evict();
        }
        let number = self.first.wrapping_add(self.len());
        let place = self.place(series, exemplar.timestamp_ms);
        let known = self.by_series.get_key_value(series).map(|(known, _)| known);
        let series = known.unwrap_or(series).clone();
        self.by_series.entry(series.clone()).or_default().insert(place, number);
        self.make_room();
        self.entries.push_back(Entry { series, exemplar });
        self.appended += 1;
        Ok(())
    }

    /// Returns the exemplars in `range` of the series that meet one of `selectors`.
    pub(super) fn select(
        &self,
        range: TimeRange,
        selectors: &[Vec<Matcher>],
    ) -> Vec<SeriesExemplars> {
        let meets = |labels: &Labels| {
            selectors.iter().any(|matchers| {
                matchers.iter().all(|matcher| matcher.matches(labels.value(matcher.name())))
            })
        };
        let mut found = Vec::new();
        for (labels, numbers) in &self.by_series {
            let time = |number: &u32| self.get(*number).timestamp_ms;
            let start = numbers.partition_point(|number| time(number) < range.min_ms);
            let end = numbers.partition_point(|number| time(number) <= range.max_ms);
            if start < end && meets(labels) {
                let exemplars = numbers.range(start..end);
                let exemplars = exemplars.map(|number| self.get(*number).clone()).collect();
                found.push(SeriesExemplars { labels: labels.clone(), exemplars });
            }
        }
        found.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        found
    }

    /// Returns the exemplars with their series, in the order in which they came.
    pub(in crate::head) fn iter(&self) -> impl Iterator<Item = (&Labels, &Exemplar)> {
        self.entries.iter().map(|entry| (&entry.series, &entry.exemplar))
    }

    pub(super) fn stats(&self) -> ExemplarStats {
        ExemplarStats {
            max: self.count_max as u64,
            stored: self.entries.len() as u64,
            series: self.by_series.len() as u64,
            oldest_ms: self.entries.front().map(|entry| entry.exemplar.timestamp_ms),
            appended: self.appended,
            out_of_order: self.out_of_order,
        }
    }

    /// Returns whether an exemplar that comes out of order finds another one of its time: it is taken
    /// for the same then, as a target may expose it for as long as it likes.
    fn is_filled(&self, series: &Labels, timestamp_ms: i64) -> bool {
        let Some(numbers) = self.by_series.get(series) else { return false };
        let place = self.place(series, timestamp_ms);
        let before = place.checked_sub(1).map(|before| self.get(numbers[before]));
        place < numbers.len() && before.is_some_and(|before| before.timestamp_ms == timestamp_ms)
    }

    /// Returns where an exemplar belongs among those of its series.
    fn place(&self, series: &Labels, timestamp_ms: i64) -> usize {
        self.by_series.get(series).map_or(0, |numbers| {
            numbers.partition_point(|number| self.get(*number).timestamp_ms <= timestamp_ms)
        })
    }

    fn get(&self, number: u32) -> &Exemplar {
        &self.entries[number.wrapping_sub(self.first) as usize].exemplar
    }

    fn len(&self) -> u32 {
        u32::try_from(self.entries.len()).expect("no more than the most of them")
    }

    /// Drops the exemplar that came first.
    fn evict(&mut self) {
        let Some(Entry { series, .. }) = self.entries.pop_front() else { return };
        let number = self.first;
        self.first = self.first.wrapping_add(1);
        let Some(numbers) = self.by_series.get_mut(&series) else { return };
        // Mostly the first one.
        if let Some(index) = numbers.iter().position(|other| *other == number) {
            numbers.remove(index);
        }
        if numbers.is_empty() {
            self.by_series.remove(&series);
        }
    }

    /// Makes room for another entry, and never for more than there can be.
    fn make_room(&mut self) {
        let len = self.entries.len();
        if len == self.entries.capacity() {
            self.entries.reserve_exact(len.max(ENTRIES_FIRST).min(self.count_max - len));
        }
    }
}

/// For how many exemplars there is room at first.
const ENTRIES_FIRST: usize = 64;

#[cfg(test)]
mod tests;
