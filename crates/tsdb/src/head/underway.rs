use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Condvar, Mutex};

use super::Head;

/// The commits that are on their way from the log to the series.
#[derive(Debug, Default)]
pub(super) struct Commits {
    /// How many there are, by the times of their oldest samples.
    counts: Mutex<BTreeMap<i64, usize>>,
    ended: Condvar,
    /// Whether no other may begin. Changed by who holds the counts.
    is_paused: AtomicBool,
}

/// Held while no commit is underway.
pub(super) struct Paused<'a> {
    head: &'a Head,
}

/// Held while a commit is underway.
pub(super) struct Underway<'a> {
    head: &'a Head,
    oldest_ms: i64,
}

impl Head {
    /// Lets a commit begin whose oldest sample is of `oldest_ms`. `None` where that is older than the
    /// head takes by now.
    pub(super) fn enter_commit(&self, oldest_ms: i64) -> Option<Underway<'_>> {
        // Locked first: whoever seals the head looks here after it did.
        let mut counts = self.underway.counts.lock();
        while self.underway.is_paused.load(Ordering::Relaxed) {
            self.underway.ended.wait(&mut counts);
        }
        if self.state.read().sealed_ms.is_some_and(|sealed_ms| oldest_ms < sealed_ms) {
            return None;
        }
        *counts.entry(oldest_ms).or_default() += 1;
        Some(Underway { head: self, oldest_ms })
    }

    /// Waits until no commit is underway, and lets none begin. One at a time may do so.
    pub(super) fn pause_commits(&self) -> Paused<'_> {
        let mut counts = self.underway.counts.lock();
        self.underway.is_paused.store(true, Ordering::Relaxed);
        while !counts.is_empty() {
            self.underway.ended.wait(&mut counts);
        }
        Paused { head: self }
    }

    /// Returns the time before which samples are taken out of order alone, if at all.
    pub(super) fn sealed_ms(&self) -> i64 {
        self.state.read().sealed_ms.unwrap_or(i64::MIN)
    }

    /// Takes no samples any more that are older than `end_ms`, and waits for the commits that have
    /// some.
    pub(crate) fn seal(&self, end_ms: i64) {
        {
            let mut state = self.state.write();
            state.sealed_ms = state.sealed_ms.max(Some(end_ms));
        }
        let mut counts = self.underway.counts.lock();
        while counts.first_key_value().is_some_and(|(oldest_ms, _)| *oldest_ms < end_ms) {
            self.underway.ended.wait(&mut counts);
        }
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        let _counts = self.head.underway.counts.lock();
        self.head.underway.is_paused.store(false, Ordering::Relaxed);
        self.head.underway.ended.notify_all();
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        let mut counts = self.head.underway.counts.lock();
        if let Some(count) = counts.get_mut(&self.oldest_ms) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.oldest_ms);
                self.head.underway.ended.notify_all();
            }
        }
    }
}
