/// Why a chunk could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkError {
    /// The bytes end before the number of samples that the header names.
    #[error("chunk ends inside sample {sample_index} of {sample_count}")]
    Truncated {
        /// The sample that is cut off.
        sample_index: u16,
        /// How many samples the header names.
        sample_count: u16,
    },
    /// The bytes are too few for a header.
    #[error("chunk of {size_bytes} bytes has no header")]
    NoHeader {
        /// How many there are.
        size_bytes: usize,
    },
    /// A sample is not newer than the one before it.
    #[error("sample {sample_index} is not newer than the one before it")]
    NotRising {
        /// The sample.
        sample_index: u16,
    },
    /// A value's bits are described by numbers that no value fits.
    #[error("sample {sample_index} has {leading} leading zeros and {significant} further bits")]
    BadValue {
        /// The sample.
        sample_index: u16,
        /// The bits that are said to be zero, from the highest on.
        leading: u8,
        /// The bits that are said to follow.
        significant: u8,
    },
    /// No encoding has this number.
    #[error("unknown chunk encoding {number}")]
    UnknownEncoding {
        /// The number.
        number: u8,
    },
}
