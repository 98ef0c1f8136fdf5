use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::batch::Batch;

/// Batches on their way from who reads them to who applies them, in order. Either unpacks them.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Entry>,
    /// How many batches were applied, so that one can be found that others went before meanwhile.
    taken_count: usize,
    emptied: Vec<Batch>,
    /// Whether one side is gone.
    has_ended: bool,
}

#[derive(Debug)]
enum Entry {
    Packed(Batch),
    /// The reader unpacks it now.
    Underway,
    Unpacked(Batch),
}

/// Ends a queue when it is dropped, be it by a panic.
pub(super) struct EndGuard<'a>(&'a Queue);

impl Queue {
    /// Lets the other side wait no longer once the guard is dropped.
    pub(super) fn end_with_this(&self) -> EndGuard<'_> {
        EndGuard(self)
    }

    /// Adds a batch, and unpacks others while there is no room. Returns an empty one.
    pub(super) fn push(&self, batch: Batch) -> Batch {
        let mut state = self.state.lock();
        while state.waiting.len() >= BATCHES_AHEAD && !state.has_ended {
            match state.take_packed() {
                Some(packed) => state = self.unpack(state, packed),
                None => self.changed.wait(&mut state),
            }
        }
        state.waiting.push_back(Entry::Packed(batch));
        self.changed.notify_one();
        state.emptied.pop().unwrap_or_default()
    }

    /// Unpacks all that wait.
    pub(super) fn unpack_all(&self) {
        let mut state = self.state.lock();
        while !state.has_ended
            && let Some(packed) = state.take_packed()
        {
            state = self.unpack(state, packed);
        }
    }

    /// Returns the next batch, unpacked; `None` behind the last one.
    pub(super) fn next(&self) -> Option<Batch> {
        let mut state = self.state.lock();
        loop {
            match state.waiting.pop_front() {
                // Nobody goes on with one that is under way where the reader panicked.
                None | Some(Entry::Underway) if state.has_ended => return None,
                None => {}
                Some(Entry::Underway) => state.waiting.push_front(Entry::Underway),
                Some(Entry::Unpacked(batch)) => {
                    state.taken_count += 1;
                    self.changed.notify_one();
                    return Some(batch);
                }
                Some(Entry::Packed(mut batch)) => {
                    state.taken_count += 1;
                    self.changed.notify_one();
                    drop(state);
                    batch.unpack();
                    return Some(batch);
                }
            }
            self.changed.wait(&mut state);
        }
    }

    /// Takes a batch back that is empty.
    pub(super) fn give_back(&self, batch: Batch) {
        self.state.lock().emptied.push(batch);
    }

    /// Unpacks a batch and puts it back.
    fn unpack<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        (number, mut batch): (usize, Batch),
    ) -> MutexGuard<'a, State> {
        drop(state);
        batch.unpack();
        let mut state = self.state.lock();
        // It waits still, as nobody takes one that is under way.
        let index = number - state.taken_count;
        state.waiting[index] = Entry::Unpacked(batch);
        self.changed.notify_one();
        state
    }
}

impl State {
    /// Takes the first batch that is packed out of its place. Returns it with its number.
    fn take_packed(&mut self) -> Option<(usize, Batch)> {
        self.waiting.iter_mut().zip(self.taken_count..).find_map(|(entry, number)| {
            match std::mem::replace(entry, Entry::Underway) {
                Entry::Packed(batch) => Some((number, batch)),
                other => {
                    *entry = other;
                    None
                }
            }
        })
    }
}

impl Drop for EndGuard<'_> {
    fn drop(&mut self) {
        self.0.state.lock().has_ended = true;
        self.0.changed.notify_one();
    }
}

/// How many batches wait at most. One more is filled and one is taken apart meanwhile.
const BATCHES_AHEAD: usize = 4;
