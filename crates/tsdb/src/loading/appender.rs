use std::sync::Arc;

use narthex_model::{Exemplar, Metadata, SampleTime};
use narthex_storage::{
    AppendError, Appender, Committed, ExemplarError, SampleValue, SeriesKey, SeriesRef,
};

use super::Loading;
use crate::head::{Head, HeadAppender};
use crate::{Db, WalError};

/// Gathers samples for the early head. Where that has gone when they are committed, they go to the one
/// that followed.
pub(crate) struct EarlyAppender<'a> {
    db: &'a Db,
    loading: &'a Loading,
    inner: HeadAppender<'a, Arc<Head>>,
}

impl<'a> EarlyAppender<'a> {
    pub(crate) fn new(db: &'a Db, loading: &'a Loading, early: Arc<Head>) -> Self {
        Self { db, loading, inner: HeadAppender::new(early, &db.wal) }
    }

    /// Tells whether a sample comes late, as far as that is known: what the log has tells who reads it.
    fn check(&self, timestamp_ms: i64) -> Result<(), AppendError> {
        match self.loading.newest_ms {
            Some(newest_ms) if timestamp_ms <= newest_ms => Err(still_loading()),
            _ => Ok(()),
        }
    }

    /// Returns why a sample is refused that may be taken once there is a window for those out of order.
    fn judge(&self, error: AppendError) -> AppendError {
        match error {
            AppendError::OutOfOrder | AppendError::OutOfBounds
                if self.loading.options.lock().out_of_order_window_ms > 0 =>
            {
                still_loading()
            }
            error => error,
        }
    }
}

impl Appender for EarlyAppender<'_> {
    fn append(
        &mut self,
        key: SeriesKey<'_>,
        timestamp_ms: i64,
        value: SampleValue<'_>,
    ) -> Result<SeriesRef, AppendError> {
        self.append_with_start(key, SampleTime { timestamp_ms, start_timestamp_ms: 0 }, value)
    }

    fn append_with_start(
        &mut self,
        key: SeriesKey<'_>,
        time: SampleTime,
        value: SampleValue<'_>,
    ) -> Result<SeriesRef, AppendError> {
        self.check(time.timestamp_ms)?;
        self.inner.append_with_start(key, time, value).map_err(|error| self.judge(error))
    }

    fn set_metadata(&mut self, series: SeriesRef, metadata: &Metadata) -> Result<(), AppendError> {
        self.inner.set_metadata(series, metadata)
    }

    fn append_exemplar(
        &mut self,
        series: SeriesRef,
        exemplar: &Exemplar,
    ) -> Result<(), ExemplarError> {
        self.inner.append_exemplar(series, exemplar)
    }

    fn commit(&mut self) -> Result<Committed, AppendError> {
        let _commit = self.loading.commits.read();
        let Some(loaded) = self.db.loaded.get() else { return self.inner.commit() };
        let mut appender = HeadAppender::new(&loaded.head, &self.db.wal);
        self.inner.hand_over(&mut appender)?;
        appender.commit()
    }

    fn rollback(&mut self) {
        self.inner.rollback();
    }
}

fn still_loading() -> AppendError {
    AppendError::Store(Box::new(WalError::Loading))
}
