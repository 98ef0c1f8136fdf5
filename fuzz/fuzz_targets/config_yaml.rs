//! Any text as a configuration: refused with a place inside it, or loaded, and what it prints loads, too.

#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_config::Config;

fuzz_target!(|text: &str| {
    match Config::load(text, "fuzz.yml", |_| None) {
        Err(error) => {
            let lines = text.split(['\n', '\r']).count() as u64;
            assert!(error.position().line <= lines + 1, "{error}");
        }
        Ok(config) => {
            let printed = config.to_yaml().expect("prints");
            Config::load(&printed, "printed.yml", |_| None).expect(&printed);
        }
    }
});
