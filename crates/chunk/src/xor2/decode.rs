use std::ops::RangeInclusive;

use narthex_model::STALE_NAN;

use super::{HEADER_SIZE, STARTS_PLACE, Xor2Appender};
use crate::bits::{BitReader, Window};
use crate::columns::Fresh;
use crate::encoding::{Encoding, split_header};
use crate::error::Fault;
use crate::start_timestamps::{StartHeader, StartReader};
use crate::{ChunkError, Columns};

/// Decodes the first samples of a chunk, at most `count_max` of them, and appends those of `range` to
/// `out`.
pub(crate) fn decode(
    bytes: &[u8],
    count_max: u16,
    range: &RangeInclusive<i64>,
    out: &mut Columns,
) -> Result<(), ChunkError> {
    let (header, sample_count, body) = split_header::<HEADER_SIZE>(Encoding::Xor2, bytes)?;
    let starts = StartHeader(header[STARTS_PLACE]);
    let count = usize::from(sample_count.min(count_max));
    let end_ms = *range.end();
    out.extend_with(count, range, !starts.is_empty(), |fresh| {
        let filled = if starts.is_empty() {
            fill::<false>(Cursor::new(body, starts), end_ms, fresh)
        } else {
            fill::<true>(Cursor::new(body, starts), end_ms, fresh)
        };
        filled.map_err(|(index, fault)| fault.at(index, sample_count))
    })
}

/// Returns what must be known to append to a chunk.
pub(super) fn resume(bytes: &[u8]) -> Result<Xor2Appender, ChunkError> {
    let (header, sample_count, body) = split_header::<HEADER_SIZE>(Encoding::Xor2, bytes)?;
    let mut cursor = Cursor::new(body, StartHeader(header[STARTS_PLACE]));
    for index in 0..usize::from(sample_count) {
        let stepped = cursor.next::<true>(index).map(drop);
        let stepped = if cursor.reader.is_overrun() { Err(Fault::Truncated) } else { stepped };
        stepped.map_err(|fault| fault.at(index, sample_count))?;
    }
    let bit_count = HEADER_SIZE * 8 + cursor.reader.bit_position();
    Ok(Xor2Appender {
        timestamp_ms: cursor.timestamp_ms,
        delta_ms: cursor.delta_ms,
        value_bits: cursor.base_bits,
        start_ms: cursor.starts.start_ms,
        bit_count: u32::try_from(bit_count).expect("65,535 samples of 28 bytes at most"),
        sample_count,
        window: cursor.window,
    })
}

/// Fills the columns of `fresh`, and returns how many samples it wrote: fewer than there is room for
/// only where the next one lies behind `end_ms`.
fn fill<const STARTS: bool>(
    first: Cursor<'_>,
    end_ms: i64,
    fresh: Fresh<'_>,
) -> Result<usize, (usize, Fault)> {
    let count = fresh.values.len();
    let mut cursor = first;
    let mut filled = Ok(count);
    let mut starts = fresh.start_timestamps_ms.iter_mut();
    for (index, (time, value)) in fresh.timestamps_ms.iter_mut().zip(fresh.values).enumerate() {
        let value_bits = match cursor.next::<STARTS>(index) {
            Ok(value_bits) => value_bits,
            Err(fault) => {
                filled = Err((index, fault));
                break;
            }
        };
        if cursor.timestamp_ms > end_ms {
            filled = Ok(index);
            break;
        }
        (*time, *value) = (cursor.timestamp_ms, f64::from_bits(value_bits));
        if STARTS && let Some(start) = starts.next() {
            *start = cursor.starts.start_ms;
        }
    }
    // PERF: as in encoding 1, a look once, not a sample.
    if cursor.reader.is_overrun() {
        return Err((first.find_end(count), Fault::Truncated));
    }
    filled
}

/// Stands at a sample.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    reader: BitReader<'a>,
    timestamp_ms: i64,
    delta_ms: i64,
    /// The last value that is no staleness marker.
    base_bits: u64,
    window: Window,
    starts: StartReader,
}

impl<'a> Cursor<'a> {
    fn new(body: &'a [u8], starts: StartHeader) -> Self {
        Self {
            reader: BitReader::new(body),
            timestamp_ms: 0,
            delta_ms: 0,
            base_bits: 0,
            window: Window::NONE,
            starts: StartReader::new(starts),
        }
    }

