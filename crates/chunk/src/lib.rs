//! Gorilla-compressed chunks of samples in Prometheus' encodings, decoded by batch into columns.
//!
//! A chunk holds the samples of one series, oldest first. [`decode`] gives them back all at once, as
//! [`Columns`], whatever their [`Encoding`]. To write them, there is
//!
//! - [`XorAppender`] for floats, and [`Xor2Appender`] for floats in fewer bits and with start
//!   timestamps: both are a few words beside the bytes, which lie where the caller wants them;
//! - [`XorChunk`], which owns its bytes;
//! - [`HistogramChunk`] for native histograms with integer or float counts. It finds counter resets and
//!   makes room for new buckets.
//!
//! The bytes are those of Prometheus, so its blocks and head files can be read and written. Bytes from
//! elsewhere may be anything: they decode, or give a [`ChunkError`].
//!
//! ```
//! use narthex_chunk::{Columns, Encoding, XorChunk, decode};
//!
//! let mut chunk = XorChunk::default();
//! for minute in 0..60 {
//!     chunk.append(minute * 60_000, 0.5);
//! }
//! let mut columns = Columns::default();
//! decode(Encoding::Xor, chunk.as_bytes(), 60_000..=180_000, &mut columns)?;
//! assert_eq!(columns.timestamps_ms(), [60_000, 120_000, 180_000]);
//! assert!(chunk.as_bytes().len() < 40);
//! # Ok::<(), narthex_chunk::ChunkError>(())
//! ```

#![forbid(unsafe_code)]

mod bits;
mod columns;
mod decode;
mod encoding;
mod error;
mod histogram;
mod start_timestamps;
mod xor;
mod xor2;

pub use columns::Columns;
pub use decode::{decode, decode_first};
pub use encoding::{Encoding, sample_count};
pub use error::{ChunkError, NoRoom};
pub use histogram::{
    ChunkHistogram, DECODED_SPANS_MAX, HistogramAppended, HistogramChunk, HistogramStart,
    decode_histograms,
};
pub use xor::{XorAppender, XorChunk};
pub use xor2::Xor2Appender;
