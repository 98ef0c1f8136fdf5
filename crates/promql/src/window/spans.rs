use super::BATCH_LEN_MAX;

/// Stretches of a column, one for each of some windows, that rise: neither end of one lies before
/// that of the one before.
#[derive(Clone, Debug)]
pub(crate) struct Spans {
    len: usize,
    /// Behind the last one stand copies of it, so that kernels can take several at a time.
    firsts: [usize; BATCH_LEN_MAX],
    ends: [usize; BATCH_LEN_MAX],
    /// By how many indices each moves on from the one before; 0 where that is not known.
    stride: usize,
}

impl Spans {
    pub(crate) fn new() -> Self {
        let (firsts, ends) = ([0; BATCH_LEN_MAX], [0; BATCH_LEN_MAX]);
        Self { len: 0, firsts, ends, stride: 0 }
    }

    /// Takes `len` stretches: the first from index `first` to before `end`, and each other one
    /// `stride` indices on from the one before.
    pub(super) fn roll(&mut self, len: usize, first: usize, end: usize, stride: usize) {
        (self.len, self.stride) = (len, stride);
        for position in 0..BATCH_LEN_MAX {
            self.firsts[position] = first + position.min(len - 1) * stride;
            self.ends[position] = end + position.min(len - 1) * stride;
        }
    }

    /// Takes `len` stretches, of which `next` tells index of the start and index behind the end.
    pub(crate) fn set(&mut self, len: usize, mut next: impl FnMut(usize) -> (usize, usize)) {
        (self.len, self.stride) = (len, 0);
        for position in 0..len {
            (self.firsts[position], self.ends[position]) = next(position);
        }
        if let Some(last) = len.checked_sub(1) {
            let (first, end) = (self.firsts[last], self.ends[last]);
            self.firsts[len..].fill(first);
            self.ends[len..].fill(end);
        }
    }

    /// Returns the number of stretches, empty ones included.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the index at which each stretch starts.
    pub(crate) fn firsts(&self) -> &[usize; BATCH_LEN_MAX] {
        &self.firsts
    }

    /// Returns the index behind the end of each stretch, no less than that of its start.
    pub(crate) fn ends(&self) -> &[usize; BATCH_LEN_MAX] {
        &self.ends
    }

    /// Returns whether each stretch is known to be the one before, moved on by one index.
    pub(crate) fn are_rolling(&self) -> bool {
        self.stride == 1
    }

    /// Returns the set of stretches that are at least `count` long.
    pub(crate) fn holding(&self, count: usize) -> u64 {
        if self.stride > 0 && self.ends[0] - self.firsts[0] >= count {
            return u64::MAX >> (BATCH_LEN_MAX - self.len);
        }
        let holds = |position: usize| self.ends[position] - self.firsts[position] >= count;
        (0..self.len).fold(0, |set, position| set | u64::from(holds(position)) << position)
    }
}
