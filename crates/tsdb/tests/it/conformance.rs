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

/// Samples of all kinds by series and time, as text.
pub(crate) type Samples = BTreeMap<String, BTreeMap<i64, String>>;

pub(crate) fn float_text(value: f64) -> String {
    if value.is_nan() { "NaN".into() } else { format!("{value:?}") }
}

/// Lines of `{labels} value timestamp`, where a histogram is a value in braces.
pub(crate) fn read_dump(path: &Path) -> Samples {
    let mut text = String::new();
    GzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let mut found = Samples::new();
    for line in text.lines() {
        let end = line.find("\"} ").unwrap() + 2;
        let (value, time) = line[end + 1..].rsplit_once(' ').unwrap();
        let value = match value.starts_with('{') {
            true => value.to_owned(),
            false => float_text(value.parse().unwrap()),
        };
        found.entry(line[..end].to_owned()).or_default().insert(time.parse().unwrap(), value);
    }
    found
}

pub(crate) fn read_all(store: &impl Queryable) -> Samples {
    let ctx = QueryContext::default();
    let querier = store.querier(TimeRange::ALL).unwrap();
    let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
    let mut columns = Columns::default();
    let mut found = Samples::new();
    for index in 0..selection.len() {
        selection.read(&ctx, index, &mut columns).unwrap();
        let samples = columns.iter().enumerate().map(|(index, sample)| {
            let text = match columns.histogram(index) {
                Some(histogram) => histogram.to_string(),
                None => float_text(sample.value),
            };
            (sample.timestamp_ms, text)
        });
        found.insert(selection.series_labels(index).to_string(), samples.collect());
    }
    found
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

/// Compared are all samples of the dump, those included that came out of order. The dump of a series
/// passes over a sample or two where floats end and histograms begin, and ends where floats come
/// again.
#[test]
fn the_heads_of_directories_of_the_reference() {
    let Some(conformance) = conformance_dir() else { return };
    for folder in ["default", "experimental"] {
        let source = conformance.join("datadirs").join(folder);
        let dir = tempfile::tempdir().unwrap();
        copy_dir(&source.join("data"), dir.path());
        let db = Db::open(dir.path(), Options::default()).unwrap();
        assert_eq!(db.corruptions(), []);
        let replay = db.stats().replay;
        assert_eq!(replay.records_unknown, 0, "{replay:?}");

        let mut found = read_all(&db);
        let dump = read_dump(&source.join("data.dump.gz"));
        assert!(dump.len() > 50, "{} series in the dump", dump.len());
        for (labels, expected) in &dump {
            let samples = found.remove(labels).unwrap_or_default();
            for (time, value) in expected {
                assert_eq!(samples.get(time), Some(value), "{folder}: {labels} at {time}");
            }
            let has_histograms = samples.values().any(|value| value.starts_with('{'));
            assert!(samples.len() == expected.len() || has_histograms, "{folder}: {labels}");
        }
        found.retain(|_, samples| !samples.is_empty());
        assert!(found.is_empty(), "{folder}: not in the dump: {:?}", found.keys());
    }
}
