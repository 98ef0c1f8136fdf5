//! What Prometheus 3.14.0 was recorded to answer.
//!
//! `NARTHEX_CONFORMANCE` names the folder with the recordings.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;

/// Returns the folder, or says why the test skips.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("NARTHEX_CONFORMANCE");
    if folder.is_none() {
        println!("skipped: NARTHEX_CONFORMANCE names no folder with recorded answers");
    }
    Some(PathBuf::from(folder?).join("vectors"))
}

/// Returns the lines of a packed file, a JSON value each.
pub(crate) fn lines(path: &Path) -> impl Iterator<Item = Value> {
    let lines = BufReader::new(GzDecoder::new(File::open(path).unwrap())).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}

/// Prints how many of `asked` answers agree, and fails where some do not.
pub(crate) fn report(what: &str, asked: usize, differences: &[String]) {
    println!("{what}: {} of {asked} agree", asked - differences.len());
    let shown = differences.iter().take(SHOWN_MAX).map(String::as_str).collect::<Vec<_>>();
    assert!(differences.is_empty(), "{} of {asked}:\n{}", differences.len(), shown.join("\n"));
}

/// Leaves out the series that an error takes as its examples: which ones they are depends on the
/// order of a hash map in the reference, and so did their own order in the recorded release.
pub(crate) fn remove_examples(answer: &mut Value) {
    let error = answer["error"].as_str();
    if let Some((kept, _)) = error.and_then(|error| error.split_once(" for the match group {")) {
        answer["error"] = kept.into();
    }
}

/// Returns where two texts begin to differ, with some of what stands around.
pub(crate) fn first_difference(got: &str, expected: &str) -> String {
    let common = got.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
    let part = |text: &str| {
        let from = text.floor_char_boundary(common.saturating_sub(CONTEXT_SIZE));
        text[from..].chars().take(3 * CONTEXT_SIZE).collect::<String>()
    };
    format!("  …{}\n  for …{}", part(got), part(expected))
}

const SHOWN_MAX: usize = 20;
const CONTEXT_SIZE: usize = 100;
