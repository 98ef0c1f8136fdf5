use std::path::PathBuf;

use narthex_host::{Fault, Files, Simulation};
use narthex_model::histogram::{Histogram, Span};
use narthex_model::{Exemplar, Labels, Matcher, STALE_NAN};
use narthex_storage::{
    Appendable, ExemplarQueryable, QueryContext, SampleValue, SeriesExemplars, SeriesKey, TimeRange,
};
use narthex_tsdb::{Db, Options};

use crate::support::{Samples, append_one, commit, read_all, rounds, series};

fn options() -> Options {
    let mut options = Options::default();
    options.memory_snapshot = true;
    options.exemplars_max = 100;
    options
}

fn open(simulation: &Simulation) -> Db {
    Db::open_with(simulation.host(), "data", options()).unwrap()
}

fn histogram(count: u64) -> Histogram {
    let mut histogram = Histogram { count, sum: count as f64, ..Histogram::default() };
    histogram.positive.spans = vec![Span { offset: 0, length: 1 }];
    histogram.positive.counts = vec![i64::try_from(count).unwrap()];
    histogram
}

/// Commits what a snapshot can hold: floats with full chunks and without, histograms of both kinds, a
/// series that is deleted in part, one that ended, and exemplars.
fn fill(db: &Db) {
    for step in 0..300_i64 {
        let mut appender = db.appender();
        let time = step * 15_000;
        for (job, kind) in [("float", 0), ("integer", 1), ("histogram", 2), ("deleted", 3)] {
            let labels = series("filled", job);
            let key = SeriesKey::Labels(&labels);
            let count = u64::try_from(step + 1).unwrap();
            let reference = match kind {
                1 => appender.append(key, time, SampleValue::Histogram(&histogram(count))),
                2 => {
                    let floats = histogram(count).to_float();
                    appender.append(key, time, SampleValue::FloatHistogram(&floats))
                }
                _ => appender.append(key, time, SampleValue::Float(step as f64 / 3.0)),
            };
            if step % 60 == 1 {
                let labels = Labels::from_pairs([("trace_id", step.to_string())]);
                let exemplar =
                    Exemplar { labels, value: 1.0, timestamp_ms: time, has_own_timestamp: true };
                appender.append_exemplar(reference.unwrap(), &exemplar).unwrap();
            }
        }
        appender.commit().unwrap();
    }
    let ended = [(4_400_000, 1.0), (4_401_000, STALE_NAN)];
    commit(db, &series("filled", "ended"), &ended).unwrap();
    let range = TimeRange { min_ms: 4_000_000, max_ms: 4_200_000 };
    db.delete_from_head(range, &[Matcher::equal("job", "deleted")]).unwrap();
}

/// Returns all that there is to read.
fn held(db: &Db) -> (Samples, Vec<SeriesExemplars>) {
    let ctx = QueryContext::default();
    let mut exemplars = db.exemplars(&ctx, TimeRange::ALL, &[Vec::new()]).unwrap();
    // The log does not say whose the times are either.
    for exemplar in exemplars.iter_mut().flat_map(|series| &mut series.exemplars) {
        exemplar.has_own_timestamp = false;
    }
    (read_all(db), exemplars)
}

fn snapshots(simulation: &Simulation) -> Vec<PathBuf> {
    let entries = simulation.files().list_dir("data".as_ref()).unwrap();
    let names = entries.iter().map(|entry| &*entry.name);
    let names = names.filter(|name| name.starts_with("chunk_snapshot."));
    names.map(|name| PathBuf::from("data").join(name)).collect()
}

