use crate::bits::{BitReader, BitSink, Window, difference, varbit};
use crate::error::Fault;

/// One number of a histogram, as the sample that was written or read last has it, and what else is
/// needed to write or read the next one.
pub(crate) trait Field: Copy {
    /// What it is a number of.
    type Number: Copy + Default + PartialOrd;

    /// Writes the first number of observations.
    fn write_first_total(out: &mut impl BitSink, number: Self::Number) -> Self;
    /// Writes the first number of a bucket.
    fn write_first(out: &mut impl BitSink, number: Self::Number) -> Self;
    /// Writes a later number.
    fn write_next(&mut self, out: &mut impl BitSink, number: Self::Number);
    /// Writes a later number of a sample that is a staleness marker, and so has none.
    fn write_stale(&mut self, out: &mut impl BitSink);

    /// Reads what [`Field::write_first_total`] wrote.
    fn read_first_total(reader: &mut BitReader<'_>) -> Self;
    /// Reads what [`Field::write_first`] wrote.
    fn read_first(reader: &mut BitReader<'_>) -> Self;
    /// Reads what [`Field::write_next`] or [`Field::write_stale`] wrote.
    fn read_next(&mut self, reader: &mut BitReader<'_>) -> Result<(), Fault>;

    /// Returns the number.
    fn number(self) -> Self::Number;
}

/// An integer, written as the change of its change. Unsigned ones have the same bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(super) value: i64,
    /// By how much it differs from the one before; 0 for the first.
    pub(super) delta: i64,
}

impl Field for Change {
    type Number = i64;

    fn write_first_total(out: &mut impl BitSink, number: i64) -> Self {
        varbit::push_unsigned(out, number.cast_unsigned());
        Self { value: number, delta: 0 }
    }

    fn write_first(out: &mut impl BitSink, number: i64) -> Self {
        varbit::push_signed(out, number);
        Self { value: number, delta: 0 }
    }

    #[inline]
    fn write_next(&mut self, out: &mut impl BitSink, number: i64) {
        let delta = number.wrapping_sub(self.value);
        varbit::push_signed(out, delta.wrapping_sub(self.delta));
        *self = Self { value: number, delta };
    }

    /// As if it went on changing as before.
    fn write_stale(&mut self, out: &mut impl BitSink) {
        self.write_next(out, self.value.wrapping_add(self.delta));
    }

    fn read_first_total(reader: &mut BitReader<'_>) -> Self {
        Self { value: reader.take_unsigned().cast_signed(), delta: 0 }
    }

    fn read_first(reader: &mut BitReader<'_>) -> Self {
        Self { value: reader.take_signed(), delta: 0 }
    }

    #[inline]
    fn read_next(&mut self, reader: &mut BitReader<'_>) -> Result<(), Fault> {
        self.delta = self.delta.wrapping_add(reader.take_signed());
        self.value = self.value.wrapping_add(self.delta);
        Ok(())
    }

    #[inline]
    fn number(self) -> i64 {
        self.value
    }
}

/// A float, written as the difference of its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    bits: u64,
    window: Window,
}

impl Field for Difference {
    type Number = f64;

    fn write_first_total(out: &mut impl BitSink, number: f64) -> Self {
        Self::write_first(out, number)
    }

    fn write_first(out: &mut impl BitSink, number: f64) -> Self {
        out.push(number.to_bits(), 64);
        Self { bits: number.to_bits(), window: Window::NONE }
    }

    #[inline]
    fn write_next(&mut self, out: &mut impl BitSink, number: f64) {
        difference::push_difference(out, number.to_bits() ^ self.bits, &mut self.window);
        self.bits = number.to_bits();
    }

    fn write_stale(&mut self, out: &mut impl BitSink) {
        self.write_next(out, 0.0);
    }

    fn read_first_total(reader: &mut BitReader<'_>) -> Self {
        Self::read_first(reader)
    }

    fn read_first(reader: &mut BitReader<'_>) -> Self {
        Self { bits: reader.take_wide(64), window: Window::NONE }
    }

    #[inline]
    fn read_next(&mut self, reader: &mut BitReader<'_>) -> Result<(), Fault> {
        reader.refill();
        self.bits ^= reader.take_difference(&mut self.window)?;
        Ok(())
    }

    #[inline]
    fn number(self) -> f64 {
        f64::from_bits(self.bits)
    }
}
