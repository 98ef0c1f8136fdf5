//! Fragments as they are found, and what can be done where a bit of one is wrong.
//!
//! A checksum says more than that something is wrong: with a 32-bit CRC, each single flipped bit of a
//! fragment leaves a mark of its own. One bit is what memory, cables and aging disks flip, and the
//! record of series that it sits in may stand for all samples of the log.

use super::frame::{
    FIRST, FULL, HEADER_SIZE, KIND_MASK, LAST, MIDDLE, PAGE_SIZE, SNAPPY_FLAG, ZSTD_FLAG,
};

/// What the header of a fragment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    pub(super) kind: u8,
    pub(super) flags: u8,
    /// With the header.
    pub(super) size: usize,
}

impl Fragment {
    /// Returns the fragment that `rest` starts with, or why there is none.
    pub(super) fn parse(rest: &[u8]) -> Result<Self, Flaw> {
        let header = rest.first_chunk::<HEADER_SIZE>().ok_or(Flaw::Size)?;
        let size = HEADER_SIZE + usize::from(u16::from_be_bytes([header[1], header[2]]));
        let kind = header[0] & KIND_MASK;
        let body = rest.get(HEADER_SIZE..size).ok_or(Flaw::Size)?;
        // Where a machine stops as it writes a header, zeros follow the first byte, and zero is the
        // checksum of nothing. Only at the end of a page a record may start without a byte of it.
        let is_void = body.is_empty() && (kind != FIRST || rest.len() > HEADER_SIZE);
        if is_void || header[3..] != crc32c::crc32c(body).to_be_bytes() {
            return Err(Flaw::Checksum);
        }
        if !(FULL..=LAST).contains(&kind) {
            return Err(Flaw::Kind);
        }
        Ok(Self { kind, flags: header[0] & (SNAPPY_FLAG | ZSTD_FLAG), size })
    }

    /// Returns how far it is to the next place that looks like a whole fragment. Behind damage, neither
    /// sizes nor kinds can be trusted to lead there.
    pub(super) fn distance(rest: &[u8]) -> usize {
        // Most bytes are no kind of fragment, which saves the checksum.
        let is_plausible = |place: usize| {
            let kind = rest[place] & KIND_MASK;
            let flags = rest[place] & !KIND_MASK;
            let is_kind =
                (FULL..=LAST).contains(&kind) && matches!(flags, 0 | SNAPPY_FLAG | ZSTD_FLAG);
            // Without a body there is nothing that the checksum says.
            is_kind && Self::parse(&rest[place..]).is_ok_and(|found| found.size > HEADER_SIZE)
        };
        (0..rest.len()).find(|place| is_plausible(*place)).unwrap_or(rest.len())
    }
}

/// What is wrong with a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It does not end in its page.
    Size,
    Checksum,
    /// The checksum is right, and the fragment of no known kind.
    Kind,
}

/// Where a fragment stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) is_in_record: bool,
    /// Whether the next page goes on with a record.
    pub(super) is_continued: bool,
}

/// Looks for one bit that makes a fragment of what `rest` starts with, and puts it right. `rest` ends
/// with its page.
pub(super) fn repair(rest: &mut [u8], place: Place) -> Option<()> {
    if rest.len() < HEADER_SIZE {
        return None;
    }
    match Fragment::parse(rest) {
        Ok(_) | Err(Flaw::Kind) => repair_kind(rest, place),
        Err(Flaw::Size) => repair_size(rest),
        Err(Flaw::Checksum) => repair_size(rest).or_else(|| repair_body(rest)),
    }
}

/// A fragment that the record goes on behind fills its page; where that leaves a choice, the next page
/// tells.
fn repair_kind(rest: &mut [u8], place: Place) -> Option<()> {
    let size = HEADER_SIZE + usize::from(u16::from_be_bytes([rest[1], rest[2]]));
    let goes_on = size == rest.len() && place.is_continued;
    let kind = match (place.is_in_record, goes_on) {
        (false, false) => FULL,
        (false, true) => FIRST,
        (true, false) => LAST,
        (true, true) => MIDDLE,
    };
    let is_one_bit = ((rest[0] & KIND_MASK) ^ kind).is_power_of_two();
    if !is_one_bit || size == HEADER_SIZE {
        return None;
    }
    rest[0] = rest[0] & !KIND_MASK | kind;
    Some(())
}

fn repair_size(rest: &mut [u8]) -> Option<()> {
    for bit in 0..16 {
        let (byte, mask) = (1 + bit / 8, 1 << (bit % 8));
        rest[byte] ^= mask;
        if Fragment::parse(rest).is_ok_and(|found| found.size > HEADER_SIZE) {
            return Some(());
        }
        rest[byte] ^= mask;
    }
    None
}

