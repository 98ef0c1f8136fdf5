//! Values as the exclusive or of their bits with those of the value before.
//!
//! `0` stands for no difference. `10` is followed by the bits between the leading and the trailing
//! zeros where the last such window holds them; `11` by a new window, the number of leading zeros in
//! five bits (at most 31) and of the bits between in six (64 as 0), and by these bits.

use super::{BitReader, BitSink, Bits};
use crate::error::Fault;

/// Where the bits lie in which a value differs from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// [`Window::NONE`] while no value has differed yet.
    leading: u8,
    trailing: u8,
}

impl Window {
    /// Stands for no window. Read as one, it holds all bits.
    pub(crate) const NONE: Self = Self { leading: 0xff, trailing: 0 };

    /// Returns the narrowest window of `difference`, which is not zero.
    #[inline]
    pub(crate) fn around(difference: u64) -> Self {
        let byte = |count: u32| u8::try_from(count).expect("a count of at most 64 bits");
        Self {
            leading: byte(difference.leading_zeros()).min(LEADING_MAX),
            trailing: byte(difference.trailing_zeros()),
        }
    }

    /// Returns whether this window, an old one, holds `other`.
    #[inline]
    pub(crate) fn holds(self, other: Self) -> bool {
        // No window is wider than 31 leading zeros are, so none passes for one.
        self.leading <= other.leading && self.trailing <= other.trailing
    }

    /// Returns how many bits the window has.
    #[inline]
    pub(crate) fn significant(self) -> u32 {
        match self.leading {
            0xff => 64,
            leading => 64 - u32::from(leading) - u32::from(self.trailing),
        }
    }

    /// Returns the bits of `difference` in the window.
    #[inline]
    pub(crate) fn bits_of(self, difference: u64) -> Bits {
        Bits::new(difference >> self.trailing, self.significant())
    }

    /// Returns the eleven bits that describe the window.
    #[inline]
    pub(crate) fn description(self) -> Bits {
        Bits::new(u64::from(self.leading), 5).then(Bits::low(u64::from(self.significant()), 6))
    }
}

/// Writes a value's difference to the one before.
#[inline]
pub(crate) fn push_difference(out: &mut impl BitSink, difference: u64, window: &mut Window) {
    let (head, body) = encode(difference, window);
    out.push(head.number, head.count);
    if body.count > 0 {
        out.push(body.number, body.count);
    }
}

/// Returns the bits for a value's difference to the one before: up to 13 that describe it, and up to
/// 64 of it.
#[inline]
pub(crate) fn encode(difference: u64, window: &mut Window) -> (Bits, Bits) {
    if difference == 0 {
        return (Bits::ZERO, Bits::EMPTY);
    }
    let narrowest = Window::around(difference);
    let head = if window.holds(narrowest) {
        Bits::new(0b10, 2)
    } else {
        *window = narrowest;
        Bits::new(0b11, 2).then(narrowest.description())
    };
    (head, window.bits_of(difference))
}

impl BitReader<'_> {
    /// Takes what [`push_difference`] wrote. Needs 13 loaded bits.
    #[inline(always)]
    pub(crate) fn take_difference(&mut self, window: &mut Window) -> Result<u64, Fault> {
        if self.peek() >> 63 == 0 {
            self.skip(1);
            return Ok(0);
        }
        let is_new = self.peek() >> 62 == 0b11;
        self.skip(2);
        if is_new {
            *window = self.take_window()?;
        }
        Ok(self.take_in_window(*window))
    }

    /// Takes the eleven bits that describe a window, which must be loaded.
    #[inline(always)]
    pub(crate) fn take_window(&mut self) -> Result<Window, Fault> {
        let described = self.take(11);
        let byte = |bits: u64| u8::try_from(bits).expect("at most six bits");
        let leading = byte(described >> 6);
        let significant = match byte(described & 0x3f) {
            0 => 64,
            significant => significant,
        };
        if leading + significant > 64 {
            return Err(Fault::BadValue { leading, significant });
        }
        Ok(Window { leading, trailing: 64 - leading - significant })
    }

    /// Takes the bits of a window, put where they belong.
    #[inline(always)]
    pub(crate) fn take_in_window(&mut self, window: Window) -> u64 {
        self.take_wide(window.significant()) << window.trailing
    }
}

/// The most leading zeros that five bits describe.
const LEADING_MAX: u8 = 31;
