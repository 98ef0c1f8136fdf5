//! Any text as a rule file: refused with a place inside it, or read, and what it prints reads the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_rules::{ReadOptions, RuleFile};

fuzz_target!(|text: &str| {
    let options = ReadOptions::default();
    match RuleFile::read(text, &options) {
        Err(error) => {
            let lines = text.split(['\n', '\r']).count() as u64;
            assert!(error.errors.iter().all(|error| error.position.line <= lines + 1), "{error}");
        }
        Ok(file) => {
            let printed = file.to_yaml().expect("prints");
            let again = RuleFile::read(&printed, &options).expect(&printed);
            assert_eq!(again.groups, file.groups, "{printed}");
        }
    }
});
