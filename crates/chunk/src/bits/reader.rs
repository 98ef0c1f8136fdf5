/// Reads bits, the highest of a byte first. Behind the last byte it reads zeros, and tells.
///
/// PERF: where a decoder's loop keeps one, its fields stay in registers as long as all that takes it by
/// reference is inlined. What is rare takes it by value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    /// The next byte to load.
    position: usize,
    /// The next bits, the first one on top.
    buffer: u64,
    /// How many bits of the buffer are loaded. Those below may hold bits already, the right ones.
    loaded: u32,
}

impl<'a> BitReader<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0, buffer: 0, loaded: 0 }
    }

    /// Loads whole bytes until at least 56 bits are there.
    #[inline(always)]
    pub(crate) fn refill(&mut self) {
        let word = match self.bytes.get(self.position..).and_then(<[u8]>::first_chunk::<8>) {
            Some(bytes) => u64::from_be_bytes(*bytes),
            None => word_at_end(self.bytes, self.position),
        };
        self.buffer |= word >> self.loaded;
        self.position += ((63 - self.loaded) / 8) as usize;
        self.loaded |= 56;
    }

    /// Returns how many set bits come next, before one that is not. Only those that are loaded count.
    #[inline(always)]
    pub(crate) fn leading_ones(&self) -> u32 {
        self.buffer.leading_ones()
    }

    /// Returns the next bits without taking them, the first one on top. Only those that are loaded
    /// count.
    #[inline(always)]
    pub(crate) fn peek(&self) -> u64 {
        self.buffer
    }

    /// Takes 1 to 56 bits, which must be loaded.
    #[inline(always)]
    pub(crate) fn take(&mut self, count: u32) -> u64 {
        let bits = self.buffer >> (64 - count);
        self.skip(count);
        bits
    }

    /// Passes over at most 56 bits, which must be loaded.
    #[inline(always)]
    pub(crate) fn skip(&mut self, count: u32) {
        debug_assert!(count <= self.loaded);
        self.buffer <<= count;
        self.loaded -= count;
    }

    /// Takes 1 to 64 bits, and loads what it needs.
    #[inline(always)]
    pub(crate) fn take_wide(&mut self, count: u32) -> u64 {
        if count <= self.loaded {
            return self.take(count);
        }
        let (bits, rest) = self.take_across(count);
        *self = rest;
        bits
    }

    /// Takes more bits than are loaded.
    #[cold]
    fn take_across(mut self, count: u32) -> (u64, Self) {
        self.refill();
        if count <= self.loaded {
            return (self.take(count), self);
        }
        let high = self.take(32);
        self.refill();
        ((high << (count - 32)) | self.take(count - 32), self)
    }

    /// Returns how many bits were taken.
    #[inline]
    pub(crate) fn bit_position(&self) -> usize {
        self.position * 8 - self.loaded as usize
    }

    /// Returns how many bits are left.
    pub(crate) fn bits_left(&self) -> usize {
        (self.bytes.len() * 8).saturating_sub(self.bit_position())
    }

    /// Returns whether more bits were taken than there are.
    #[inline]
    pub(crate) fn is_overrun(&self) -> bool {
        self.position * 8 > self.bytes.len() * 8 + self.loaded as usize
    }
}

/// Returns the bytes from `position` on, fewer than eight, and zeros behind them.
///
/// PERF: not all that cold in a chunk of 50 bytes, but what it is called from is better laid out so.
#[cold]
fn word_at_end(bytes: &[u8], position: usize) -> u64 {
    let left = bytes.len().saturating_sub(position);
    if left == 0 {
        return 0;
    }
    if let Some(last) = bytes.last_chunk::<8>() {
        return u64::from_be_bytes(*last) << (64 - 8 * left);
    }
    let shifted = |word: u64, (byte, place): (&u8, u32)| word | u64::from(*byte) << place;
    bytes[position..].iter().zip((0..=56).rev().step_by(8)).fold(0, shifted)
}