#[test]
fn a_snapshot_stands_for_the_log() {
    let simulation = Simulation::new(1);
    let db = open(&simulation);
    fill(&db);
    let expected = held(&db);
    let series_count = db.stats().head.series;
    db.close().unwrap();
    assert_eq!(snapshots(&simulation).len(), 1);
    // It outlasts the machine, and says all that is there.
    simulation.files().crash();
    let db = open(&simulation);
    let replay = db.stats().replay;
    assert_eq!((replay.snapshot_series, replay.records, replay.samples), (series_count, 0, 0));
    assert!(held(&db) == expected);
    assert_eq!(snapshots(&simulation), Vec::<PathBuf>::new());
    // Appends go on: the same sample again is no error, another is.
    let labels = series("filled", "float");
    let key = SeriesKey::Labels(&labels);
    append_one(&db, key, 299 * 15_000, 299.0 / 3.0).unwrap();
    assert!(append_one(&db, key, 299 * 15_000, 1.0).is_err());
    append_one(&db, key, 300 * 15_000, 1.0).unwrap();
    append_one(&db, SeriesKey::Labels(&series("filled", "new")), 300 * 15_000, 1.0).unwrap();
    let expected = held(&db);
    drop(db);
    // Without an end in order the log tells it all.
    let db = open(&simulation);
    assert_eq!(db.stats().replay.snapshot_series, 0);
    assert!(held(&db) == expected);
    db.close().unwrap();
    assert!(held(&open(&simulation)) == expected);
}

/// On real files, and without a full chunk.
#[test]
fn a_snapshot_needs_no_head_chunks() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Db::open(dir.path(), options()).unwrap();
    let db = open();
    commit(&db, &series("short", "a"), &[(1, 1.0), (2, 2.0)]).unwrap();
    let expected = read_all(&db);
    db.close().unwrap();
    let db = open();
    assert_eq!(db.stats().replay.snapshot_series, 1);
    assert_eq!(read_all(&db), expected);
}

#[test]
fn a_snapshot_is_not_used_once_the_log_went_on() {
    let simulation = Simulation::new(1);
    let db = open(&simulation);
    fill(&db);
    db.close().unwrap();
    let snapshot = snapshots(&simulation);
    // Somebody who knows nothing of snapshots.
    let db = Db::open_with(simulation.host(), "data", Options::default()).unwrap();
    append_one(&db, SeriesKey::Labels(&series("late", "a")), 300 * 15_000, 1.0).unwrap();
    let expected = read_all(&db);
    drop(db);
    assert_eq!(snapshots(&simulation), snapshot);
    let db = open(&simulation);
    assert_eq!(db.stats().replay.snapshot_series, 0);
    assert!(read_all(&db) == expected);
    assert_eq!(snapshots(&simulation), Vec::<PathBuf>::new());
}

#[test]
fn references_of_series_that_went_are_not_given_again() {
    let simulation = Simulation::new(1);
    let db = open(&simulation);
    let kept = series("kept", "a");
    commit(&db, &kept, &[(1, 1.0)]).unwrap();
    commit(&db, &series("gone", "a"), &[(2, 1.0)]).unwrap();
    commit(&db, &kept, &[(3_600_000, 1.0)]).unwrap();
    // The block has both, and the head one.
    db.flush(3_600_000).unwrap();
    assert_eq!(db.stats().head.series, 1);
    db.close().unwrap();
    let db = open(&simulation);
    assert_eq!(db.stats().replay.snapshot_series, 1);
    let find = |db: &Db, labels: &Labels| db.find_series(labels).unwrap().0 >> 32;
    commit(&db, &series("new", "a"), &[(3_600_001, 1.0)]).unwrap();
    assert_eq!((find(&db, &kept), find(&db, &series("new", "a"))), (1, 3));
}

