use std::ops::RangeInclusive;

use super::HEADER_SIZE;
use crate::{ChunkError, Columns, varint};

/// Decodes a chunk and appends its samples of `range` to `out`. `range` is in milliseconds since the
/// Unix epoch, both ends included. The samples must be newer than those in `out`.
///
/// # Errors
///
/// Where the bytes are no chunk; nothing is appended then.
pub fn decode_xor(
    bytes: &[u8],
    range: RangeInclusive<i64>,
    out: &mut Columns,
) -> Result<(), ChunkError> {
    decode_xor_first(bytes, u16::MAX, range, out)
}

/// As [`decode_xor`], for the first samples of the chunk alone, at most `count_max` of them: those
/// that a reader knew when more were being appended.
///
/// # Errors
///
/// As [`decode_xor`].
pub fn decode_xor_first(
    bytes: &[u8],
    count_max: u16,
    range: RangeInclusive<i64>,
    out: &mut Columns,
) -> Result<(), ChunkError> {
    let Some((header, body)) = bytes.split_first_chunk::<HEADER_SIZE>() else {
        return Err(ChunkError::NoHeader { size_bytes: bytes.len() });
    };
    let sample_count = u16::from_be_bytes(*header);
    // A sample takes two bits at the least, and the first one far more.
    let bound = body.len().saturating_mul(4);
    if usize::from(sample_count) > bound {
        let sample_index = u16::try_from(bound).unwrap_or(u16::MAX);
        return Err(ChunkError::Truncated { sample_index, sample_count });
    }
    let count = sample_count.min(count_max);
    let end_ms = *range.end();
    out.extend_with(usize::from(count), &range, |timestamps_ms, values| {
        decode(body, end_ms, timestamps_ms, values).map_err(|fault| fault.into_error(sample_count))
    })
}

/// What is wrong with which sample.
struct Fault {
    index: usize,
    kind: FaultKind,
}

enum FaultKind {
    Truncated,
    NotRising,
    BadValue { leading: u32, significant: u32 },
}

impl Fault {
    #[cold]
    fn into_error(self, sample_count: u16) -> ChunkError {
        let sample_index = u16::try_from(self.index).expect("an index below the sample count");
        let byte = |number| u8::try_from(number).expect("a number of six bits");
        match self.kind {
            FaultKind::Truncated => ChunkError::Truncated { sample_index, sample_count },
            FaultKind::NotRising => ChunkError::NotRising { sample_index },
            FaultKind::BadValue { leading, significant } => ChunkError::BadValue {
                sample_index,
                leading: byte(leading),
                significant: byte(significant),
            },
        }
    }
}

/// Fills both slices, which are of one length, and returns how many samples it wrote: fewer only
/// where the next one lies behind `end_ms`.
fn decode(
    body: &[u8],
    end_ms: i64,
    timestamps_ms: &mut [i64],
    values: &mut [f64],
) -> Result<usize, Fault> {
    let fault = |index, kind| Fault { index, kind };
    let mut rest = body;
    let Some((first_time, first_value)) = timestamps_ms.first_mut().zip(values.first_mut()) else {
        return Ok(0);
    };
    let (mut time, mut bits) =
        take_first(&mut rest).ok_or_else(|| fault(0, FaultKind::Truncated))?;
    (*first_time, *first_value) = (time, f64::from_bits(bits));
    if timestamps_ms.len() == 1 {
        return Ok(1);
    }
    let delta = varint::take_unsigned(&mut rest).ok_or_else(|| fault(1, FaultKind::Truncated))?;
    let mut delta = delta.cast_signed();

    let mut reader = BitReader::new(rest);
    let mut window = Window { trailing: 0, significant: 64 };
    for (index, (time_out, value_out)) in timestamps_ms.iter_mut().zip(values).enumerate().skip(1) {
        reader.refill();
        if index > 1 {
            delta = delta.wrapping_add(reader.take_delta_of_delta());
        }
        let next = time.wrapping_add(delta);
        let change = reader.take_value(&mut window);
        // Before all else: behind the end the numbers mean nothing.
        if reader.is_overrun() {
            return Err(fault(index, FaultKind::Truncated));
        }
        bits ^= change.map_err(|kind| fault(index, kind))?;
        if next <= time {
            return Err(fault(index, FaultKind::NotRising));
        }
        if next > end_ms {
            return Ok(index);
        }
        time = next;
        (*time_out, *value_out) = (time, f64::from_bits(bits));
    }
    Ok(timestamps_ms.len())
}

