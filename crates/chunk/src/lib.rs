//! Gorilla-compressed chunks of samples in Prometheus' encodings, decoded by batch into columns.
//!
//! A chunk holds the samples of one series, oldest first: [`XorChunk`] takes them one by one and
//! [`decode_xor`] gives them back all at once, as [`Columns`]. The bytes are those of Prometheus'
//! chunk encoding 1, so its blocks and head files can be read and written. Bytes from elsewhere may
//! be anything: they decode, or give a [`ChunkError`].
//!
//! ```
//! use narthex_chunk::{Columns, XorChunk, decode_xor};
//!
//! let mut chunk = XorChunk::default();
//! for minute in 0..60 {
//!     chunk.append(minute * 60_000, 0.5);
//! }
//! let mut columns = Columns::default();
//! decode_xor(chunk.as_bytes(), 60_000..=180_000, &mut columns)?;
//! assert_eq!(columns.timestamps_ms(), [60_000, 120_000, 180_000]);
//! assert!(chunk.as_bytes().len() < 40);
//! # Ok::<(), narthex_chunk::ChunkError>(())
//! ```

#![forbid(unsafe_code)]

mod columns;
mod encoding;
mod error;
mod varint;
mod xor;

pub use columns::Columns;
pub use encoding::Encoding;
pub use error::ChunkError;
pub use xor::{XorChunk, decode_xor, decode_xor_first};
