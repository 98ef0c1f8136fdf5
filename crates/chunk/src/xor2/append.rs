use narthex_model::{SampleTime, is_stale_nan};

use super::{HEADER_SIZE, STARTS_PLACE, decode};
use crate::bits::{BitSink, BitWriter, Bits, Window, varint, write_behind};
use crate::start_timestamps::{PreviousStart, StartHeader, StartSample, push_start};
use crate::{ChunkError, NoRoom};

/// What must be known of an XOR2 chunk to append to it, beside its bytes, which are elsewhere.
///
/// It says nothing that the bytes do not say, and can be made of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Xor2Appender {
    pub(super) timestamp_ms: i64,
    pub(super) delta_ms: i64,
    /// The last value that is no staleness marker.
    pub(super) value_bits: u64,
    pub(super) start_ms: i64,
    pub(super) bit_count: u32,
    pub(super) sample_count: u16,
    pub(super) window: Window,
}

impl Xor2Appender {
    /// The most bytes by which a sample can lengthen a chunk.
    pub const SAMPLE_SIZE_MAX: usize = 29;

    /// Returns the appender of a chunk without samples.
    #[must_use]
    pub fn new() -> Self {
        Self {
            timestamp_ms: 0,
            delta_ms: 0,
            value_bits: 0,
            start_ms: 0,
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
    /// `buffer` is where the chunk lies, as for [`XorAppender::append`](crate::XorAppender::append);
    /// here the third byte of the chunk, too, can change with later samples.
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
        time: SampleTime,
        value: f64,
    ) -> Result<(), NoRoom> {
        assert!(self.sample_count < u16::MAX, "the chunk is full");
        let is_newer = self.sample_count == 0 || self.timestamp_ms < time.timestamp_ms;
        assert!(is_newer, "samples out of order");
        let start_ms = time.start_timestamp_ms;
        let mut next = *self;
        next.start_ms = start_ms;
        let starts = if self.sample_count == 0 { 0 } else { buffer[STARTS_PLACE] };
        let starts = StartHeader(starts);
        // PERF: most chunks have no starts, and all that write some take the way that is longer.
        if starts.is_empty() && start_ms == self.start_ms && self.sample_count < ALWAYS_FROM {
            next.bit_count = write_behind(buffer, self.bit_count, Self::SAMPLE_SIZE_MAX, |out| {
                next.write(out, time.timestamp_ms, value);
            })?;
            next.finish(buffer, starts);
        } else {
            next.append_with_start(buffer, self.start_sample(time), value)?;
        }
        *self = next;
        Ok(())
    }

    /// Appends one sample and what is to be said of its start.
    #[inline(never)]
    fn append_with_start(
        &mut self,
        buffer: &mut [u8],
        sample: StartSample,
        value: f64,
    ) -> Result<(), NoRoom> {
        let written = if sample.index == 0 { 0 } else { buffer[STARTS_PLACE] };
        let mut starts = StartHeader(written);
        self.bit_count = write_behind(buffer, self.bit_count, Self::SAMPLE_SIZE_MAX, |out| {
            self.write(out, sample.timestamp_ms, value);
            starts = push_start(out, starts, sample);
        })?;
        self.finish(buffer, starts);
        Ok(())
    }

    /// Writes the header.
    #[inline]
    fn finish(&self, buffer: &mut [u8], starts: StartHeader) {
        let [high, low] = self.sample_count.to_be_bytes();
        buffer[..HEADER_SIZE].copy_from_slice(&[high, low, starts.0]);
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

    /// Returns when the newest sample was taken, and since when it counts.
    #[must_use]
    pub fn last_time(&self) -> Option<SampleTime> {
        let time =
            SampleTime { timestamp_ms: self.timestamp_ms, start_timestamp_ms: self.start_ms };
        (self.sample_count > 0).then_some(time)
    }

    /// Returns what stands of a sample, which is not appended yet, among the starts.
    fn start_sample(&self, time: SampleTime) -> StartSample {
        StartSample {
            index: self.sample_count,
            timestamp_ms: time.timestamp_ms,
            start_ms: time.start_timestamp_ms,
            previous: PreviousStart {
                timestamp_ms: self.timestamp_ms,
                delta_ms: self.delta_ms,
                start_ms: self.start_ms,
            },
        }
    }

    /// Writes a sample, but not the header, and takes note of it, but not of how many bits it took.
    #[inline(always)]
    fn write(&mut self, out: &mut BitWriter<'_>, timestamp_ms: i64, value: f64) {
        let delta_ms = timestamp_ms.wrapping_sub(self.timestamp_ms);
        let is_stale = is_stale_nan(value);
        let difference = if is_stale { 0 } else { value.to_bits() ^ self.value_bits };
        match self.sample_count {
            0 => write_first(out, timestamp_ms, value),
            1 => {
                varint::push_unsigned(out, delta_ms.cast_unsigned());
                let (head, body) = long_value(difference, is_stale, &mut self.window);
                out.push_both(head, body);
            }
            _ => {
                let change_ms = delta_ms.wrapping_sub(self.delta_ms);
                push_sample(out, change_ms, difference, is_stale, &mut self.window);
            }
        }
        self.delta_ms = if self.sample_count == 0 { 0 } else { delta_ms };
        self.timestamp_ms = timestamp_ms;
        self.value_bits ^= difference;
        self.sample_count += 1;
    }
}

impl Default for Xor2Appender {
    fn default() -> Self {
        Self::new()
    }
}

#[cold]
fn write_first(out: &mut BitWriter<'_>, timestamp_ms: i64, value: f64) {
    varint::push_signed(out, timestamp_ms);
    out.push(value.to_bits(), 64);
}

/// Writes the change of a time difference and a value's difference.
#[inline(always)]
fn push_sample(
    out: &mut BitWriter<'_>,
    change_ms: i64,
    difference: u64,
    is_stale: bool,
    window: &mut Window,
) {
    let bits = change_ms.cast_unsigned();
    let time = match change_ms {
        0 if is_stale => return out.push(0b11111, 5),
        0 => {
            let (head, body) = short_value(difference, window);
            return out.push_both(head, body);
        }
        -0x1000..=0xfff => Bits::new(0b110, 3).then(Bits::low(bits, 13)),
        -0x8_0000..=0x7_ffff => Bits::new(0b1110, 4).then(Bits::low(bits, 20)),
        _ => {
            out.push(0b11110, 5);
            out.push(bits, 64);
            Bits::EMPTY
        }
    };
    let (head, body) = long_value(difference, is_stale, window);
    out.push_both(time.then(head), body);
}

/// Returns the bits of a value where the time difference is as before.
#[inline(always)]
fn short_value(difference: u64, window: &mut Window) -> (Bits, Bits) {
    if difference == 0 {
        return (Bits::ZERO, Bits::EMPTY);
    }
    let narrowest = Window::around(difference);
    let head = if window.holds(narrowest) {
        Bits::new(0b100, 3)
    } else {
        *window = narrowest;
        Bits::new(0b101, 3).then(narrowest.description())
    };
    (head, window.bits_of(difference))
}

/// Returns the bits of a value where the time difference changes.
#[inline(always)]
fn long_value(difference: u64, is_stale: bool, window: &mut Window) -> (Bits, Bits) {
    if is_stale {
        return (Bits::new(0b111, 3), Bits::EMPTY);
    }
    if difference == 0 {
        return (Bits::ZERO, Bits::EMPTY);
    }
    let narrowest = Window::around(difference);
    let head = if window.holds(narrowest) {
        Bits::new(0b10, 2)
    } else {
        *window = narrowest;
        Bits::new(0b110, 3).then(narrowest.description())
    };
    (head, window.bits_of(difference))
}

const HEADER_BITS: u32 = 24;
/// From this sample on, starts are written whether they change or not.
const ALWAYS_FROM: u16 = StartHeader::INDEX_MAX;
