use std::fmt;

/// The shortest decimal that reads back as a certain positive float: `0.DIGITS × 10^point`.
#[derive(Debug)]
pub(super) struct Decimal {
    /// ASCII digits, of which neither the first nor the last is a zero.
    digits: [u8; DIGITS_MAX],
    digit_count: usize,
    point: i32,
}

/// As many digits as the shortest form of a 64-bit float can have.
const DIGITS_MAX: usize = 17;

impl Decimal {
    /// Returns the decimal of `magnitude`, which must be positive and finite.
    ///
    /// Where two shortest decimals are equally near, `zmij` takes the even digit, as Go does. The
    /// standard library takes the larger, so it could not stand in.
    pub(super) fn new(magnitude: f64) -> Self {
        let mut buffer = zmij::Buffer::new();
        Self::from_text(buffer.format_finite(magnitude).as_bytes())
    }

    /// Takes the digits out of `12.5`, `0.001` or `1.5e-7`.
    fn from_text(text: &[u8]) -> Self {
        let mut decimal = Self { digits: [b'0'; DIGITS_MAX], digit_count: 0, point: 0 };
        let (mut past_point, mut trailing_zeros) = (false, 0);
        for (index, byte) in text.iter().enumerate() {
            match byte {
                b'.' => past_point = true,
                b'e' => {
                    decimal.point += parse_exponent(&text[index + 1..]);
                    break;
                }
                b'0' if decimal.digit_count == 0 => decimal.point -= i32::from(past_point),
                b'0' => {
                    trailing_zeros += 1;
                    decimal.point += i32::from(!past_point);
                }
                digit => {
                    // The zeros before it turn out to lie inside the number; they are in place.
                    decimal.digit_count += trailing_zeros;
                    trailing_zeros = 0;
                    decimal.digits[decimal.digit_count] = *digit;
                    decimal.digit_count += 1;
                    decimal.point += i32::from(!past_point);
                }
            }
        }
        decimal
    }

    fn digits(&self) -> &str {
        str::from_utf8(&self.digits[..self.digit_count]).expect("ASCII digits")
    }

    /// Writes `1.25e+06`.
    pub(super) fn write_scientific(&self, out: &mut impl fmt::Write) -> fmt::Result {
        let (first, rest) = self.digits().split_at(1);
        out.write_str(first)?;
        if !rest.is_empty() {
            out.write_char('.')?;
            out.write_str(rest)?;
        }
        let exponent = self.point - 1;
        out.write_str(if exponent < 0 { "e-" } else { "e+" })?;
        if exponent.unsigned_abs() < 10 {
            out.write_char('0')?;
        }
        out.write_str(itoa::Buffer::new().format(exponent.unsigned_abs()))
    }

    /// Writes `1250000`, `12.5` or `0.00125`.
    pub(super) fn write_positional(&self, out: &mut impl fmt::Write) -> fmt::Result {
        let digits = self.digits();
        let Ok(point) = usize::try_from(self.point) else {
            out.write_str("0.")?;
            write_zeros(out, self.point.unsigned_abs() as usize)?;
            return out.write_str(digits);
        };
        if point >= digits.len() {
            out.write_str(digits)?;
            return write_zeros(out, point - digits.len());
        }
        let (integer, fraction) = digits.split_at(point);
        out.write_str(if integer.is_empty() { "0" } else { integer })?;
        out.write_char('.')?;
        out.write_str(fraction)
    }
}

fn parse_exponent(text: &[u8]) -> i32 {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    sign * digits.iter().fold(0, |exponent, digit| exponent * 10 + i32::from(digit - b'0'))
}

fn write_zeros(out: &mut impl fmt::Write, mut count: usize) -> fmt::Result {
    const ZEROS: &str = "00000000000000000000000000000000";
    while count > ZEROS.len() {
        out.write_str(ZEROS)?;
        count -= ZEROS.len();
    }
    out.write_str(&ZEROS[..count])
}
