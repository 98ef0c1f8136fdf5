//! Sets of steps as words of 64 bits: bit `step % 64` of word `step / 64`.

/// Returns the number of words for `steps` bits.
pub(crate) fn word_count(steps: usize) -> usize {
    steps.div_ceil(64)
}

/// Returns whether the bit `step` is set.
pub(crate) fn get(words: &[u64], step: usize) -> bool {
    words[step / 64] >> (step % 64) & 1 != 0
}

/// Sets the bit `step`.
pub(crate) fn set(words: &mut [u64], step: usize) {
    words[step / 64] |= 1 << (step % 64);
}

/// Clears the bit `step`.
pub(crate) fn clear(words: &mut [u64], step: usize) {
    words[step / 64] &= !(1 << (step % 64));
}

/// Sets the first `steps` bits.
pub(crate) fn set_all(words: &mut [u64], steps: usize) {
    words.fill(u64::MAX);
    if let Some(last) = words.last_mut()
        && !steps.is_multiple_of(64)
    {
        *last = (1 << (steps % 64)) - 1;
    }
}

/// Returns the number of set bits.
pub(crate) fn count(words: &[u64]) -> usize {
    words.iter().map(|word| word.count_ones() as usize).sum()
}

/// Returns whether any bit is set.
pub(crate) fn any(words: &[u64]) -> bool {
    words.iter().any(|word| *word != 0)
}

/// Adds to `into` the bits of `from`.
pub(crate) fn union(into: &mut [u64], from: &[u64]) {
    for (into, from) in into.iter_mut().zip(from) {
        *into |= from;
    }
}

/// Clears every bit that is set in `other`.
pub(crate) fn subtract(from: &mut [u64], other: &[u64]) {
    for (from, other) in from.iter_mut().zip(other) {
        *from &= !other;
    }
}

/// Returns the first bit that both sets have.
pub(crate) fn first_common(left: &[u64], right: &[u64]) -> Option<usize> {
    let common = left.iter().zip(right).map(|(left, right)| left & right);
    let (index, word) = common.enumerate().find(|(_, word)| *word != 0)?;
    Some(index * 64 + word.trailing_zeros() as usize)
}

/// Returns the set bits in rising order.
pub(crate) fn ones(words: &[u64]) -> impl Iterator<Item = usize> {
    words.iter().enumerate().flat_map(|(index, &word)| {
        let mut rest = word;
        std::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let bit = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            Some(index * 64 + bit)
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{any, clear, count, first_common, get, ones, set, set_all, union, word_count};

    fn of(steps: &[usize], len: usize) -> Vec<u64> {
        let mut words = vec![0; word_count(len)];
        for step in steps {
            set(&mut words, *step);
        }
        words
    }

    proptest! {
        #[test]
        fn bits_are_a_set(
            left in prop::collection::btree_set(0..200_usize, 0..40),
            right in prop::collection::btree_set(0..200_usize, 0..40),
        ) {
            let [left_list, right_list] = [&left, &right].map(|set| Vec::from_iter(set.clone()));
            let (mut words, others) = (of(&left_list, 200), of(&right_list, 200));
            prop_assert_eq!(ones(&words).collect::<Vec<_>>(), left_list);
            prop_assert_eq!(count(&words), left.len());
            prop_assert_eq!(any(&words), !left.is_empty());
            prop_assert_eq!(first_common(&words, &others), left.intersection(&right).next().copied());
            union(&mut words, &others);
            prop_assert_eq!(count(&words), left.union(&right).count());
            for step in right {
                clear(&mut words, step);
                prop_assert!(!get(&words, step));
            }
        }
    }

    #[test]
    fn all_bits_are_as_many_as_steps() {
        for steps in [0, 1, 63, 64, 65, 128] {
            let mut words = vec![0; word_count(steps)];
            set_all(&mut words, steps);
            assert_eq!(count(&words), steps);
        }
    }
}
