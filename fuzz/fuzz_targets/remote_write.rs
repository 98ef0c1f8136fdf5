//! Any bytes as a remote write message, and as its compressed body.

#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_remote::{WriteRequest, decompress};

const DECODED_SIZE_MAX: usize = 1 << 20;

fuzz_target!(|body: &[u8]| {
    walk(body);
    if let Ok(message) = decompress(body, DECODED_SIZE_MAX) {
        assert!(message.len() <= DECODED_SIZE_MAX);
        walk(&message);
    }
});

fn walk(message: &[u8]) {
    let request = WriteRequest::new(message);
    for series in request.series() {
        let Ok(series) = series else { return };
        let _ = series.labels().take_while(Result::is_ok).count();
        let _ = series.samples().take_while(Result::is_ok).count();
    }
    let _ = WriteRequest::new(message).metadata().take_while(Result::is_ok).count();
}
