//! Test scripts with the database in place of a store in memory: the answers are the same.

use std::path::{Path, PathBuf};

use narthex_host::Simulation;
use narthex_promqltest::{EngineSubject, Script, Subject, SubjectError, run};
use narthex_storage::MemoryStore;
use narthex_tsdb::{Db, FloatEncoding, Options};

#[test]
fn our_scripts_find_the_same_over_the_database() {
    println!("{}", compare(&root().join("crates/promqltest/tests/data")));
}

#[test]
fn the_references_scripts_find_the_same_over_the_database() {
    match std::env::var_os("NARTHEX_CONFORMANCE") {
        Some(data) => {
            let directory = Path::new(&data).join("prometheus/promql/promqltest/testdata");
            println!("{}", compare(&directory));
        }
        None => {
            println!("skipped: NARTHEX_CONFORMANCE does not name the reference's test data");
        }
    }
}

/// Runs the scripts of a folder over both stores. Says how many queries that were.
fn compare(directory: &Path) -> String {
    let mut compared = 0;
    for path in scripts(directory) {
        let text = std::fs::read_to_string(&path).expect("a script");
        let script =
            Script::parse(&text).unwrap_or_else(|error| panic!("{}:{error}", path.display()));
        let mut memory = EngineSubject::new(|| Ok(MemoryStore::default())).expect("a store");
        let expected = results(&script, &mut memory);
        assert_eq!(results(&script, &mut database()), expected, "{}", path.display());
        compared += text.lines().filter(|line| line.starts_with("eval")).count();
    }
    format!("{compared} queries compared")
}

/// Returns how many queries passed, and what failed.
fn results(script: &Script, subject: &mut dyn Subject) -> (usize, Vec<String>) {
    let report = run(script, subject);
    (report.passed, report.failures.iter().map(ToString::to_string).collect())
}

fn database() -> impl Subject {
    EngineSubject::new(new_database).expect("a database")
}

/// Returns an empty database on a disk that does not exist.
fn new_database() -> Result<Db, SubjectError> {
    let mut options = Options::default();
    // Scripts load one series after the other, each over all of its time.
    options.block_range_ms = 366 * 24 * 60 * 60 * 1_000;
    options.float_encoding = FloatEncoding::Xor2;
    options.start_timestamps = true;
    options.histogram_start_timestamps = true;
    Ok(Db::open_with(Simulation::new(0).host(), "/data", options)?)
}

fn scripts(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("a folder of scripts");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace")
}
