//! Chunk encoding 4: floats in fewer bits than encoding 1, with start timestamps where they are known.
//!
//! # Format
//!
//! Two bytes, big endian, count the samples; a third says what is there of start timestamps. Behind
//! each sample stands what `start_timestamps` describes. The samples, without alignment, the highest
//! bit first:
//!
//! | sample | time and value |
//! |---|---|
//! | first | time as a signed varint, 64 bits of the value |
//! | second | unsigned varint of the difference of times, value in the long form |
//! | others | one tag for both |
//!
//! | tag | difference of time differences | value |
//! |---|---|---|
//! | `0` | none | as before |
//! | `10` | none | in the short form |
//! | `110` | 13 bits | in the long form |
//! | `1110` | 20 bits | in the long form |
//! | `11110` | 64 bits | in the long form |
//! | `11111` | none | the staleness marker |
//!
//! Numbers are in two's complement. In the long form, `0` is a value as before, `10` one whose
//! difference lies in the last window, `110` one with a new window, as in encoding 1, and `111` the
//! staleness marker. In the short form, `0` stands for the last window and `1` for a new one.
//!
//! "As before" and differences skip staleness markers: they mean the last value that was none, zero
//! where there was no other.
//!
//! # Source
//!
//! Prometheus `tsdb/chunkenc/xor2.go`.

mod append;
mod decode;
#[cfg(test)]
pub(crate) mod plain;

pub use append::Xor2Appender;
pub(crate) use decode::decode;

/// The sample count and what there is of start timestamps.
const HEADER_SIZE: usize = 3;
/// Where in the header the latter stands.
const STARTS_PLACE: usize = 2;

#[cfg(test)]
mod tests;
