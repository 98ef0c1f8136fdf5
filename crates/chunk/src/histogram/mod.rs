//! Chunk encodings 2, 3, 5 and 6: native histograms.
//!
//! # Format
//!
//! Two bytes, big endian, count the samples. In the encodings 2 and 3 the two top bits of a third byte
//! say what is known about a reset before the first sample: `00` nothing, `10` there was one, `01`
//! there was none, `11` the samples are gauges. In 5 and 6 these are the top bits of the count, and the
//! third byte says what there is of start timestamps, which stand behind each sample as
//! `start_timestamps` describes.
//!
//! Then comes what the samples have in common (`layout.rs`): the zero threshold, the schema, the spans
//! of positive and of negative buckets, each with its length and its offset, and the bounds of custom
//! buckets. A sample has its time, count, zero count, sum, positive and negative buckets:
//!
//! | | first sample | others |
//! |---|---|---|
//! | time | signed varbit integer | change of its change |
//! | sum | 64 bits | difference of bits |
//! | integer counts | unsigned varbit integers | changes of their change |
//! | integer buckets, as differences to the bucket before | signed varbit integers | changes of their change |
//! | float counts and buckets | 64 bits | differences of bits |
//!
//! A sample whose sum is the staleness marker has no buckets.
//!
//! # Source
//!
//! Prometheus `tsdb/chunkenc/histogram.go`, `float_histogram.go`, `histogram_meta.go` and those in
//! `_st.go`.

mod chunk;
mod decode;
mod field;
mod fit;
mod header;
mod kind;
mod layout;
#[cfg(test)]
mod plain;
mod state;

pub use chunk::{HistogramAppended, HistogramChunk, HistogramStart};
pub(crate) use decode::decode;
pub use decode::{DECODED_SPANS_MAX, decode_histograms};
pub use kind::ChunkHistogram;

#[cfg(test)]
mod tests;
