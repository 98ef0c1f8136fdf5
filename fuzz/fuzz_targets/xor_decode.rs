//! Any bytes as an XOR chunk: an error or samples in order of their time.

#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_chunk::{Columns, Encoding, decode};

fuzz_target!(|bytes: &[u8]| {
    let mut columns = Columns::default();
    if decode(Encoding::Xor, bytes, i64::MIN..=i64::MAX, &mut columns).is_ok() {
        assert!(columns.timestamps_ms().is_sorted());
    }
});
