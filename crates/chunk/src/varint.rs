//! Go's variable-length integers: seven bits a byte, the lowest first, the top bit for "more".

/// The longest integer of 64 bits.
pub(crate) const SIZE_MAX: usize = 10;

/// Writes `value` into `out` and returns how many bytes it took.
pub(crate) fn put_unsigned(out: &mut [u8; SIZE_MAX], mut value: u64) -> usize {
    let mut size = 0;
    while value >= 0x80 {
        out[size] = value.to_le_bytes()[0] | 0x80;
        value >>= 7;
        size += 1;
    }
    out[size] = value.to_le_bytes()[0];
    size + 1
}

/// Writes `value` with its sign in the lowest bit.
pub(crate) fn put_signed(out: &mut [u8; SIZE_MAX], value: i64) -> usize {
    put_unsigned(out, ((value << 1) ^ (value >> 63)).cast_unsigned())
}

/// Splits an integer off the front of `bytes`, or returns `None` where they hold no whole one.
pub(crate) fn take_unsigned(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
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

/// As [`take_unsigned`], with the sign in the lowest bit.
pub(crate) fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    let bits = take_unsigned(bytes)?;
    Some((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed())
}
