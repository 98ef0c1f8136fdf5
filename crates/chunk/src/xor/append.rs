use super::{HEADER_SIZE, decode};
use crate::bits::{BitSink, BitWriter, Bits, Window, difference, put_both, varint, write_behind};
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
        next.bit_count = next.put(buffer, timestamp_ms, value.to_bits())?;
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

    /// Writes a sample, but not the header, and takes note of it, but not of how many bits are written
    /// then, which it returns.
    #[inline]
    fn put(
        &mut self,
        buffer: &mut [u8],
        timestamp_ms: i64,
        value_bits: u64,
    ) -> Result<u32, NoRoom> {
        let delta_ms = timestamp_ms.wrapping_sub(self.timestamp_ms);
        let time = short_time(delta_ms.wrapping_sub(self.delta_ms));
        let bit_count = match time.filter(|_| self.sample_count > 1) {
            Some(time) => {
                let (head, body) =
                    difference::encode(value_bits ^ self.value_bits, &mut self.window);
                put_both(buffer, self.bit_count, time.then(head), body)?
            }
            None => write_behind(buffer, self.bit_count, Self::SAMPLE_SIZE_MAX, |out| {
                self.write_long(out, timestamp_ms, value_bits);
            })?,
        };
        self.delta_ms = if self.sample_count == 0 { 0 } else { delta_ms };
        self.timestamp_ms = timestamp_ms;
        self.value_bits = value_bits;
        self.sample_count += 1;
        Ok(bit_count)
    }

    /// Writes the first sample, the second, or one that comes at another distance than any before.
    #[cold]
    fn write_long(&mut self, out: &mut BitWriter<'_>, timestamp_ms: i64, value_bits: u64) {
        let delta_ms = timestamp_ms.wrapping_sub(self.timestamp_ms);
        match self.sample_count {
            0 => {
                varint::push_signed(out, timestamp_ms);
                return out.push(value_bits, 64);
            }
            1 => varint::push_unsigned(out, delta_ms.cast_unsigned()),
            _ => {
                out.push(0b1111, 4);
                out.push(delta_ms.wrapping_sub(self.delta_ms).cast_unsigned(), 64);
            }
        }
        difference::push_difference(out, value_bits ^ self.value_bits, &mut self.window);
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
