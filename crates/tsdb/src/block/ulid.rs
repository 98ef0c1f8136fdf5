use std::fmt;
use std::str::FromStr;

use narthex_host::Host;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of a block: 48 bits of time and 80 of chance, as 26 letters and digits.
///
/// Names sort by the time at which they were made.
///
/// # Source
///
/// The specification of ULID, <https://github.com/ulid/spec>.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ulid(u128);

/// The text is no ULID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a ULID")]
pub struct UlidError;

impl Ulid {
    /// How many characters the text of a ULID has.
    pub const TEXT_SIZE: usize = 26;

    /// Returns a name for something made now.
    #[must_use]
    pub fn generate(host: &Host) -> Self {
        let now_ms = u128::from(host.clock.now_ms().max(0).cast_unsigned() & TIME_MAX);
        let random = u128::from(host.random.next_u64()) << 64 | u128::from(host.random.next_u64());
        Self(now_ms << RANDOM_BITS | random >> (128 - RANDOM_BITS))
    }

    /// Returns when the name was made, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn timestamp_ms(self) -> i64 {
        i64::try_from(self.0 >> RANDOM_BITS).expect("48 bits")
    }
}

impl fmt::Display for Ulid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits =
            (0..Self::TEXT_SIZE).rev().map(|place| (self.0 >> (5 * place) & 0x1f) as usize);
        let text = digits.map(|digit| char::from(ALPHABET[digit])).collect::<String>();
        f.write_str(&text)
    }
}

impl fmt::Debug for Ulid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Ulid {
    type Err = UlidError;

    fn from_str(text: &str) -> Result<Self, UlidError> {
        // The first of 26 digits has three bits to fill.
        if text.len() != Self::TEXT_SIZE || text.as_bytes()[0] > b'7' {
            return Err(UlidError);
        }
        let digit = |byte: u8| {
            let byte = byte.to_ascii_uppercase();
            ALPHABET.iter().position(|item| *item == byte).ok_or(UlidError)
        };
        text.bytes().try_fold(0, |bits, byte| Ok(bits << 5 | digit(byte)? as u128)).map(Self)
    }
}

impl Serialize for Ulid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ulid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Crockford's 32 digits.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const RANDOM_BITS: u32 = 80;
const TIME_MAX: u64 = (1 << 48) - 1;

#[cfg(test)]
mod tests {
    use narthex_host::Simulation;
    use proptest::prelude::*;

    use super::{Ulid, UlidError};

    #[test]
    fn the_example_of_the_specification() {
        let text = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        assert_eq!(text.parse::<Ulid>().map(|ulid| ulid.to_string()), Ok(text.into()));
        assert_eq!(text.to_lowercase().parse::<Ulid>(), text.parse());
    }

    #[test]
    fn other_texts_are_none() {
        let long = "01ARZ3NDEKTSV4RRFFQ69G5FAVX";
        let too_high = "8ZZZZZZZZZZZZZZZZZZZZZZZZZ";
        let foreign = "01ARZ3NDEKTSV4RRFFQ69G5FAU";
        for text in ["", "wal", long, too_high, foreign, "01ARZ3NDEKTSV4RRFFQ69G5F\u{e4}"] {
            assert_eq!(text.parse::<Ulid>(), Err(UlidError), "{text:?}");
        }
    }

    #[test]
    fn later_names_sort_behind_earlier_ones() {
        let simulation = Simulation::new(1);
        simulation.clock().set_now_ms(1_469_918_176_385);
        let first = Ulid::generate(&simulation.host());
        assert!(first.to_string().starts_with("01ARYZ6S41"), "{first}");
        simulation.clock().set_now_ms(1_469_918_176_386);
        let second = Ulid::generate(&simulation.host());
        assert!(first < second && first.to_string() < second.to_string());
        assert_eq!(second.timestamp_ms(), 1_469_918_176_386);
    }

    proptest! {
        #[test]
        fn text_and_back(bits: u128) {
            prop_assert_eq!(Ulid(bits).to_string().parse(), Ok(Ulid(bits)));
        }
    }
}
