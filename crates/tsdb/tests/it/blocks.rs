//! Blocks that Prometheus wrote, alone and in a database; and blocks that are damaged.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use narthex_host::{Host, RealFiles};
use narthex_model::{Labels, MatchOp, Matcher};
use narthex_storage::{Columns, Querier, QueryContext, Queryable, SelectHints, TimeRange};
use narthex_tsdb::{Block, Db, Options};

use crate::conformance::{Samples, conformance_dir, copy_dir, float_text, read_all, read_dump};
use crate::support::{commit, series};

fn open(dir: &Path) -> Block {
    Block::open(Arc::new(RealFiles), dir).unwrap()
}

fn only_block(dir: &Path) -> PathBuf {
    let mut entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.find(|path| path.join("meta.json").exists()).unwrap()
}

/// A copy of a block of the reference in the folder of a database.
fn database(conformance: &Path) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let source = only_block(&conformance.join("datadirs/default/blocks"));
    let block = dir.path().join(source.file_name().unwrap());
    copy_dir(&source, &block);
    (dir, block)
}

/// Fails at the first sample that differs. The dump of a series passes over a sample or two where
/// floats end and histograms begin, and ends where floats come again.
fn compare(found: &Samples, dump: &Samples) {
    assert!(found.keys().eq(dump.keys()), "the series differ");
    for ((labels, found), dump) in found.iter().zip(dump.values()) {
        for (time, expected) in dump {
            assert_eq!(found.get(time), Some(expected), "{labels} at {time}");
        }
        let has_histograms = found.values().any(|value| value.starts_with('{'));
        assert!(found.len() == dump.len() || has_histograms, "{labels}");
    }
}

fn count(samples: &Samples) -> u64 {
    samples.values().map(BTreeMap::len).sum::<usize>() as u64
}

#[test]
fn blocks_of_the_reference() {
    let Some(conformance) = conformance_dir() else { return };
    let datadirs = conformance.join("datadirs");
    for folder in ["default", "experimental"] {
        let block = open(&only_block(&datadirs.join(folder).join("blocks")));
        let dump = read_dump(&datadirs.join(folder).join("blocks.dump.gz"));
        let found = read_all(&block);
        compare(&found, &dump);
        assert_eq!(count(&found), block.meta().stats.num_samples);
    }
}

