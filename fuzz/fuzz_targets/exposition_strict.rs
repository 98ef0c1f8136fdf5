//! Any bytes as a page of OpenMetrics: what the strict reader yields is what the lax one does, up to
//! the first rule that is broken.

#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_exposition::{OpenMetricsReader, ParseErrorKind, StrictReader};

fuzz_target!(|page: &[u8]| {
    let mut lax = OpenMetricsReader::new(page);
    for strict in StrictReader::new(page) {
        if let Err(error) = &strict
            && matches!(*error.kind, ParseErrorKind::Specification(_))
        {
            return;
        }
        assert_eq!(Some(strict), lax.next());
    }
    assert_eq!(lax.next(), None);
});
