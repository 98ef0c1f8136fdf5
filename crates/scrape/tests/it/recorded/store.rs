//! A real store on a made-up disk, in which time goes on from scrape to scrape.

use std::collections::BTreeMap;

use narthex_host::Simulation;
use narthex_model::{Exemplar, Labels, Matcher, Metadata};
use narthex_storage::{
    AppendError, Appendable, Appender, Columns, Committed, ExemplarError, ExemplarQueryable,
    QueryContext, Queryable, SampleValue, SelectHints, SeriesKey, SeriesRef, TimeRange,
};
use narthex_tsdb::{Db, Options};
use parking_lot::Mutex;

use super::sample::Sample;

/// The time of every scrape by the scraper's clock, for which the bodies were written.
pub(super) const NOW_MS: i64 = 1_700_000_000_000;

/// The time from one scrape to the next in the store.
const INTERVAL_MS: i64 = 10_000;

/// Moves what is appended to the time of a scrape by its number, and remembers the exact values,
/// of which queries know histograms with floats alone.
#[derive(Debug)]
pub(super) struct Store {
    db: Db,
    scrape: i64,
    values: Mutex<Values>,
    labels: Mutex<BTreeMap<SeriesRef, Labels>>,
}

/// Values by labels and time.
type Values = BTreeMap<(Labels, i64), Sample>;

impl Store {
    /// Returns a store that holds a sample at the present time.
    pub(super) fn new() -> Self {
        let mut options = Options::default();
        options.exemplars_max = 1_000;
        let simulation = Simulation::new(0);
        let db = Db::open_with(simulation.host(), "data", options).unwrap();
        let mut appender = db.appender();
        let series = Labels::from_pairs([("__name__", PRESENT)]);
        appender.append(SeriesKey::Labels(&series), NOW_MS, SampleValue::Float(1.0)).unwrap();
        appender.commit().unwrap();
        drop(appender);
        Self { db, scrape: 1, values: Mutex::default(), labels: Mutex::default() }
    }

    /// Goes on to the time of a scrape.
    pub(super) fn set_scrape(&mut self, scrape: usize) {
        self.scrape = i64::try_from(scrape).unwrap();
    }

    /// Returns the time of a sample that a recording describes by its scrape and its distance from
    /// that scrape.
    pub(super) fn time_ms(scrape: i64, offset_ms: i64) -> i64 {
        NOW_MS + (scrape - 1) * INTERVAL_MS + offset_ms
    }

    fn shift_ms(&self) -> i64 {
        (self.scrape - 1) * INTERVAL_MS
    }

    /// Returns every sample but that of the present time, by labels and time.
    pub(super) fn samples(&self) -> BTreeMap<(Labels, i64), Sample> {
        let ctx = QueryContext::default();
        let querier = self.db.querier(TimeRange::ALL).unwrap();
        let all = [Matcher::not_equal("__name__", PRESENT)];
        let selection = querier.select(&ctx, &all, &SelectHints::default()).unwrap();
        let values = self.values.lock();
        let mut samples = BTreeMap::new();
        let mut columns = Columns::default();
        for series in 0..selection.len() {
            let labels = selection.series_labels(series);
            selection.read(&ctx, series, &mut columns).unwrap();
            for (index, &time_ms) in columns.timestamps_ms().iter().enumerate() {
                let key = (labels.clone(), time_ms);
                let mut sample = values.get(&key).expect("what is stored was appended").clone();
                match columns.histogram(index) {
                    Some(stored) => sample.set_reset_hint(stored.reset_hint),
                    None => {
                        let stored = SampleValue::Float(columns.values()[index]);
                        assert_eq!(sample, Sample::new(stored), "{key:?}");
                    }
                }
                samples.insert(key, sample);
            }
        }
        samples
    }

    /// Returns every exemplar with the labels of its series.
    pub(super) fn exemplars(&self) -> Vec<(Labels, Exemplar)> {
        let ctx = QueryContext::default();
        let all = [vec![Matcher::not_equal("__name__", PRESENT)]];
        let series = self.db.exemplars(&ctx, TimeRange::ALL, &all).unwrap();
        let pairs = series.into_iter().flat_map(|series| {
            let labels = series.labels;
            series.exemplars.into_iter().map(move |exemplar| (labels.clone(), exemplar))
        });
        pairs.collect()
    }
}

impl Appendable for Store {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(Moving { store: self, inner: self.db.appender(), values: Vec::new() })
    }
}

/// Moves and remembers what an appender of the database takes.
struct Moving<'a> {
    store: &'a Store,
    inner: Box<dyn Appender + 'a>,
    values: Vec<((Labels, i64), Sample)>,
}

impl Appender for Moving<'_> {
    fn append(
        &mut self,
        series: SeriesKey<'_>,
        timestamp_ms: i64,
        value: SampleValue<'_>,
    ) -> Result<SeriesRef, AppendError> {
        let timestamp_ms = timestamp_ms + self.store.shift_ms();
        let appended = self.inner.append(series, timestamp_ms, value)?;
        let mut labels = self.store.labels.lock();
        if let SeriesKey::Labels(of_series) = series {
            labels.insert(appended, of_series.clone());
        }
        self.values.push(((labels[&appended].clone(), timestamp_ms), Sample::new(value)));
        Ok(appended)
    }

    fn set_metadata(&mut self, series: SeriesRef, metadata: &Metadata) -> Result<(), AppendError> {
        self.inner.set_metadata(series, metadata)
    }

    fn append_exemplar(
        &mut self,
        series: SeriesRef,
        exemplar: &Exemplar,
    ) -> Result<(), ExemplarError> {
        let timestamp_ms = exemplar.timestamp_ms + self.store.shift_ms();
        self.inner.append_exemplar(series, &Exemplar { timestamp_ms, ..exemplar.clone() })
    }

    fn commit(&mut self) -> Result<Committed, AppendError> {
        let committed = self.inner.commit()?;
        let mut values = self.store.values.lock();
        for (key, sample) in self.values.drain(..) {
            // The store keeps the first of several for one time.
            values.entry(key).or_insert(sample);
        }
        Ok(committed)
    }

    fn rollback(&mut self) {
        self.inner.rollback();
        self.values.clear();
    }
}

/// The series that holds a sample at the present time.
const PRESENT: &str = "present";
