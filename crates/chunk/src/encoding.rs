use crate::ChunkError;

/// How the bytes of a chunk are to be read: the number that stands beside each chunk on disk.
///
/// # Source
///
/// `Encoding` in Prometheus' `tsdb/chunkenc/chunk.go`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// 0: nothing. No store writes it.
    None,
    /// 1: floats, see [`XorChunk`](crate::XorChunk).
    Xor,
    /// 2: native histograms with integer counts.
    Histogram,
    /// 3: native histograms with floats for counts.
    FloatHistogram,
    /// 4: floats with joint prefixes, and a start timestamp a sample where it is known.
    Xor2,
    /// 5: as 2, with start timestamps.
    HistogramSt,
    /// 6: as 3, with start timestamps.
    FloatHistogramSt,
}

impl Encoding {
    /// Returns the number that stands for the encoding on disk.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Xor => 1,
            Self::Histogram => 2,
            Self::FloatHistogram => 3,
            Self::Xor2 => 4,
            Self::HistogramSt => 5,
            Self::FloatHistogramSt => 6,
        }
    }

    /// Returns whether the samples are histograms, not floats.
    #[must_use]
    pub fn is_histogram(self) -> bool {
        match self {
            Self::None | Self::Xor | Self::Xor2 => false,
            Self::Histogram | Self::FloatHistogram | Self::HistogramSt | Self::FloatHistogramSt => {
                true
            }
        }
    }
}

impl TryFrom<u8> for Encoding {
    type Error = ChunkError;

    fn try_from(number: u8) -> Result<Self, ChunkError> {
        Ok(match number {
            0 => Self::None,
            1 => Self::Xor,
            2 => Self::Histogram,
            3 => Self::FloatHistogram,
            4 => Self::Xor2,
            5 => Self::HistogramSt,
            6 => Self::FloatHistogramSt,
            _ => return Err(ChunkError::UnknownEncoding { number }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{ChunkError, Encoding};

    #[test]
    fn numbers_name_encodings() {
        for number in 0..=6 {
            assert_eq!(Encoding::try_from(number).map(Encoding::number), Ok(number));
        }
        for number in 7..=u8::MAX {
            assert_eq!(Encoding::try_from(number), Err(ChunkError::UnknownEncoding { number }));
        }
    }
}
