use narthex_chunk::{ChunkHistogram, Encoding, HistogramChunk, Xor2Appender, XorAppender};
use narthex_model::SampleTime;
use narthex_model::histogram::{FloatHistogram, Histogram};

use super::slab::{BufferId, Slab};
use super::value::Kind;
use crate::sample::Value;
use crate::wal::record::SnapshotChunk;

/// A chunk that takes samples.
#[derive(Debug)]
pub(super) enum Open {
    /// None yet.
    None,
    Xor {
        appender: XorAppender,
        buffer: BufferId,
    },
    Xor2(Box<OpenXor2>),
    Histogram(Box<OpenHistograms<Histogram>>),
    FloatHistogram(Box<OpenHistograms<FloatHistogram>>),
}

#[derive(Debug)]
pub(super) struct OpenXor2 {
    appender: Xor2Appender,
    buffer: BufferId,
    last: f64,
}

#[derive(Debug)]
pub(super) struct OpenHistograms<H: ChunkHistogram> {
    pub(super) chunk: HistogramChunk<H>,
    /// As it came: in the chunk it may have more buckets.
    pub(super) last: H,
    /// Whether the end of the chunk was predicted.
    pub(super) is_predicted: bool,
}

/// Either kind of histogram.
pub(super) trait HeadHistogram: ChunkHistogram {
    /// Returns the open chunk, where it is one of this kind.
    fn of(open: &mut Open) -> Option<&mut OpenHistograms<Self>>;
    fn open(chunk: OpenHistograms<Self>) -> Open;
}

impl HeadHistogram for Histogram {
    fn of(open: &mut Open) -> Option<&mut OpenHistograms<Self>> {
        match open {
            Open::Histogram(chunk) => Some(chunk),
            _ => None,
        }
    }

    fn open(chunk: OpenHistograms<Self>) -> Open {
        Open::Histogram(Box::new(chunk))
    }
}

impl HeadHistogram for FloatHistogram {
    fn of(open: &mut Open) -> Option<&mut OpenHistograms<Self>> {
        match open {
            Open::FloatHistogram(chunk) => Some(chunk),
            _ => None,
        }
    }

    fn open(chunk: OpenHistograms<Self>) -> Open {
        Open::FloatHistogram(Box::new(chunk))
    }
}

impl Open {
    /// Returns a chunk of floats without a sample.
    pub(super) fn floats(encoding: Encoding, slab: &mut Slab) -> Self {
        let buffer = slab.allocate(FIRST_SIZE);
        match encoding == Encoding::Xor2 {
            false => Self::Xor { appender: XorAppender::new(), buffer },
            true => {
                let appender = Xor2Appender::new();
                Self::Xor2(Box::new(OpenXor2 { appender, buffer, last: 0.0 }))
            }
        }
    }

    /// Returns the chunk of these bytes, which takes no samples of another kind; `None` where they are
    /// none.
    pub(super) fn resume(chunk: &SnapshotChunk<'_>, slab: &mut Slab) -> Option<Self> {
        let SnapshotChunk { encoding, bytes, .. } = *chunk;
        let open = match (encoding, &chunk.last) {
            (Encoding::Xor, Value::Float(_)) => {
                let appender = XorAppender::resume(bytes).ok()?;
                Self::Xor { appender, buffer: store(bytes, slab) }
            }
            (Encoding::Xor2, Value::Float(last)) => {
                let appender = Xor2Appender::resume(bytes).ok()?;
                Self::Xor2(Box::new(OpenXor2 { appender, buffer: store(bytes, slab), last: *last }))
            }
            (_, Value::Histogram(last)) => resume_histograms(encoding, bytes, &**last)?,
            (_, Value::FloatHistogram(last)) => resume_histograms(encoding, bytes, &**last)?,
            _ => return None,
        };
        let is_whole = open.newest_ms() == Some(chunk.max_ms) && open.size() == bytes.len();
        if !is_whole {
            open.free(slab);
            return None;
        }
        Some(open)
    }

    /// Returns the value of the newest sample in a chunk of floats.
    pub(super) fn last_float(&self) -> Option<f64> {
        match self {
            Self::Xor { appender, .. } => appender.last().map(|(_, last)| last),
            Self::Xor2(open) => Some(open.last),
            Self::None | Self::Histogram(_) | Self::FloatHistogram(_) => None,
        }
    }

    /// Returns the value of the newest sample.
    pub(super) fn last_value(&self) -> Option<Value> {
        Some(match self {
            Self::None => return None,
            Self::Xor { appender, .. } => Value::Float(appender.last()?.1),
            Self::Xor2(open) => Value::Float(open.last),
            Self::Histogram(open) => Value::Histogram(Box::new(open.last.clone())),
            Self::FloatHistogram(open) => Value::FloatHistogram(Box::new(open.last.clone())),
        })
    }

