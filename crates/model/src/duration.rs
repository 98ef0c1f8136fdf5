//! Durations as Prometheus writes them: `1h30m`, `15s`, `250ms`.

use std::fmt;
use std::time::Duration;

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// The text is empty.
    #[error("empty duration string")]
    Empty,
    /// The text does not follow the grammar.
    #[error("not a valid duration string: {text:?}")]
    Invalid {
        /// The text.
        text: Box<str>,
    },
    /// The duration does not fit 64 bits of nanoseconds.
    #[error("duration out of range")]
    OutOfRange,
}

/// Returns the duration that `text` writes.
///
/// # Errors
///
/// See [`DurationError`].
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    Err(DurationError::Invalid { text: text.into() })
}

/// Returns a view that prints `duration` in the largest units that leave no rest.
#[must_use]
pub fn display(duration: Duration) -> DurationDisplay {
    DurationDisplay(duration)
}

/// A duration that prints as Prometheus writes it: see [`display`].
#[derive(Clone, Copy, Debug)]
pub struct DurationDisplay(Duration);

impl fmt::Display for DurationDisplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0.as_millis())
    }
}
