/// Reads bits, the highest of a byte first. Behind the last byte it reads zeros, and tells.
#[derive(Clone, Debug)]
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
    #[inline]
    pub(crate) fn refill(&mut self) {
        let word = match self.bytes.get(self.position..).and_then(<[u8]>::first_chunk::<8>) {
            Some(bytes) => u64::from_be_bytes(*bytes),
            None => self.word_at_end(),
        };
        self.buffer |= word >> self.loaded;
        self.position += ((63 - self.loaded) / 8) as usize;
        self.loaded |= 56;
    }

    #[cold]
    fn word_at_end(&self) -> u64 {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        u64::from_be_bytes(word)
    }

    /// Returns how many set bits come next, before one that is not. Only those that are loaded count.
    #[inline]
    pub(crate) fn leading_ones(&self) -> u32 {
        self.buffer.leading_ones()
    }

    /// Returns the next bits without taking them, the first one on top. Only those that are loaded
    /// count.
    #[inline]
    pub(crate) fn peek(&self) -> u64 {
        self.buffer
    }

    /// Takes 1 to 56 bits, which must be loaded.
    #[inline]
    pub(crate) fn take(&mut self, count: u32) -> u64 {
        let bits = self.buffer >> (64 - count);
        self.skip(count);
        bits
    }

    /// Passes over at most 56 bits, which must be loaded.
    #[inline]
    pub(crate) fn skip(&mut self, count: u32) {
        debug_assert!(count <= self.loaded);
        self.buffer <<= count;
        self.loaded -= count;
    }

    /// Takes 1 to 64 bits, and loads what it needs.
    #[inline]
    pub(crate) fn take_wide(&mut self, count: u32) -> u64 {
        if count <= self.loaded {
            return self.take(count);
        }
        self.refill();
        if count <= self.loaded {
            return self.take(count);
        }
        let high = self.take(32);
        self.refill();
        (high << (count - 32)) | self.take(count - 32)
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
