//! What a user of the crate relies on, and what the reference answered.

mod accepted;
mod conformance;
mod pages;
mod properties;
mod refused;
mod strict;
mod writing;

use narthex_exposition::{Entry, SampleEntry, TextReader};
use narthex_model::{Labels, LabelsBuilder};

/// Returns the samples of a page that must have no error.
fn samples(page: &[u8]) -> Vec<SampleEntry<'_>> {
    let entries = TextReader::new(page).map(|entry| entry.expect("the page is good"));
    entries
        .filter_map(|entry| if let Entry::Sample(sample) = entry { Some(sample) } else { None })
        .collect()
}

/// Returns the labels of a series that must not name one twice.
fn labels(sample: &SampleEntry<'_>) -> Labels {
    let mut builder = LabelsBuilder::default();
    sample.labels(&mut builder).expect("the names are unique");
    builder.build()
}
