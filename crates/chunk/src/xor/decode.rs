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
        let stepped = cursor.next(index);
        let stepped = if cursor.reader.is_overrun() { Err(Fault::Truncated) } else { stepped };
        stepped.map_err(|fault| fault.at(index, sample_count))?;
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
    let mut filled = Ok(count);
    for (index, (time, value)) in fresh.timestamps_ms.iter_mut().zip(fresh.values).enumerate() {
        if let Err(fault) = cursor.next(index) {
            filled = Err((index, fault));
            break;
        }
        if cursor.timestamp_ms > end_ms {
            filled = Ok(index);
            break;
        }
        (*time, *value) = (cursor.timestamp_ms, f64::from_bits(cursor.value_bits));
    }
    // PERF: behind the end there are zeros, which read as samples too. To look once, not a sample, is
    // worth a second walk over what is cut off.
    if cursor.reader.is_overrun() {
        return Err((Cursor::new(body).find_end(count), Fault::Truncated));
    }
    filled
}

/// Stands at a sample.
#[derive(Clone, Copy)]
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

    /// Returns which of `count` samples is not whole.
    #[cold]
    fn find_end(mut self, count: usize) -> usize {
        let is_whole = |index: &usize| self.next(*index).is_ok() && !self.reader.is_overrun();
        (0..count).take_while(is_whole).count().min(count - 1)
    }

    /// Steps to the sample `index`, from the one before it. May read behind the end.
    #[inline(always)]
    fn next(&mut self, index: usize) -> Result<(), Fault> {
        if index < 2 {
            *self = self.next_early(index)?;
            return Ok(());
        }
        self.reader.refill();
        // The first bit is of the time, and the others of the value unless it is set.
        match self.reader.peek() >> 61 {
            0b000 | 0b001 => self.reader.skip(2),
            0b010 => {
                self.reader.skip(3);
                self.value_bits ^= self.reader.take_in_window(self.window);
            }
            0b011 => {
                self.reader.skip(3);
                self.window = self.reader.take_window()?;
                self.value_bits ^= self.reader.take_in_window(self.window);
            }
            _ => {
                self.delta_ms = self.delta_ms.wrapping_add(self.reader.take_delta_of_delta());
                self.value_bits ^= self.reader.take_difference(&mut self.window)?;
            }
        }
        self.advance()
    }

    /// Steps to the first or the second sample.
    #[cold]
    fn next_early(mut self, index: usize) -> Result<Self, Fault> {
        if index == 0 {
            self.timestamp_ms = self.reader.take_varint();
            self.value_bits = self.reader.take_wide(64);
            return Ok(self);
        }
        self.delta_ms = self.reader.take_unsigned_varint().cast_signed();
        self.reader.refill();
        self.value_bits ^= self.reader.take_difference(&mut self.window)?;
        self.advance()?;
        Ok(self)
    }

    /// Adds the time difference.
    #[inline(always)]
    fn advance(&mut self) -> Result<(), Fault> {
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
    #[inline(always)]
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
            let (number, rest) = self.take_long_number();
            *self = rest;
            number
        }
    }

    /// Takes a tag and a number from `1 - 2^(size-1)` to `2^(size-1)`.
    #[inline(always)]
    fn take_number(&mut self, tag_size: u32, size: u32) -> i64 {
        self.skip(tag_size);
        let number = self.take(size).cast_signed();
        if number > 1 << (size - 1) { number - (1 << size) } else { number }
    }

    #[cold]
    fn take_long_number(mut self) -> (i64, Self) {
        self.skip(4);
        let number = self.take_wide(64).cast_signed();
        self.refill();
        (number, self)
    }
}
