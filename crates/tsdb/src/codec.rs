//! The numbers and texts that files are made of: Go's varints and big-endian words.

use std::str;

/// Takes values off the front of bytes. Every method returns `None` where the bytes end early.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Returns how many bytes are left.
    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    /// Returns the next bytes and leaves them there.
    #[inline]
    pub(crate) fn peek<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.rest.first_chunk()
    }

    /// Leaves out so many bytes, or all that are left.
    #[inline]
    pub(crate) fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    #[inline]
    pub(crate) fn word(&mut self) -> Option<u64> {
        let (word, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u64::from_be_bytes(*word))
    }

    #[inline]
    pub(crate) fn float(&mut self) -> Option<f64> {
        Some(f64::from_bits(self.word()?))
    }

    pub(crate) fn word32(&mut self) -> Option<u32> {
        let (word, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u32::from_be_bytes(*word))
    }

    /// Also `None` where the number needs more than 32 bits.
    pub(crate) fn unsigned32(&mut self) -> Option<u32> {
        u32::try_from(self.unsigned()?).ok()
    }

    #[inline]
    pub(crate) fn unsigned(&mut self) -> Option<u64> {
        // Most numbers are small.
        match *self.rest {
            [byte @ ..0x80, ref rest @ ..] => {
                self.rest = rest;
                Some(byte.into())
            }
            _ => self.long_unsigned(),
        }
    }

    fn long_unsigned(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    #[inline]
    pub(crate) fn signed(&mut self) -> Option<i64> {
        Some(zigzag(self.unsigned()?))
    }

    /// Takes bytes that stand behind their number.
    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let size = usize::try_from(self.unsigned()?).ok()?;
        let (bytes, rest) = self.rest.split_at_checked(size)?;
        self.rest = rest;
        Some(bytes)
    }

    /// Also `None` where the bytes are no UTF-8.
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        str::from_utf8(self.bytes()?).ok()
    }
}

/// Returns the number that signs were folded into: 0, -1, 1, -2 and so on.
#[inline]
pub(crate) fn zigzag(bits: u64) -> i64 {
    (bits >> 1).cast_signed() ^ -(bits & 1).cast_signed()
}

pub(crate) fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_unsigned(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

pub(crate) fn put_float(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_bits().to_be_bytes());
}

pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_unsigned(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Returns whether `checksum` is the CRC-32C of `bytes`, big endian. Fuzzing takes every one, so that
/// damage gets through to what reads the bytes.
pub(crate) fn checksum_matches(bytes: &[u8], checksum: &[u8]) -> bool {
    cfg!(fuzzing) || crc32c::crc32c(bytes).to_be_bytes() == *checksum
}
