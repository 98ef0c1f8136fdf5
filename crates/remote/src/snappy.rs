/// Why a body could not be decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnappyError {
    /// The body is no snappy block. The words are the reference's.
    #[error("s2: corrupt input")]
    Corrupt,
    /// The block would have more bytes than it may.
    #[error("snappy: decoded length {decoded_size} exceeds the limit of {decoded_size_max} bytes")]
    TooLarge {
        /// The length that the block declares.
        decoded_size: usize,
        /// The limit.
        decoded_size_max: usize,
    },
}

/// Returns the bytes of a snappy block (not of the framing format), at most `decoded_size_max`.
///
/// The length that the block declares is checked before memory is taken: against the limit, and
/// against what so short a block can hold at all.
///
/// # Errors
///
/// See [`SnappyError`].
pub fn decompress(body: &[u8], decoded_size_max: usize) -> Result<Vec<u8>, SnappyError> {
    let decoded_size = snap::raw::decompress_len(body).map_err(|_| SnappyError::Corrupt)?;
    if decoded_size > decoded_size_max {
        return Err(SnappyError::TooLarge { decoded_size, decoded_size_max });
    }
    if decoded_size > body.len().saturating_mul(EXPANSION_MAX) {
        return Err(SnappyError::Corrupt);
    }
    snap::raw::Decoder::new().decompress_vec(body).map_err(|_| SnappyError::Corrupt)
}

/// The densest element of a block is a copy of 64 bytes in 3.
const EXPANSION_MAX: usize = 22;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_before_allocation() {
        let zeros = vec![0; 100_000];
        let body = snap::raw::Encoder::new().compress_vec(&zeros).unwrap();
        assert_eq!(decompress(&body, 100_000), Ok(zeros));
        assert_eq!(
            decompress(&body, 99_999),
            Err(SnappyError::TooLarge { decoded_size: 100_000, decoded_size_max: 99_999 })
        );
        // 32 MiB are declared, and nothing follows.
        assert_eq!(decompress(&[0x80, 0x80, 0x80, 0x10], usize::MAX), Err(SnappyError::Corrupt));
        assert_eq!(decompress(b"", 10), Err(SnappyError::Corrupt));
        assert_eq!(decompress(b"garbage", 1_000), Err(SnappyError::Corrupt));
    }
}
