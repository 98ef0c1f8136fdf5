use std::path::Path;

use narthex_host::{Fault, Files, Simulation};
use narthex_storage::{
    Appendable, Columns, QueryContext, Queryable, SampleValue, SelectHints, SeriesKey, TimeRange,
};
use narthex_tsdb::{Db, Options, WalSync};
use proptest::prelude::*;

use super::{Expected, MINUTE_MS, commit, labels, open, options};
use crate::support::{read, read_all, rounds};

/// Blocks of 200 ms and a window of 600 ms, so that a few samples are a long time.
fn short_options() -> Options {
    let mut options = options(WalSync::Commit);
    options.block_range_ms = 200;
    options.out_of_order_window_ms = 600;
    options.out_of_order_chunk_samples = 4;
    options
}

/// Tries to append samples in one commit, and notes those that were taken.
fn append(db: &Db, samples: &[(usize, i64)], expected: &mut Expected) -> bool {
    let mut appender = db.appender();
    let mut taken = Vec::new();
    for &(number, time) in samples {
        let value = SampleValue::Float(time as f64);
        if appender.append(SeriesKey::Labels(&labels(number)), time, value).is_ok() {
            taken.push((number, time));
        }
    }
    let is_committed = appender.commit().is_ok();
    if is_committed {
        taken.into_iter().for_each(|(number, time)| expected.add(number, time, time as f64));
    }
    is_committed
}

#[test]
fn blocks_hold_what_came_out_of_order() {
    let simulation = Simulation::new(1);
    let db = open(&simulation, WalSync::Never).unwrap();
    let mut expected = Expected::default();
    let newest = 130 * MINUTE_MS;
    commit(&db, &[(0, newest, 1.0), (1, newest, 1.0)]).unwrap();
    // Half of it before the border of two blocks, and half behind it.
    for step in 0..100 {
        let time = newest - step * 37 % 100 * (20 * MINUTE_MS / 100) - 1;
        commit(&db, &[(0, time, time as f64), (1, time, time as f64)]).unwrap();
        (0..2).for_each(|number| expected.add(number, time, time as f64));
    }
    (0..2).for_each(|number| expected.add(number, newest, 1.0));
    assert_eq!(read_all(&db), expected.samples());
    db.compact_out_of_order().unwrap();
    assert_eq!(db.stats().blocks.loaded, 2);
    assert_eq!(read_all(&db), expected.samples());
    let metas = metas(&simulation);
    let hour_ms = 60 * MINUTE_MS;
    for (meta, min_ms) in metas.iter().zip([0, 2 * hour_ms]) {
        assert!(meta.contains("\"from-out-of-order\""), "{meta}");
        assert!(meta.contains(&format!("\"minTime\": {min_ms},")), "{meta}");
        assert!(meta.contains(&format!("\"maxTime\": {},", min_ms + 2 * hour_ms)), "{meta}");
    }
    let log = simulation.files().list_dir(Path::new("data/wbl")).unwrap();
    assert_eq!(log.len(), 1, "{log:?}");
    db.compact_out_of_order().unwrap();
    assert_eq!(db.stats().blocks.loaded, 2);
    drop(db);

    let db = open(&simulation, WalSync::Never).unwrap();
    assert_eq!(read_all(&db), expected.samples());
    assert_eq!(db.stats().head.chunks, 2, "the chunks of blocks are not in the head");
}

/// Returns the texts of the blocks' descriptions, by their first times.
fn metas(simulation: &Simulation) -> Vec<String> {
    let files = simulation.files();
    let mut metas = Vec::new();
    for entry in files.list_dir(Path::new("data")).unwrap() {
        let path = Path::new("data").join(&*entry.name).join("meta.json");
        let Ok(file) = files.open_read(&path) else { continue };
        let mut text = vec![0; usize::try_from(file.size().unwrap()).unwrap()];
        file.read_at(0, &mut text).unwrap();
        metas.push(String::from_utf8(text).unwrap());
    }
    metas.sort_by_key(|text| text.find("\"minTime\": 0").is_none());
    metas
}

/// A query that began before goes on with what it saw.
#[test]
fn queries_see_the_same_while_samples_move() {
    let simulation = Simulation::new(1);
    let db = open(&simulation, WalSync::Never).unwrap();
    let mut expected = Expected::default();
    for time in [10_000, 5_000, 7_000, 6_000] {
        commit(&db, &[(0, time, 1.0)]).unwrap();
        expected.add(0, time, 1.0);
    }
    let querier = db.querier(TimeRange::ALL).unwrap();
    std::thread::scope(|scope| {
        let compaction = scope.spawn(|| db.compact_out_of_order().unwrap());
        let ctx = QueryContext::default();
        let mut columns = Columns::default();
        let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
        for _ in 0..100 {
            selection.read(&ctx, 0, &mut columns).unwrap();
            assert_eq!(columns.timestamps_ms(), [5_000, 6_000, 7_000, 10_000]);
        }
        drop(selection);
        drop(querier);
        compaction.join().unwrap();
    });
    assert_eq!(read_all(&db), expected.samples());
}

/// Samples of the head are not taken for those of a block that came of others of their time.
#[test]
fn late_blocks_do_not_hide_what_the_head_has() {
    let simulation = Simulation::new(1);
    let reopen = || Db::open_with(simulation.host(), "data", short_options()).unwrap();
    let mut expected = Expected::default();
    let db = reopen();
    for time in (600..1_540).step_by(20) {
        append(&db, &[(0, time)], &mut expected);
    }
    append(&db, &[(0, 1_395), (0, 1_205)], &mut expected);
    // In the middle of a block's time.
    db.flush(1_300).unwrap();
    db.compact_out_of_order().unwrap();
    db.maintain().unwrap();
    db.compact_blocks().unwrap();
    drop(db);
    assert_eq!(read_all(&reopen()), expected.samples());
}