    pub(super) fn newest_ms(&self) -> Option<i64> {
        match self {
            Self::None => None,
            Self::Xor { appender, .. } => appender.last().map(|(newest_ms, _)| newest_ms),
            Self::Xor2(open) => open.appender.last_time().map(|time| time.timestamp_ms),
            Self::Histogram(open) => Some(open.chunk.last_time().timestamp_ms),
            Self::FloatHistogram(open) => Some(open.chunk.last_time().timestamp_ms),
        }
    }

    pub(super) fn sample_count(&self) -> u16 {
        match self {
            Self::None => 0,
            Self::Xor { appender, .. } => appender.sample_count(),
            Self::Xor2(open) => open.appender.sample_count(),
            Self::Histogram(open) => open.chunk.sample_count(),
            Self::FloatHistogram(open) => open.chunk.sample_count(),
        }
    }

    /// Returns the size of the chunk in bytes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Xor { appender, .. } => appender.size_bytes(),
            Self::Xor2(open) => open.appender.size_bytes(),
            Self::Histogram(open) => open.chunk.as_bytes().len(),
            Self::FloatHistogram(open) => open.chunk.as_bytes().len(),
        }
    }

    /// Returns the chunk's encoding and bytes.
    pub(super) fn chunk<'a>(&'a self, slab: &'a Slab) -> Option<(Encoding, &'a [u8])> {
        Some(match self {
            Self::None => return None,
            Self::Xor { appender, buffer } => {
                (Encoding::Xor, &slab.get(*buffer)[..appender.size_bytes()])
            }
            Self::Xor2(open) => {
                (Encoding::Xor2, &slab.get(open.buffer)[..open.appender.size_bytes()])
            }
            Self::Histogram(open) => (open.chunk.encoding(), open.chunk.as_bytes()),
            Self::FloatHistogram(open) => (open.chunk.encoding(), open.chunk.as_bytes()),
        })
    }

    /// Returns what the newest sample is.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::None | Self::Xor { .. } | Self::Xor2(_) => Kind::Float,
            Self::Histogram(open) => Kind::Histogram { is_custom: open.last.has_custom_buckets() },
            Self::FloatHistogram(open) => {
                Kind::FloatHistogram { is_custom: open.last.has_custom_buckets() }
            }
        }
    }

    /// Returns whether the newest sample has this value.
    pub(super) fn ends_with(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Histogram(open), Value::Histogram(histogram)) => open.last == **histogram,
            (Self::FloatHistogram(open), Value::FloatHistogram(histogram)) => {
                open.last == **histogram
            }
            (_, Value::Float(value)) => {
                self.last_float().is_some_and(|last| last.to_bits() == value.to_bits())
            }
            _ => false,
        }
    }

    /// Appends a float to a chunk of floats.
    pub(super) fn push_float(&mut self, time: SampleTime, value: f64, slab: &mut Slab) {
        match self {
            Self::Xor { appender, buffer } => {
                while appender.append(slab.get_mut(*buffer), time.timestamp_ms, value).is_err() {
                    *buffer = grow(*buffer, appender.size_bytes(), slab);
                }
            }
            Self::Xor2(open) => {
                let OpenXor2 { appender, buffer, last } = &mut **open;
                while appender.append(slab.get_mut(*buffer), time, value).is_err() {
                    *buffer = grow(*buffer, appender.size_bytes(), slab);
                }
                *last = value;
            }
            _ => debug_assert!(false, "a chunk of floats takes floats"),
        }
    }

    /// Moves the chunk to where the slab has more such buffers.
    pub(super) fn pack(&mut self, slab: &mut Slab) {
        match self {
            Self::Xor { buffer, .. } => *buffer = slab.pack(*buffer),
            Self::Xor2(open) => open.buffer = slab.pack(open.buffer),
            Self::None | Self::Histogram(_) | Self::FloatHistogram(_) => {}
        }
    }

    /// Gives back what the chunk holds.
    pub(super) fn free(self, slab: &mut Slab) {
        match self {
            Self::Xor { buffer, .. } => slab.free(buffer),
            Self::Xor2(open) => slab.free(open.buffer),
            Self::None | Self::Histogram(_) | Self::FloatHistogram(_) => {}
        }
    }
}

fn store(bytes: &[u8], slab: &mut Slab) -> BufferId {
    let buffer = slab.allocate(bytes.len().max(FIRST_SIZE));
    slab.get_mut(buffer)[..bytes.len()].copy_from_slice(bytes);
    buffer
}

fn resume_histograms<H: HeadHistogram>(encoding: Encoding, bytes: &[u8], last: &H) -> Option<Open> {
    let chunk = HistogramChunk::resume(encoding, bytes.to_vec()).ok()?;
    Some(H::open(OpenHistograms { chunk, last: last.clone(), is_predicted: false }))
}

fn grow(buffer: BufferId, used: usize, slab: &mut Slab) -> BufferId {
    let size = slab.get(buffer).len();
    slab.resize(buffer, used, size + (size / 16).max(16))
}

/// What a chunk of floats begins with, in bytes.
const FIRST_SIZE: usize = 40;