/// The checksum is linear: a flipped bit changes it by what that bit alone would give, which is the
/// mark of the bit behind it moved on by one step of the register.
fn repair_body(rest: &mut [u8]) -> Option<()> {
    let size = HEADER_SIZE + usize::from(u16::from_be_bytes([rest[1], rest[2]]));
    let stored = u32::from_be_bytes([rest[3], rest[4], rest[5], rest[6]]);
    let found = crc32c::crc32c(rest.get(HEADER_SIZE..size)?);
    let difference = stored ^ found;
    if difference.is_power_of_two() {
        rest[3..HEADER_SIZE].copy_from_slice(&found.to_be_bytes());
        return Some(());
    }
    let mut mark = 1_u32;
    for byte in (HEADER_SIZE..size).rev() {
        for bit in (0..8).rev() {
            mark = (mark >> 1) ^ (CRC_POLYNOMIAL & (mark & 1).wrapping_neg());
            if mark == difference {
                rest[byte] ^= 1 << bit;
                return Some(());
            }
        }
    }
    None
}

/// Castagnoli's, with the highest power in the lowest bit.
const CRC_POLYNOMIAL: u32 = 0x82f6_3b78;

const _: () = assert!(PAGE_SIZE <= 1 << 16, "sizes have 16 bits");

#[cfg(test)]
mod tests {
    use super::super::frame::push_record;
    use super::{FIRST, Fragment, MIDDLE, PAGE_SIZE, Place, repair};

    fn place(is_in_record: bool, is_continued: bool) -> Place {
        Place { is_in_record, is_continued }
    }

    /// Every flipped bit that says something is found and put right.
    fn check(page: &[u8], start: usize, place: Place) {
        let size = Fragment::parse(&page[start..]).unwrap().size;
        for bit in 0..size * 8 {
            let mut damaged = page.to_vec();
            damaged[start + bit / 8] ^= 1 << (bit % 8);
            // Flags say how to unpack, and the three bits above mean nothing.
            if bit < 8 && bit > 2 {
                continue;
            }
            // Only a record that goes on can be taken for another one.
            let is_legal = Fragment::parse(&damaged[start..]).is_ok_and(|found| {
                place.is_in_record == (found.kind >= MIDDLE)
                    && (found.kind == FIRST || found.kind == MIDDLE) == place.is_continued
            });
            assert!(!is_legal, "bit {bit}");
            repair(&mut damaged[start..], place).unwrap_or_else(|| panic!("bit {bit}"));
            assert!(damaged == page, "bit {bit}");
        }
    }

    #[test]
    fn any_flipped_bit_is_put_right() {
        let mut segment = Vec::new();
        push_record(&mut segment, 0, b"before", 0);
        let start = segment.len();
        push_record(&mut segment, 0, b"some record", 0);
        push_record(&mut segment, 0, &[7; 50], 0);
        check(&segment, start, place(false, false));
        check(&segment, start, place(false, true));
        // Of a record in three fragments, the first two fill their pages.
        let start = segment.len();
        push_record(&mut segment, 0, &vec![3; 2 * PAGE_SIZE], 0);
        let third = segment.split_off(2 * PAGE_SIZE);
        let mut first = segment;
        let second = first.split_off(PAGE_SIZE);
        let sample = |page: &[u8], start: usize, place: Place| {
            // A bit of each byte of the header and of some of the body: all take a while.
            let size = Fragment::parse(&page[start..]).unwrap().size;
            for byte in (0..size).filter(|byte| *byte < 7 || byte % 997 == 0) {
                let bit = if byte == 0 { 2 } else { byte % 8 };
                let mut damaged = page.to_vec();
                damaged[start + byte] ^= 1 << bit;
                repair(&mut damaged[start..], place).unwrap_or_else(|| panic!("byte {byte}"));
                assert!(damaged == page, "byte {byte}");
            }
        };
        sample(&first, start, place(false, true));
        sample(&second, 0, place(true, true));
        sample(&third, 0, place(true, false));
    }

    #[test]
    fn two_flipped_bits_are_not_put_right() {
        let mut segment = Vec::new();
        push_record(&mut segment, 0, &[9; 300], 0);
        for (first, second) in [(60, 61), (60, 900), (24, 2_000), (30, 31), (8, 500)] {
            let mut damaged = segment.clone();
            damaged[first / 8] ^= 1 << (first % 8);
            damaged[second / 8] ^= 1 << (second % 8);
            assert_eq!(repair(&mut damaged, place(false, false)), None, "{first} {second}");
        }
    }
}
