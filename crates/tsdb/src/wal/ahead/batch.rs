use std::io;

use super::super::packer::{Unpacked, Unpacker};
use super::super::reader::{Damage, DamageReason};
use super::super::summary::Stretch;
use super::Event;

/// Events on their way.
#[derive(Debug, Default)]
pub(super) struct Batch {
    items: Vec<Item>,
    /// The records one behind the other, compressed.
    packed: Vec<u8>,
    /// How many bytes the records say that they have without.
    told_size: usize,
    unpacker: Unpacker,
}

#[derive(Debug)]
pub(super) enum Item {
    Segment {
        place: usize,
        size: u64,
    },
    /// A record, in so many bytes behind those of the one before.
    Packed {
        size: usize,
        flags: u8,
        offset: u64,
        end: u64,
        was_repaired: bool,
    },
    Record {
        unpacked: Unpacked,
        offset: u64,
        end: u64,
        was_repaired: bool,
    },
    Damage(Damage),
    /// Records that were not read.
    Stretch(Box<Stretch>),
}

impl Batch {
    /// Returns whether a record can be put in, or an event without bytes. A single record always can.
    pub(super) fn has_room(&self, bytes: &[u8], flags: u8) -> bool {
        let size = self.told_size.saturating_add(told_size(bytes, flags));
        self.items.is_empty() || (self.items.len() < ITEMS_MAX && size <= BATCH_SIZE)
    }

    pub(super) fn push(&mut self, item: Item, bytes: &[u8], flags: u8) {
        self.items.push(item);
        self.packed.extend_from_slice(bytes);
        self.told_size = self.told_size.saturating_add(told_size(bytes, flags));
    }

    /// Unpacks all records.
    pub(super) fn unpack(&mut self) {
        let mut rest = &self.packed[..];
        for item in &mut self.items {
            let Item::Packed { size, flags, offset, end, was_repaired } = *item else { continue };
            let (bytes, others) = rest.split_at(size);
            rest = others;
            *item = match self.unpacker.unpack(bytes, flags) {
                Some(unpacked) => {
                    let was_repaired = was_repaired || unpacked.was_repaired;
                    Item::Record { unpacked, offset, end, was_repaired }
                }
                None => Item::Damage(Damage { offset, end, reason: DamageReason::Compression }),
            };
        }
        self.packed.clear();
        // A single record may be much larger than a batch should be.
        self.packed.shrink_to(2 * BATCH_SIZE);
        self.told_size = 0;
    }

    /// Hands out everything and leaves the batch empty. Its records were unpacked.
    pub(super) fn drain(
        &mut self,
        take: &mut impl FnMut(Event<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        for item in self.items.drain(..) {
            match item {
                Item::Segment { place, size } => take(Event::Segment { place, size })?,
                Item::Damage(damage) => take(Event::Damage(damage))?,
                Item::Stretch(stretch) => take(Event::Stretch(&stretch))?,
                Item::Record { unpacked, offset, end, was_repaired } => {
                    let bytes = self.unpacker.get(&unpacked);
                    take(Event::Record { bytes, offset, end, was_repaired })?;
                }
                Item::Packed { .. } => debug_assert!(false, "a batch is unpacked first"),
            }
        }
        self.unpacker.clear(2 * BATCH_SIZE);
        Ok(())
    }
}

/// A record without a size, or with a size that cannot be believed, has a batch of its own.
fn told_size(bytes: &[u8], flags: u8) -> usize {
    Unpacker::told_size(bytes, flags).unwrap_or(BATCH_SIZE).max(bytes.len())
}

/// How many bytes of records a batch has, unless a single record has more.
const BATCH_SIZE: usize = 256 << 10;
/// How many events a batch has at most.
const ITEMS_MAX: usize = 4_096;
