//! Reads a log ahead of whoever applies it, in a thread of its own.
//!
//! Reading, checksums and decompression take about as long as what becomes of the records, so two
//! cores share the work: the thread that reads also decompresses what waits, and whoever applies
//! decompresses himself what comes to him as it was read. Records travel in batches of bounded size,
//! whose memory is used again: what is read ahead stays at a few of them, however long the log is.

mod batch;
mod queue;

use std::io;
use std::thread;

use narthex_host::Files;

use super::reader::{Damage, Next, PackedReader};
use super::segment::Segment;
use super::summary::{self, Coverage, Stretch};
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
    /// Records that were not read, as they need not be, unless whoever applies the log knows better.
    Stretch(&'a Stretch),
}

/// Reads the segments, but for what the full chunks of `coverage` have, and calls `take` for what stands
/// in them.
///
/// # Errors
///
/// Where a segment cannot be opened or read: what stands before it was taken. And where `take` fails.
pub(super) fn read_ahead(
    files: &dyn Files,
    segments: &[Segment],
    coverage: &Coverage,
    mut take: impl FnMut(Event<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let queue = Queue::default();
    thread::scope(|scope| {
        let read = || {
            let _end = queue.end_with_this();
            let sink = Sink { queue: &queue, batch: Batch::default() };
            let mut reading = Reading { files, coverage, sink };
            let mut segments = segments.iter().enumerate();
            let outcome = segments.try_for_each(|(place, segment)| reading.read(place, segment));
            let mut sink = reading.sink;
            sink.send();
            queue.unpack_all();
            outcome
        };
        let name = String::from("read-ahead");
        let reader = thread::Builder::new().name(name).spawn_scoped(scope, read)?;
        let _end = queue.end_with_this();
        while let Some(mut batch) = queue.next() {
            batch.drain(&mut take)?;
            queue.give_back(batch);
        }
        reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// What the thread that reads works with.
struct Reading<'a> {
    files: &'a dyn Files,
    coverage: &'a Coverage,
    sink: Sink<'a>,
}

impl Reading<'_> {
    fn read(&mut self, place: usize, segment: &Segment) -> io::Result<()> {
        let Self { files, coverage, sink } = self;
        let file = files.open_read(&segment.path)?;
        let size = file.size()?;
        sink.push(Item::Segment { place, size }, &[], 0);
        let stretches = match (segment.index, segment.path.parent()) {
            (Some(index), Some(dir)) if !coverage.is_over() => {
                summary::read(*files, dir, index, size)
            }
            _ => Vec::new(),
        };
        let mut stretches = stretches.into_iter().peekable();
        let mut reader = PackedReader::new(file);
        loop {
            let next_start = reader.next_start();
            // Behind damage, one may have been missed.
            while stretches.next_if(|stretch| stretch.place.start < next_start).is_some() {}
            if let Some(stretch) = stretches.next_if(|stretch| stretch.place.start == next_start)
                && coverage.has(&stretch)
                && reader.pass_over(&stretch.place, &stretch.header)?
            {
                sink.push(Item::Stretch(Box::new(stretch)), &[], 0);
                // So that few are passed over once it turns out that none should be.
                sink.send();
                continue;
            }
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
