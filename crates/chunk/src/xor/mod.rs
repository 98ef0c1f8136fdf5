//! Chunk encoding 1: timestamps as differences of differences, values as differences of bits.
//!
//! # Format
//!
//! Two bytes, big endian, count the samples. Then follow, without alignment, the highest bit first:
//!
//! | sample | time | value |
//! |---|---|---|
//! | first | signed varint | 64 bits |
//! | second | unsigned varint of the difference | difference of values |
//! | others | difference of differences | difference of values |
//!
//! A difference of differences of times is `0` for none, or `10`, `110`, `1110`, `1111` and a number
//! of 14, 17, 20 or 64 bits. The short ones reach from `1 - 2^(n-1)` to `2^(n-1)`: one up from two's
//! complement.
//!
//! A difference of values is the exclusive or of their bits: `0` for none; `10` and the bits between
//! the leading and the trailing zeros where the last such window holds them; or `11`, the number of
//! leading zeros in five bits (at most 31), of the bits between in six (64 as 0), and these.
//!
//! # Source
//!
//! Pelkonen et al., "Gorilla: a fast, scalable, in-memory time series database", VLDB 2015, in the
//! form of Prometheus' `tsdb/chunkenc/xor.go`.

mod append;
mod chunk;
mod decode;
#[cfg(test)]
pub(crate) mod plain;

pub use append::XorAppender;
pub use chunk::XorChunk;
pub(crate) use decode::decode;

/// The sample count at the front.
const HEADER_SIZE: usize = 2;

#[cfg(test)]
mod tests;
