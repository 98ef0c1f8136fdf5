use narthex_host::Simulation;
use narthex_model::{Exemplar, Labels, Matcher};
use narthex_storage::{
    Appendable, ExemplarError, ExemplarQueryable, QueryContext, SampleValue, SeriesKey, SeriesRef,
    TimeRange,
};
use narthex_tsdb::{Db, Options};

use crate::support::series;

fn open(simulation: &Simulation, exemplars_max: usize) -> Db {
    let mut options = Options::default();
    options.exemplars_max = exemplars_max;
    Db::open_with(simulation.host(), "data", options).unwrap()
}

fn exemplar(timestamp_ms: i64, trace: &str) -> Exemplar {
    let labels = Labels::from_pairs([("trace_id", trace)]);
    Exemplar { labels, value: 0.5, timestamp_ms, has_own_timestamp: true }
}

/// Returns the traces and times of each series.
fn found(db: &Db, matchers: &[Matcher]) -> Vec<(String, Vec<(String, i64)>)> {
    let ctx = QueryContext::default();
    let found = db.exemplars(&ctx, TimeRange::ALL, &[matchers.to_vec()]).unwrap();
    let pairs = found.iter().map(|series| {
        let exemplars = series.exemplars.iter();
        let exemplars = exemplars.map(|e| (e.labels.value("trace_id").to_owned(), e.timestamp_ms));
        (series.labels.value("job").to_owned(), exemplars.collect())
    });
    pairs.collect()
}

fn expected(series: &[(&str, &[(&str, i64)])]) -> Vec<(String, Vec<(String, i64)>)> {
    let owned = |pairs: &[(&str, i64)]| {
        pairs.iter().map(|(trace, time)| ((*trace).to_owned(), *time)).collect()
    };
    series.iter().map(|(job, pairs)| ((*job).to_owned(), owned(pairs))).collect()
}

/// Commits a sample and an exemplar of one time.
fn commit(db: &Db, job: &str, timestamp_ms: i64, trace: &str) -> SeriesRef {
    let mut appender = db.appender();
    let (labels, value) = (series("requests", job), SampleValue::Float(1.0));
    let reference = appender.append(SeriesKey::Labels(&labels), timestamp_ms, value).unwrap();
    appender.append_exemplar(reference, &exemplar(timestamp_ms, trace)).unwrap();
    assert!(!found(db, &[]).concat_traces().contains(&trace.to_owned()), "seen before its commit");
    appender.commit().unwrap();
    reference
}

trait Traces {
    fn concat_traces(&self) -> Vec<String>;
}

impl Traces for Vec<(String, Vec<(String, i64)>)> {
    fn concat_traces(&self) -> Vec<String> {
        self.iter().flat_map(|(_, pairs)| pairs).map(|(trace, _)| trace.clone()).collect()
    }
}

#[test]
fn exemplars_are_found_and_outlast_the_process() {
    let simulation = Simulation::new(1);
    let db = open(&simulation, 3);
    commit(&db, "a", 10, "first");
    commit(&db, "b", 10, "second");
    commit(&db, "a", 20, "third");
    let all = expected(&[("a", &[("first", 10), ("third", 20)]), ("b", &[("second", 10)])]);
    assert_eq!(found(&db, &[]), all);
    assert_eq!(found(&db, &[Matcher::equal("job", "b")]), all[1..]);
    let stats = db.stats().exemplars;
    assert_eq!((stats.max, stats.stored, stats.series, stats.appended), (3, 3, 2, 3));
    drop(db);
    let db = open(&simulation, 3);
    assert_eq!((found(&db, &[]), db.stats().exemplars.appended), (all, 3));
    commit(&db, "b", 20, "fourth");
    let newest = expected(&[("a", &[("third", 20)]), ("b", &[("second", 10), ("fourth", 20)])]);
    assert_eq!(found(&db, &[]), newest);
    assert_eq!(db.resize_exemplars(1), 1);
    assert_eq!(found(&db, &[]), expected(&[("b", &[("fourth", 20)])]));
    drop(db);
    // Whoever keeps none reads past them, and whoever keeps more finds those that went.
    assert_eq!(found(&open(&simulation, 0), &[]), []);
    let traces = found(&open(&simulation, 10), &[]).concat_traces();
    assert_eq!(traces, ["first", "third", "second", "fourth"]);
}

#[test]
fn an_exemplar_needs_no_sample_but_a_series() {
    let db = open(&Simulation::new(1), 10);
    let reference = commit(&db, "a", 10, "first");
    let mut appender = db.appender();
    let unknown = SeriesRef(12_345 << 32);
    let refused = appender.append_exemplar(unknown, &exemplar(20, "x"));
    assert_eq!(refused, Err(ExemplarError::UnknownSeries(unknown)));
    let refused = appender.append_exemplar(reference, &exemplar(5, "x"));
    assert_eq!(refused, Err(ExemplarError::OutOfOrder));
    appender.append_exemplar(reference, &exemplar(10, "first")).unwrap();
    assert_eq!(appender.commit().unwrap().samples, 0);
    appender.append_exemplar(reference, &exemplar(20, "alone")).unwrap();
    appender.rollback();
    assert_eq!(appender.commit().unwrap().samples, 0);
    assert_eq!(found(&db, &[]).concat_traces(), ["first"]);
    appender.append_exemplar(reference, &exemplar(20, "alone")).unwrap();
    assert_eq!(appender.commit().unwrap().samples, 0);
    assert_eq!(found(&db, &[]).concat_traces(), ["first", "alone"]);
}

#[test]
fn a_commit_that_fails_adds_no_exemplar() {
    let simulation = Simulation::new(1);
    let db = open(&simulation, 10);
    let reference = commit(&db, "a", 10, "first");
    let files = simulation.files();
    files.fail_from(files.call_count(), narthex_host::Fault::NoSpace);
    let mut appender = db.appender();
    appender.append_exemplar(reference, &exemplar(20, "lost")).unwrap();
    assert!(appender.commit().is_err());
    assert_eq!(found(&db, &[]).concat_traces(), ["first"]);
    files.repair();
    appender.append_exemplar(reference, &exemplar(20, "kept")).unwrap();
    appender.commit().unwrap();
    drop(appender);
    drop(db);
    assert_eq!(found(&open(&simulation, 10), &[]).concat_traces(), ["first", "kept"]);
}
