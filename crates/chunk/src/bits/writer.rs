use crate::NoRoom;

/// A few bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bits {
    /// The bits, and zeros above them.
    pub(crate) number: u64,
    /// How many there are, up to 64.
    pub(crate) count: u32,
}

impl Bits {
    /// No bits.
    pub(crate) const EMPTY: Self = Self { number: 0, count: 0 };
    /// One bit that is not set.
    pub(crate) const ZERO: Self = Self { number: 0, count: 1 };

    #[inline]
    pub(crate) const fn new(number: u64, count: u32) -> Self {
        Self { number, count }
    }

    /// Returns the lowest bits of a number, fewer than 64.
    #[inline]
    pub(crate) fn low(number: u64, count: u32) -> Self {
        Self { number: number & ((1 << count) - 1), count }
    }

    /// Returns these bits and `other` behind them, fewer than 64.
    #[inline]
    pub(crate) fn then(self, other: Self) -> Self {
        Self { number: self.number << other.count | other.number, count: self.count + other.count }
    }
}

/// Lets `write` write up to `size_max` bytes behind the first `bit_count` bits of `buffer`, and
/// returns how many bits are written then.
///
/// Where there is too little room, the buffer keeps its bits.
#[inline]
pub(crate) fn write_behind(
    buffer: &mut [u8],
    bit_count: u32,
    size_max: usize,
    write: impl FnOnce(&mut BitWriter<'_>),
) -> Result<u32, NoRoom> {
    if buffer.len() < (bit_count / 8) as usize + size_max + SLACK_SIZE {
        return write_in_little_room(buffer, bit_count, write);
    }
    let mut out = BitWriter { bytes: buffer, bit_count };
    write(&mut out);
    Ok(out.bit_count)
}

/// Writes elsewhere and copies what was written.
#[cold]
fn write_in_little_room(
    buffer: &mut [u8],
    bit_count: u32,
    write: impl FnOnce(&mut BitWriter<'_>),
) -> Result<u32, NoRoom> {
    const SCRATCH_SIZE: usize = 64;
    let (start, place) = ((bit_count / 8) as usize, bit_count % 8);
    let mut scratch = [0; SCRATCH_SIZE];
    // The byte may have bits to spare.
    scratch[0] = buffer.get(start).copied().unwrap_or(0);
    let mut out = BitWriter { bytes: &mut scratch, bit_count: place };
    write(&mut out);
    let written_bits = out.bit_count;
    let written = &scratch[..(written_bits as usize).div_ceil(8)];
    let size_bytes = start + written.len();
    let Some(target) = buffer.get_mut(start..size_bytes) else { return Err(NoRoom { size_bytes }) };
    target.copy_from_slice(written);
    Ok(bit_count - place + written_bits)
}

/// Writes 1 to 121 bits as one word behind the first `bit_count` bits of `buffer`, and returns how many
/// bits are written then. A buffer with room for just these is long enough.
///
/// PERF: an open chunk mostly has less room left than the longest sample takes.
#[inline]
pub(crate) fn put_both(
    buffer: &mut [u8],
    bit_count: u32,
    head: Bits,
    body: Bits,
) -> Result<u32, NoRoom> {
    let (start, place) = ((bit_count / 8) as usize, bit_count % 8);
    let count = head.count + body.count;
    debug_assert!((1..=121).contains(&count));
    let word = u128::from(head.number) << body.count | u128::from(body.number);
    let size_bytes = start + (place + count).div_ceil(8) as usize;
    if buffer.len() < size_bytes {
        return Err(NoRoom { size_bytes });
    }
    let target = &mut buffer[start..];
    let taken = u128::from(target[0] & !(0xff >> place)) << 120;
    let bytes = (taken | word << (128 - count - place)).to_be_bytes();
    if let Some(target) = target.first_chunk_mut() {
        *target = bytes;
    } else if let Some((start, rest)) = target.split_first_chunk_mut::<8>() {
        *start = *bytes.first_chunk().expect("half of them");
        rest.copy_from_slice(&bytes[8..][..rest.len()]);
    } else {
        target.copy_from_slice(&bytes[..target.len()]);
    }
    Ok(bit_count + count)
}

/// Takes bits, the highest first.
pub(crate) trait BitSink {
    /// Writes the lowest `count` bits of `bits`, 1 to 64 of them; the others must be zero.
    fn push(&mut self, bits: u64, count: u32);
}

/// Writes bits into bytes of its caller, which must hold [`SLACK_SIZE`] more than are written.
///
/// What the bytes behind the last written bit hold before does not matter; afterwards they may hold
/// anything.
#[derive(Debug)]
pub(crate) struct BitWriter<'a> {
    pub(crate) bytes: &'a mut [u8],
    /// How many bits are written.
    pub(crate) bit_count: u32,
}

impl BitWriter<'_> {
    /// Writes 1 to 121 bits as one word.
    #[inline]
    pub(crate) fn push_both(&mut self, head: Bits, body: Bits) {
        let count = head.count + body.count;
        debug_assert!((1..=121).contains(&count));
        self.push_word(u128::from(head.number) << body.count | u128::from(body.number), count);
    }

    /// Writes the lowest `count` bits of `word`, 1 to 121 of them; the others must be zero.
    #[inline]
    fn push_word(&mut self, word: u128, count: u32) {
        let start = (self.bit_count / 8) as usize;
        // Up to 7 bits of the first byte are taken.
        let place = self.bit_count % 8;
        let target = &mut self.bytes[start..start + SLACK_SIZE];
        let taken = u128::from(target[0] & !(0xff >> place)) << 120;
        target.copy_from_slice(&(taken | word << (128 - count - place)).to_be_bytes());
        self.bit_count += count;
    }
}

