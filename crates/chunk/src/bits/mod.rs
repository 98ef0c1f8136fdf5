//! Bits in bytes, the highest of a byte first, and the numbers that chunks are made of.
//!
//! [`BitReader`] and the two writers know bits alone. Integers of few and many bits are the business
//! of [`varbit`], values as differences of their bits that of [`difference`]. Where an integer has
//! whole bytes, as Go writes it, [`varint`] has it.

pub(crate) mod difference;
mod reader;
pub(crate) mod varbit;
pub(crate) mod varint;
mod writer;

pub(crate) use difference::Window;
pub(crate) use reader::BitReader;
pub(crate) use writer::{BitSink, BitVec, BitWriter, Bits, put_both, write_behind};

#[cfg(test)]
mod tests;
