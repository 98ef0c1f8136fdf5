use std::ops::RangeInclusive;

use super::XorAppender;
use crate::bits::{BitReader, Window};
use crate::columns::Fresh;
use crate::encoding::{Encoding, split_header};
use crate::error::Fault;
use crate::{ChunkError, Columns};

/// Decodes the first samples of a chunk, at most `count_max` of them, and appends those of `range` to
/// `out`.
pub(crate) fn decode(
    bytes: &[u8],
    count_max: u16,
    range: &RangeInclusive<i64>,
    out: &mut Columns,
) -> Result<(), ChunkError> {
    let (_, sample_count, body) = split_header::<2>(Encoding::Xor, bytes)?;
    let count = usize::from(sample_count.min(count_max));
    let end_ms = *range.end();
    out.extend_with(count, range, false, |fresh| {
        fill(body, end_ms, fresh).map_err(|(index, fault)| fault.at(index, sample_count))
    })
}

/// Returns what must be known to append to a chunk.
pub(super) fn resume(bytes: &[u8]) -> Result<XorAppender, ChunkError> {
    let (header, sample_count, body) = split_header::<2>(Encoding::Xor, bytes)?;
    let mut cursor = Cursor::new(body);
    for index in 0..usize::from(sample_count) {
        cursor.next(index).map_err(|fault| fault.at(index, sample_count))?;
    }
    let bit_count = header.len() * 8 + cursor.reader.bit_position();
    Ok(XorAppender {
        timestamp_ms: cursor.timestamp_ms,
        delta_ms: cursor.delta_ms,
        value_bits: cursor.value_bits,
        bit_count: u32::try_from(bit_count).expect("65,535 samples of 19 bytes at most"),
        sample_count,
        window: cursor.window,
    })
}

/// Fills the columns of `fresh`, and returns how many samples it wrote: fewer than there is room for
/// only where the next one lies behind `end_ms`.
fn fill(body: &[u8], end_ms: i64, fresh: Fresh<'_>) -> Result<usize, (usize, Fault)> {
    let count = fresh.values.len();
    let mut cursor = Cursor::new(body);
    for (index, (time, value)) in fresh.timestamps_ms.iter_mut().zip(fresh.values).enumerate() {
        cursor.next(index).map_err(|fault| (index, fault))?;
        if cursor.timestamp_ms > end_ms {
            return Ok(index);
        }
        (*time, *value) = (cursor.timestamp_ms, f64::from_bits(cursor.value_bits));
    }
    Ok(count)
}

/// Stands at a sample.
struct Cursor<'a> {
    reader: BitReader<'a>,
    timestamp_ms: i64,
    delta_ms: i64,
    value_bits: u64,
    window: Window,
}

impl<'a> Cursor<'a> {
    fn new(body: &'a [u8]) -> Self {
        let reader = BitReader::new(body);
        Self { reader, timestamp_ms: 0, delta_ms: 0, value_bits: 0, window: Window::NONE }
    }

    /// Steps to the sample `index`, from the one before it.
    #[inline(always)]
    fn next(&mut self, index: usize) -> Result<(), Fault> {
        if index < 2 {
            return self.next_early(index);
        }
        self.reader.refill();
        let change = self.reader.take_delta_of_delta();
        self.delta_ms = self.delta_ms.wrapping_add(change);
        self.advance()
    }

    /// Steps to the first or the second sample.
    #[cold]
    fn next_early(&mut self, index: usize) -> Result<(), Fault> {
        if index > 0 {
            self.delta_ms = self.reader.take_unsigned_varint().cast_signed();
            self.reader.refill();
            return self.advance();
        }
        self.timestamp_ms = self.reader.take_varint();
        self.value_bits = self.reader.take_wide(64);
        if self.reader.is_overrun() { Err(Fault::Truncated) } else { Ok(()) }
    }

    /// Reads a value and adds the time difference.
    #[inline(always)]
    fn advance(&mut self) -> Result<(), Fault> {
        let change = self.reader.take_difference(&mut self.window);
        // Before all else: behind the end the numbers mean nothing.
        if self.reader.is_overrun() {
            return Err(Fault::Truncated);
        }
        self.value_bits ^= change?;
        let next_ms = self.timestamp_ms.wrapping_add(self.delta_ms);
        if next_ms <= self.timestamp_ms {
            return Err(Fault::NotRising);
        }
        self.timestamp_ms = next_ms;
        Ok(())
    }
}

impl BitReader<'_> {
    /// Needs up to 24 loaded bits, and leaves at least 32 where 56 were loaded.
    #[inline]
    fn take_delta_of_delta(&mut self) -> i64 {
        let top = self.peek();
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
            self.take_long_number()
        }
    }

    /// Takes a tag and a number from `1 - 2^(size-1)` to `2^(size-1)`.
    #[inline]
    fn take_number(&mut self, tag_size: u32, size: u32) -> i64 {
        self.skip(tag_size);
        let number = self.take(size).cast_signed();
        if number > 1 << (size - 1) { number - (1 << size) } else { number }
    }

    #[cold]
    fn take_long_number(&mut self) -> i64 {
        self.skip(4);
        let number = self.take_wide(64).cast_signed();
        self.refill();
        number
    }
}