impl BitSink for BitWriter<'_> {
    #[inline]
    fn push(&mut self, bits: u64, count: u32) {
        debug_assert!(count >= 1 && (count == 64 || bits >> count == 0));
        self.push_word(u128::from(bits), count);
    }
}

/// Writes bits into bytes of its own, as many as come.
#[derive(Clone)]
pub(crate) struct BitVec {
    /// What is written, and at least [`SLACK_SIZE`] bytes to write into.
    buffer: Vec<u8>,
    bit_count: u32,
}

impl BitVec {
    /// Returns a writer that goes on behind the first `bit_count` bits of `bytes`.
    ///
    /// # Panics
    ///
    /// Where `bytes` are fewer.
    pub(crate) fn resume(mut bytes: Vec<u8>, bit_count: usize) -> Self {
        let size = bit_count.div_ceil(8);
        assert!(size <= bytes.len(), "{bit_count} bits of {} bytes", bytes.len());
        bytes.resize(size + SLACK_SIZE, 0);
        Self { buffer: bytes, bit_count: u32::try_from(bit_count).expect("a chunk is small") }
    }

    /// Returns the bytes; the bits behind the last one that was written are zero.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.buffer[..(self.bit_count as usize).div_ceil(8)]
    }

    /// Returns the bytes at the start, which the caller may change.
    pub(crate) fn header_mut<const N: usize>(&mut self) -> &mut [u8; N] {
        self.buffer.first_chunk_mut().expect("a header is written first")
    }

    #[cold]
    fn grow(&mut self) {
        let size = (self.buffer.len() * 3 / 2).max(self.buffer.len() + SLACK_SIZE);
        self.buffer.reserve_exact(size - self.buffer.len());
        self.buffer.resize(size, 0);
    }
}

impl BitSink for BitVec {
    #[inline]
    fn push(&mut self, bits: u64, count: u32) {
        if self.buffer.len() < (self.bit_count / 8) as usize + SLACK_SIZE {
            self.grow();
        }
        let mut writer = BitWriter { bytes: &mut self.buffer, bit_count: self.bit_count };
        writer.push(bits, count);
        self.bit_count = writer.bit_count;
    }
}

/// The widest write: one word of 128 bits.
pub(crate) const SLACK_SIZE: usize = 16;
