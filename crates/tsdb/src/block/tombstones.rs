use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use narthex_host::Files;

use super::BlockError;
use super::file::{read_file, replace_file};
use super::index::SeriesId;
use crate::codec::{Cursor, checksum_matches, put_signed, put_unsigned};

/// What was deleted of the series of a block, and is still there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tombstones {
    /// By series, ranges of time in milliseconds, both ends included, sorted and apart.
    ranges: BTreeMap<SeriesId, Vec<(i64, i64)>>,
}

impl Tombstones {
    /// Reads the file in the folder of a block; a missing one holds nothing. Returns its size too.
    pub(crate) fn read(files: &dyn Files, dir: &Path) -> Result<(Self, u64), BlockError> {
        let path = dir.join(NAME);
        let bytes = match read_file(files, &path, SIZE_MAX) {
            Ok(bytes) => bytes,
            Err(BlockError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok((Self::default(), 0));
            }
            Err(error) => return Err(error),
        };
        match Self::decode(&bytes) {
            Ok(tombstones) => Ok((tombstones, bytes.len() as u64)),
            Err(reason) => Err(BlockError::damaged(&path, 0, reason)),
        }
    }

    /// Writes the file, in place of an older one. Returns its size.
    pub(crate) fn write(&self, files: &dyn Files, dir: &Path) -> Result<u64, BlockError> {
        let bytes = self.encode();
        replace_file(files, &dir.join(NAME), &bytes)?;
        Ok(bytes.len() as u64)
    }

    /// Adds a range, both ends included, and joins it with those that it touches.
    pub(crate) fn add(&mut self, series: SeriesId, min_ms: i64, max_ms: i64) {
        let ranges = self.ranges.entry(series).or_default();
        let first = ranges.partition_point(|(_, end)| end.saturating_add(1) < min_ms);
        let last = ranges.partition_point(|(start, _)| *start <= max_ms.saturating_add(1));
        let joined = ranges[first..last]
            .iter()
            .fold((min_ms, max_ms), |joined, range| (joined.0.min(range.0), joined.1.max(range.1)));
        ranges.splice(first..last, [joined]);
    }

    /// Returns the ranges of one series, sorted and apart.
    pub(crate) fn of(&self, series: SeriesId) -> &[(i64, i64)] {
        self.ranges.get(&series).map_or(&[], |ranges| ranges)
    }

    /// Returns how many ranges there are.
    pub(crate) fn len(&self) -> usize {
        self.ranges.values().map(Vec::len).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let Some((rest, checksum)) = bytes.split_last_chunk::<4>() else {
            return Err("the file ends early");
        };
        let Some((header, entries)) = rest.split_first_chunk::<5>() else {
            return Err("the file ends early");
        };
        if header[..4] != MAGIC.to_be_bytes() {
            return Err("not a file of tombstones");
        }
        if header[4] != VERSION {
            return Err("an unknown version");
        }
        if !checksum_matches(entries, checksum) {
            return Err("the checksum does not match");
        }
        let mut stones = Vec::new();
        let mut cursor = Cursor::new(entries);
        while !cursor.is_empty() {
            let entry = (cursor.unsigned32(), cursor.signed(), cursor.signed());
            let (Some(series), Some(min_ms), Some(max_ms)) = entry else {
                return Err("a tombstone that ends early");
            };
            if min_ms <= max_ms {
                stones.push((series, min_ms, max_ms));
            }
        }
        // The reference writes series in no order. Sorted, each is added at the end.
        stones.sort_unstable();
        let mut tombstones = Self::default();
        for (series, min_ms, max_ms) in stones {
            tombstones.add(series, min_ms, max_ms);
        }
        Ok(tombstones)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_be_bytes().to_vec();
        bytes.push(VERSION);
        for (series, ranges) in &self.ranges {
            for (min_ms, max_ms) in ranges {
                put_unsigned(&mut bytes, u64::from(*series));
                put_signed(&mut bytes, *min_ms);
                put_signed(&mut bytes, *max_ms);
            }
        }
        let checksum = crc32c::crc32c(&bytes[5..]);
        bytes.extend_from_slice(&checksum.to_be_bytes());
        bytes
    }
}

const NAME: &str = "tombstones";
const MAGIC: u32 = 0x0130_BA30;
const VERSION: u8 = 1;
/// Ten million ranges.
const SIZE_MAX: u64 = 256 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Tombstones;

    #[test]
    fn the_bytes_of_none_are_those_of_the_reference() {
        let bytes = Tombstones::default().encode();
        assert_eq!(bytes, [0x01, 0x30, 0xba, 0x30, 1, 0, 0, 0, 0]);
        assert_eq!(Tombstones::decode(&bytes), Ok(Tombstones::default()));
    }

    proptest! {
        #[test]
        fn ranges_cover_what_was_added(
            added in prop::collection::vec((0_u32..3, 0_i64..60, 0_i64..12), 0..40),
        ) {
            let mut tombstones = Tombstones::default();
            for (series, min_ms, size) in &added {
                tombstones.add(*series, *min_ms, min_ms + size);
            }
            for series in 0..3 {
                let ranges = tombstones.of(series);
                prop_assert!(ranges.is_sorted_by(|a, b| a.1 + 1 < b.0));
                for time in 0..80 {
                    let expected = added.iter().any(|(other, min_ms, size)| {
                        *other == series && (*min_ms..=min_ms + size).contains(&time)
                    });
                    let found = ranges.iter().any(|(min, max)| (*min..=*max).contains(&time));
                    prop_assert_eq!(found, expected);
                }
            }
            prop_assert_eq!(Tombstones::decode(&tombstones.encode()), Ok(tombstones));
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Tombstones::decode(&bytes);
        }
    }
}
