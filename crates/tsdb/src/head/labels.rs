//! The labels of all series, each text held once.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use narthex_model::{EncodedLabel, Labels};

use super::slab::{BUFFER_SIZE_MAX, BufferId, Slab};
use super::texts::{Padded, Text};

/// Numbers labels, each of which is a name with a value. The number of a label that no series has any
/// more is given out again.
pub(super) type LabelId = u32;

/// Numbers the names of labels.
pub(super) type NameId = u32;

/// Labels by their ids.
#[derive(Debug, Default)]
pub(super) struct LabelTable {
    entries: Vec<Entry>,
    free: Vec<LabelId>,
    by_text: HashTable<LabelId>,
    names: Vec<Box<str>>,
    by_name: HashMap<Box<str>, NameId>,
    hasher: DefaultHashBuilder,
    /// Holds long texts.
    slab: Slab,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    text: Text,
    name: NameId,
    /// How many label sets have it.
    set_count: u32,
}

impl LabelTable {
    pub(super) fn get(&self, id: LabelId) -> EncodedLabel<'_> {
        EncodedLabel::from_text(self.text(id))
    }

    /// Returns the number of a label's name.
    pub(super) fn name_of(&self, id: LabelId) -> NameId {
        self.entries[id as usize].name
    }

    /// Returns the name with this number.
    pub(super) fn name(&self, id: NameId) -> &str {
        &self.names[id as usize]
    }

    /// Returns the number of a name that some label has.
    pub(super) fn find_name(&self, name: &str) -> Option<NameId> {
        self.by_name.get(name).copied()
    }

    /// Returns the label with this name and value, where some series has it.
    pub(super) fn find(&self, name: &str, value: &str) -> Option<LabelId> {
        let mut buffer = String::with_capacity(name.len() + value.len() + 2);
        let label = EncodedLabel::encode(name, value, &mut buffer);
        self.find_text(label.as_str(), self.hasher.hash_one(label.as_str()))
    }

    /// Returns the names and values of all labels, in no order.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let ids = self.by_text.iter();
        ids.flat_map(|id| <[&str; 2]>::from(self.get(*id).split()))
    }

    /// Returns the place of each label, by its id, among all labels in order of names and values.
    pub(super) fn places(&self) -> Vec<u32> {
        let mut ids = self.by_text.iter().copied().collect::<Vec<_>>();
        ids.sort_unstable_by(|a, b| self.get(*a).split().cmp(&self.get(*b).split()));
        let mut places = vec![0; self.entries.len()];
        for (place, id) in (0..).zip(ids) {
            places[id as usize] = place;
        }
        places
    }

    /// Stores a label set in a buffer.
    pub(super) fn intern(&mut self, labels: &Labels, slab: &mut Slab) -> BufferId {
        let buffer = slab.allocate(labels.len() * ID_SIZE);
        // The end of the set is told by ids that name no label.
        slab.get_mut(buffer).fill(0xff);
        for (place, label) in labels.encoded_labels().enumerate() {
            let id = self.intern_one(label);
            let place = place * ID_SIZE..(place + 1) * ID_SIZE;
            slab.get_mut(buffer)[place].copy_from_slice(&id.to_le_bytes());
        }
        buffer
    }

    /// Gives back a label set of [`LabelTable::intern`].
    pub(super) fn release(&mut self, buffer: BufferId, slab: &mut Slab) {
        for label in label_ids(slab.get(buffer)) {
            let entry = &mut self.entries[label as usize];
            entry.set_count -= 1;
            if entry.set_count == 0 {
                let long = entry.text.buffer();
                let hash = self.hasher.hash_one(self.text(label));
                if let Ok(found) = self.by_text.find_entry(hash, |item| *item == label) {
                    found.remove();
                }
                self.slab.free(long);
                self.free.push(label);
            }
        }
        slab.free(buffer);
    }

    /// Returns whether the label set in `buffer`, one of [`LabelTable::intern`], is `labels`.
    pub(super) fn is_set(&self, buffer: &[u8], labels: &Labels) -> bool {
        let bytes = Padded::new(labels.as_bytes());
        let mut end = 0;
        for id in label_ids(buffer) {
            match self.entries[id as usize].text.end_in(&bytes, end, &self.slab) {
                Some(after) => end = after,
                None => return false,
            }
        }
        end == bytes.len()
    }

    fn intern_one(&mut self, label: EncodedLabel<'_>) -> LabelId {
        let hash = self.hasher.hash_one(label.as_str());
        let id = self.find_text(label.as_str(), hash).unwrap_or_else(|| self.add(label, hash));
        self.entries[id as usize].set_count += 1;
        id
    }

    #[cold]
    fn add(&mut self, label: EncodedLabel<'_>, hash: u64) -> LabelId {
        let name = self.intern_name(label.split().0);
        let text = Text::new(label.as_str().as_bytes(), &mut self.slab);
        let entry = Entry { text, name, set_count: 0 };
        let id = match self.free.pop() {
            Some(id) => {
                self.entries[id as usize] = entry;
                id
            }
            None => {
                self.entries.push(entry);
                LabelId::try_from(self.entries.len() - 1).expect("memory ends before")
            }
        };
        let Self { entries, by_text, hasher, slab, .. } = self;
        let rehash = |id: &LabelId| hasher.hash_one(text_of(&entries[*id as usize], slab));
        by_text.insert_unique(hash, id, rehash);
        id
    }

    fn intern_name(&mut self, name: &str) -> NameId {
        self.find_name(name).unwrap_or_else(|| {
            let id = NameId::try_from(self.names.len()).expect("memory ends before");
            self.names.push(name.into());
            self.by_name.insert(name.into(), id);
            id
        })
    }

    fn find_text(&self, text: &str, hash: u64) -> Option<LabelId> {
        self.by_text.find(hash, |id| self.bytes(*id) == text.as_bytes()).copied()
    }

    fn text(&self, id: LabelId) -> &str {
        text_of(&self.entries[id as usize], &self.slab)
    }

    #[inline]
    fn bytes(&self, id: LabelId) -> &[u8] {
        self.entries[id as usize].text.bytes(&self.slab)
    }
}

fn text_of<'a>(entry: &'a Entry, slab: &'a Slab) -> &'a str {
    str::from_utf8(entry.text.bytes(slab)).expect("a text was stored")
}

/// Returns the ids of the label set in `buffer`, in order of the labels' names.
#[inline]
pub(super) fn label_ids(buffer: &[u8]) -> impl Iterator<Item = LabelId> + Clone {
    let ids = buffer.as_chunks::<ID_SIZE>().0.iter().map(|bytes| LabelId::from_le_bytes(*bytes));
    ids.take_while(|id| *id != NO_LABEL)
}

const ID_SIZE: usize = size_of::<LabelId>();
const NO_LABEL: LabelId = LabelId::MAX;

/// The most bytes that the labels of a series can have. It keeps their number, each of which takes
/// three bytes at the least, below what a buffer holds.
pub(super) const LABELS_SIZE_MAX: usize = BUFFER_SIZE_MAX / 2;
