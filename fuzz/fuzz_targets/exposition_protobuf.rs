//! Any bytes as a page of protobuf messages: an error or entries, and labels of each sample. The first
//! byte of the input chooses the options.

#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_exposition::{Entry, Place, ProtobufReader, ReadOptions};
use narthex_model::LabelsBuilder;

fuzz_target!(|input: &[u8]| {
    let Some((choice, page)) = input.split_first() else { return };
    let options = ReadOptions {
        native_histograms: choice & 1 != 0,
        convert_classic_histograms: choice & 2 != 0,
        keep_classic_histograms: choice & 4 != 0,
        start_timestamps: choice & 8 != 0,
    };
    let mut labels = LabelsBuilder::default();
    let mut reader = ProtobufReader::new(page, options);
    while let Some(entry) = reader.next_entry() {
        match entry {
            Ok(Entry::Sample(sample)) => {
                let _ = sample.labels(&mut labels);
                sample.exemplars().for_each(|exemplar| exemplar.labels(&mut labels));
            }
            Ok(_) => {}
            Err(error) => {
                let Place::Message { offset, .. } = error.place else { panic!("{error}") };
                assert!(offset <= page.len(), "{error}");
            }
        }
    }
});
