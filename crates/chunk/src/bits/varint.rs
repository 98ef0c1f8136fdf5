//! Go's variable-length integers: seven bits a byte, the lowest first, the top bit for "more".

use super::{BitReader, BitSink};

/// The longest integer of 64 bits, in bytes.
const SIZE_MAX: u32 = 10;

/// Writes an integer without a sign.
pub(crate) fn push_unsigned(out: &mut impl BitSink, mut number: u64) {
    while number >= 0x80 {
        out.push(number & 0x7f | 0x80, 8);
        number >>= 7;
    }
    out.push(number, 8);
}

/// Writes an integer with its sign in the lowest bit.
pub(crate) fn push_signed(out: &mut impl BitSink, number: i64) {
    push_unsigned(out, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

impl BitReader<'_> {
    /// Takes what [`push_unsigned`] wrote, and loads what it needs. Of an integer that has more bits
    /// than there are, the lowest count.
    pub(crate) fn take_unsigned_varint(&mut self) -> u64 {
        let mut number = 0;
        for place in 0..SIZE_MAX {
            self.refill();
            let byte = self.take(8);
            number |= (byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                break;
            }
        }
        number
    }

    /// Takes what [`push_signed`] wrote, as [`BitReader::take_unsigned_varint`] does.
    pub(crate) fn take_varint(&mut self) -> i64 {
        let bits = self.take_unsigned_varint();
        (bits >> 1).cast_signed() ^ -(bits & 1).cast_signed()
    }
}
