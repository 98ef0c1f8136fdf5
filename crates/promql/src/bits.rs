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
