//! How records lie in the pages of a segment.
//!
//! A segment is a row of pages of 32 KiB. A record lies in one fragment, or in several where it
//! meets the end of a page; fewer than seven bytes at that end stay zero.

/// A fragment never crosses a multiple of this.
pub(crate) const PAGE_SIZE: usize = 32 * 1024;
/// The kind of the fragment, the size of its body in two bytes, and the CRC-32C of it in four.
pub(super) const HEADER_SIZE: usize = 7;

/// The longest record, in bytes before compression: a bound on what a damaged log can make us
/// allocate, and so on what is written.
pub(super) const RECORD_SIZE_MAX: usize = 1 << 30;

pub(super) const KIND_MASK: u8 = 0b0000_0111;
pub(super) const SNAPPY_FLAG: u8 = 0b0000_1000;
pub(super) const ZSTD_FLAG: u8 = 0b0001_0000;

/// The rest of the page is empty.
pub(super) const PAGE_END: u8 = 0;
/// A whole record.
pub(super) const FULL: u8 = 1;
/// The first of several fragments.
pub(super) const FIRST: u8 = 2;
/// One in the middle.
pub(super) const MIDDLE: u8 = 3;
/// The last one.
pub(super) const LAST: u8 = 4;

/// Appends `record` as fragments to `out`, whose first byte lies at `start` in its segment.
pub(super) fn push_record(out: &mut Vec<u8>, start: u64, mut record: &[u8], flags: u8) {
    let mut is_first = true;
    loop {
        let left = PAGE_SIZE - place_in_page(start + out.len() as u64);
        debug_assert!(left >= HEADER_SIZE, "the end of the page was not filled");
        let (part, rest) = record.split_at(record.len().min(left - HEADER_SIZE));
        let kind = match (is_first, rest.is_empty()) {
            (true, true) => FULL,
            (true, false) => FIRST,
            (false, false) => MIDDLE,
            (false, true) => LAST,
        };
        let size = u16::try_from(part.len()).expect("less than a page");
        out.push(kind | flags);
        out.extend_from_slice(&size.to_be_bytes());
        out.extend_from_slice(&crc32c::crc32c(part).to_be_bytes());
        out.extend_from_slice(part);
        let left = left - HEADER_SIZE - part.len();
        if left < HEADER_SIZE {
            out.resize(out.len() + left, 0);
        }
        if rest.is_empty() {
            return;
        }
        (record, is_first) = (rest, false);
    }
}

/// Returns how many zeros end the page at `place`.
pub(super) fn padding(place: u64) -> usize {
    match place_in_page(place) {
        0 => 0,
        filled => PAGE_SIZE - filled,
    }
}

fn place_in_page(place: u64) -> usize {
    usize::try_from(place % PAGE_SIZE as u64).expect("less than a page")
}
