use std::fmt;

use crate::ChunkError;

/// How the bytes of a chunk are to be read: the number that stands beside each chunk on disk.
///
/// # Source
///
/// `Encoding` in Prometheus' `tsdb/chunkenc/chunk.go`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Encoding {
    /// Floats, in the form of the Gorilla paper.
    Xor = 1,
    /// Histograms with integer counts.
    Histogram = 2,
    /// Histograms with floats for counts.
    FloatHistogram = 3,
    /// Floats in fewer bits, with start timestamps where they are known.
    Xor2 = 4,
    /// As [`Encoding::Histogram`], with start timestamps where they are known.
    HistogramSt = 5,
    /// As [`Encoding::FloatHistogram`], with start timestamps where they are known.
    FloatHistogramSt = 6,
}

impl Encoding {
    /// All encodings.
    pub const ALL: [Self; 6] = [
        Self::Xor,
        Self::Histogram,
        Self::FloatHistogram,
        Self::Xor2,
        Self::HistogramSt,
        Self::FloatHistogramSt,
    ];

    /// Returns the number that stands for the encoding on disk.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Returns whether the samples are histograms, not floats.
    #[must_use]
    pub fn is_histogram(self) -> bool {
        !matches!(self, Self::Xor | Self::Xor2)
    }

    /// Returns whether samples keep their start timestamps.
    #[must_use]
    pub fn holds_start_timestamps(self) -> bool {
        matches!(self, Self::Xor2 | Self::HistogramSt | Self::FloatHistogramSt)
    }

    /// Returns the most samples that a chunk can count.
    #[must_use]
    pub fn sample_count_max(self) -> u16 {
        match self {
            Self::HistogramSt | Self::FloatHistogramSt => SHARED_COUNT_MASK,
            _ => u16::MAX,
        }
    }

    /// Returns how many bytes lie before the first sample.
    pub(crate) fn header_size(self) -> usize {
        match self {
            Self::Xor => 2,
            _ => 3,
        }
    }
}

impl TryFrom<u8> for Encoding {
    type Error = ChunkError;

    fn try_from(number: u8) -> Result<Self, ChunkError> {
        let known = Self::ALL.into_iter().find(|encoding| encoding.number() == number);
        known.ok_or(ChunkError::UnknownEncoding { number })
    }
}

/// Shows the name that the reference prints.
impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Xor => "XOR",
            Self::Histogram => "histogram",
            Self::FloatHistogram => "floathistogram",
            Self::Xor2 => "XOR2",
            Self::HistogramSt => "histogramST",
            Self::FloatHistogramSt => "floathistogramST",
        })
    }
}

/// Returns how many samples a chunk says that it holds.
///
/// # Errors
///
/// Where the bytes are too few for a header.
pub fn sample_count(encoding: Encoding, bytes: &[u8]) -> Result<u16, ChunkError> {
    if bytes.len() < encoding.header_size() {
        return Err(ChunkError::NoHeader { size_bytes: bytes.len() });
    }
    Ok(u16::from_be_bytes([bytes[0], bytes[1]]) & encoding.sample_count_max())
}

/// Splits a chunk into the bytes of its header, how many samples it counts, and its samples. The
/// count is one that the bytes can hold.
pub(crate) fn split_header<const N: usize>(
    encoding: Encoding,
    bytes: &[u8],
) -> Result<(&[u8; N], u16, &[u8]), ChunkError> {
    debug_assert_eq!(N, encoding.header_size());
    let sample_count = sample_count(encoding, bytes)?;
    let Some((header, body)) = bytes.split_first_chunk::<N>() else {
        return Err(ChunkError::NoHeader { size_bytes: bytes.len() });
    };
    // A sample takes a bit at the least, and the first one far more.
    let bound = body.len().saturating_mul(8);
    if usize::from(sample_count) > bound {
        let sample_index = u16::try_from(bound).unwrap_or(u16::MAX);
        return Err(ChunkError::Truncated { sample_index, sample_count });
    }
    Ok((header, sample_count, body))
}

/// The bits of a sample count that shares its two bytes with what is known about resets.
const SHARED_COUNT_MASK: u16 = 0x3fff;

#[cfg(test)]
mod tests {
    use super::{ChunkError, Encoding};

    #[test]
    fn numbers_name_encodings() {
        for number in 1..=6 {
            assert_eq!(Encoding::try_from(number).map(Encoding::number), Ok(number));
        }
        for number in (7..=u8::MAX).chain([0]) {
            assert_eq!(Encoding::try_from(number), Err(ChunkError::UnknownEncoding { number }));
        }
    }
}
