/// The NaN that marks the end of a series. Only this bit pattern does: every copy of a sample must
/// keep its bits.
pub const STALE_NAN: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// The NaN that every NaN read from text becomes.
pub const NORMAL_NAN: f64 = f64::from_bits(0x7ff8_0000_0000_0001);

/// Returns whether `value` is the staleness marker, and not merely some NaN.
#[must_use]
pub fn is_stale_nan(value: f64) -> bool {
    value.to_bits() == STALE_NAN.to_bits()
}

/// One value of a series at one time.
///
/// Equality looks at the bits of the value, so that a NaN equals itself and the staleness marker
/// nothing but itself.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// The value, in the series' own unit.
    pub value: f64,
}

impl PartialEq for Sample {
    fn eq(&self, other: &Self) -> bool {
        self.timestamp_ms == other.timestamp_ms && self.value.to_bits() == other.value.to_bits()
    }
}

impl Eq for Sample {}

/// When a sample was taken, and since when it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleTime {
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// When the counter last began at zero, in milliseconds since the Unix epoch; 0 where that is not
    /// known.
    pub start_timestamp_ms: i64,
}
