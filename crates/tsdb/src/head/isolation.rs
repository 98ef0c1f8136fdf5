//! Readers see whole commits only.
//!
//! A reader remembers the number of the last commit before it started. Where readers are about, a
//! commit notes how far each series went that it touches; a reader takes the notes of the commits
//! after its own and sees each series up to there. So the cost lies with commits that run beside
//! readers, and a series holds nothing for it. The notes take sixteen bytes a sample for as long as the
//! oldest reader stays: a query of a minute beside 10,000 samples a second holds 10 MB of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::{Condvar, Mutex};

use super::ooo::OutOfOrder;
use super::series::{Extent, Slot};

/// The readers at work.
#[derive(Debug, Default)]
pub(super) struct Readers {
    /// How many there are, by the last commit and the oldest time that they see.
    counts: Mutex<BTreeMap<(u64, i64), usize>>,
    left: Condvar,
}

impl Readers {
    pub(super) fn enter(&self, commit: u64, min_ms: i64) {
        *self.counts.lock().entry((commit, min_ms)).or_default() += 1;
    }

    pub(super) fn leave(&self, commit: u64, min_ms: i64) {
        let mut counts = self.counts.lock();
        if let Some(count) = counts.get_mut(&(commit, min_ms)) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&(commit, min_ms));
                self.left.notify_all();
            }
        }
    }

    /// Waits until no reader sees what is older than `min_ms`. No such reader may come any more.
    pub(super) fn wait_for_those_before(&self, min_ms: i64) {
        let mut counts = self.counts.lock();
        while counts.keys().any(|(_, oldest_ms)| *oldest_ms < min_ms) {
            self.left.wait(&mut counts);
        }
    }

    /// Waits until every reader sees more than the commits up to `commit`. No reader may come any more
    /// that does not.
    pub(super) fn wait_for_those_up_to(&self, commit: u64) {
        let mut counts = self.counts.lock();
        while counts.first_key_value().is_some_and(|((oldest, _), _)| *oldest <= commit) {
            self.left.wait(&mut counts);
        }
    }

    /// Returns the last commit that the oldest reader sees.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.counts.lock().first_key_value().map(|((commit, _), _)| *commit)
    }
}

/// The commits so far, and how far series went before those that some reader must not see.
#[derive(Debug, Default)]
pub(super) struct Commits {
    last: u64,
    notes: VecDeque<Notes>,
}

#[derive(Debug)]
struct Notes {
    commit: u64,
    /// Of a series that is here more than once, the first counts.
    before: Vec<(Slot, Extent)>,
    /// The same of the samples out of order.
    out_of_order: Vec<(Slot, Option<Arc<OutOfOrder>>)>,
}

impl Commits {
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Starts a commit and forgets what no reader needs. Returns whether some reader is about.
    pub(super) fn begin(&mut self, readers: &Readers) -> bool {
        self.last += 1;
        let oldest = readers.oldest();
        while let Some(notes) = self.notes.front()
            && oldest.is_none_or(|oldest| notes.commit <= oldest)
        {
            self.notes.pop_front();
        }
        if oldest.is_some() {
            let (before, out_of_order) = (Vec::new(), Vec::new());
            self.notes.push_back(Notes { commit: self.last, before, out_of_order });
        }
        oldest.is_some()
    }

    /// Notes how far a series goes before the commit that began last touches it.
    pub(super) fn note(&mut self, slot: Slot, before: Extent) {
        if let Some(notes) = self.notes.back_mut() {
            notes.before.push((slot, before));
        }
    }

    /// Notes the out-of-order samples of a series before the commit that began last touches them.
    pub(super) fn note_out_of_order(&mut self, slot: Slot, before: Option<Arc<OutOfOrder>>) {
        if let Some(notes) = self.notes.back_mut() {
            notes.out_of_order.push((slot, before));
        }
    }

    /// Updates what a reader knows of the series that go further now than they did for it.
    pub(super) fn update(&self, seen: &mut Seen) {
        for notes in self.notes.iter().filter(|notes| notes.commit > seen.commit) {
            for &(slot, before) in &notes.before {
                seen.extents.entry(slot).or_insert(before);
            }
            for (slot, before) in &notes.out_of_order {
                seen.out_of_order.entry(*slot).or_insert_with(|| before.clone());
            }
        }
        seen.commit = self.last;
    }
}

/// What a reader knows of the commits that it must not see.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The newest of them, or the last one that the reader sees.
    pub(super) commit: u64,
    /// How far the series went that they touched.
    pub(super) extents: HashMap<Slot, Extent>,
    /// The samples out of order that the series had.
    pub(super) out_of_order: HashMap<Slot, Option<Arc<OutOfOrder>>>,
}
