//! Reads a log ahead of whoever applies it, in a thread of its own.
//!
//! Reading, checksums and decompression take about as long as what becomes of the records, so two
//! cores share the work: the thread that reads also decompresses what waits, and whoever applies
//! decompresses himself what comes to him as it was read. Records travel in batches of bounded size,
//! whose memory is used again: what is read ahead stays at a few of them, however long the log is.

mod batch;
mod queue;

use std::io;
use std::path::Path;
use std::thread;

use narthex_host::Files;

use super::reader::{Damage, Next, PackedReader};
use super::segment::Segment;
use batch::{Batch, Item};
use queue::Queue;

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
    let queue = Queue::default();
    thread::scope(|scope| {
        let read = || {
            let _end = queue.end_with_this();
            let mut sink = Sink { queue: &queue, batch: Batch::default() };
            let mut segments = segments.iter().enumerate();
            let outcome = segments.try_for_each(|(place, segment)| {
                read_segment(files, place, &segment.path, &mut sink)
            });
            sink.send();
            queue.unpack_all();
            outcome
        };
        let name = String::from("read-ahead");
        let reader = thread::Builder::new().name(name).spawn_scoped(scope, read)?;
        let _end = queue.end_with_this();
        while let Some(mut batch) = queue.next() {
            batch.drain(&mut take);
            queue.give_back(batch);
        }
        reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn read_segment(
    files: &dyn Files,
    place: usize,
    path: &Path,
    sink: &mut Sink<'_>,
) -> io::Result<()> {
    let file = files.open_read(path)?;
    sink.push(Item::Segment { place, size: file.size()? }, &[], 0);
    let mut reader = PackedReader::new(file);
    loop {
        match reader.next()? {
            Next::End => return Ok(()),
            Next::Damage(damage) => sink.push(Item::Damage(damage), &[], 0),
            Next::Record { bytes, flags, offset, end, was_repaired } => {
                let size = bytes.len();
                let item = Item::Packed { size, flags, offset, end, was_repaired };
                sink.push(item, bytes, flags);
            }
        }
    }
}

/// Where the reader puts what it finds.
struct Sink<'a> {
    queue: &'a Queue,
    batch: Batch,
}

impl Sink<'_> {
    fn push(&mut self, item: Item, bytes: &[u8], flags: u8) {
        if !self.batch.has_room(bytes, flags) {
            self.send();
        }
        self.batch.push(item, bytes, flags);
    }

    fn send(&mut self) {
        self.batch = self.queue.push(std::mem::take(&mut self.batch));
    }
}
