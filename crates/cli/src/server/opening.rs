use std::sync::OnceLock;

use narthex_model::Matcher;
use narthex_storage::{
    AppendError, Appendable, Appender, Committed, ExemplarQueryable, Querier, QueryContext,
    Queryable, SampleValue, SeriesExemplars, SeriesKey, SeriesRef, StorageError, TimeRange,
};
use narthex_tsdb::Db;

/// A database that is opened while the server already listens. Until then it refuses everything.
#[derive(Debug, Default)]
pub(super) struct OpeningStore {
    db: OnceLock<Db>,
}

/// The store is not open yet.
#[derive(Debug, thiserror::Error)]
#[error("TSDB not ready")]
struct NotReady;

impl OpeningStore {
    /// Makes the database answer. Only the first one does.
    pub(super) fn set(&self, db: Db) {
        let _ = self.db.set(db);
    }

    pub(super) fn get(&self) -> Option<&Db> {
        self.db.get()
    }

    pub(super) fn into_inner(self) -> Option<Db> {
        self.db.into_inner()
    }
}

impl Queryable for OpeningStore {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        match self.db.get() {
            Some(db) => db.querier(range),
            None => Err(StorageError::Store(Box::new(NotReady))),
        }
    }
}

impl ExemplarQueryable for OpeningStore {
    fn exemplars(
        &self,
        ctx: &QueryContext,
        range: TimeRange,
        selectors: &[Vec<Matcher>],
    ) -> Result<Vec<SeriesExemplars>, StorageError> {
        match self.db.get() {
            Some(db) => db.exemplars(ctx, range, selectors),
            None => Err(StorageError::Store(Box::new(NotReady))),
        }
    }
}

impl Appendable for OpeningStore {
    fn appender(&self) -> Box<dyn Appender + '_> {
        match self.db.get() {
            Some(db) => db.appender(),
            None => Box::new(NotReady),
        }
    }
}

/// An appender that takes nothing.
impl Appender for NotReady {
    fn append(
        &mut self,
        _: SeriesKey<'_>,
        _: i64,
        _: SampleValue,
    ) -> Result<SeriesRef, AppendError> {
        Err(AppendError::Store(Box::new(Self)))
    }

    fn set_metadata(
        &mut self,
        _: SeriesRef,
        _: &narthex_model::Metadata,
    ) -> Result<(), AppendError> {
        Err(AppendError::Store(Box::new(Self)))
    }

    fn commit(&mut self) -> Result<Committed, AppendError> {
        Err(AppendError::Store(Box::new(Self)))
    }

    fn rollback(&mut self) {}
}

#[cfg(test)]
mod tests {
    use narthex_model::Labels;

    use super::*;

    #[test]
    fn a_store_refuses_everything_until_it_is_open() {
        let store = OpeningStore::default();
        assert!(store.querier(TimeRange::ALL).is_err());
        let labels = Labels::from_pairs([("__name__", "up")]);
        let key = SeriesKey::Labels(&labels);
        assert!(store.appender().append(key, 1, SampleValue::Float(1.0)).is_err());

        let folder = tempfile::tempdir().unwrap();
        store.set(Db::open(folder.path(), narthex_tsdb::Options::default()).unwrap());
        let mut appender = store.appender();
        appender.append(key, 1, SampleValue::Float(1.0)).unwrap();
        assert_eq!(appender.commit().unwrap().samples, 1);
        assert!(store.querier(TimeRange::ALL).is_ok());
    }
}
