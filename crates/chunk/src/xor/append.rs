use super::{HEADER_SIZE, decode};
use crate::bits::{BitSink, BitWriter, Bits, Window, difference, varint, write_behind};
use crate::{ChunkError, NoRoom};

/// What must be known of an XOR chunk to append to it, beside its bytes, which are elsewhere.
///
/// It says nothing that the bytes do not say, and can be made of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XorAppender {
    pub(super) timestamp_ms: i64,
    pub(super) delta_ms: i64,
    pub(super) value_bits: u64,
    pub(super) bit_count: u32,
    pub(super) sample_count: u16,
    pub(super) window: Window,
}

impl XorAppender {
    /// The most bytes by which a sample can lengthen a chunk: 20 in the second sample where it lies
    /// further behind the first than half of all times, else 19.
    pub const SAMPLE_SIZE_MAX: usize = 20;

    /// Returns the appender of a chunk without samples.
    #[must_use]
    pub fn new() -> Self {
        Self {
            timestamp_ms: 0,
            delta_ms: 0,
            value_bits: 0,
            bit_count: HEADER_BITS,
            sample_count: 0,
            window: Window::NONE,
        }
    }

    /// Returns the appender of a chunk.
    ///
    /// # Errors
    ///
    /// Where the bytes are no chunk.
    pub fn resume(bytes: &[u8]) -> Result<Self, ChunkError> {
        decode::resume(bytes)
    }

    /// Appends one sample, which must be newer than the last.
    ///
    /// `buffer` is where the chunk lies: its bytes, and behind them room for more. What is in there
    /// does not matter. The bytes of the chunk are whole after every sample, and those of a longer
    /// chunk start with the samples of the shorter one.
    ///
    /// # Errors
    ///
    /// [`NoRoom`] where the buffer is too short; nothing is changed then.
    ///
    /// # Panics
    ///
    /// Where the chunk holds as many samples as it can count, or a newer one, or where `buffer` is
    /// shorter than the chunk.
    #[inline]
    pub fn append(
        &mut self,
        buffer: &mut [u8],
        timestamp_ms: i64,
        value: f64,
    ) -> Result<(), NoRoom> {
        assert!(self.sample_count < u16::MAX, "the chunk is full");
        let is_newer = self.sample_count == 0 || self.timestamp_ms < timestamp_ms;
        assert!(is_newer, "samples out of order");
        let mut next = *self;
        next.bit_count = write_behind(buffer, self.bit_count, Self::SAMPLE_SIZE_MAX, |out| {
            next.write(out, timestamp_ms, value.to_bits());
        })?;
        buffer[..HEADER_SIZE].copy_from_slice(&next.sample_count.to_be_bytes());
        *self = next;
        Ok(())
    }

    /// Returns how many bytes the chunk has; before its first sample none of them is written.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        (self.bit_count as usize).div_ceil(8)
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

    /// Writes a sample, but not the header, and takes note of it, but not of how many bits it took.
    #[inline]
    fn write(&mut self, out: &mut BitWriter<'_>, timestamp_ms: i64, value_bits: u64) {
        if self.sample_count < 2 {
            return self.write_early(out, timestamp_ms, value_bits);
        }
        let delta_ms = timestamp_ms.wrapping_sub(self.timestamp_ms);
        let difference = value_bits ^ self.value_bits;
        let change_ms = delta_ms.wrapping_sub(self.delta_ms);
        if let Some(time) = short_time(change_ms) {
            let (head, body) = difference::encode(difference, &mut self.window);
            out.push_both(time.then(head), body);
        } else {
            out.push(0b1111, 4);
            out.push(change_ms.cast_unsigned(), 64);
            difference::push_difference(out, difference, &mut self.window);
        }
        self.delta_ms = delta_ms;
        self.note(timestamp_ms, value_bits);
    }

    /// Writes the first sample or the second.
    #[cold]
    fn write_early(&mut self, out: &mut BitWriter<'_>, timestamp_ms: i64, value_bits: u64) {
        if self.sample_count == 0 {
            varint::push_signed(out, timestamp_ms);
            out.push(value_bits, 64);
        } else {
            self.delta_ms = timestamp_ms.wrapping_sub(self.timestamp_ms);
            varint::push_unsigned(out, self.delta_ms.cast_unsigned());
            difference::push_difference(out, value_bits ^ self.value_bits, &mut self.window);
        }
        self.note(timestamp_ms, value_bits);
    }

    #[inline]
    fn note(&mut self, timestamp_ms: i64, value_bits: u64) {
        self.timestamp_ms = timestamp_ms;
        self.value_bits = value_bits;
        self.sample_count += 1;
    }
}

impl Default for XorAppender {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the bits for a change of the time difference, unless they are 68.
#[inline]
fn short_time(change_ms: i64) -> Option<Bits> {
    let (tag, tag_size, size) = match change_ms {
        0 => return Some(Bits::ZERO),
        -0x1fff..=0x2000 => (0b10, 2, 14),
        -0xffff..=0x1_0000 => (0b110, 3, 17),
        -0x7_ffff..=0x8_0000 => (0b1110, 4, 20),
        _ => return None,
    };
    Some(Bits::new(tag, tag_size).then(Bits::low(change_ms.cast_unsigned(), size)))
}

const HEADER_BITS: u32 = 16;