fn take_first(bytes: &mut &[u8]) -> Option<(i64, u64)> {
    let time = varint::take_signed(bytes)?;
    let (value, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some((time, u64::from_be_bytes(*value)))
}

/// Where the bits of a value lie that differ from the value before.
struct Window {
    trailing: u32,
    significant: u32,
}

/// Reads bits, the highest of a byte first. Behind the last byte it reads zeros, and tells.
struct BitReader<'a> {
    bytes: &'a [u8],
    /// The next byte to load.
    position: usize,
    /// The next bits, the first one on top.
    buffer: u64,
    /// How many bits of the buffer are loaded. Those below may hold bits already, the right ones.
    loaded: u32,
}

impl<'a> BitReader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0, buffer: 0, loaded: 0 }
    }

    /// Loads whole bytes until at least 56 bits are there.
    #[inline]
    fn refill(&mut self) {
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

    /// Takes 1 to 56 bits, which must be loaded.
    #[inline]
    fn take(&mut self, count: u32) -> u64 {
        let bits = self.buffer >> (64 - count);
        self.skip(count);
        bits
    }

    #[inline]
    fn skip(&mut self, count: u32) {
        debug_assert!(count <= self.loaded);
        self.buffer <<= count;
        self.loaded -= count;
    }

    /// Takes 1 to 64 bits, and loads what it needs.
    #[inline]
    fn take_wide(&mut self, count: u32) -> u64 {
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

    /// Needs up to 24 loaded bits, and leaves at least 32 where 56 were loaded.
    #[inline]
    fn take_delta_of_delta(&mut self) -> i64 {
        let top = self.buffer;
        if top >> 63 == 0 {
            self.skip(1);
            0
        } else if top >> 62 == 0b10 {
            self.take_number(2, 14)
        } else if top >> 61 == 0b110 {
            self.take_number(3, 17)
        } else if top >> 60 == 0b1110 {
            self.take_number(4, 20)
        } else {
            self.skip(4);
            let delta = self.take_wide(64).cast_signed();
            self.refill();
            delta
        }
    }

    /// Takes a tag and a number from `1 - 2^(size-1)` to `2^(size-1)`.
    #[inline]
    fn take_number(&mut self, tag_size: u32, size: u32) -> i64 {
        self.skip(tag_size);
        let number = self.take(size).cast_signed();
        if number > 1 << (size - 1) { number - (1 << size) } else { number }
    }

    /// Takes what the next value's bits differ in. Needs 13 loaded bits.
    #[inline]
    fn take_value(&mut self, window: &mut Window) -> Result<u64, FaultKind> {
        if self.buffer >> 63 == 0 {
            self.skip(1);
            return Ok(0);
        }
        if self.buffer >> 62 == 0b10 {
            self.skip(2);
        } else {
            let head = self.take(13);
            let leading = u32::try_from((head >> 6) & 0x1f).expect("five bits");
            let significant = match u32::try_from(head & 0x3f).expect("six bits") {
                0 => 64,
                significant => significant,
            };
            if leading + significant > 64 {
                return Err(FaultKind::BadValue { leading, significant });
            }
            *window = Window { trailing: 64 - leading - significant, significant };
        }
        Ok(self.take_wide(window.significant) << window.trailing)
    }

    /// Returns whether more bits were taken than there are.
    #[inline]
    fn is_overrun(&self) -> bool {
        self.position * 8 > self.bytes.len() * 8 + self.loaded as usize
    }
}
