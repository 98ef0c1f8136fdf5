//! What was recorded, where it can be found.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use flate2::read::GzDecoder;
use serde_json::Value;

/// Returns the folder of the recorded templates, or `None` and says why.
pub(crate) fn folder() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("NARTHEX_CONFORMANCE") else {
        println!("skipped: NARTHEX_CONFORMANCE names no folder");
        return None;
    };
    Some(PathBuf::from(folder).join("vectors/rules"))
}

/// Returns the lines of a file of recorded templates.
pub(crate) fn lines(name: &str) -> Vec<Value> {
    let Some(folder) = folder() else { return Vec::new() };
    let file = File::open(folder.join(name)).unwrap();
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

/// Returns a file of JSON.
pub(crate) fn json(name: &str) -> Value {
    let folder = folder().expect("asked for after a file that was found");
    serde_json::from_reader(File::open(folder.join(name)).unwrap()).unwrap()
}

/// Returns a file of text.
pub(crate) fn text(name: &str) -> String {
    let folder = folder().expect("asked for after a file that was found");
    std::fs::read_to_string(folder.join(name)).unwrap()
}
