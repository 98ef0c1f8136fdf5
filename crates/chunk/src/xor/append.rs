use std::fmt;

use super::HEADER_SIZE;
use crate::varint;

/// A chunk that takes samples, and what must be known to take the next one.
///
/// The bytes are whole after every sample: a reader may copy them at any time, and the bytes of a
/// longer chunk start with the samples of the shorter one.
#[derive(Clone)]
pub struct XorChunk {
    /// The encoded samples, and behind them zeros to write into: at least [`SLACK_SIZE`] of them.
    buffer: Vec<u8>,
    bit_count: u32,
    sample_count: u16,
    leading: u8,
    trailing: u8,
    timestamp_ms: i64,
    delta_ms: i64,
    value_bits: u64,
}

impl Default for XorChunk {
    fn default() -> Self {
        Self {
            buffer: vec![0; HEADER_SIZE + SLACK_SIZE],
            bit_count: HEADER_BITS,
            sample_count: 0,
            leading: NO_WINDOW,
            trailing: 0,
            timestamp_ms: 0,
            delta_ms: 0,
            value_bits: 0,
        }
    }
}

impl XorChunk {
    /// The most samples that a chunk can hold.
    pub const SAMPLE_COUNT_MAX: u16 = u16::MAX;

    /// Appends one sample, which must be newer than the last.
    ///
    /// # Panics
    ///
    /// Where the chunk holds [`XorChunk::SAMPLE_COUNT_MAX`] samples, or a newer one.
    pub fn append(&mut self, timestamp_ms: i64, value: f64) {
        assert!(self.sample_count < Self::SAMPLE_COUNT_MAX, "the chunk is full");
        let value_bits = value.to_bits();
        if self.sample_count >= 2 {
            assert!(self.timestamp_ms < timestamp_ms, "samples out of order");
            let delta_ms = timestamp_ms.wrapping_sub(self.timestamp_ms);
            self.push_delta_of_delta(delta_ms.wrapping_sub(self.delta_ms));
            self.push_value(value_bits);
            self.delta_ms = delta_ms;
        } else {
            self.append_early(timestamp_ms, value_bits);
        }
        self.timestamp_ms = timestamp_ms;
        self.value_bits = value_bits;
        self.sample_count += 1;
        self.buffer[..HEADER_SIZE].copy_from_slice(&self.sample_count.to_be_bytes());
    }

    /// Returns the encoded chunk.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer[..(self.bit_count as usize).div_ceil(8)]
    }

    /// Returns how many samples the chunk holds.
    #[must_use]
    pub fn sample_count(&self) -> u16 {
        self.sample_count
    }

    /// Returns the time and the value of the newest sample.
    #[must_use]
    pub fn last(&self) -> Option<(i64, f64)> {
        (self.sample_count > 0).then_some((self.timestamp_ms, f64::from_bits(self.value_bits)))
    }

    /// The first two samples, which lie on whole bytes but for the second value.
    #[cold]
    fn append_early(&mut self, timestamp_ms: i64, value_bits: u64) {
        let mut bytes = [0; varint::SIZE_MAX];
        if self.sample_count == 0 {
            let size = varint::put_signed(&mut bytes, timestamp_ms);
            self.push_bytes(&bytes[..size]);
            self.push_bits(value_bits, 64);
        } else {
            assert!(self.timestamp_ms < timestamp_ms, "samples out of order");
            self.delta_ms = timestamp_ms.wrapping_sub(self.timestamp_ms);
            let size = varint::put_unsigned(&mut bytes, self.delta_ms.cast_unsigned());
            self.push_bytes(&bytes[..size]);
            self.push_value(value_bits);
        }
    }

    fn push_bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.push_bits(u64::from(byte), 8);
        }
    }

    #[inline]
    fn push_delta_of_delta(&mut self, delta: i64) {
        match delta {
            0 => self.push_bits(0, 1),
            -0x1fff..=0x2000 => self.push_tagged(0b10, 2, delta, 14),
            -0xffff..=0x1_0000 => self.push_tagged(0b110, 3, delta, 17),
            -0x7_ffff..=0x8_0000 => self.push_tagged(0b1110, 4, delta, 20),
            _ => {
                self.push_bits(0b1111, 4);
                self.push_bits(delta.cast_unsigned(), 64);
            }
        }
    }

    #[inline]
    fn push_tagged(&mut self, tag: u64, tag_size: u32, number: i64, number_size: u32) {
        let number = number.cast_unsigned() & ((1 << number_size) - 1);
        self.push_bits((tag << number_size) | number, tag_size + number_size);
    }

    #[inline]
    fn push_value(&mut self, value_bits: u64) {
        let delta = value_bits ^ self.value_bits;
        if delta == 0 {
            self.push_bits(0, 1);
            return;
        }
        let leading = byte(delta.leading_zeros()).min(LEADING_MAX);
        let trailing = byte(delta.trailing_zeros());
        let fits =
            self.leading != NO_WINDOW && leading >= self.leading && trailing >= self.trailing;
        if fits {
            self.push_bits(0b10, 2);
        } else {
            (self.leading, self.trailing) = (leading, trailing);
            let significant = 64 - u64::from(leading) - u64::from(trailing);
            let window = (0b11 << 11) | (u64::from(leading) << 6) | (significant & 0x3f);
            self.push_bits(window, 13);
        }
        let significant = 64 - u32::from(self.leading) - u32::from(self.trailing);
        self.push_bits(delta >> self.trailing, significant);
    }

    /// Writes the lowest `count` bits of `bits`, 1 to 64 of them; the others must be zero.
    #[inline]
    fn push_bits(&mut self, bits: u64, count: u32) {
        debug_assert!(count >= 1 && (count == 64 || bits >> count == 0));
        let start = (self.bit_count / 8) as usize;
        if self.buffer.len() < start + SLACK_SIZE {
            self.grow();
        }
        // Up to 7 bits of the first byte are taken, so 64 more reach into a ninth: two aligned
        // halves of one wide word, laid over what is there.
        let place = self.bit_count % 8;
        let wide = u128::from(bits) << (128 - count - place);
        let target = &mut self.buffer[start..start + SLACK_SIZE];
        let old = u128::from(target[0]) << 120;
        target.copy_from_slice(&(old | wide).to_be_bytes());
        self.bit_count += count;
    }

    #[cold]
    fn grow(&mut self) {
        let size = (self.buffer.len() * 3 / 2).max(self.buffer.len() + SLACK_SIZE);
        self.buffer.reserve_exact(size - self.buffer.len());
        self.buffer.resize(size, 0);
    }
}

impl fmt::Debug for XorChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XorChunk")
            .field("sample_count", &self.sample_count)
            .field("size_bytes", &self.as_bytes().len())
            .field("last", &self.last())
            .finish()
    }
}

fn byte(number: u32) -> u8 {
    u8::try_from(number).expect("a count of at most 64 bits")
}

const HEADER_BITS: u32 = 16;
/// The widest write: one word of 128 bits.
const SLACK_SIZE: usize = 16;
/// Stands in for the leading zeros while no value has differed yet.
const NO_WINDOW: u8 = 0xff;
/// The most leading zeros that five bits describe.
const LEADING_MAX: u8 = 31;
