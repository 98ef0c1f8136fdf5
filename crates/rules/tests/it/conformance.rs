//! Recorded answers, where they are.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;

use serde_json::Value;

/// Returns the folder with what was recorded of rules; without it, says so.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("NARTHEX_CONFORMANCE").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: NARTHEX_CONFORMANCE does not name the folder with recorded answers");
    }
    folder.map(|folder| folder.join("vectors/rules"))
}

/// Returns what a file holds, packed or not.
pub(crate) fn json(path: &std::path::Path) -> Value {
    let bytes = fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut text = String::new();
        flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut text).unwrap();
        return serde_json::from_str(&text).unwrap();
    }
    serde_json::from_slice(&bytes).unwrap()
}
