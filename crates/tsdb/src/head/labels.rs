//! The labels of all series, each text held once.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use narthex_model::{EncodedLabel, Labels};

use super::slab::{BUFFER_SIZE_MAX, BufferId, Slab};

/// Numbers labels, each of which is a name with a value.
pub(super) type LabelId = u32;

/// Numbers the names of labels.
pub(super) type NameId = u32;

/// Labels by their ids.
#[derive(Debug, Default)]
pub(super) struct LabelTable {
    entries: Vec<Entry>,
    by_text: HashTable<LabelId>,
    names: Vec<Box<str>>,
    by_name: HashMap<Box<str>, NameId>,
    hasher: DefaultHashBuilder,
    /// The labels behind each other, as label sets hold them.
    text: String,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: usize,
    size: u32,
    name: NameId,
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
        let label = Labels::from_pairs([(name, value)]);
        let label = label.encoded_labels().next()?;
        self.find_text(label.as_str(), self.hasher.hash_one(label.as_str()))
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

    /// Returns whether the label set in `buffer`, one of [`LabelTable::intern`], is `labels`.
    pub(super) fn is_set(&self, buffer: &[u8], labels: &Labels) -> bool {
        let mut rest = labels.as_bytes();
        for id in label_ids(buffer) {
            match rest.strip_prefix(self.text(id).as_bytes()) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        rest.is_empty()
    }

    fn intern_one(&mut self, label: EncodedLabel<'_>) -> LabelId {
        let hash = self.hasher.hash_one(label.as_str());
        self.find_text(label.as_str(), hash).unwrap_or_else(|| self.add(label, hash))
    }

    #[cold]
    fn add(&mut self, label: EncodedLabel<'_>, hash: u64) -> LabelId {
        let name = self.intern_name(label.split().0);
        let size = u32::try_from(label.as_str().len()).expect("label sets have a size");
        self.entries.push(Entry { start: self.text.len(), size, name });
        self.text.push_str(label.as_str());
        let id = LabelId::try_from(self.entries.len() - 1).expect("memory ends before");
        let Self { entries, by_text, hasher, text, .. } = self;
        let rehash = |id: &LabelId| hasher.hash_one(text_of(entries[*id as usize], text));
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
        self.by_text.find(hash, |id| self.text(*id) == text).copied()
    }

    #[inline]
    fn text(&self, id: LabelId) -> &str {
        text_of(self.entries[id as usize], &self.text)
    }
}

#[inline]
fn text_of(entry: Entry, text: &str) -> &str {
    &text[entry.start..entry.start + entry.size as usize]
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
