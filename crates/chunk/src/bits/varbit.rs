//! Integers of one to nine bytes, the small ones in few bits.
//!
//! Set bits, up to eight, say how many bits the number has; one that is not set ends them unless
//! there are eight:
//!
//! | tag | bits | signed |
//! |---|---|---|
//! | `0` | 0 | 0 |
//! | `10` | 3 | -3 to 4 |
//! | `110` | 6 | -31 to 32 |
//! | `1110` | 9 | -255 to 256 |
//! | `11110` | 12 | -2047 to 2048 |
//! | `111110` | 18 | -131071 to 131072 |
//! | `1111110` | 25 | -16777215 to 16777216 |
//! | `11111110` | 56 | -2^55 + 1 to 2^55 |
//! | `11111111` | 64 | all |
//!
//! Signed numbers reach one up from two's complement. Numbers without a sign have all of the bits.
//!
//! # Source
//!
//! Prometheus `tsdb/chunkenc/varbit.go`.

use super::{BitReader, BitSink};

/// How many bits a number has after each tag, which has one set bit more than the tag before.
const SIZES: [u32; 9] = [0, 3, 6, 9, 12, 18, 25, 56, 64];
/// How many bits a tag has at most.
const TAG_SIZE_MAX: u32 = 8;

/// Writes an integer.
#[inline]
pub(crate) fn push_signed(out: &mut impl BitSink, number: i64) {
    // The range of n bits lies around zero, and ends where the next larger number needs n + 1.
    let magnitude = if number > 0 { number - 1 } else { number.wrapping_neg() };
    let size = 65 - magnitude.cast_unsigned().leading_zeros();
    if number == 0 {
        return out.push(0, 1);
    }
    push_sized(out, number.cast_unsigned(), size);
}

/// Writes an integer without a sign.
#[inline]
pub(crate) fn push_unsigned(out: &mut impl BitSink, number: u64) {
    if number == 0 {
        return out.push(0, 1);
    }
    push_sized(out, number, 64 - number.leading_zeros());
}

/// Writes a number of `needed` bits, not zero.
#[inline]
fn push_sized(out: &mut impl BitSink, number: u64, needed: u32) {
    let ones = SIZES[1..8].iter().take_while(|size| **size < needed).count() + 1;
    let size = SIZES[ones];
    let ones = u32::try_from(ones).expect("there are nine sizes");
    if size == 64 {
        out.push(0xff, TAG_SIZE_MAX);
        return out.push(number, 64);
    }
    // Set bits and the one that ends them.
    let tag = (1_u64 << (ones + 1)) - 2;
    out.push((tag << size) | (number & ((1 << size) - 1)), ones + 1 + size);
}

impl BitReader<'_> {
    /// Takes an integer, and loads what it needs.
    #[inline(always)]
    pub(crate) fn take_signed(&mut self) -> i64 {
        let (number, size) = self.take_sized();
        let number = number.cast_signed();
        if size < 64 && number > (1 << size) >> 1 { number - (1 << size) } else { number }
    }

    /// Takes an integer without a sign, and loads what it needs.
    #[inline(always)]
    pub(crate) fn take_unsigned(&mut self) -> u64 {
        self.take_sized().0
    }

    /// Takes a number and returns how many bits it had.
    #[inline(always)]
    fn take_sized(&mut self) -> (u64, u32) {
        self.refill();
        let ones = self.leading_ones().min(TAG_SIZE_MAX);
        if ones == 0 {
            self.skip(1);
            return (0, 0);
        }
        self.skip((ones + 1).min(TAG_SIZE_MAX));
        let size = SIZES[ones as usize];
        (self.take_wide(size), size)
    }
}
