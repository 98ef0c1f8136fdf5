use std::num::NonZeroU64;

use narthex_model::Labels;
use xxhash_rust::xxh64::Xxh64;

/// One of several parts of all series, of about the same size: those whose [`stable_hash`] leaves
/// `index` when it is divided by `count`.
///
/// Queries of all parts together find each series once, whichever stores they ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: NonZeroU64,
}

impl Shard {
    /// Returns the part `index` of `count`, if there is one.
    #[must_use]
    pub fn new(index: u64, count: u64) -> Option<Self> {
        let count = NonZeroU64::new(count).filter(|_| index < count)?;
        Some(Self { index, count })
    }

    /// Returns whether the series with these labels, sorted by name, is in the part.
    #[must_use]
    pub fn has<'a>(self, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> bool {
        stable_hash(labels) % self.count == self.index
    }

    /// Returns whether the series with these labels is in the part.
    #[must_use]
    pub fn has_labels(self, labels: &Labels) -> bool {
        self.has(labels.iter())
    }
}

/// Returns a hash of labels, sorted by name, that is the same in every process and release.
///
/// # Source
///
/// `StableHash` in Prometheus' `model/labels/sharding.go`: XXH64 over names and values with a byte
/// 0xff behind each.
///
/// # Examples
///
/// ```
/// assert_eq!(narthex_storage::stable_hash([("hello", "world")]), 0x347c_8ee7_a9e2_9708);
/// ```
#[must_use]
pub fn stable_hash<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> u64 {
    let mut hash = Xxh64::new(0);
    for text in labels.into_iter().flat_map(|(name, value)| [name, value]) {
        hash.update(text.as_bytes());
        hash.update(&[0xff]);
    }
    hash.digest()
}

#[cfg(test)]
mod tests {
    use narthex_model::Labels;

    use super::{Shard, stable_hash};

    #[test]
    fn the_hash_is_that_of_the_reference() {
        // The table of `TestStableHash`.
        assert_eq!(stable_hash([]), 0xef46_db37_51d8_e999);
        assert_eq!(stable_hash([("hello", "world")]), 0x347c_8ee7_a9e2_9708);
        let labels = Labels::from_pairs([("__name__", "metric"), ("label", "value")]);
        assert_eq!(stable_hash(labels.iter()), 0xcbab_4054_0f26_097d);
    }

    #[test]
    fn parts_are_there_or_not() {
        for (index, count, is_there) in
            [(0, 0, false), (0, 1, true), (1, 1, false), (7, 8, true), (u64::MAX, u64::MAX, false)]
        {
            assert_eq!(Shard::new(index, count).is_some(), is_there, "{index} of {count}");
        }
    }

    #[test]
    fn a_series_is_in_one_part() {
        for number in 0..1_000 {
            let labels = Labels::from_pairs([("number", number.to_string())]);
            for count in [1, 2, 3, 16, 1_000] {
                let parts = (0..count).filter_map(|index| Shard::new(index, count));
                assert_eq!(parts.filter(|part| part.has_labels(&labels)).count(), 1);
            }
        }
    }
}