/// What was deleted stays deleted in the blocks.
#[test]
fn deleted_samples_do_not_come_back() {
    let simulation = Simulation::new(1);
    let db = open(&simulation, WalSync::Never).unwrap();
    let mut expected = Expected::default();
    for time in [10_000, 5_000, 7_000, 6_000] {
        commit(&db, &[(0, time, 1.0)]).unwrap();
        expected.add(0, time, 1.0);
    }
    db.delete(TimeRange { min_ms: 5_500, max_ms: 6_500 }, &[]).unwrap();
    expected.0.get_mut(&0).unwrap().remove(&6_000);
    assert_eq!(read_all(&db), expected.samples());
    db.compact_out_of_order().unwrap();
    assert_eq!(read_all(&db), expected.samples());
}

#[derive(Clone, Debug)]
enum Step {
    /// Series, and times before a common one, which moves on with each step.
    Commit(Vec<(usize, i64)>),
    Maintain,
    CompactOutOfOrder,
    Flush,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let sample = (0_usize..3, 0_i64..700);
    let step = prop_oneof![
        6 => prop::collection::vec(sample, 1..12).prop_map(Step::Commit),
        2 => Just(Step::Maintain),
        1 => Just(Step::CompactOutOfOrder),
        1 => Just(Step::Flush),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    /// Head, samples out of order and blocks that overlap: what is read is what was taken, whatever of
    /// it has moved where.
    #[test]
    fn what_is_read_is_what_was_taken(
        steps in steps(),
        (first, second) in (0_i64..3_000, 0_i64..3_000),
    ) {
        let simulation = Simulation::new(1);
        let reopen = || Db::open_with(simulation.host(), "data", short_options()).unwrap();
        let mut expected = Expected::default();
        let mut db = Some(reopen());
        for (index, step) in steps.iter().enumerate() {
            let now = 700 + i64::try_from(index).unwrap() * 60;
            let store = db.as_ref().unwrap();
            match step {
                Step::Commit(samples) => {
                    let samples = samples.iter().map(|(number, before)| (*number, now - before));
                    let samples = samples.collect::<Vec<_>>();
                    prop_assert!(append(store, &samples, &mut expected));
                }
                Step::Maintain => store.maintain().unwrap(),
                Step::CompactOutOfOrder => store.compact_out_of_order().unwrap(),
                Step::Flush => store.flush(now - 300).unwrap(),
                Step::Reopen => {
                    drop(db.take());
                    db = Some(reopen());
                }
            }
            let found = read_all(db.as_ref().unwrap());
            prop_assert_eq!(found, expected.samples(), "after step {} of {:?}", index, steps);
        }
        let range = TimeRange { min_ms: first.min(second), max_ms: first.max(second) };
        expected.0.values_mut().for_each(|samples| samples.retain(|time, _| range.contains(*time)));
        expected.0.retain(|_, samples| !samples.is_empty());
        prop_assert_eq!(read(&db.unwrap(), range, &[]), expected.samples());
    }
}

/// The machine stops at any call, those of compaction included.
#[test]
fn a_crash_while_samples_move_to_blocks_loses_none() {
    let (seeds, mut stops) = (rounds(60, 3_000), 0);
    for seed in 0..seeds as u64 {
        let simulation = Simulation::new(seed);
        let files = simulation.files();
        let reopen = || Db::open_with(simulation.host(), "data", short_options()).unwrap();
        let (mut acknowledged, mut tried) = (Expected::default(), Expected::default());
        let db = reopen();
        files.fail_from(files.call_count() + seed * 13 % 601, Fault::ShortWrite);
        for number in 0..24 {
            let now = 700 + number * 50;
            let late = (1..5).map(|index| (0, now - (number * 131 + index * 97) % 590));
            let samples = late.chain([(0, now), (1, now)]).collect::<Vec<_>>();
            append(&db, &samples, &mut acknowledged);
            samples.iter().for_each(|(number, time)| tried.add(*number, *time, *time as f64));
            if number % 6 == 5 {
                let moved = db.maintain().is_ok() && db.compact_out_of_order().is_ok();
                stops += usize::from(!moved);
            }
        }
        drop(db);
        files.repair();
        files.crash();
        for life in 0..2 {
            let db = reopen();
            let (found, tried) = (read_all(&db), tried.samples());
            for (name, samples) in acknowledged.samples() {
                let all = found.get(&name);
                let is_there = |sample| all.is_some_and(|all| all.contains(sample));
                let lost = samples.iter().filter(|sample| !is_there(sample)).collect::<Vec<_>>();
                assert!(lost.is_empty(), "seed {seed}, life {life}: lost of {name}: {lost:?}");
            }
            for (name, samples) in &found {
                assert!(samples.is_sorted_by(|a, b| a.0 < b.0), "seed {seed}: {name} is doubled");
                assert!(samples.iter().all(|sample| tried[name].contains(sample)), "seed {seed}");
            }
            db.compact_out_of_order().unwrap();
            assert_eq!(read_all(&db), found, "seed {seed}, life {life}");
        }
    }
    println!("{seeds} seeds, {stops} stops while samples moved, 0 acknowledged samples lost");
    assert!(stops > 0);
}
