//! The texts of labels, laid out so that a label set is compared with several of them at once.

use super::slab::{BufferId, Slab};

/// One label as it lies in a label set. Most are held whole, next to what else is known of the label:
/// a comparison touches no other memory, and has no branch that depends on their size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    /// The first bytes; zeros behind a shorter text.
    head: [u8; HEAD_SIZE],
    size: u32,
    /// All bytes of a text that is longer.
    long: BufferId,
}

impl Text {
    pub(super) fn new(bytes: &[u8], slab: &mut Slab) -> Self {
        let size = u32::try_from(bytes.len()).expect("label sets have a size");
        let mut head = [0; HEAD_SIZE];
        let in_head = &bytes[..bytes.len().min(HEAD_SIZE)];
        head[..in_head.len()].copy_from_slice(in_head);
        let mut long = BufferId::NONE;
        if bytes.len() > HEAD_SIZE {
            long = slab.allocate(bytes.len());
            slab.get_mut(long)[..bytes.len()].copy_from_slice(bytes);
        }
        Self { head, size, long }
    }

    /// Returns the buffer of the texts' slab that it holds; [`BufferId::NONE`] for a short text.
    pub(super) fn buffer(&self) -> BufferId {
        self.long
    }

    pub(super) fn bytes<'a>(&'a self, slab: &'a Slab) -> &'a [u8] {
        let size = self.size as usize;
        if size <= HEAD_SIZE { &self.head[..size] } else { &slab.get(self.long)[..size] }
    }

    /// Returns where the text ends in `bytes`, if it lies there from `start` on. Where it ends behind
    /// their end, it does not.
    #[inline]
    pub(super) fn end_in(&self, bytes: &Padded<'_>, start: usize, slab: &Slab) -> Option<usize> {
        let window = bytes.window(start)?;
        let size = self.size as usize;
        let mask = MASKS[HEAD_SIZE - size.min(HEAD_SIZE)..].first_chunk::<HEAD_SIZE>()?;
        let mut difference = 0;
        for ((ours, theirs), mask) in self.head.iter().zip(window).zip(mask) {
            difference |= (ours ^ theirs) & mask;
        }
        if difference != 0 {
            return None;
        }
        let end = start + size;
        let is_whole = size <= HEAD_SIZE
            || bytes.all.get(start + HEAD_SIZE..end) == slab.get(self.long).get(HEAD_SIZE..size);
        is_whole.then_some(end)
    }
}

/// Bytes of which as many as a text's head can be read from every place on.
pub(super) struct Padded<'a> {
    all: &'a [u8],
    /// Where `tail` starts.
    tail_start: usize,
    /// The last bytes, and zeros.
    tail: [u8; 2 * HEAD_SIZE],
}

impl<'a> Padded<'a> {
    pub(super) fn new(all: &'a [u8]) -> Self {
        let mut tail = [0; 2 * HEAD_SIZE];
        let tail_start = all.len().saturating_sub(HEAD_SIZE);
        match all.last_chunk::<HEAD_SIZE>() {
            Some(last) => tail[..HEAD_SIZE].copy_from_slice(last),
            None => tail[..all.len()].copy_from_slice(all),
        }
        Self { all, tail_start, tail }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    #[inline]
    fn window(&self, start: usize) -> Option<&[u8; HEAD_SIZE]> {
        let rest = self.all.get(start..)?;
        match rest.first_chunk() {
            Some(window) => Some(window),
            None => self.tail.get(start - self.tail_start..)?.first_chunk(),
        }
    }
}

/// With the other fields of a label it fills 64 bytes.
const HEAD_SIZE: usize = 48;

/// As many set bytes as a text has, if read from the right place on.
const MASKS: [u8; 2 * HEAD_SIZE] = {
    let mut masks = [0; 2 * HEAD_SIZE];
    let mut index = 0;
    while index < HEAD_SIZE {
        masks[index] = 0xff;
        index += 1;
    }
    masks
};
