use narthex_model::histogram::ResetHint;

use crate::Encoding;
use crate::start_timestamps::StartHeader;

/// What comes before the samples of every histogram chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) sample_count: u16,
    /// What is known about a reset before the first sample.
    pub(super) reset: ResetHint,
    pub(super) starts: StartHeader,
}

/// Three bytes.
pub(super) const HEADER_SIZE: usize = 3;

impl Header {
    /// Reads the header. Where there are no start timestamps, the third byte says what is known about
    /// a reset; else the two top bits of the count do.
    pub(super) fn parse(encoding: Encoding, bytes: &[u8; HEADER_SIZE]) -> Self {
        let [high, low, third] = *bytes;
        let (reset, starts) =
            if encoding.holds_start_timestamps() { (high, third) } else { (third, 0) };
        Self {
            sample_count: u16::from_be_bytes([high, low]) & encoding.sample_count_max(),
            reset: from_bits(reset),
            starts: StartHeader(starts),
        }
    }

    /// Returns what [`Header::parse`] reads.
    pub(super) fn to_bytes(self, encoding: Encoding) -> [u8; HEADER_SIZE] {
        let [high, low] = self.sample_count.to_be_bytes();
        if encoding.holds_start_timestamps() {
            [high | to_bits(self.reset), low, self.starts.0]
        } else {
            [high, low, to_bits(self.reset)]
        }
    }
}

fn to_bits(reset: ResetHint) -> u8 {
    match reset {
        ResetHint::Unknown => 0,
        ResetHint::NotReset => 0x40,
        ResetHint::Reset => 0x80,
        ResetHint::Gauge => 0xc0,
    }
}

fn from_bits(byte: u8) -> ResetHint {
    match byte & 0xc0 {
        0x40 => ResetHint::NotReset,
        0x80 => ResetHint::Reset,
        0xc0 => ResetHint::Gauge,
        _ => ResetHint::Unknown,
    }
}
