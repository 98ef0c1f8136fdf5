//! Reads a log ahead of whoever applies it, in a thread of its own.
//!
//! Reading, checksums and decompression take about as long as what becomes of the records, so two
//! cores share the work. Records travel in batches of bounded size, whose memory is used again: what
//! is read ahead stays at a few of them, however long the log is.

use std::io;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use narthex_host::Files;

use super::reader::{Damage, Next, SegmentReader};
use super::segment::Segment;

/// What stands in a log, in its order.
#[derive(Debug)]
pub(super) enum Event<'a> {
    /// The segment at this place in the list starts, which has so many bytes.
    Segment { place: usize, size: u64 },
    /// A record that arrived whole.
    Record { bytes: &'a [u8], offset: u64, end: u64, was_repaired: bool },
    /// A stretch that cannot be read.
    Damage(Damage),
}

/// Reads the segments and calls `take` for what stands in them.
///
/// # Errors
///
/// Where a segment cannot be opened or read: what stands before it was taken.
pub(super) fn read_ahead(
    files: &dyn Files,
    segments: &[Segment],
    mut take: impl FnMut(Event<'_>),
) -> io::Result<()> {
    let (filled, batches) = mpsc::sync_channel(BATCHES_AHEAD);
    let (emptied, returned) = mpsc::channel();
    thread::scope(|scope| {
        let mut sink = Sink { filled, returned, batch: Batch::default() };
        let read = move || {
            let mut segments = segments.iter().enumerate();
            let read = |(place, segment): (usize, &Segment)| {
                read_segment(files, place, &segment.path, &mut sink)
            };
            let outcome = segments.try_for_each(read);
            sink.send();
            outcome
        };
        let name = String::from("read-ahead");
        let reader = thread::Builder::new().name(name).spawn_scoped(scope, read)?;
        for mut batch in batches {
            batch.drain(&mut take);
            // Nobody waits for it where the reader is done.
            let _ = emptied.send(batch);
        }
        reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn read_segment(files: &dyn Files, place: usize, path: &Path, sink: &mut Sink) -> io::Result<()> {
    let file = files.open_read(path)?;
    sink.push(Item::Segment { place, size: file.size()? }, &[]);
    let mut reader = SegmentReader::new(file);
    loop {
        let item = match reader.next()? {
            Next::End => return Ok(()),
            Next::Damage(damage) => Item::Damage(damage),
            Next::Record { bytes, offset, end, was_repaired } => {
                sink.push(Item::Record { size: bytes.len(), offset, end, was_repaired }, bytes);
                continue;
            }
        };
        sink.push(item, &[]);
    }
}

/// Events on their way.
#[derive(Debug, Default)]
struct Batch {
    items: Vec<Item>,
    /// The records one behind the other.
    bytes: Vec<u8>,
}

#[derive(Debug)]
enum Item {
    Segment { place: usize, size: u64 },
    Record { size: usize, offset: u64, end: u64, was_repaired: bool },
    Damage(Damage),
}

impl Batch {
    /// Hands out everything and leaves the batch empty.
    fn drain(&mut self, take: &mut impl FnMut(Event<'_>)) {
        let mut rest = &self.bytes[..];
        for item in self.items.drain(..) {
            take(match item {
                Item::Segment { place, size } => Event::Segment { place, size },
                Item::Damage(damage) => Event::Damage(damage),
                Item::Record { size, offset, end, was_repaired } => {
                    let (bytes, others) = rest.split_at(size);
                    rest = others;
                    Event::Record { bytes, offset, end, was_repaired }
                }
            });
        }
        self.bytes.clear();
        // A single record may be much larger than a batch should be.
        self.bytes.shrink_to(2 * BATCH_SIZE);
    }
}

/// Where the reader puts what it finds.
struct Sink {
    filled: SyncSender<Batch>,
    returned: Receiver<Batch>,
    batch: Batch,
}

impl Sink {
    fn push(&mut self, item: Item, bytes: &[u8]) {
        if !self.batch.items.is_empty() && self.batch.bytes.len() + bytes.len() > BATCH_SIZE {
            self.send();
        }
        self.batch.items.push(item);
        self.batch.bytes.extend_from_slice(bytes);
        if self.batch.items.len() >= ITEMS_MAX {
            self.send();
        }
    }

    fn send(&mut self) {
        let next = self.returned.try_recv().unwrap_or_default();
        // The other side takes all that comes, unless it panicked.
        let _ = self.filled.send(std::mem::replace(&mut self.batch, next));
    }
}

/// How many batches wait at most. One more is filled and one is taken apart meanwhile.
const BATCHES_AHEAD: usize = 2;
/// How many bytes of records a batch has, unless a single record has more.
const BATCH_SIZE: usize = 256 << 10;
/// How many events a batch has at most.
const ITEMS_MAX: usize = 4_096;