    /// Returns which of `count` samples is not whole.
    #[cold]
    fn find_end(mut self, count: usize) -> usize {
        let is_whole =
            |index: &usize| self.next::<true>(*index).is_ok() && !self.reader.is_overrun();
        (0..count).take_while(is_whole).count().min(count - 1)
    }

    /// Steps to the sample `index`, from the one before it, and returns the bits of its value. May
    /// read behind the end.
    #[inline(always)]
    fn next<const STARTS: bool>(&mut self, index: usize) -> Result<u64, Fault> {
        if index < 2 {
            let (value_bits, stepped) = self.next_early(index)?;
            *self = stepped;
            return Ok(value_bits);
        }
        self.reader.refill();
        let value_bits = match self.reader.peek() >> 61 {
            0b000..=0b011 => {
                self.reader.skip(1);
                self.base_bits
            }
            0b100 => {
                self.reader.skip(3);
                self.take_difference()
            }
            0b101 => {
                self.reader.skip(3);
                self.window = self.reader.take_window()?;
                self.take_difference()
            }
            0b110 => {
                self.reader.skip(3);
                self.take_time(13);
                self.take_long_value()?
            }
            _ => {
                let (value_bits, stepped) = self.next_rare()?;
                *self = stepped;
                value_bits
            }
        };
        self.advance::<STARTS>(index)?;
        Ok(value_bits)
    }

    /// Takes time and value where three bits are set.
    #[cold]
    fn next_rare(mut self) -> Result<(u64, Self), Fault> {
        let ones = self.reader.leading_ones();
        self.reader.skip((ones + 1).min(5));
        match ones {
            3 => self.take_time(20),
            4 => {
                self.take_time(64);
                self.reader.refill();
            }
            _ => return Ok((STALE_NAN.to_bits(), self)),
        }
        Ok((self.take_long_value()?, self))
    }

    /// Steps to the first or the second sample.
    #[cold]
    fn next_early(mut self, index: usize) -> Result<(u64, Self), Fault> {
        if index > 0 {
            self.delta_ms = self.reader.take_unsigned_varint().cast_signed();
            self.reader.refill();
            let value_bits = self.take_long_value()?;
            self.advance::<true>(index)?;
            return Ok((value_bits, self));
        }
        self.timestamp_ms = self.reader.take_varint();
        let value_bits = self.reader.take_wide(64);
        if value_bits != STALE_NAN.to_bits() {
            self.base_bits = value_bits;
        }
        self.starts.read_first(&mut self.reader, self.timestamp_ms);
        Ok((value_bits, self))
    }

    /// Adds the time difference, once the value is read.
    #[inline(always)]
    fn advance<const STARTS: bool>(&mut self, index: usize) -> Result<(), Fault> {
        if STARTS {
            self.starts.read_next(&mut self.reader, index, self.timestamp_ms);
        }
        let next_ms = self.timestamp_ms.wrapping_add(self.delta_ms);
        if next_ms <= self.timestamp_ms {
            return Err(Fault::NotRising);
        }
        self.timestamp_ms = next_ms;
        Ok(())
    }

    /// Takes a change of the time difference.
    #[inline(always)]
    fn take_time(&mut self, size: u32) {
        let number = self.reader.take_wide(size) << (64 - size);
        self.delta_ms = self.delta_ms.wrapping_add(number.cast_signed() >> (64 - size));
    }

    /// Takes a value in the long form. Needs 14 loaded bits.
    #[inline(always)]
    fn take_long_value(&mut self) -> Result<u64, Fault> {
        let top = self.reader.peek();
        if top >> 63 == 0 {
            self.reader.skip(1);
            return Ok(self.base_bits);
        }
        if top >> 62 == 0b10 {
            self.reader.skip(2);
            return Ok(self.take_difference());
        }
        self.reader.skip(3);
        if top >> 61 == 0b111 {
            return Ok(STALE_NAN.to_bits());
        }
        self.window = self.reader.take_window()?;
        Ok(self.take_difference())
    }

    #[inline(always)]
    fn take_difference(&mut self) -> u64 {
        self.base_bits ^= self.reader.take_in_window(self.window);
        self.base_bits
    }
}
