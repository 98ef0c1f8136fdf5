use narthex_storage::AppendError;

use crate::head::Head;
use crate::head::series::Series;
use crate::head::slab::Slab;
use crate::sample::Sample;

/// Which times the samples of one appender may have. They are set by its first sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::head) struct Bounds {
    /// From here on samples may go to the end of their series.
    pub(in crate::head) min_valid_ms: i64,
    /// Up to here, as the clock stands.
    latest_ms: i64,
    /// The time of the head's newest sample.
    newest_ms: i64,
    /// How far before it a sample may be that comes out of order; 0 for none may.
    window_ms: i64,
}

impl Head {
    /// Returns the bounds of an appender whose first sample is of `timestamp_ms`.
    ///
    /// # Errors
    ///
    /// Where that is too far ahead of the clock to be the first one.
    pub(in crate::head) fn bounds(&self, timestamp_ms: i64) -> Result<Bounds, AppendError> {
        let latest_ms = self.latest_ms();
        check_future(timestamp_ms, latest_ms)?;
        let (newest_ms, sealed_ms) = {
            let state = self.state.read();
            (state.max_ms, state.sealed_ms)
        };
        let newest_ms = newest_ms.unwrap_or_else(|| {
            // The first sample ever sets the bounds, committed or not, as in the reference.
            *self.state.write().max_ms.get_or_insert(timestamp_ms)
        });
        let min_valid_ms = newest_ms.saturating_sub(self.block_range_ms / 2);
        Ok(Bounds {
            min_valid_ms: min_valid_ms.max(sealed_ms.unwrap_or(i64::MIN)),
            latest_ms,
            newest_ms,
            window_ms: self.window.get_ms(),
        })
    }

    /// Tells whether a sample may be appended to a series: to its end, or out of order.
    pub(in crate::head) fn check(
        &self,
        series: &Series,
        sample: &Sample,
        bounds: Bounds,
        slab: &Slab,
    ) -> Result<(), AppendError> {
        let time = sample.time.timestamp_ms;
        if time >= bounds.min_valid_ms {
            match series.check(time, &sample.value, slab) {
                Err(AppendError::OutOfOrder) => {}
                checked => return checked,
            }
        }
        if let Some(delta_ms) = bounds.delta_ms(time) {
            self.refusals.deltas.add(delta_ms);
        }
        bounds.check_late(time)
    }
}

impl Bounds {
    /// Tells whether a sample may come, whatever its series holds.
    pub(in crate::head) fn check(self, timestamp_ms: i64) -> Result<(), AppendError> {
        if self.window_ms == 0 && timestamp_ms < self.min_valid_ms {
            return Err(AppendError::OutOfBounds);
        }
        check_future(timestamp_ms, self.latest_ms)
    }

    /// Returns the same bounds for samples that must come in order.
    pub(in crate::head) fn without_window(self) -> Self {
        Self { window_ms: 0, ..self }
    }

    pub(in crate::head) fn has_window(self) -> bool {
        self.window_ms > 0
    }

    /// Tells whether a sample may come that cannot go to the end of its series.
    ///
    /// # Source
    ///
    /// `memSeries.appendable` in Prometheus' `tsdb/head_append.go`.
    pub(in crate::head) fn check_late(self, timestamp_ms: i64) -> Result<(), AppendError> {
        match self.window_ms {
            0 if timestamp_ms < self.min_valid_ms => Err(AppendError::OutOfBounds),
            0 => Err(AppendError::OutOfOrder),
            window_ms if timestamp_ms < self.newest_ms.saturating_sub(window_ms) => {
                Err(AppendError::TooOld)
            }
            _ => Ok(()),
        }
    }

    /// Returns how long before the head's newest sample a time is; `None` where it is not.
    pub(in crate::head) fn delta_ms(self, timestamp_ms: i64) -> Option<u64> {
        let delta_ms = self.newest_ms.saturating_sub(timestamp_ms);
        u64::try_from(delta_ms).ok().filter(|delta_ms| *delta_ms > 0)
    }
}

fn check_future(timestamp_ms: i64, latest_ms: i64) -> Result<(), AppendError> {
    if timestamp_ms > latest_ms { Err(AppendError::TooFarAhead) } else { Ok(()) }
}