#[test]
fn a_block_of_version_1() {
    let Some(conformance) = conformance_dir() else { return };
    let block = open(&conformance.join("prometheus/tsdb/testdata/index_format_v1"));
    let found = read_all(&block);
    let stats = block.meta().stats;
    assert_eq!((found.len() as u64, count(&found)), (stats.num_series, stats.num_samples));
    assert_eq!(select(&block, &[Matcher::equal("foo", "bar")]), [r#"{foo="bar"}"#]);
    assert_eq!(select(&block, &[Matcher::equal("bar", "47")]), [r#"{bar="47"}"#]);
    let ctx = QueryContext::default();
    let querier = block.querier(TimeRange::ALL).unwrap();
    assert_eq!(querier.label_names(&ctx, &[], None).unwrap(), ["bar".into(), "foo".into()]);
    assert_eq!(querier.label_values(&ctx, "bar", &[], None).unwrap().len(), 100);
}

/// Prometheus 2.1 wrote indices of version 2 that say they are of version 1.
#[test]
fn an_index_that_names_the_wrong_version() {
    let Some(conformance) = conformance_dir() else { return };
    let source = conformance.join("prometheus/tsdb/testdata/repair_index_version");
    let dir = tempfile::tempdir().unwrap();
    copy_dir(&only_block(&source), dir.path());
    // The test data has no chunks.
    fs::create_dir(dir.path().join("chunks")).unwrap();
    let block = open(dir.path());
    let ctx = QueryContext::default();
    let querier = block.querier(TimeRange::ALL).unwrap();
    let names = querier.label_names(&ctx, &[], None).unwrap();
    for name in &names {
        assert!(!querier.label_values(&ctx, name, &[], None).unwrap().is_empty(), "{name}");
    }
    assert!(!names.is_empty());
    let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
    assert!((0..selection.len()).all(|index| !selection.series_labels(index).is_empty()));
    assert_eq!(ctx.take_warnings(), []);
}

fn select(store: &impl Queryable, matchers: &[Matcher]) -> Vec<String> {
    let ctx = QueryContext::default();
    let querier = store.querier(TimeRange::ALL).unwrap();
    let selection = querier.select(&ctx, matchers, &SelectHints::default()).unwrap();
    (0..selection.len()).map(|index| selection.series_labels(index).to_string()).collect()
}

/// The index against a look at all labels, for matchers of all kinds on labels of the block.
#[test]
fn matchers_find_what_their_conditions_say() {
    let Some(conformance) = conformance_dir() else { return };
    let block = open(&only_block(&conformance.join("datadirs/default/blocks")));
    let ctx = QueryContext::default();
    let querier = block.querier(TimeRange::ALL).unwrap();
    let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
    let all = (0..selection.len()).map(|index| selection.series_labels(index)).collect::<Vec<_>>();
    let names = ["__name__", "instance", "quantile", "code", "k", "missing"];
    let values = [
        "",
        ".*",
        ".+",
        "a.*|",
        "prometheus_.*",
        "go_gc.*|up",
        "up|prometheus_build_info",
        "0.5",
        "200|400",
        "200|",
        "z.*",
        "prometheus_tsdb_head_[a-m].*",
    ];
    let ops = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex];
    let mut matchers = Vec::new();
    for name in names {
        for value in values {
            matchers.extend(ops.map(|op| Matcher::new(op, name, value).unwrap()));
        }
    }
    let mut sizes = BTreeSet::new();
    for (index, first) in matchers.iter().enumerate() {
        let second = &matchers[index * 7 % matchers.len()];
        for both in [vec![first.clone()], vec![first.clone(), second.clone()]] {
            let meets = |labels: &&Labels| {
                both.iter().all(|matcher| matcher.matches(labels.value(matcher.name())))
            };
            let expected = all.iter().filter(meets).map(ToString::to_string).collect::<Vec<_>>();
            assert_eq!(select(&block, &both), expected, "{both:?}");
            sizes.insert(expected.len());
        }
    }
    assert!(sizes.len() > 10, "{sizes:?}");
}

#[test]
fn label_names_and_values() {
    let Some(conformance) = conformance_dir() else { return };
    let block = open(&only_block(&conformance.join("datadirs/default/blocks")));
    let ctx = QueryContext::default();
    let querier = block.querier(TimeRange::ALL).unwrap();
    let all = querier.label_values(&ctx, "__name__", &[], None).unwrap();
    assert!(all.len() > 10 && all.is_sorted_by(|a, b| a < b), "{}", all.len());
    assert_eq!(querier.label_values(&ctx, "__name__", &[], Some(7)).unwrap(), all[..7]);
    assert_eq!(querier.label_values(&ctx, "missing", &[], None).unwrap(), []);
    let up = [Matcher::equal("__name__", "up")];
    assert_eq!(querier.label_values(&ctx, "__name__", &up, None).unwrap(), ["up".into()]);
    let names = querier.label_names(&ctx, &up, None).unwrap();
    assert_eq!(names, ["__name__".into(), "instance".into(), "job".into()]);
    assert!(querier.label_names(&ctx, &[], None).unwrap().len() > names.len());
}

#[test]
fn a_database_answers_from_its_blocks_and_its_head() {
    let Some(conformance) = conformance_dir() else { return };
    let (dir, block) = database(&conformance);
    let meta = open(&block).meta();
    let db = Db::open(dir.path(), Options::default()).unwrap();
    assert_eq!(db.stats().blocks.loaded, 1);
    let mut expected = read_dump(&conformance.join("datadirs/default/blocks.dump.gz"));
    let up =
        Labels::from_pairs([("__name__", "up"), ("instance", "127.0.0.1:19191"), ("job", "self")]);
    let now_ms = meta.end_ms + 1_000;
    commit(&db, &up, &[(now_ms, 7.0)]).unwrap();
    commit(&db, &series("new", "here"), &[(now_ms, 8.0)]).unwrap();
    expected.get_mut(&up.to_string()).unwrap().insert(now_ms, float_text(7.0));
    let fresh = expected.entry(series("new", "here").to_string()).or_default();
    fresh.insert(now_ms, float_text(8.0));
    compare(&read_all(&db), &expected);
    db.close().unwrap();
}

/// Every file of a block, empty, missing, cut, filled with something else, and with single bits
/// turned: the database opens, answers for its other parts, and says what is missing.
#[test]
fn damage_costs_no_more_than_the_block() {
    let Some(conformance) = conformance_dir() else { return };
    let mut lost_count = 0;
    for name in ["meta.json", "index", "chunks/000001", "tombstones"] {
        for mutation in 0..14_usize {
            let (dir, block) = database(&conformance);
            let path = block.join(name);
            let mut bytes = fs::read(&path).unwrap();
            let size = bytes.len();
            match mutation {
                0 => bytes.clear(),
                1 => bytes.truncate(size / 2),
                2 => bytes.truncate(size - 1),
                3 => bytes.fill(0xa5),
                4 => bytes.fill(0),
                _ => bytes[(mutation * 7_919) % size] ^= 1 << (mutation % 8),
            }
            fs::write(&path, &bytes).unwrap();
            if mutation == 5 {
                fs::remove_file(&path).unwrap();
            }
            let db = Db::open(dir.path(), Options::default()).unwrap();
            let now_ms = Host::real().clock.now_ms();
            commit(&db, &series("new", "here"), &[(now_ms, 8.0)]).unwrap();
            let ctx = QueryContext::default();
            let querier = db.querier(TimeRange::ALL).unwrap();
            let found = read_everything(&*querier, &ctx);
            assert!(found >= 1, "{name} {mutation}");
            let lost = db.stats().blocks.lost;
            assert_eq!(lost + db.stats().blocks.loaded, 1, "{name} {mutation}");
            assert_eq!(lost == 1, dir.path().join("quarantine").exists(), "{name} {mutation}");
            lost_count += lost;
            if lost == 1 {
                assert!(!ctx.take_warnings().is_empty(), "{name} {mutation}");
                let later = TimeRange { min_ms: now_ms - 1_000, max_ms: now_ms };
                let ctx = QueryContext::default();
                let querier = db.querier(later).unwrap();
                assert_eq!(read_everything(&*querier, &ctx), 1);
                let warnings = ctx.take_warnings();
                assert!(name == "meta.json" || warnings.is_empty(), "{name} {mutation}");
            }
            drop(querier);
            db.close().unwrap();
        }
    }
    assert!(lost_count > 20, "{lost_count} blocks were lost");
}

fn read_everything(querier: &dyn Querier, ctx: &QueryContext) -> usize {
    let selection = querier.select(ctx, &[], &SelectHints::default()).unwrap();
    let mut columns = Columns::default();
    (0..selection.len()).for_each(|index| selection.read(ctx, index, &mut columns).unwrap());
    selection.len()
}

#[test]
fn what_a_crash_left_goes() {
    let dir = tempfile::tempdir().unwrap();
    let ulid = "01M81NJWN008SWVKYS99C8K2ZS";
    for suffix in [".tmp-for-creation", ".tmp-for-deletion", ".tmp"] {
        fs::create_dir_all(dir.path().join(format!("{ulid}{suffix}/chunks"))).unwrap();
    }
    fs::create_dir(dir.path().join("mine.tmp")).unwrap();
    Db::open(dir.path(), Options::default()).unwrap().close().unwrap();
    let names = fs::read_dir(dir.path()).unwrap();
    let mut names = names.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    names.sort();
    assert_eq!(names, ["mine.tmp", "wal"]);
}
