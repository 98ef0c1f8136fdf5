use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes a query, or all queries together, may hold at a time.
#[derive(Debug)]
pub struct ByteBudget {
    used: AtomicUsize,
    max: usize,
}

impl ByteBudget {
    /// Returns a budget of `bytes_max` bytes, of which none is used.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self { used: AtomicUsize::new(0), max: bytes_max }
    }

    /// Returns the size of the budget.
    #[must_use]
    pub fn bytes_max(&self) -> usize {
        self.max
    }

    /// Returns how many bytes are used.
    #[must_use]
    pub fn bytes_used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Takes bytes, if there are as many left. Returns whether there were.
    pub(crate) fn take(&self, size_bytes: usize) -> bool {
        let add = |used: usize| used.checked_add(size_bytes).filter(|sum| *sum <= self.max);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }

    /// Gives bytes back that were taken.
    pub(crate) fn give_back(&self, size_bytes: usize) {
        let before = self.used.fetch_sub(size_bytes, Ordering::Relaxed);
        debug_assert!(before >= size_bytes, "gave back {size_bytes} of {before} bytes");
    }
}
