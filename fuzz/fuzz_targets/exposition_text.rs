//! Any bytes as a page of the text format: an error or entries, and labels of each sample.

#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_exposition::{Entry, Place, TextReader};
use narthex_model::LabelsBuilder;

fuzz_target!(|page: &[u8]| {
    let mut labels = LabelsBuilder::default();
    for entry in TextReader::new(page) {
        match entry {
            Ok(Entry::Sample(sample)) => drop(sample.labels(&mut labels)),
            Ok(_) => {}
            Err(error) => {
                assert!(matches!(error.place, Place::Line { line: 1.., column: 1.. }), "{error}");
            }
        }
    }
});
