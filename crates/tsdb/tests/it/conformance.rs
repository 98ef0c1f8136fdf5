//! A data directory that Prometheus 3.14 wrote, against what its own `promtool tsdb dump` says of it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use narthex_storage::{Columns, QueryContext, Queryable, SelectHints, TimeRange};
use narthex_tsdb::{Db, Options};

pub(crate) fn conformance_dir() -> Option<PathBuf> {
    let dir = std::env::var_os("NARTHEX_CONFORMANCE").map(PathBuf::from);
    if dir.is_none() {
        println!("skipped: NARTHEX_CONFORMANCE does not name the folder of conformance data");
    }
    dir
}

/// Float series by their labels. All NaNs are one: the dump prints them alike.
type Floats = BTreeMap<String, Vec<(i64, u64)>>;

fn comparable(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

/// The float series of a dump: lines of `{labels} value timestamp`, where histograms are values that
/// start with a brace.
fn read_dump(path: &Path) -> Floats {
    let mut text = String::new();
    GzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let mut series = Floats::new();
    for line in text.lines() {
        let end = line.find("\"} ").unwrap() + 2;
        let (labels, sample) = (&line[..end], &line[end + 1..]);
        if !sample.starts_with('{') {
            let (value, time) = sample.split_once(' ').unwrap();
            let sample = (time.parse().unwrap(), comparable(value.parse().unwrap()));
            series.entry(labels.to_owned()).or_default().push(sample);
        }
    }
    series
}

fn floats(db: &Db) -> Floats {
    let ctx = QueryContext::default();
    let querier = db.querier(TimeRange::ALL).unwrap();
    let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
    let mut columns = Columns::default();
    let mut series = Floats::new();
    for index in 0..selection.len() {
        selection.read(&ctx, index, &mut columns).unwrap();
        let samples = columns.iter().map(|item| (item.timestamp_ms, comparable(item.value)));
        series.insert(selection.series_labels(index).to_string(), samples.collect());
    }
    series
}

pub(crate) fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::write(target, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// Compared are all float series of the dump, sample by sample, but for those named `ooo_test`: of
/// these the head has what came in order, and the rest lies in the log of out-of-order samples,
/// which is not read. Histograms are not compared: only that their records were counted.
#[test]
fn the_float_series_of_directories_of_the_reference() {
    let Some(conformance) = conformance_dir() else { return };
    for folder in ["default", "experimental"] {
        let source = conformance.join("datadirs").join(folder);
        let dir = tempfile::tempdir().unwrap();
        copy_dir(&source.join("data"), dir.path());
        let db = Db::open(dir.path(), Options::default()).unwrap();
        assert_eq!(db.corruptions(), []);
        let replay = db.stats().replay;
        assert!(replay.records_not_kept > 0 && replay.records_unknown == 0, "{replay:?}");

        let mut found = floats(&db);
        let dump = read_dump(&source.join("data.dump.gz"));
        assert!(dump.len() > 50, "{} series in the dump", dump.len());
        for (labels, expected) in &dump {
            let samples = found.remove(labels).unwrap_or_default();
            if labels.contains("ooo_test") {
                assert!(samples.iter().all(|sample| expected.contains(sample)), "{labels}");
            } else {
                assert_eq!(samples, *expected, "{folder}: {labels}");
            }
        }
        assert!(found.is_empty(), "{folder}: not in the dump: {:?}", found.keys());
    }
}