#[test]
fn samples_out_of_order_stay_in_their_own_log() {
    let simulation = Simulation::new(1);
    let open = || {
        let mut options = options();
        options.out_of_order_window_ms = 10_000_000;
        Db::open_with(simulation.host(), "data", options).unwrap()
    };
    let db = open();
    let late = series("late", "a");
    commit(&db, &late, &[(9_000_000, 1.0)]).unwrap();
    for step in 0..100_i64 {
        commit(&db, &late, &[(8_000_000 - step * 15_000, step as f64)]).unwrap();
    }
    let mut appender = db.appender();
    let reference = db.find_series(&late).unwrap();
    for timestamp_ms in [9_000_000, 8_000_000] {
        let labels = Labels::from_pairs([("trace_id", timestamp_ms.to_string())]);
        let exemplar = Exemplar { labels, value: 1.0, timestamp_ms, has_own_timestamp: false };
        appender.append_exemplar(reference, &exemplar).unwrap();
        appender.commit().unwrap();
    }
    drop(appender);
    let expected = held(&db);
    assert_eq!((expected.0.values().map(Vec::len).sum::<usize>(), expected.1.len()), (101, 1));
    db.close().unwrap();
    for _ in 0..2 {
        let db = open();
        assert_eq!(db.stats().replay.snapshot_series, 1);
        assert!(held(&db) == expected);
        db.close().unwrap();
    }
}

/// It left the head and came back, so that the log names it twice, and files by the later name.
#[test]
fn a_series_that_came_back_has_its_chunks() {
    let simulation = Simulation::new(1);
    let db = open(&simulation);
    let back = series("back", "a");
    commit(&db, &back, &[(1, 1.0)]).unwrap();
    commit(&db, &series("other", "a"), &[(3_600_000, 1.0)]).unwrap();
    db.flush(3_600_000).unwrap();
    assert_eq!(db.find_series(&back), None);
    for step in 0..300_i64 {
        commit(&db, &back, &[(3_600_000 + step * 15_000, step as f64)]).unwrap();
    }
    assert!(db.stats().head.chunk_file_bytes > 0);
    let expected = read_all(&db);
    drop(db);
    for uses_snapshot in [false, true, true] {
        let db = open(&simulation);
        assert_eq!(db.stats().replay.snapshot_series > 0, uses_snapshot);
        assert!(read_all(&db) == expected);
        db.close().unwrap();
    }
}

/// Each byte of the snapshot in turn is not what was written.
#[test]
fn a_damaged_snapshot_costs_nothing_but_time() {
    let simulation = Simulation::new(1);
    let files = simulation.files();
    let db = open(&simulation);
    fill(&db);
    let expected = held(&db);
    db.close().unwrap();
    let snapshot = snapshots(&simulation).remove(0);
    let segment = snapshot.join("00000000");
    let file = files.open_read(&segment).unwrap();
    let mut bytes = vec![0; usize::try_from(file.size().unwrap()).unwrap()];
    file.read_at(0, &mut bytes).unwrap();
    drop(file);
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    let mut failed = 0;
    for place in (0..=used).step_by(used / rounds(15, 200)) {
        files.create_dir_all(&snapshot).unwrap();
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x55;
        if place % 2 == 0 {
            damaged.truncate(place);
        }
        let mut file = files.open_append(&segment).unwrap();
        file.truncate(0).unwrap();
        file.append(&damaged).unwrap();
        drop(file);
        let db = open(&simulation);
        let replay = db.stats().replay;
        assert_eq!(replay.snapshots_failed, 1, "{place} of {used}");
        failed += replay.snapshots_failed;
        assert!(held(&db) == expected, "{place} of {used}");
    }
    assert!(failed > 10);
}

/// Whatever call fails while it closes, the next start finds all there was.
#[test]
fn a_snapshot_that_cannot_be_written_is_no_loss() {
    let mut written = 0;
    for call in 0.. {
        let simulation = Simulation::new(call);
        let files = simulation.files();
        let db = open(&simulation);
        fill(&db);
        db.sync().unwrap();
        let expected = held(&db);
        let start = files.call_count();
        let fault = [Fault::NoSpace, Fault::Io, Fault::ShortWrite][(call % 3) as usize];
        files.fail_from(start + call, fault);
        // What fails is the end of the log, or the snapshot, which is no error.
        let _ = db.close();
        let was_reached = files.call_count() > start + call;
        files.repair();
        files.crash();
        let db = open(&simulation);
        assert!(held(&db) == expected, "call {call}");
        written += u64::from(db.stats().replay.snapshot_series > 0);
        if !was_reached {
            break;
        }
    }
    assert!(written > 0);
}
