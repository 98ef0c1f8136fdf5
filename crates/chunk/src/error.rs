/// Why a chunk could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkError {
    /// No encoding has this number.
    #[error("unknown chunk encoding {number}")]
    UnknownEncoding {
        /// The number.
        number: u8,
    },
    /// The chunk holds samples of another kind than was asked for.
    #[error("chunk of encoding {0} holds other samples")]
    OtherSamples(crate::Encoding),
    /// The bytes end before the number of samples that the header names.
    #[error("chunk ends inside sample {sample_index} of {sample_count}")]
    Truncated {
        /// The sample that is cut off.
        sample_index: u16,
        /// How many samples the header names.
        sample_count: u16,
    },
    /// The chunk holds no sample to go on from.
    #[error("chunk without samples")]
    NoSamples,
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
    /// The histograms have buckets of a width that is not known.
    #[error("histograms of schema {0}, which is not known")]
    UnknownSchema(i64),
    /// A span of buckets is described by a number that is out of range.
    #[error("histograms with a span of buckets out of range")]
    BadSpan,
    /// The histograms are far larger than the bytes that describe them.
    #[error("histograms of more than {0} spans")]
    TooManySpans(usize),
}

/// A buffer is too short for a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("chunk needs {size_bytes} bytes of buffer")]
pub struct NoRoom {
    /// How many bytes the chunk would have with the sample.
    pub size_bytes: usize,
}

/// What is wrong with a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Truncated,
    NotRising,
    BadValue { leading: u8, significant: u8 },
    UnknownSchema(i64),
    BadSpan,
}

impl Fault {
    /// Returns the error where the fault lies in the sample `index` of `sample_count`.
    #[cold]
    pub(crate) fn at(self, index: usize, sample_count: u16) -> ChunkError {
        let sample_index = u16::try_from(index).expect("an index below the sample count");
        match self {
            Self::Truncated => ChunkError::Truncated { sample_index, sample_count },
            Self::NotRising => ChunkError::NotRising { sample_index },
            Self::BadValue { leading, significant } => {
                ChunkError::BadValue { sample_index, leading, significant }
            }
            Self::UnknownSchema(schema) => ChunkError::UnknownSchema(schema),
            Self::BadSpan => ChunkError::BadSpan,
        }
    }
}
